"""Segments and their selections by epoch, in the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, select, update

from miyun.contract.model import Universe
from miyun.segments.listing import SegmentFilter, SegmentState
from miyun.zone.schema import segment_references, segment_selections, segments

LIVE = [state.value for state in SegmentState if state.is_live]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSegment:
    """``meaning`` is the definition with the segments that it names written out; ``subjects`` are the things in it that
    need a grant. ``job`` is the job that created it. ``last_change`` is the digest of the newest SegmentChange.
    ``code`` is empty where its owner gave none.
    """

    contract: str
    job: str
    name: str
    owner: str
    code: str
    channels: tuple[str, ...]
    hidden: bool
    processable: bool
    universe: Universe
    meaning: str
    subjects: frozenset[str]
    state: SegmentState
    version: int
    epoch: int
    created: datetime
    expires: datetime
    last_change: bytes | None = None

    def state_at(self, now: datetime) -> SegmentState:
        """One whose time is over has expired, even where it was not ended yet."""
        return SegmentState.EXPIRED if self.state.is_live and now >= self.expires else self.state


def add_segment(connection: Connection, segment: StoredSegment, references: Mapping[str, str]) -> None:
    """``references``: the jobs of the segments that the definition names, by those names."""
    connection.execute(
        insert(segments).values(
            contract=segment.contract,
            job=segment.job,
            owner=segment.owner,
            code=segment.code or None,
            universe=segment.universe.value,
            meaning=segment.meaning,
            subjects="\n".join(sorted(segment.subjects)),
            created=segment.created,
            **_changing(segment),
        )
    )
    for name, job in references.items():
        connection.execute(
            insert(segment_references).values(contract=segment.contract, job=segment.job, name=name, referenced=job)
        )


def save_segment(connection: Connection, segment: StoredSegment) -> None:
    """Write what changes during a segment's life."""
    connection.execute(
        update(segments)
        .where(segments.c.contract == segment.contract, segments.c.job == segment.job)
        .values(**_changing(segment))
    )


def find_segment(connection: Connection, contract: str, job: str) -> StoredSegment | None:
    row = connection.execute(
        select(segments).where(segments.c.contract == contract, segments.c.job == job)
    ).one_or_none()
    return None if row is None else _segment(row)


def segment_named(connection: Connection, contract: str, name: str) -> StoredSegment | None:
    """The live segment of this name, or else the newest of those that had it."""
    rows = connection.execute(
        select(segments)
        .where(segments.c.contract == contract, segments.c.name == name)
        .order_by(segments.c.state.in_(LIVE).desc(), segments.c.created.desc(), segments.c.job)
        .limit(1)
    ).all()
    return _segment(rows[0]) if rows else None


def live_segments(connection: Connection, contract: str) -> tuple[StoredSegment, ...]:
    rows = connection.execute(
        select(segments)
        .where(segments.c.contract == contract, segments.c.state.in_(LIVE))
        .order_by(segments.c.created, segments.c.job)
    ).all()
    return tuple(_segment(row) for row in rows)


def list_segments(
    connection: Connection, contract: str, wanted: SegmentFilter, now: datetime, *, limit: int, after: str
) -> tuple[StoredSegment, ...]:
    """By name, from the one after ``after``; of each name the live segment, or else the newest."""
    place = func.row_number().over(
        partition_by=segments.c.name,
        order_by=(segments.c.state.in_(LIVE).desc(), segments.c.created.desc(), segments.c.job),
    )
    of_name = (
        select(segments.c.job, place.label("place"))
        .where(segments.c.contract == contract, segments.c.name > after)
        .subquery()
    )
    rows = connection.execute(
        select(segments)
        .join(of_name, and_(segments.c.job == of_name.c.job, of_name.c.place == 1))
        .where(segments.c.contract == contract, *_conditions(wanted, now))
        .order_by(segments.c.name)
        .limit(limit)
    ).all()
    return tuple(_segment(row) for row in rows)


def references_of(connection: Connection, contract: str, job: str) -> dict[str, str]:
    """The jobs of the segments that this one's definition names, by those names."""
    rows = connection.execute(
        select(segment_references.c.name, segment_references.c.referenced).where(
            segment_references.c.contract == contract, segment_references.c.job == job
        )
    ).all()
    return {row.name: row.referenced for row in rows}


def referring_segments(connection: Connection, contract: str, job: str) -> tuple[str, ...]:
    """The names of the live segments that refer to this one."""
    rows = connection.execute(
        select(segments.c.name)
        .join(
            segment_references,
            (segment_references.c.contract == segments.c.contract) & (segment_references.c.job == segments.c.job),
        )
        .where(segments.c.contract == contract, segments.c.state.in_(LIVE), segment_references.c.referenced == job)
        .order_by(segments.c.name)
    ).all()
    return tuple(row.name for row in rows)


