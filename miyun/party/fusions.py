"""Fusions as their requester sees them: asked for, and reported."""

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job, JobState
from miyun.contract.permissions import permit_fusion
from miyun.errors import ReplayError, StateError
from miyun.keys.signing import VerifyKey
from miyun.names import job_id, new_key
from miyun.party.session import Session
from miyun.psi.statements import FuseRequest, FusionReport
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import fusion_pb2 as wire
from miyun.wire.v1.fusion_pb2_grpc import FusionServiceStub
from miyun.wire.v1.job_pb2 import ListJobsRequest
from miyun.wire.v1.job_pb2_grpc import JobServiceStub

FUSE = "fuse"


class FusionsClient:
    def __init__(self, session: Session) -> None:
        self._session = session

    def request(self, contract: str) -> Job:
        """Ask for the next epoch's fusion; the job that is under way, where one is."""
        terms = self._session.accepted.active(contract, self._session.now())
        permit_fusion(terms, self._session.name)
        under_way = self._under_way(contract)
        if under_way is not None:
            return under_way
        stub = self._session.stub(FusionServiceStub)
        newest = stub.GetProgress(wire.GetProgressRequest(contract=contract)).newest_epoch
        request = FuseRequest(
            contract=contract,
            contract_digest=terms.digest(),
            job=job_id(contract, self._session.name, FUSE, new_key()),
            epoch=newest + 1,
            sequence=0,
            requester=self._session.name,
            at=self._session.now(),
        )
        signature = self._session.sign(request)
        self._session.requests.keep(request, signature, subject=str(request.epoch))
        message = wire.RequestFusionRequest(statement=to_wire(request, wire.FuseRequest), signature=signature)
        try:
            answer = stub.RequestFusion(message)
        except StateError:
            overtaken = self._under_way(contract)
            if overtaken is None:
                raise
            return overtaken
        self._session.receipts.keep(answer.receipt, request, terms)
        facts: dict[Fact, str | int] = {Fact.JOB: request.job, Fact.EPOCH: request.epoch}
        self._session.audit_log.note(contract, Event.FUSION_REQUESTED, self._session.name, request, facts)
        return from_wire(answer.job, Job)

    def report(self, contract: str, epoch: int) -> FusionReport:
        """The match report, its signature checked with the zone key that the contract pins."""
        terms = self._session.accepted.get(contract).contract
        answer = self._session.stub(FusionServiceStub).GetReport(wire.GetReportRequest(contract=contract, epoch=epoch))
        report = from_wire(answer.statement, FusionReport)
        VerifyKey(terms.zone.signing_key).verify(report, answer.signature)
        types = tuple(entry.type for entry in report.matches)
        expected = tuple(identifier.type for identifier in terms.identifiers)
        if report.contract != contract or epoch not in (0, report.epoch) or types != expected:
            raise ReplayError("the zone gave the report of another fusion", hint="Run `miyun audit verify`.")
        return report

    def _under_way(self, contract: str) -> Job | None:
        stub = self._session.stub(JobServiceStub)
        for state in (JobState.RUNNING, JobState.WAITING_FOR_PARTY):
            for job in stub.ListJobs(ListJobsRequest(contract=contract, state=state, limit=100)).jobs:
                if job.kind == FUSE:
                    return from_wire(job, Job)
        return None
