"""Jobs: what was asked of the zone, and how far it is."""

import threading
import time
from collections.abc import Callable

from miyun.contract.jobs import Job, JobState
from miyun.errors import StateError
from miyun.party.background import BackgroundAgent
from miyun.party.progress import OnEvent, Phase, Progress, ignore
from miyun.party.session import Session
from miyun.transport.codec import from_wire
from miyun.wire.v1 import job_pb2 as wire
from miyun.wire.v1.job_pb2_grpc import JobServiceStub

SHORTEST_PAUSE = 0.2
LONGEST_PAUSE = 2.0
PAUSE_SHARE = 0.03
"""Of the time waited so far: where the zone has no place to wait in, nobody waits much longer than the job takes."""


class JobsClient:
    """The jobs of this party's contracts."""

    def __init__(self, session: Session, background_agent: Callable[[OnEvent], BackgroundAgent]) -> None:
        self._session = session
        self._background_agent = background_agent

    def get(self, contract: str, job: str, *, wait_seconds: float = 0.0) -> Job:
        """One job; at its end, if that comes within ``wait_seconds`` and the zone has a place to wait in.

        Raises:
            NotFoundError: there is none of this name that this party may see.
        """
        stub = self._session.stub(JobServiceStub)
        milliseconds = round(wait_seconds * 1000)
        return from_wire(
            stub.GetJob(wire.GetJobRequest(contract=contract, job=job, wait_milliseconds=milliseconds)), Job
        )

    def list(
        self, contract: str, *, state: JobState | None = None, limit: int = 100, before: str = ""
    ) -> tuple[Job, ...]:
        """Jobs, newest first, a page at a time: give the last one's id as ``before`` for the next page."""
        request = wire.ListJobsRequest(contract=contract, state=state or "", limit=limit, before=before)
        return tuple(from_wire(job, Job) for job in self._session.stub(JobServiceStub).ListJobs(request).jobs)

    def wait(self, contract: str, job: str, on_event: OnEvent = ignore, *, timeout: float | None = None) -> Job:
        """Wait for the end of a job, with this party's agent at work meanwhile. ``timeout`` is in seconds.

        Raises:
            StateError: the job failed; the message gives the reason. Or time is up; the job goes on.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._background_agent(on_event) as agent:
            return self._poll(contract, job, agent, deadline, on_event)

    def _poll(self, contract: str, job: str, agent: BackgroundAgent, deadline: float | None, on_event: OnEvent) -> Job:
        begun, never = time.monotonic(), threading.Event()
        while True:
            asked = time.monotonic()
            pause = min(max(SHORTEST_PAUSE, (asked - begun) * PAUSE_SHARE), LONGEST_PAUSE)
            found = self.get(contract, job, wait_seconds=pause)
            if found.state.ended:
                break
            if set(found.waiting_for) - {self._session.name}:
                on_event(Progress(contract=contract, job=job, phase=Phase.WAIT, done=found.done, total=found.total))
            agent.attend()
            if deadline is not None and time.monotonic() >= deadline:
                waiting = f", waiting for {' and '.join(found.waiting_for)}" if found.waiting_for else ""
                raise StateError(f"job {job} is not done yet{waiting}", hint="Wait again, or look at the job later.")
            never.wait(max(0.0, asked + pause - time.monotonic()))
        if found.state is JobState.FAILED:
            raise failure(found)
        return found


def failure(job: Job) -> StateError:
    """Why a job that failed did."""
    return StateError(f"the {job.kind} job failed: {job.error}", hint="Remove the cause, then ask again.")
