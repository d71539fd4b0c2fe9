"""When the source is read anew for each contract: durable, so that a stop loses no run and doubles none.

A run is due on a grid of days from when the schedule was first seen. After a stop over several of its days, one run
catches up; the next one is due on the grid again. One that fails is tried again, later each time; one that a person
should look at first waits for its next day.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.party.refresh_plans import RefreshKind
from miyun.party.refresh_schema import schedules
from miyun.records import Record
from miyun.storage.database import reading

FIRST_RETRY = timedelta(minutes=5)
LONGEST_RETRY = timedelta(hours=6)
_DOUBLINGS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Record):
    """``due`` is the next run on the grid, ``retry_at`` when one that failed ``attempts`` times is tried again.

    ``began``, ``ended``, ``did`` and ``why`` are of the last run; ``job`` is what one waits for. ``problem`` is of one
    that failed or, with no ``attempts``, of one that did nothing because a person should look first.
    """

    contract: str
    every_days: int
    due: datetime
    retry_at: datetime | None = None
    began: datetime | None = None
    ended: datetime | None = None
    job: str = ""
    did: RefreshKind | None = None
    why: str = ""
    problem: str = ""
    hint: str = ""
    attempts: int = 0

    @property
    def is_held(self) -> bool:
        """Whether its last run did nothing because a person should look first."""
        return bool(self.problem) and not self.attempts

    def is_due(self, now: datetime) -> bool:
        """Whether a run is to begin; not while one waits for its job."""
        return not self.job and now >= (self.retry_at or self.due)

    def begun(self, now: datetime) -> "Schedule":
        return replace(self, began=now, ended=None)

    def waits(self, job: str, did: RefreshKind, why: str) -> "Schedule":
        """For the job that it asked for."""
        return replace(self, job=job, did=did, why=why, problem="", hint="")

    def done(self, now: datetime, did: RefreshKind | None, why: str) -> "Schedule":
        """It ended well; the next one is due on the grid."""
        every = timedelta(days=self.every_days)
        missed = max(0, (now - self.due) // every) + 1 if now >= self.due else 0
        return Schedule(
            contract=self.contract,
            every_days=self.every_days,
            due=self.due + missed * every,
            began=self.began,
            ended=now,
            did=did,
            why=why,
        )

    def failed(self, now: datetime, problem: str, hint: str) -> "Schedule":
        """It is tried again, later each time."""
        wait = min(FIRST_RETRY * (1 << min(self.attempts, _DOUBLINGS)), LONGEST_RETRY)
        return replace(
            self, ended=now, job="", retry_at=now + wait, problem=problem, hint=hint, attempts=self.attempts + 1
        )

    def held(self, now: datetime, problem: str, hint: str) -> "Schedule":
        """It did nothing: a person should look first. It looks again on its next day."""
        return replace(self.done(now, None, ""), problem=problem, hint=hint)

    def later(self, at: datetime) -> "Schedule":
        """Something is in its way that passes."""
        return replace(self, retry_at=at)


class Schedules:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, contract: str) -> Schedule | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(schedules).where(schedules.c.contract == contract)).first()
        if row is None:
            return None
        return Schedule(
            contract=row.contract,
            every_days=row.every_days,
            due=_time(row.due),
            retry_at=_time_or_none(row.retry_at),
            began=_time_or_none(row.began),
            ended=_time_or_none(row.ended),
            job=row.job,
            did=RefreshKind(row.did) if row.did else None,
            why=row.why,
            problem=row.problem,
            hint=row.hint,
            attempts=row.attempts,
        )

    def seen(self, contract: str, every_days: int, now: datetime) -> Schedule:
        """The schedule of a contract; one that is seen first, or with another period, is due a period from now."""
        held = self.get(contract)
        if held is not None and held.every_days == every_days:
            return held
        due = now + timedelta(days=every_days)
        fresh = Schedule(contract=contract, every_days=every_days, due=due)
        if held is not None:
            fresh = replace(held, every_days=every_days, due=due)
        self.put(fresh)
        return fresh

    def put(self, schedule: Schedule) -> None:
        values = {
            "every_days": schedule.every_days,
            "due": schedule.due.timestamp(),
            "retry_at": schedule.retry_at and schedule.retry_at.timestamp(),
            "began": schedule.began and schedule.began.timestamp(),
            "ended": schedule.ended and schedule.ended.timestamp(),
            "job": schedule.job,
            "did": schedule.did or "",
            "why": schedule.why,
            "problem": schedule.problem,
            "hint": schedule.hint,
            "attempts": schedule.attempts,
        }
        with self._engine.begin() as connection:
            connection.execute(
                upsert(schedules)
                .values(contract=schedule.contract, **values)
                .on_conflict_do_update(index_elements=["contract"], set_=values)
            )

    def clear(self, contract: str) -> None:
        """The contract was refreshed: what was in the way of its last run is no more."""
        cleared = {"problem": "", "hint": "", "attempts": 0, "retry_at": None, "why": "refreshed since"}
        with self._engine.begin() as connection:
            connection.execute(
                update(schedules).where(schedules.c.contract == contract, schedules.c.problem != "").values(**cleared)
            )

    def forget(self, contract: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(schedules).where(schedules.c.contract == contract))


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _time_or_none(seconds: float | None) -> datetime | None:
    return None if seconds is None else _time(seconds)
