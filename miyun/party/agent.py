"""The agent: it asks the zone for this party's tasks and does them."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from threading import Event

from miyun.errors import ConfigError, KeyAccessError, MiyunError, StateError
from miyun.kernels import kernels
from miyun.keys.home import Home
from miyun.members import workspace
from miyun.party.defects import log_defect
from miyun.party.objections import Objections
from miyun.party.poll import Poll
from miyun.party.progress import OnEvent, ZoneLost, ignore
from miyun.party.scheduling import Scheduler
from miyun.party.session import Session
from miyun.party.signals import stopped_by_signals
from miyun.party.tasks.outcome import Outcome
from miyun.party.tasks.runner import TaskRunner, contract_of, kind_of
from miyun.party.upkeep import Upkeep
from miyun.wire.v1 import agent_pb2 as wire

log = logging.getLogger(__name__)

AGENT_LOCK = "agent"
TAKE_OVER_SECONDS = 60.0
"""How long a daemon that is started beside a command waits for the command's own agent."""
_LOOK_SECONDS = 0.1
LONG_POLL_SECONDS = 20
LAST_LOOK_SECONDS = 2
"""How long a single run waits, at its end, for tasks that its own work brings about."""
BUSY_PAUSE_SECONDS = 0.5
SHORTEST_REST_SECONDS = 0.25
LONGEST_REST_SECONDS = 4.0
FIRST_BACK_OFF_SECONDS = 0.5
LONGEST_BACK_OFF_SECONDS = 30.0

_OWN_FAULTS = (ConfigError, KeyAccessError)
"""What waiting does not help against; anything else that ends a turn is the zone's doing."""

LONG_WORK = frozenset({"fuse", "insight", "intersect"})
"""Kinds of tasks that others don't wait for."""

Slot = tuple[str, str]
"""A contract, and a kind of long work or nothing: one piece of work at a time in each."""


class Agent:
    """One party's agent."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def home(self) -> Home:
        return self._session.home

    def run(self, *, once: bool = False, stop: Event | None = None, on_event: OnEvent = ignore) -> None:
        """Work until ``stop`` is set (by SIGTERM and Ctrl-C where none is given), or, ``once``, until nothing is open.

        ``once`` also returns when the open work has waited for others for longer than ``agent.patience_seconds``.
        While the zone is away the agent tries again; what contract or data forbid is refused, and fails its job only.

        Raises:
            ConfigError: ``MIYUN_BACKEND`` asks for what this installation has not.
            StateError: another agent of this home is running, ``TAKE_OVER_SECONDS`` later as well where not ``once``.
            TransportError: ``once``, and the zone can't be reached for as long as the patience lasts.
        """
        with ExitStack() as held:
            stopped = stop or held.enter_context(stopped_by_signals())
            self._take_over(held, stopped, 0 if once else TAKE_OVER_SECONDS)
            self.work(stop=stopped, on_event=on_event, once=once)

    def _take_over(self, held: ExitStack, stop: Event, seconds: float) -> None:
        """Wait for a command that is this home's agent at the moment, which ends with what it was asked for, or to be
        stopped.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                held.enter_context(self.home.lock(AGENT_LOCK))
            except StateError:
                if time.monotonic() >= deadline:
                    raise
            else:
                return
            if stop.wait(_LOOK_SECONDS):
                return

    def work(self, *, stop: Event, on_event: OnEvent, once: bool = False) -> None:
        """``run`` for a caller that holds the agent's lock itself."""
        kernels()
        workspace.warm()
        with ThreadPoolExecutor(self._session.config.agent.workers, thread_name_prefix="miyun-task") as pool:
            _Loop(self._session, pool, stop, on_event, once=once).run()


