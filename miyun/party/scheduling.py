"""Runs of the refresh schedules in ``party.toml``, by the agent while it runs."""

import logging
import time
from datetime import timedelta
from threading import Event

from miyun.contract.jobs import Job, JobState
from miyun.contract.lifecycle import ContractState
from miyun.errors import (
    InternalError,
    MiyunError,
    NotFoundError,
    TransportError,
    UnconfirmedError,
    WaitingError,
)
from miyun.party.defects import log_defect
from miyun.party.progress import AgentEvent, OnEvent, Warned, ignore
from miyun.party.refreshes import Refreshes
from miyun.party.schedules import Schedule
from miyun.party.session import Session
from miyun.party.tasks.outcome import Outcome
from miyun.transport.codec import from_wire
from miyun.wire.v1.job_pb2 import GetJobRequest
from miyun.wire.v1.job_pb2_grpc import JobServiceStub

FOLLOW_SECONDS = 5.0
"""How often it is looked how far a run's job is."""
SOON = timedelta(seconds=30)

log = logging.getLogger(__name__)


class SchedulesClient:
    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self) -> tuple[Schedule, ...]:
        """The schedules of ``party.toml`` by contract, each with its next and its last run.

        One that no agent of this home has seen yet is due a period from now.

        Raises:
            ConfigError: ``party.toml`` can't be read.
        """
        now, config = self._session.now(), self._session.config.refresh
        held = {contract: self._session.schedules.get(contract) for contract in config}
        return tuple(
            held[contract]
            or Schedule(
                contract=contract,
                every_days=config[contract].every_days,
                due=now + timedelta(days=config[contract].every_days),
            )
            for contract in sorted(config)
        )


class Scheduler:
    """For the agent's loop; ``run`` is for a thread of its own."""

    def __init__(self, session: Session, stop: Event, on_event: OnEvent = ignore) -> None:
        self._session = session
        self._stop = stop
        self._on_event = on_event
        self._refreshes = Refreshes(session)
        self._follow_at = 0.0

    def due(self) -> tuple[str, ...]:
        """The contracts in force whose run is to begin now."""
        now = self._session.now()
        return tuple(schedule.contract for schedule in self._active() if schedule.is_due(now))

    def follow(self) -> None:
        """Look, now and then, how the jobs ended that runs wait for.

        Raises:
            TransportError: no connection.
        """
        if time.monotonic() < self._follow_at:
            return
        self._follow_at = time.monotonic() + FOLLOW_SECONDS
        for schedule in self._active():
            if schedule.job:
                self._follow(schedule)

    def run(self, contract: str) -> Outcome:
        """One run: compare, and ask for what is to be done."""
        held = self._session.schedules.get(contract)
        if held is None or not held.is_due(self._session.now()):
            return Outcome.IDLE
        schedule = held.begun(self._session.now())
        self._session.schedules.put(schedule)
        try:
            done = self._refreshes.begin(contract, self._unless_stopped)
        except (WaitingError, TransportError, InternalError) as error:
            log.info("the refresh of %s waits: %s", contract, error)
            self._session.schedules.put(schedule.later(self._session.now() + SOON))
            return Outcome.IDLE
        except UnconfirmedError as error:
            self._held(schedule, error)
            return Outcome.DONE
        except MiyunError as error:
            self._failed(schedule, error.message, error.hint)
            return Outcome.DONE
        except Exception as error:
            log_defect(log, f"the refresh of {contract}", error)
            self._failed(schedule, f"a defect: {type(error).__name__}", "Look into the agent's log.")
            return Outcome.DONE
        if done.job is None:
            self._session.schedules.put(schedule.done(self._session.now(), done.plan.kind, done.plan.why))
        else:
            self._session.schedules.put(schedule.waits(done.job.id, done.plan.kind, done.plan.why))
        return Outcome.DONE

    def _unless_stopped(self, event: AgentEvent) -> None:
        if self._stop.is_set():
            raise TransportError("the agent is stopping")
        self._on_event(event)

    def _active(self) -> list[Schedule]:
        now, accepted = self._session.now(), self._session.accepted
        known = frozenset(accepted.ids())
        return [
            self._session.schedules.seen(contract, terms.every_days, now)
            for contract, terms in self._session.config.refresh.items()
            if contract in known and accepted.get(contract).state(now) is ContractState.ACTIVE
        ]

    def _follow(self, schedule: Schedule) -> None:
        now = self._session.now()
        try:
            answer = self._session.stub(JobServiceStub).GetJob(
                GetJobRequest(contract=schedule.contract, job=schedule.job)
            )
        except NotFoundError:
            self._failed(schedule, "the zone has lost its job", "It is asked for again.")
            return
        job = from_wire(answer, Job)
        if job.state is JobState.DONE:
            self._session.schedules.put(schedule.done(now, schedule.did, schedule.why))
        elif job.state is JobState.FAILED:
            self._failed(schedule, job.error, "Remove the cause; it is tried again.")

    def _held(self, schedule: Schedule, error: UnconfirmedError) -> None:
        self._session.schedules.put(schedule.held(self._session.now(), error.message, error.hint))
        log.warning("the refresh of %s stopped: %s", schedule.contract, error.message)
        self._on_event(
            Warned(contract=schedule.contract, message=f"its refresh stopped: {error.message}", hint=error.hint)
        )

    def _failed(self, schedule: Schedule, problem: str, hint: str) -> None:
        failed = schedule.failed(self._session.now(), problem, hint)
        self._session.schedules.put(failed)
        message = f"its refresh failed, for the {failed.attempts}. time, and is tried again later: {problem}"
        self._on_event(Warned(contract=schedule.contract, message=message, hint=hint))
