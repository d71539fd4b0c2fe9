"""Activations as their requester sees them."""

from pathlib import Path

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job
from miyun.contract.permissions import permit_activation
from miyun.errors import NotFoundError, StateError
from miyun.names import job_id, new_key
from miyun.party.channels import require_possible
from miyun.party.definitions import Definitions
from miyun.party.session import Session
from miyun.segments.planning import plan
from miyun.segments.statements import ActivationRequest
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import activation_pb2 as wire
from miyun.wire.v1.activation_pb2_grpc import ActivationServiceStub
from miyun.wire.v1.segment_pb2 import GetSegmentRequest
from miyun.wire.v1.segment_pb2_grpc import SegmentServiceStub


class ActivationsClient:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._definitions = Definitions(session)

    def request(self, contract: str, segment: str, *, recipient: str, channel: str, version: int, key: str) -> Job:
        """Ask for it. The same ``key`` again gives the job that it stood for first."""
        terms = self._session.accepted.active(contract, self._session.now())
        meaning = self._definitions.of_segment(terms, segment)
        subjects = plan(meaning.expression, meaning.universe).subjects
        permit_activation(terms, self._session.name, recipient, channel, subjects, universe=meaning.universe)
        if recipient == self._session.name:
            require_possible(self._session, contract, channel)
        chosen = key or new_key()
        request = ActivationRequest(
            contract=contract,
            contract_digest=terms.digest(),
            job=job_id(contract, self._session.name, "activate", chosen),
            segment=segment,
            version=version or self._newest_version(contract, segment),
            definition=meaning.expression.text(),
            universe=meaning.universe,
            recipient=recipient,
            channel=channel,
            requester=self._session.name,
            idempotency_key=chosen,
            at=self._session.now(),
        )
        request = self._held(request) or request
        signature = self._session.sign(request)
        self._session.requests.keep(request, signature, subject=segment)
        answer = self._session.stub(ActivationServiceStub).RequestActivation(
            wire.RequestActivationRequest(statement=to_wire(request, wire.ActivationRequest), signature=signature)
        )
        self._session.receipts.keep(answer.receipt, request, terms)
        facts: dict[Fact, str | int] = {Fact.JOB: request.job, Fact.SEGMENT: segment, Fact.CHANNEL: channel}
        self._session.audit_log.note(contract, Event.ACTIVATION_REQUESTED, self._session.name, request, facts)
        return from_wire(answer.job, Job)

    def delivery(self, contract: str, job: str) -> Path:
        """Where this party's agent put the audience."""
        delivered = self._session.deliveries.get(contract, job)
        if delivered is None or delivered.path is None:
            raise NotFoundError(
                f"this party has no file of job {job}",
                hint="Wait for the job; a file is at the recipient's. What went elsewhere: miyun delivery show",
            )
        return delivered.path

    def _held(self, request: ActivationRequest) -> ActivationRequest | None:
        held = self._session.requests.activation(request.contract, request.job)
        if held is None:
            return None
        same = (held.segment, held.recipient, held.channel) == (request.segment, request.recipient, request.channel)
        if not same:
            raise StateError(
                f"the key “{request.idempotency_key}” stood for another activation before",
                hint="Give another key.",
            )
        return held

    def _newest_version(self, contract: str, segment: str) -> int:
        stub = self._session.stub(SegmentServiceStub)
        version: int = stub.GetSegment(GetSegmentRequest(contract=contract, name=segment)).version
        return version
