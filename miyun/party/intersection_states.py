"""The intersections that this party takes part in: what was sent, taken and counted, and what was learned."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Engine, Integer, Table, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.contract.model import Contract
from miyun.errors import ReplayError, StateError
from miyun.keys.mark import Mark
from miyun.party.evaluation_counts import count_points, require_room
from miyun.party.schema import intersection_inbox, intersection_outbox, intersections
from miyun.psi.context import POINT_BYTES
from miyun.psi.evaluation import SeenPoints
from miyun.psi.intersection_sum.matcher import MatchedSize
from miyun.psi.intersection_sum.schedule import Place
from miyun.psi.intersection_sum.statements import IntersectionChunk, IntersectionOpening, Step
from miyun.psi.intersection_sum.totals import ColumnTotal
from miyun.storage.database import reading


class IntersectionState(StrEnum):
    EXCHANGING = "exchanging"
    ENDING = "ending"
    """What was learned is kept; the zone is to be told."""
    FINISHED = "finished"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A matcher learns the size; a holder totals, one for each column."""

    size: MatchedSize | None = None
    totals: tuple[ColumnTotal, ...] = ()

    @property
    def anything(self) -> bool:
        """A holder without columns learns nothing."""
        return self.size is not None or bool(self.totals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intersection:
    """``counterpart`` is the other's opening, once it was taken; ``learned`` is there from the end on."""

    contract: str
    job: str
    state: IntersectionState
    counterpart: tuple[IntersectionOpening, bytes] | None
    learned: Learned | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnChunk:
    statement: IntersectionChunk
    signature: bytes
    sealed: bytes


class IntersectionStates:
    def __init__(self, engine: Engine, marks: Path) -> None:
        """``marks`` is a folder for what is known of releases beside the database."""
        self._engine = engine
        self._marks = marks

    def begin(self, contract: str, job: str) -> None:
        """What this party brings is kept: from now on it is an intersection under way."""
        with self._engine.begin() as connection:
            connection.execute(
                insert(intersections).values(
                    contract=contract, job=job, state=IntersectionState.EXCHANGING, released=False
                )
            )

    def note_released(self, contract: str) -> None:
        """What is stored of openings and of totals is about to be sent."""
        self._mark(contract).write(self._count(contract))

    def require_whole(self, contract: str) -> None:
        """Pass where all that was ever sent under a contract is stored.

        Raises:
            StateError: the database was restored from a backup of before; noise might be drawn a second time.
        """
        if self._mark(contract).read() > self._count(contract):
            raise StateError(
                "this party's database was restored without intersections that it took part in",
                hint="Restore the home's newest backup, or end the contract and agree on a new one.",
            )

    def get(self, contract: str, job: str) -> Intersection | None:
        found = self._select(*_of(intersections, contract, job))
        return found[0] if found else None

    def under_way(self, contract: str = "") -> tuple[Intersection, ...]:
        """Those that have not ended, of one contract or of all."""
        states = (IntersectionState.EXCHANGING, IntersectionState.ENDING)
        of_contract = [intersections.c.contract == contract] if contract else []
        return self._select(intersections.c.state.in_(states), *of_contract)

    def learned(self, contract: str) -> tuple[Intersection, ...]:
        """Those of a contract by which this party learned something."""
        return self._select(intersections.c.contract == contract, intersections.c.learned.is_not(None))

    def counterpart(self, contract: Contract, type_: str, opening: IntersectionOpening, signature: bytes) -> None:
        """Keep the other's opening, verified, where so many points of it may be multiplied.

        Raises:
            CapExceededError: with these the contract's evaluation cap would be passed.
        """
        with self._engine.begin() as connection:
            require_room(connection, contract, opening.party, type_, opening.rows)
            connection.execute(
                update(intersections)
                .where(*_of(intersections, opening.contract, opening.job))
                .values(counterpart=opening.canonical_bytes(), counterpart_signature=signature)
            )

    def put_chunk(self, chunk: OwnChunk) -> None:
        """Store a chunk, durably, before its first sending. A place has one."""
        statement = chunk.statement
        with self._engine.begin() as connection:
            connection.execute(
                insert(intersection_outbox).values(
                    contract=statement.contract,
                    job=statement.job,
                    step=statement.step,
                    chunk=statement.index,
                    statement=statement.canonical_bytes(),
                    signature=chunk.signature,
                    sealed=chunk.sealed,
                )
            )
            if statement.step is Step.TOTALS:
                connection.execute(
                    update(intersections)
                    .where(*_of(intersections, statement.contract, statement.job))
                    .values(released=True)
                )

    def chunk(self, contract: str, job: str, place: Place) -> OwnChunk | None:
        """The chunk that waits for its receipt at this place, if one does."""
        query = select(intersection_outbox).where(*_at(intersection_outbox, contract, job, place))
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None or row.sealed is None:
            return None
        statement = IntersectionChunk.from_canonical(row.statement)
        return OwnChunk(statement=statement, signature=row.signature, sealed=row.sealed)

    def is_sent(self, contract: str, job: str, place: Place) -> bool:
        """Whether the zone has given a receipt for the chunk at this place."""
        query = select(intersection_outbox.c.chunk).where(
            *_at(intersection_outbox, contract, job, place), intersection_outbox.c.sealed.is_(None)
        )
        with reading(self._engine) as connection:
            return connection.execute(query).first() is not None

    def acknowledge(self, chunk: IntersectionChunk) -> None:
        """The receipt is kept: drop the sealed bytes; they are never sent again."""
        place = chunk.step, chunk.index
        with self._engine.begin() as connection:
            connection.execute(
                update(intersection_outbox)
                .where(*_at(intersection_outbox, chunk.contract, chunk.job, place))
                .values(sealed=None)
            )

    def seen(self, contract: Contract, type_: str, chunk: IntersectionChunk) -> SeenPoints:
        """The memory of a chunk that is to be taken: its points count once, whoever restarts.

        Raises:
            ReplayError: another one was taken in its place before.
        """
        with reading(self._engine) as connection:
            _require_same(connection, chunk)
        return _Claim(self._engine, contract, type_, chunk)

    def taken(self, chunk: IntersectionChunk) -> None:
        """Remember that it was: none but the same is taken in its place again."""
        with self._engine.begin() as connection:
            _note(connection, chunk)

    def keep(self, contract: str, job: str, learned: Learned) -> None:
        """Keep what was learned, durably, before it is shown or the zone is told of the end."""
        document = json.dumps(asdict(learned)).encode()
        with self._engine.begin() as connection:
            connection.execute(
                update(intersections)
                .where(*_of(intersections, contract, job))
                .values(learned=document, state=IntersectionState.ENDING)
            )

    def end(self, contract: str, job: str) -> None:
        """It has ended, one way or the other: finished where something is learned. Only that stays."""
        with self._engine.begin() as connection:
            for table in (intersection_outbox, intersection_inbox):
                connection.execute(delete(table).where(*_of(table, contract, job)))
            for state, condition in (
                (IntersectionState.FINISHED, intersections.c.learned.is_not(None)),
                (IntersectionState.ABANDONED, intersections.c.learned.is_(None)),
            ):
                connection.execute(
                    update(intersections).where(*_of(intersections, contract, job), condition).values(state=state)
                )

    def _count(self, contract: str) -> int:
        """Intersections that were begun, and those that totals were drawn for."""
        query = select(func.count(), func.sum(intersections.c.released.cast(Integer))).where(
            intersections.c.contract == contract
        )
        with reading(self._engine) as connection:
            begun, released = connection.execute(query).one()
        return int(begun) + int(released or 0)

    def _mark(self, contract: str) -> Mark:
        return Mark(
            self._marks / f"{contract}.intersections.mark",
            hint="Put it back as it was, from the newest backup of the home.",
        )

    def _select(self, *conditions: ColumnElement[bool]) -> tuple[Intersection, ...]:
        query = select(intersections).where(*conditions)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return tuple(
            Intersection(
                contract=row.contract,
                job=row.job,
                state=IntersectionState(row.state),
                counterpart=None
                if row.counterpart is None
                else (IntersectionOpening.from_canonical(row.counterpart), row.counterpart_signature),
                learned=None if row.learned is None else _read(row.learned),
            )
            for row in rows
        )


class _Claim:
    def __init__(self, engine: Engine, contract: Contract, type_: str, chunk: IntersectionChunk) -> None:
        self._engine = engine
        self._contract = contract
        self._type = type_
        self._chunk = chunk

    def claim(self, points: bytes) -> None:
        """Count the points, on disk before the first is multiplied. Raises CapExceededError, ReplayError."""
        with self._engine.begin() as connection:
            if _require_same(connection, self._chunk):
                return
            count_points(connection, self._contract, self._chunk.sender, self._type, len(points) // POINT_BYTES)
            _note(connection, self._chunk)


def _require_same(connection: Connection, chunk: IntersectionChunk) -> bool:
    """Whether this chunk was taken before."""
    held = connection.scalar(
        select(intersection_inbox.c.digest).where(
            *_at(intersection_inbox, chunk.contract, chunk.job, (chunk.step, chunk.index))
        )
    )
    if held not in {None, chunk.digest()}:
        raise ReplayError(
            "another chunk was taken at this place before", hint="Run `miyun audit verify`, then ask for it anew."
        )
    return held is not None


def _note(connection: Connection, chunk: IntersectionChunk) -> None:
    connection.execute(
        upsert(intersection_inbox)
        .values(contract=chunk.contract, job=chunk.job, step=chunk.step, chunk=chunk.index, digest=chunk.digest())
        .on_conflict_do_nothing()
    )


def _of(table: Table, contract: str, job: str) -> tuple[ColumnElement[bool], ...]:
    return table.c.contract == contract, table.c.job == job


def _at(table: Table, contract: str, job: str, place: Place) -> tuple[ColumnElement[bool], ...]:
    step, index = place
    return *_of(table, contract, job), table.c.step == step, table.c.chunk == index


def _read(document: bytes) -> Learned:
    plain = json.loads(document)
    return Learned(
        size=None if plain["size"] is None else MatchedSize(**plain["size"]),
        totals=tuple(ColumnTotal(**total) for total in plain["totals"]),
    )
