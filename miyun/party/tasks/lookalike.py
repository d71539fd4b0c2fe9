"""Weights on their way: sent by the party that made them, once they are paid for; opened and kept by the other."""

import hashlib

from miyun.aggregates.lookalikes import LookalikeReceived, weights_info
from miyun.audit.events import Event, Fact
from miyun.errors import MalformedError
from miyun.insight.lookalike import Scoring
from miyun.party.guard import ReceiveWork, SendWork
from miyun.party.leases import Leases
from miyun.party.lookalike_store import LOOKALIKE, ReceivedLookalike
from miyun.party.progress import OnEvent
from miyun.party.session import Session
from miyun.party.tasks.outcome import Outcome
from miyun.transport.codec import to_wire
from miyun.wire.v1 import lookalike_pb2 as wire
from miyun.wire.v1.lookalike_pb2_grpc import LookalikeServiceStub


def send(session: Session, work: SendWork, on_event: OnEvent) -> Outcome:
    """Send what is stored of a release, after this party's own ledger has its charge.

    Raises:
        BudgetExceededError, WaitingError, StateError: the zone has not charged it, or not as the release says.
    """
    contract, statement = work.contract, work.released.statement
    Leases(session, contract, on_event).require_charged(
        release=statement.digest().hex(), purpose=LOOKALIKE, rho_micro=statement.rho_micro
    )
    session.lookalikes.marks.note(contract.id)
    message = wire.PutWeightsRequest(contract=contract.id, job=statement.job, sealed=work.released.sealed)
    session.stub(LookalikeServiceStub).PutWeights(message)
    return Outcome.DONE


def receive(session: Session, work: ReceiveWork) -> Outcome:
    """Take one release; what is confirmed again is confirmed with the same words.

    Raises:
        MalformedError: not the bytes that were signed, not sealed to this party for this, or no such weights.
    """
    contract, release = work.contract, work.release
    stub = session.stub(LookalikeServiceStub)
    facts: dict[Fact, str | int] = {Fact.JOB: release.job, Fact.LOOKALIKE: release.name}
    session.audit_log.note(contract.id, Event.LOOKALIKE_RELEASED, release.party, release, facts)
    held = session.lookalikes.received(contract.id, release.name)
    if held is None:
        sealed = stub.GetWeights(wire.GetWeightsRequest(contract=contract.id, job=release.job)).sealed
        held = _open(session, work, sealed)
        session.lookalikes.put_received(held)
    message = wire.PutReceivedRequest(
        statement=to_wire(held.statement, wire.LookalikeReceived), signature=held.signature
    )
    session.receipts.keep(stub.PutReceived(message), held.statement, contract)
    session.audit_log.note(contract.id, Event.LOOKALIKE_RECEIVED, session.name, held.statement, facts)
    return Outcome.DONE


def _open(session: Session, work: ReceiveWork, sealed: bytes) -> ReceivedLookalike:
    release = work.release
    if hashlib.sha256(sealed).digest() != release.sealed_digest:
        raise MalformedError("weights that are not the ones that were signed", hint="Talk to the zone's operator.")
    info = weights_info(
        contract=release.contract,
        job=release.job,
        name=release.name,
        party=release.party,
        recipient=session.name,
        question=release.question,
    )
    scoring = Scoring.from_bytes(work.tags, session.sealing_key.open(sealed, info))
    statement = LookalikeReceived(
        contract=release.contract,
        job=release.job,
        party=session.name,
        release_digest=release.digest(),
        at=session.now(),
    )
    return ReceivedLookalike(
        release=release,
        statement=statement,
        signature=session.sign(statement),
        weights=scoring.weights.heavy(),
        edges=scoring.edges,
    )
