"""What separates one intersection-sum from every other: labels made from the digest of its signed request."""

from dataclasses import dataclass, replace
from typing import Self

from miyun.psi.intersection_sum.statements import IntersectionChunk, IntersectionRequest


@dataclass(frozen=True, slots=True)
class IntersectionContext:
    """Both parties derive the same labels from the request, which names contract, job, roles, type and columns.

    Points of another request never compare: they are images of another random oracle.
    """

    request_digest: bytes

    @classmethod
    def of(cls, request: IntersectionRequest) -> Self:
        return cls(request.digest())

    def dst(self) -> bytes:
        """The domain separation tag of hash-to-group (RFC 9380, 3.1) for rows."""
        return b"MIYUN-V01-INTERSECTION-ristretto255_XMD:SHA-512_R255MAP_RO_-" + self.request_digest.hex().encode()

    def seal_info(self, chunk: IntersectionChunk) -> bytes:
        """HPKE's ``info``: a sealed chunk, whose ``sealed_digest`` doesn't count, opens at its own place only."""
        header = replace(chunk, sealed_digest=b"").canonical_bytes()
        return b"miyun/v1/intersection\0" + self.request_digest + header

    def key_context(self) -> bytes:
        """The place for which the holder proves its Paillier key."""
        return b"miyun/v1/intersection-key\0" + self.request_digest


@dataclass(frozen=True, slots=True)
class DummyContext:
    """The labels of the dummies: a random oracle of their own, so that no identifier is ever one of them."""

    request_digest: bytes

    def dst(self) -> bytes:
        return b"MIYUN-V01-DUMMIES-ristretto255_XMD:SHA-512_R255MAP_RO_-" + self.request_digest.hex().encode()
