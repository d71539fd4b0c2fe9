"""The fusions that this party takes part in: what both announced, and how they ended."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Connection, Engine, exists, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.party.schema import fusions
from miyun.psi.statements import Announcement
from miyun.storage.database import changing, reading


class FusionState(StrEnum):
    EXCHANGING = "exchanging"
    FINISHED = "finished"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """``finished`` means that the zone has everything it needs from this party; of a delta of its own rows, that they
    are bound. ``sequence`` is 0 where the epoch began, else the number of a delta.
    """

    contract: str
    job: str
    epoch: int
    sequence: int
    state: FusionState
    announcement: Announcement
    signature: bytes
    counterpart: Announcement | None
    counterpart_signature: bytes | None


class FusionStates:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, announcement: Announcement, signature: bytes, sequence: int) -> None:
        """Note what this party is about to announce."""
        with changing(self._engine) as connection:
            connection.execute(
                upsert(fusions)
                .values(
                    contract=announcement.contract,
                    job=announcement.job,
                    epoch=announcement.epoch,
                    sequence=sequence,
                    state=FusionState.EXCHANGING,
                    announcement=announcement.canonical_bytes(),
                    announcement_signature=signature,
                )
                .on_conflict_do_nothing()
            )

    def get(self, contract: str, job: str) -> Fusion | None:
        found = self._select((fusions.c.contract == contract) & (fusions.c.job == job))
        return found[0] if found else None

    def of(self, contract: str) -> tuple[Fusion, ...]:
        """All fusions of a contract by epoch."""
        return self._select(fusions.c.contract == contract)

    def exchanging(self) -> tuple[Fusion, ...]:
        """The fusions that are under way here, of all contracts."""
        return self._select(fusions.c.state == FusionState.EXCHANGING)

    def _select(self, condition: ColumnElement[bool]) -> tuple[Fusion, ...]:
        with reading(self._engine) as connection:
            return _select(connection, condition)

    def counterpart(self, announcement: Announcement, signature: bytes) -> None:
        """Note what the other party announced, verified."""
        with changing(self._engine) as connection:
            connection.execute(
                update(fusions)
                .where(fusions.c.contract == announcement.contract, fusions.c.job == announcement.job)
                .values(counterpart=announcement.canonical_bytes(), counterpart_signature=signature)
            )

    def end(
        self, contract: str, job: str, state: FusionState, also: Callable[[Connection], None] = lambda _: None
    ) -> None:
        """Note how a fusion ended, and do something else at once.

        One that finishes takes the place of the one that finished its epoch before, and of that one's deltas.
        """
        with changing(self._engine) as connection:
            also(connection)
            if state is FusionState.FINISHED:
                ended = select(fusions.c.epoch, fusions.c.sequence).where(
                    fusions.c.contract == contract, fusions.c.job == job
                )
                (epoch, sequence) = connection.execute(ended).one()
                connection.execute(
                    update(fusions)
                    .where(
                        fusions.c.contract == contract,
                        fusions.c.epoch == epoch,
                        fusions.c.sequence >= sequence,
                        fusions.c.job != job,
                        fusions.c.state == FusionState.FINISHED,
                    )
                    .values(state=FusionState.ABANDONED)
                )
            connection.execute(
                update(fusions)
                .where(
                    fusions.c.contract == contract,
                    fusions.c.job == job,
                    fusions.c.state == FusionState.EXCHANGING,
                )
                .values(state=state)
            )

    def finished(self, contract: str, epoch: int) -> Fusion | None:
        """The finished fusion of an epoch, if there is one."""
        found = self._select(_applied(contract, epoch) & (fusions.c.sequence == 0))
        return found[0] if found else None

    def under_way(self, contract: str, epoch: int) -> bool:
        """Whether this party has still to finish a fusion or a delta of an epoch, which the zone may have bound.

        Ask before you read what is finished: in the other order it may finish between the two, and is in neither.
        """
        exchanging = (fusions.c.epoch == epoch) & (fusions.c.state == FusionState.EXCHANGING)
        with reading(self._engine) as connection:
            return bool(connection.scalar(select(exists().where(fusions.c.contract == contract, exchanging))))

    def newest_delta(self, contract: str, epoch: int) -> int:
        """The sequence of the newest finished delta of an epoch; 0 if none."""
        with reading(self._engine) as connection:
            return connection.scalar(select(func.max(fusions.c.sequence)).where(_applied(contract, epoch))) or 0

    def handles(self, contract: str, epoch: int) -> int:
        """How many row handles this party has in a finished epoch, padding and retired ones included."""
        with reading(self._engine) as connection:
            return count_handles(connection, contract, epoch)

    def applied(self, contract: str, epoch: int) -> tuple[Fusion, ...]:
        """What made this party's rows of an epoch as they are, in its order: the fusion, and finished deltas."""
        return self._select(_applied(contract, epoch))

    def newest_epoch(self, contract: str) -> int:
        """The newest epoch that this party has finished; 0 if none."""
        query = select(func.max(fusions.c.epoch)).where(
            fusions.c.contract == contract, fusions.c.state == FusionState.FINISHED
        )
        with reading(self._engine) as connection:
            return connection.scalar(query) or 0


def count_handles(connection: Connection, contract: str, epoch: int) -> int:
    """`FusionStates.handles`, within a transaction."""
    announced = connection.scalars(select(fusions.c.announcement).where(_applied(contract, epoch))).all()
    return sum(Announcement.from_canonical(statement).handles for statement in announced)


def _applied(contract: str, epoch: int) -> ColumnElement[bool]:
    return (fusions.c.contract == contract) & (fusions.c.epoch == epoch) & (fusions.c.state == FusionState.FINISHED)


def _select(connection: Connection, condition: ColumnElement[bool]) -> tuple[Fusion, ...]:
    rows = connection.execute(select(fusions).where(condition).order_by(fusions.c.epoch, fusions.c.sequence)).all()
    return tuple(
        Fusion(
            contract=row.contract,
            job=row.job,
            epoch=row.epoch,
            sequence=row.sequence,
            state=FusionState(row.state),
            announcement=Announcement.from_canonical(row.announcement),
            signature=row.announcement_signature,
            counterpart=None if row.counterpart is None else Announcement.from_canonical(row.counterpart),
            counterpart_signature=row.counterpart_signature,
        )
        for row in rows
    )
