"""Waiting for what other processes do, so that looking costs little and adds little."""

import time
from collections.abc import Callable

from miyun import Party
from miyun.contract.jobs import Job, JobState

SHORTEST_PAUSE, LONGEST_PAUSE = 0.005, 0.25
LONGEST_WAIT = 2.0
"""Seconds in which the zone answers when a job ends, if it has a place to wait in."""


def end(party: Party, contract: str, job: Job) -> None:
    """Return when a job is done. Raises: RuntimeError: it failed."""
    while not (found := party.jobs.get(contract, job.id, wait_seconds=LONGEST_WAIT)).state.ended:
        time.sleep(SHORTEST_PAUSE)
    if found.state is JobState.FAILED:
        raise RuntimeError(f"the {found.kind} job failed: {found.error}")


def until(true: Callable[[], bool]) -> None:
    """Return when it is true."""
    started = time.monotonic()
    while not true():
        time.sleep(_pause(started))


def _pause(started: float) -> float:
    """A hundredth of the time that it has taken."""
    return min(max(SHORTEST_PAUSE, (time.monotonic() - started) / 100), LONGEST_PAUSE)
