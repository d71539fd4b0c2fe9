"""What separates one fusion from every other: the labels of contract, epoch and identifier type."""

import hashlib
from dataclasses import dataclass, replace
from typing import Protocol, Self

from miyun.contract.model import Contract
from miyun.psi.statements import PointsChunk

POINT_BYTES = 32
TOKEN_BYTES = 16
HANDLE_BYTES = 4


class HashDomain(Protocol):
    """What values are hashed to the group for."""

    def dst(self) -> bytes:
        """The domain separation tag of hash-to-group (RFC 9380, 3.1)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionContext:
    """One identifier type in one epoch of one contract (by its digest, 32 bytes).

    Both parties derive the same labels from it. Points and tokens of another contract, epoch or type never compare:
    they are images of another random oracle, under another scalar, through another key.
    """

    contract_digest: bytes
    epoch: int
    type: str

    @classmethod
    def of(cls, contract: Contract, epoch: int, type_: str) -> Self:
        """The context of one type of a contract."""
        return cls(contract_digest=contract.digest(), epoch=epoch, type=type_)

    def dst(self) -> bytes:
        """The domain separation tag of hash-to-group (RFC 9380, 3.1). Fixed widths come first, so it is injective."""
        place = f"{self.contract_digest.hex()}-{self.epoch:08x}-{self.type}"
        return b"MIYUN-V01-FUSION-ristretto255_XMD:SHA-512_R255MAP_RO_-" + place.encode()

    def token_key(self) -> bytes:
        """The public key of the token's hash, 32 bytes: a label, not a secret."""
        return hashlib.sha256(b"miyun/v1/token-key\0" + self.dst()).digest()

    def seal_info(self, chunk: PointsChunk) -> bytes:
        """HPKE's ``info`` for the points of ``chunk``, whose ``sealed_digest`` doesn't count.

        A sealed chunk opens at its own place only: contract, epoch, type, job, direction, index, total and number.
        """
        header = replace(chunk, sealed_digest=b"").canonical_bytes()
        return b"miyun/v1/points\0" + self.contract_digest + header
