"""Who may learn the size of a segment: a party by its grants, an analyst by a delegation in force.

An analyst sees no difference between a contract or a segment that isn't there and one that it may not ask about.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from miyun.contract.lifecycle import verify_delegation
from miyun.contract.model import Contract
from miyun.contract.permissions import permit_size
from miyun.contract.statements import Delegation
from miyun.errors import MiyunError, NotPermittedError
from miyun.keys.home import Role
from miyun.keys.signing import VerifyKey
from miyun.privacy.statements import SizeRequest
from miyun.transport.peer import Peer
from miyun.zone.operations.access import contract_of_party, verify_party
from miyun.zone.operations.segments import require_live, require_segment
from miyun.zone.store.contracts import delegations_to, find_contract
from miyun.zone.store.segments import StoredSegment


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked about by whom. ``signed`` is the request and its signature; a mere quote has none."""

    contract: str
    segment: str
    peer: Peer
    at: datetime
    signed: tuple[SizeRequest, bytes] | None = None


def admit(connection: Connection, question: Question) -> tuple[Contract, StoredSegment]:
    """The contract and the live segment, where the asker may learn its size.

    Raises:
        NotPermittedError: the asker may not; to an analyst, also that there is nothing of these names.
        NotFoundError, ContractError, StateError, SignatureError: to a party, what stands against it.
    """
    if question.peer.role is Role.ANALYST:
        return _admit_analyst(connection, question)
    party = question.peer.name
    signed = contract_of_party(connection, question.contract, party)
    signed.require_active(question.at)
    contract = signed.contract
    if question.signed is not None:
        request, signature = question.signed
        verify_party(contract, party, request.asker, request, signature)
    segment = require_segment(connection, contract.id, question.segment)
    require_live(segment, question.at)
    permit_size(contract, party, segment.subjects)
    return contract, segment


def _admit_analyst(connection: Connection, question: Question) -> tuple[Contract, StoredSegment]:
    refusal = NotPermittedError(
        f"{question.peer.name} may not ask for the size of this segment, or there is none",
        hint="Check the names of contract and segment; ask a party of the contract to delegate, with a grant of size.",
    )
    signed = find_contract(connection, question.contract)
    if signed is None:
        raise refusal
    try:
        signed.require_active(question.at)
        segment = require_segment(connection, signed.contract.id, question.segment)
        require_live(segment, question.at)
    except MiyunError:
        raise refusal from None
    delegations = delegations_to(connection, signed.contract.id, question.peer.name)
    if not any(_delegated(signed.contract, segment, question, *delegation) for delegation in delegations):
        raise refusal
    return signed.contract, segment


def _delegated(
    contract: Contract, segment: StoredSegment, question: Question, delegation: Delegation, signature: bytes
) -> bool:
    """Whether a delegation is in force, its party may learn the size, and its analyst's key made the request."""
    try:
        verify_delegation(contract, delegation, signature, question.at)
        permit_size(contract, delegation.party, segment.subjects)
        if question.signed is None:
            return True
        request, own_signature = question.signed
        VerifyKey(delegation.analyst_key).verify(request, own_signature)
    except MiyunError:
        return False
    return request.asker == question.peer.name
