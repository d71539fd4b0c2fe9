"""Fusions as their requester sees them: asked for, and reported."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job, JobState
from miyun.contract.model import Contract
from miyun.contract.permissions import permit_fusion
from miyun.errors import InputError, MiyunError, NotPermittedError, ReplayError, StateError
from miyun.keys.files import write_private
from miyun.keys.signing import VerifyKey
from miyun.names import job_id, new_key
from miyun.party.rosters import ChangePart
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
        under_way = self.under_way(contract)
        if under_way is not None:
            return under_way
        stub = self._session.stub(FusionServiceStub)
        newest = stub.GetProgress(wire.GetProgressRequest(contract=contract)).newest_epoch
        try:
            job = job_id(contract, self._session.name, FUSE, new_key())
            return self._ask(terms, self._request(terms, newest + 1, 0, job))
        except StateError:
            overtaken = self.under_way(contract)
            if overtaken is None:
                raise
            return overtaken

    def request_change(
        self, contract: str, *, add: Path | None, remove: Path | None, generation: int | None = None
    ) -> Job:
        """Ask for a delta of own rows: the rows of one file come, the members that another one names go.

        ``generation`` is that of the data from then on; None: as it is.

        Raises:
            StateError: a fusion is under way, or nothing is fused.
            InputError: no file, or one that isn't there.
        """
        terms = self._session.accepted.active(contract, self._session.now())
        permit_fusion(terms, self._session.name)
        if not terms.delta_bucket:
            raise NotPermittedError(
                "the contract has no deltas: an epoch stays as it is",
                hint="Fuse anew, or agree on a contract with a delta_bucket.",
                clause="delta_bucket",
            )
        newest = self._session.stub(FusionServiceStub).GetProgress(wire.GetProgressRequest(contract=contract))
        epoch, sequence = newest.newest_epoch, newest.newest_sequence + 1
        if not epoch:
            raise StateError("nothing is fused yet, so there is nothing to change", hint=f"Run: miyun fuse {contract}")
        job = job_id(contract, self._session.name, FUSE, new_key())
        parts = [
            (part, file) for part, file in ((ChangePart.ADD, add), (ChangePart.REMOVE, remove)) if file is not None
        ]
        copies = {self._session.rosters.change_file(contract, epoch, job, part): _read(file) for part, file in parts}
        if not copies:
            raise InputError("a change of nothing", hint="Give a file with rows to add, or with ids to remove.")
        try:
            current = self._session.generations.current(contract, epoch)
            with ThreadPoolExecutor(len(copies)) as at_once:
                kept = [at_once.submit(write_private, copy, data) for copy, data in copies.items()]
                generation = current if generation is None else generation
                return self._ask(terms, self._request(terms, epoch, sequence, job, generation), kept)
        except MiyunError:
            for copy in copies:
                copy.unlink(missing_ok=True)
            raise

    def _request(self, terms: Contract, epoch: int, sequence: int, job: str, generation: int = 0) -> FuseRequest:
        return FuseRequest(
            contract=terms.id,
            contract_digest=terms.digest(),
            job=job,
            epoch=epoch,
            sequence=sequence,
            generation=generation,
            requester=self._session.name,
            at=self._session.now(),
        )

    def _ask(self, terms: Contract, request: FuseRequest, before: Sequence[Future[None]] = ()) -> Job:
        """Ask the zone, once what the agent needs for it is on disk: what is ``before``."""
        signature = self._session.sign(request)
        self._session.requests.keep(request, signature, subject=request.subject)
        for kept in before:
            kept.result()
        message = wire.RequestFusionRequest(statement=to_wire(request, wire.FuseRequest), signature=signature)
        answer = self._session.stub(FusionServiceStub).RequestFusion(message)
        facts: dict[Fact, str | int] = {Fact.JOB: request.job, Fact.EPOCH: request.epoch}
        with self._session.together():
            self._session.receipts.keep(answer.receipt, request, terms)
            self._session.audit_log.note(terms.id, Event.FUSION_REQUESTED, self._session.name, request, facts)
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

    def under_way(self, contract: str) -> Job | None:
        """The fusion or the delta that is not finished."""
        stub = self._session.stub(JobServiceStub)
        for state in (JobState.RUNNING, JobState.WAITING_FOR_PARTY):
            for job in stub.ListJobs(ListJobsRequest(contract=contract, state=state, limit=100)).jobs:
                if job.kind == FUSE:
                    return from_wire(job, Job)
        return None


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file.name} can't be read: {error.strerror}", hint="Check the path.") from None
