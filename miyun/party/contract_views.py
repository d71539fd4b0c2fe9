"""What the zone says about contracts: taken for what its signatures prove, and no more."""

from miyun.audit.events import Event
from miyun.contract.lifecycle import (
    ContractState,
    SignedContract,
    verify_contract_signature,
    verify_revocation,
)
from miyun.contract.model import Contract
from miyun.contract.statements import Revocation
from miyun.errors import ContractError, MalformedError, SignatureError
from miyun.party.session import Session
from miyun.transport.codec import from_wire
from miyun.wire.v1 import contract_pb2 as wire
from miyun.wire.v1.contract_pb2_grpc import ContractServiceStub


def read_view(view: wire.ContractView) -> SignedContract:
    """A contract with those of its signatures, and its revocation, that verify with the keys in the contract itself.

    Raises:
        MalformedError: the document is not a contract in canonical form.
    """
    contract = Contract.from_canonical(view.document)
    signatures = {}
    for entry in view.signatures:
        try:
            verify_contract_signature(contract, entry.signer, entry.signature)
        except (ContractError, SignatureError):
            continue
        signatures[entry.signer] = entry.signature
    return SignedContract(
        contract=contract,
        signatures=signatures,
        activated=contract.zone.name in signatures,
        revocation=_read_revocation(contract, view),
        revocation_signature=view.revocation_signature,
    )


def refresh_one(session: Session, contract: str) -> None:
    """Bring what this party holds about an accepted contract up to date. Raises as ``take``."""
    view = session.stub(ContractServiceStub).GetContract(wire.GetContractRequest(contract=contract))
    take(session, view, read_view(view))


def take(session: Session, view: wire.ContractView, signed: SignedContract) -> None:
    """Keep new signatures under an accepted contract, and its revocation.

    Where the zone says that it was revoked and can't show who signed that, this party does not act on the contract as
    long as the zone says so.

    Raises:
        MalformedError: the zone gives another document than was signed here.
        ContractError: it calls the contract revoked, and no party's signature says so.
    """
    contract = session.accepted.get(signed.contract.id)
    if signed.contract != contract.contract:
        raise MalformedError(
            f"the zone gives another document for the contract “{signed.contract.id}” than was signed here",
            hint="Run `miyun audit verify`, and talk to the zone's operator.",
        )
    if set(signed.signatures) - set(contract.signatures):
        session.accepted.keep_signatures(signed.contract.id, signed.signatures)
    if contract.revocation is None and signed.revocation is not None:
        session.accepted.revoke(signed.revocation, signed.revocation_signature)
        session.audit_log.note(signed.contract.id, Event.CONTRACT_REVOKED, signed.revocation.party, signed.revocation)
    revoked = contract.revocation or signed.revocation
    session.accepted.doubt(signed.contract.id, view.state == ContractState.REVOKED and revoked is None)
    if view.state == ContractState.REVOKED and revoked is None:
        raise ContractError(
            f"the zone says that the contract “{signed.contract.id}” was revoked, and no party has signed that",
            hint="Nothing is done under it meanwhile. Ask the other party, and the zone's operator.",
            clause="id",
        )


def _read_revocation(contract: Contract, view: wire.ContractView) -> Revocation | None:
    if not view.HasField("revocation"):
        return None
    try:
        revocation = from_wire(view.revocation, Revocation)
        verify_revocation(contract, revocation, view.revocation_signature)
    except (ContractError, MalformedError, SignatureError):
        return None
    return revocation