def put_selection(
    connection: Connection, segment: StoredSegment, sequence: int, generations: str, selection: bytes
) -> None:
    """The pairs (their indices) or rows (their handles) of the segment's current version, as a roaring bitmap.

    ``sequence`` is that of the newest delta of the epoch, ``generations`` are those of the data that it derives from.
    """
    connection.execute(
        insert(segment_selections).values(
            contract=segment.contract,
            job=segment.job,
            epoch=segment.epoch,
            sequence=sequence,
            generations=generations,
            version=segment.version,
            selection=selection,
        )
    )


def get_selection(connection: Connection, contract: str, job: str, epoch: int) -> bytes | None:
    """Of the newest version in an epoch; that of a version before a delta is erased."""
    table = segment_selections.c
    return connection.execute(
        select(table.selection)
        .where(table.contract == contract, table.job == job, table.epoch == epoch)
        .order_by(table.version.desc())
        .limit(1)
    ).scalar()


def erase_selections(connection: Connection, contract: str, job: str) -> None:
    """Forget a segment's selections; its versions stay known."""
    table = segment_selections.c
    connection.execute(
        update(segment_selections).where(table.contract == contract, table.job == job).values(selection=None)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """When a version was evaluated: in this epoch, after this delta, from data of these generations.

    ``held``: what it selects is there still.
    """

    number: int
    epoch: int
    sequence: int
    generations: str
    held: bool


def find_version(connection: Connection, contract: str, job: str, version: int) -> Version | None:
    """A version of a segment; None where it never was evaluated."""
    table = segment_selections.c
    row = connection.execute(
        select(table.epoch, table.sequence, table.generations, table.selection.is_not(None).label("held")).where(
            table.contract == contract, table.job == job, table.version == version
        )
    ).one_or_none()
    if row is None:
        return None
    return Version(number=version, epoch=row.epoch, sequence=row.sequence, generations=row.generations, held=row.held)


def erase_epoch_selections(connection: Connection, contract: str, epoch: int) -> None:
    """Forget the selections of an epoch; the versions stay known."""
    table = segment_selections.c
    connection.execute(
        update(segment_selections).where(table.contract == contract, table.epoch == epoch).values(selection=None)
    )


def _conditions(wanted: SegmentFilter, now: datetime) -> list[ColumnElement[bool]]:
    conditions = []
    if wanted.state is not None:
        conditions.append(_is_in(wanted.state, now))
    if wanted.universe is not None:
        conditions.append(segments.c.universe == wanted.universe.value)
    if wanted.owner:
        conditions.append(segments.c.owner == wanted.owner)
    if wanted.prefix:
        conditions.append(segments.c.name.startswith(wanted.prefix, autoescape=True))
    if wanted.names:
        conditions.append(segments.c.name.in_(wanted.names))
    if wanted.codes:
        conditions.append(segments.c.code.in_(wanted.codes))
    if not (wanted.hidden or wanted.names or wanted.codes):
        conditions.append(segments.c.hidden.is_(False))
    return conditions


def _is_in(state: SegmentState, now: datetime) -> ColumnElement[bool]:
    """What `StoredSegment.state_at` is."""
    over = segments.c.state.in_(LIVE) & (segments.c.expires <= now)
    if state is SegmentState.EXPIRED:
        return (segments.c.state == state.value) | over
    return (segments.c.state == state.value) & ~over


def _changing(segment: StoredSegment) -> dict[str, object]:
    return {
        "name": segment.name,
        "channels": "\n".join(segment.channels),
        "hidden": segment.hidden,
        "processable": segment.processable,
        "expires": segment.expires,
        "state": segment.state.value,
        "version": segment.version,
        "epoch": segment.epoch,
        "last_change": segment.last_change,
    }


def _segment(row: Row[Any]) -> StoredSegment:
    return StoredSegment(
        contract=row.contract,
        job=row.job,
        name=row.name,
        owner=row.owner,
        code=row.code or "",
        channels=tuple(filter(None, row.channels.split("\n"))),
        hidden=row.hidden,
        processable=row.processable,
        universe=Universe(row.universe),
        meaning=row.meaning,
        subjects=frozenset(row.subjects.split("\n")),
        state=SegmentState(row.state),
        version=row.version,
        epoch=row.epoch,
        created=row.created,
        expires=row.expires,
        last_change=row.last_change,
    )