class _Loop:
    def __init__(
        self, session: Session, pool: ThreadPoolExecutor, stop: Event, on_event: OnEvent, *, once: bool
    ) -> None:
        self._session = session
        self._pool = pool
        self._stop = stop
        self._on_event = on_event
        self._once = once
        self._poll = Poll(session.home, None if once else stop)
        self._runner = TaskRunner(session, stop, on_event)
        self._upkeep = Upkeep(session, on_event)
        self._scheduler = Scheduler(session, stop, on_event)
        self._objections = Objections(session, on_event)
        self._patience = session.config.agent.patience_seconds
        self._at_work: dict[Slot, Future[Outcome]] = {}
        self._rests: dict[Slot, float] = {}
        self._rest_until: dict[Slot, float] = {}
        self._wake = Event()
        self._moved_at = time.monotonic()
        self._back_off = FIRST_BACK_OFF_SECONDS
        self._last_look = False

    def run(self) -> None:
        with self._poll:
            while not self._stop.is_set():
                try:
                    if self._turn():
                        return
                except _OWN_FAULTS:
                    raise
                except MiyunError as error:
                    if not self._stop.is_set():
                        self._wait_out(error)

    def _turn(self) -> bool:
        """One look at the open tasks; True when a single run has come to its end."""
        self._upkeep.run()
        self._scheduler.follow()
        answer = self._poll.next_tasks(self._wait_seconds())
        tasks = answer.tasks
        self._back_off = FIRST_BACK_OFF_SECONDS
        for task in tasks:
            if kind_of(task):
                self._start(_slot(task), partial(self._runner.run, task))
        asked = {task.job for task in tasks}
        for fusion in self._session.fusions.exchanging():
            if fusion.job not in asked:
                self._start((fusion.contract, "fuse"), partial(self._runner.resume, fusion))
        for held in self._session.intersections.under_way():
            if held.job not in asked:
                self._start((held.contract, "intersect"), partial(self._runner.resume_intersection, held))
        for contract in self._objections.due():
            self._start((contract, "objections"), partial(self._objections.run, contract))
        for contract in self._scheduler.due():
            self._start((contract, "refresh"), partial(self._scheduler.run, contract))
        sending = self._send()
        if tasks or sending or self._at_work:
            self._wake.wait(BUSY_PAUSE_SECONDS)
            self._wake.clear()
            self._collect()
            self._last_look = False
            return self._once and self._out_of_patience()
        self._rests.clear()
        self._rest_until.clear()
        self._stop.wait(min(answer.retry_after_milliseconds / 1000, LONGEST_BACK_OFF_SECONDS))
        ended, self._last_look = self._last_look, self._once
        return ended

    def _send(self) -> bool:
        """See to what is sent to receivers outside; whether some of it is due soon."""
        soon, now = False, self._session.now().timestamp()
        for delivery in self._session.deliveries.under_way():
            wait = self._session.deliveries.due_at(delivery) - now
            if wait <= 0:
                self._start(("", f"send {delivery.order.channel}"), partial(self._runner.send, delivery))
            soon = soon or wait <= LONG_POLL_SECONDS
        return soon

    def _wait_seconds(self) -> int:
        if self._at_work or self._rests:
            return 0
        if not self._once:
            return LONG_POLL_SECONDS
        return LAST_LOOK_SECONDS if self._last_look else 0

    def _start(self, slot: Slot, work: Callable[[], Outcome]) -> None:
        if slot in self._at_work or time.monotonic() < self._rest_until.get(slot, 0.0):
            return
        self._at_work[slot] = self._pool.submit(work)
        self._at_work[slot].add_done_callback(lambda _: self._wake.set())

    def _collect(self) -> None:
        for slot, work in list(self._at_work.items()):
            if not work.done():
                continue
            del self._at_work[slot]
            outcome = _outcome_of(work)
            if outcome is Outcome.IDLE:
                self._rests[slot] = min(2 * self._rests.get(slot, SHORTEST_REST_SECONDS), LONGEST_REST_SECONDS)
                self._rest_until[slot] = time.monotonic() + self._rests[slot]
            else:
                self._rests.pop(slot, None)
                self._moved_at = time.monotonic()
            if outcome is Outcome.DONE:
                self._upkeep.soon()

    def _out_of_patience(self) -> bool:
        return not self._at_work and time.monotonic() - self._moved_at > self._patience

    def _wait_out(self, error: MiyunError) -> None:
        self._collect()
        if self._once and self._out_of_patience():
            raise error
        self._on_event(ZoneLost(reason=error.message, retry_seconds=self._back_off))
        self._stop.wait(self._back_off)
        self._back_off = min(2 * self._back_off, LONGEST_BACK_OFF_SECONDS)


def _outcome_of(work: Future[Outcome]) -> Outcome:
    """How it ended; a defect is logged, and stops nothing else."""
    try:
        return work.result()
    except Exception as error:
        log_defect(log, "a task of this agent", error)
        return Outcome.IDLE


def _slot(task: wire.Task) -> Slot:
    kind = kind_of(task)
    return contract_of(task), kind if kind in LONG_WORK else ""
