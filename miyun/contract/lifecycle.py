"""A contract with its signatures, and which state they put it in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from miyun.contract.model import Contract
from miyun.contract.permissions import require_party
from miyun.contract.statements import Delegation, Revocation
from miyun.errors import ContractError, SignatureError
from miyun.keys.signing import VerifyKey


class ContractState(StrEnum):
    PROPOSED = "proposed"
    SIGNED = "signed"
    ACTIVE = "active"
    REVOKED = "revoked"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedContract:
    """A contract, the signatures given so far by signer's name (both parties and the zone), and its fate.

    ``activated`` says that the zone has taken it into force; ``revocation``, with its signature, must have passed
    ``verify_revocation``.
    """

    contract: Contract
    signatures: Mapping[str, bytes] = field(default_factory=dict)
    activated: bool = False
    revocation: Revocation | None = None
    revocation_signature: bytes = b""

    def state(self, now: datetime) -> ContractState:
        """The state at ``now``. Signatures are looked for, not verified; ``require_active`` verifies."""
        if self.revocation is not None:
            return ContractState.REVOKED
        if now >= self.contract.expires:
            return ContractState.EXPIRED
        if not all(party.name in self.signatures for party in self.contract.parties):
            return ContractState.PROPOSED
        if self.activated and self.contract.zone.name in self.signatures and now >= self.contract.starts:
            return ContractState.ACTIVE
        return ContractState.SIGNED

    def verify(self) -> None:
        """Check that both parties and the zone signed, each with the key that the contract pins.

        Raises:
            ContractError: a signature is missing; ``clause`` names the signer.
            SignatureError: a signature is not by the pinned key, or not of this contract.
        """
        for name, clause in _signers(self.contract).items():
            signature = self.signatures.get(name)
            if signature is None:
                raise ContractError(
                    f"contract {self.contract.id} lacks the signature of {name}",
                    hint=f"Ask {name} to review and sign it.",
                    clause=clause,
                )
            verify_contract_signature(self.contract, name, signature)

    def require_active(self, now: datetime) -> None:
        """Pass where the contract is fully signed, in force, unrevoked and within its dates.

        Raises:
            ContractError: it isn't; ``clause`` says by which part of the document.
            SignatureError: as ``verify``.
        """
        contract = self.contract
        if self.revocation is not None:
            raise ContractError(
                f"{self.revocation.party} revoked contract {contract.id} on {self.revocation.at:%Y-%m-%d}",
                hint="Draft and sign a new contract.",
                clause=_signers(contract).get(self.revocation.party, "parties"),
            )
        if now >= contract.expires:
            raise ContractError(
                f"contract {contract.id} expired on {contract.expires:%Y-%m-%d %H:%M} UTC",
                hint="Draft and sign a new contract with a later end.",
                clause="expires",
            )
        if now < contract.starts:
            raise ContractError(
                f"contract {contract.id} starts on {contract.starts:%Y-%m-%d %H:%M} UTC",
                hint="Wait until then, or agree on a contract that starts earlier.",
                clause="starts",
            )
        self.verify()
        if not self.activated:
            raise ContractError(
                f"contract {contract.id} is signed and not activated",
                hint="Have one of the parties activate it.",
                clause="zone",
            )


@lru_cache(maxsize=256)
def verify_contract_signature(contract: Contract, signer: str, signature: bytes) -> None:
    """Check one signature under the contract with the key that it pins for ``signer``.

    What was found good is remembered: both zone and agents look at every step whether the contract still holds.

    Raises:
        ContractError: the contract names no such signer.
        SignatureError: the signature is not by that key.
    """
    VerifyKey(signer_key(contract, signer)).verify(contract, signature)


def verify_revocation(contract: Contract, revocation: Revocation, signature: bytes) -> None:
    """Check that a party of this contract revokes it.

    Raises:
        ContractError: it is of another contract, or by nobody who may.
        SignatureError: the signature is not by the pinned key.
    """
    _require_own(contract, revocation.contract, revocation.contract_digest)
    VerifyKey(require_party(contract, revocation.party).signing_key).verify(revocation, signature)


def verify_delegation(contract: Contract, delegation: Delegation, signature: bytes, now: datetime) -> None:
    """Check that a party of this contract lets the analyst ask, and does so now.

    Raises:
        ContractError: it is of another contract, by nobody who may, or no longer in force.
        SignatureError: the signature is not by the pinned key.
    """
    _require_own(contract, delegation.contract, delegation.contract_digest)
    VerifyKey(require_party(contract, delegation.party).signing_key).verify(delegation, signature)
    if now >= min(delegation.expires, contract.expires):
        raise ContractError(
            f"the delegation to {delegation.analyst} is over",
            hint=f"Ask {delegation.party} to delegate again.",
            clause="expires",
        )


def signer_key(contract: Contract, name: str) -> bytes:
    """The Ed25519 key that the contract pins for a party or the zone.

    Raises:
        ContractError: the contract names no such signer.
    """
    if name == contract.zone.name:
        return contract.zone.signing_key
    return require_party(contract, name).signing_key


def _signers(contract: Contract) -> dict[str, str]:
    clauses = {party.name: f"parties[{index}]" for index, party in enumerate(contract.parties)}
    return clauses | {contract.zone.name: "zone"}


def _require_own(contract: Contract, contract_id: str, digest: bytes) -> None:
    if contract_id != contract.id or digest != contract.digest():
        raise SignatureError(
            f"a statement about other terms than those of contract {contract.id}",
            hint="Sign again, over the contract as it is.",
        )
