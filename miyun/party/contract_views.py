"""What the zone says about contracts: taken for what its signatures prove, and no more."""

from miyun.contract.lifecycle import ContractState, SignedContract, verify_contract_signature
from miyun.contract.model import Contract
from miyun.errors import ContractError, MalformedError, SignatureError
from miyun.party.session import Session
from miyun.wire.v1 import contract_pb2 as wire
from miyun.wire.v1.contract_pb2_grpc import ContractServiceStub


def read_view(view: wire.ContractView) -> SignedContract:
    """A contract with those of its signatures that verify with the keys in the contract itself.

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
        contract=contract, signatures=signatures, activated=contract.zone.name in signatures, revocation=None
    )


def refresh_one(session: Session, contract: str) -> None:
    """Bring what this party holds about an accepted contract up to date. Raises as ``take``."""
    view = session.stub(ContractServiceStub).GetContract(wire.GetContractRequest(contract=contract))
    take(session, view, read_view(view))


def take(session: Session, view: wire.ContractView, signed: SignedContract) -> None:
    """Keep new signatures under an accepted contract, and the news of its end.

    Raises:
        MalformedError: the zone gives another document than was signed here.
    """
    contract = session.accepted.get(signed.contract.id)
    if signed.contract != contract.contract:
        raise MalformedError(
            f"the zone gives another document for the contract “{signed.contract.id}” than was signed here",
            hint="Run `miyun audit verify`, and talk to the zone's operator.",
        )
    if set(signed.signatures) - set(contract.signatures):
        session.accepted.keep_signatures(signed.contract.id, signed.signatures)
    if view.state == ContractState.REVOKED and contract.revocation is None:
        session.accepted.withdraw(signed.contract.id)
