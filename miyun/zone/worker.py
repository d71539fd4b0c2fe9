"""The zone's own work, on one thread: joins, reports, evaluations, sealings, and what time brings to an end.

What there is to do follows from the database alone, so that a zone that was killed goes on where it stopped.
"""

import threading
import time
from collections.abc import Callable, Iterable

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError

from miyun.contract.jobs import Job, JobKind
from miyun.contract.lifecycle import ContractState
from miyun.contract.model import Contract
from miyun.errors import ConfigError, ContractError, InternalError
from miyun.segments.listing import SegmentState
from miyun.zone.core import Core
from miyun.zone.operations.access import party_names
from miyun.zone.operations.activations import seal_audience
from miyun.zone.operations.aggregating import release_sums
from miyun.zone.operations.deltas import apply_delta
from miyun.zone.operations.evaluation import evaluate_segment
from miyun.zone.operations.jobs import fail_job, require_job
from miyun.zone.operations.joining import join_fusion, report_fusion
from miyun.zone.operations.retention import (
    close_contract,
    drop_idle_intersections,
    drop_old_answers,
    drop_old_audiences,
    expire_segments,
    fail_fusion,
    retire_segment,
)
from miyun.zone.store.contracts import find_contract, unclosed_contracts
from miyun.zone.store.fusions import FusionState, fusion_of_job
from miyun.zone.store.jobs import open_jobs
from miyun.zone.store.segments import find_segment

INTERVAL_SECONDS = 60.0
"""How often the worker looks at the clock's doings when nobody wakes it."""

RETRY_SECONDS = 5.0
OUT_OF_REACH = (OperationalError, InterfaceError)

_log = structlog.get_logger(__name__)


class Worker:
    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._wanted: set[str] = set()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def wake(self, contracts: Iterable[str]) -> None:
        """Look for work under these contracts again."""
        with self._condition:
            self._wanted.update(contracts)
            self._condition.notify_all()

    def start(self, core: Core) -> None:
        self._thread = threading.Thread(target=self._run, args=(core,), name="zone-worker", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Return when the step under way is finished."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _run(self, core: Core) -> None:
        everything_at = time.monotonic()
        while not self._stopping:
            wanted: set[str] | None = None
            if time.monotonic() < everything_at:
                wanted = self._wait(everything_at - time.monotonic())
            else:
                everything_at = time.monotonic() + INTERVAL_SECONDS
            try:
                work(core, wanted, lambda: self._stopping)
            except OUT_OF_REACH as error:
                _log.warning("database out of reach", zone=core.name, error=type(error).__name__)
                everything_at = time.monotonic() + RETRY_SECONDS
            except Exception as error:
                _log.exception("worker failed", zone=core.name, error=type(error).__name__)

    def _wait(self, seconds: float) -> set[str]:
        with self._condition:
            self._condition.wait_for(lambda: self._wanted or self._stopping, timeout=seconds)
            wanted, self._wanted = self._wanted, set()
            return wanted


def work(core: Core, wanted: set[str] | None = None, stopping: Callable[[], bool] = lambda: False) -> None:
    """Do everything that can be done now under the ``wanted`` contracts; None: under all, and what time has brought."""
    with core.reading() as connection:
        contracts = unclosed_contracts(connection, wanted)
    for signed in contracts:
        if stopping():
            return
        state = signed.state(core.clock())
        if wanted is None or state is ContractState.REVOKED:
            _keep_time(core, signed.contract.id)
        if state is ContractState.ACTIVE:
            _work_on(core, signed.contract, stopping)


def _keep_time(core: Core, contract: str) -> None:
    """End what is over: the contract, its segments, audiences that nobody fetched."""
    with core.changing() as change:
        signed = find_contract(change.connection, contract)
        if signed is None:
            return
        state = signed.state(change.at)
        if state in {ContractState.REVOKED, ContractState.EXPIRED}:
            close_contract(core, change, signed)
        elif state is ContractState.ACTIVE:
            expire_segments(change, signed.contract)
            drop_old_audiences(change, signed.contract)
            drop_old_answers(change, signed.contract)
            drop_idle_intersections(change, signed.contract)


def _work_on(core: Core, contract: Contract, stopping: Callable[[], bool]) -> None:
    """Every open job of a contract, until none of them gets any further."""
    moved = True
    while moved and not stopping():
        moved = False
        with core.reading() as connection:
            jobs = open_jobs(connection, [contract.id])
        for job in jobs:
            if stopping():
                return
            moved = _guarded(core, contract, job) or moved


def _guarded(core: Core, contract: Contract, job: Job) -> bool:
    """One job a step further. A job that fails by a defect fails alone."""
    try:
        return _STEPS[job.kind](core, contract, job)
    except ContractError:
        return False  # revoked or expired meanwhile: the next round closes it
    except OUT_OF_REACH:
        raise
    except ConfigError as error:
        reason = f"{error.message}. {error.hint}"
        _log.error("job waits for the operator", zone=core.name, contract=contract.id, job=job.id, reason=reason)
        return False
    except Exception as error:
        _log.exception("job failed", zone=core.name, contract=contract.id, job=job.id, error=type(error).__name__)
        _fail(core, contract, job)
        return True


def _fuse_step(core: Core, contract: Contract, job: Job) -> bool:
    with core.reading() as connection:
        fusion = fusion_of_job(connection, contract.id, job.id)
    if fusion is None:
        return False
    if fusion.state is FusionState.JOINING and fusion.sequence:
        apply_delta(core, contract, fusion)
        _log.info("delta applied", zone=core.name, contract=contract.id, epoch=fusion.epoch, sequence=fusion.sequence)
        return True
    if fusion.state is FusionState.JOINING:
        join_fusion(core, contract, fusion)
        _log.info("fusion joined", zone=core.name, contract=contract.id, epoch=fusion.epoch)
        return True
    return fusion.state is FusionState.REPORTING and report_fusion(core, contract, fusion)


def _segment_step(core: Core, contract: Contract, job: Job) -> bool:
    with core.reading() as connection:
        segment = find_segment(connection, contract.id, job.id)
    if segment is None or segment.state is not SegmentState.EVALUATING:
        return False
    return evaluate_segment(core, contract, segment)


def _fail(core: Core, contract: Contract, job: Job) -> None:
    reason = "the zone failed; its operator's log says why"
    with core.changing() as change:
        change.news_for.update(party_names(contract))
        if job.kind is JobKind.FUSE:
            fusion = fusion_of_job(change.connection, contract.id, job.id)
            if fusion is not None and fusion.state is FusionState.JOINING:
                fail_fusion(change, contract.id, fusion)
        segment = find_segment(change.connection, contract.id, job.id)
        if segment is not None:
            retire_segment(change, segment, SegmentState.INVALIDATED, reason)
        fail_job(change, require_job(change.connection, contract.id, job.id), code=InternalError.code, reason=reason)


_STEPS: dict[JobKind, Callable[[Core, Contract, Job], bool]] = {
    JobKind.FUSE: _fuse_step,
    JobKind.SEGMENT: _segment_step,
    JobKind.ACTIVATE: seal_audience,
    JobKind.INSIGHT: release_sums,
    JobKind.INTERSECT: lambda _core, _contract, _job: False,
    JobKind.LOOKALIKE: lambda _core, _contract, _job: False,
}
