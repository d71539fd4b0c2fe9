"""Fusions and the statements exchanged in them, in the database."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from miyun.psi.statements import Announcement, FusionReport, HandlesChunk, PointsChunk, Rebinds, TokensChunk
from miyun.zone.schema import announcements, fusions, points_chunks, rebinds, tokens_chunks


class FusionState(StrEnum):
    """``JOINING``: all tokens are in. ``REPORTING``: joined, and the match report waits for leases."""

    EXCHANGING = "exchanging"
    JOINING = "joining"
    REPORTING = "reporting"
    REPORTED = "reported"
    FAILED = "failed"
    ERASED = "erased"


_JOINED = [FusionState.REPORTING.value, FusionState.REPORTED.value]
_FINISHED = [*_JOINED, FusionState.FAILED.value, FusionState.ERASED.value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fusion:
    """``sequence`` is 0 where the epoch began, else the number of a delta. ``ended`` is when a later epoch took its
    place, or it failed.
    """

    contract: str
    epoch: int
    sequence: int
    job: str
    state: FusionState
    ended: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneCount:
    """Chunks of one sender and type that the zone holds: of points, and of tokens derived from them."""

    sender: str
    type: str
    points: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """The chunks of one sender and type."""

    contract: str
    job: str
    type: str
    sender: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkPlace:
    contract: str
    job: str
    type: str
    sender: str
    index: int


def add_fusion(connection: Connection, contract: str, epoch: int, sequence: int, job: str) -> None:
    connection.execute(
        insert(fusions).values(
            contract=contract, epoch=epoch, sequence=sequence, job=job, state=FusionState.EXCHANGING.value
        )
    )


def find_fusion(connection: Connection, contract: str, epoch: int, sequence: int = 0) -> Fusion | None:
    row = connection.execute(
        select(fusions).where(fusions.c.contract == contract, fusions.c.epoch == epoch, fusions.c.sequence == sequence)
    ).one_or_none()
    return None if row is None else _fusion(row)


def fusion_of_job(connection: Connection, contract: str, job: str) -> Fusion | None:
    row = connection.execute(select(fusions).where(fusions.c.contract == contract, fusions.c.job == job)).one_or_none()
    return None if row is None else _fusion(row)


def fusions_in(connection: Connection, contract: str, state: FusionState) -> tuple[Fusion, ...]:
    rows = connection.execute(
        select(fusions).where(fusions.c.contract == contract, fusions.c.state == state.value).order_by(fusions.c.epoch)
    ).all()
    return tuple(_fusion(row) for row in rows)


def fusions_of_epoch(connection: Connection, contract: str, epoch: int) -> tuple[Fusion, ...]:
    """What began an epoch, and its deltas in their order, failed ones too."""
    rows = connection.execute(
        select(fusions).where(fusions.c.contract == contract, fusions.c.epoch == epoch).order_by(fusions.c.sequence)
    ).all()
    return tuple(_fusion(row) for row in rows)


def applied(connection: Connection, contract: str, epoch: int) -> tuple[Fusion, ...]:
    """What made an epoch's match as it is, in its order: the fusion, and the deltas that did not fail."""
    return tuple(fusion for fusion in fusions_of_epoch(connection, contract, epoch) if fusion.state.value in _JOINED)


def announced(connection: Connection, contract: str, epoch: int) -> tuple[Announcement, ...]:
    """What was announced of all that made an epoch's match as it is."""
    rows = connection.scalars(
        select(announcements.c.statement)
        .join(fusions, (fusions.c.contract == announcements.c.contract) & (fusions.c.job == announcements.c.job))
        .where(fusions.c.contract == contract, fusions.c.epoch == epoch, fusions.c.state.in_(_JOINED))
    ).all()
    return tuple(map(Announcement.from_canonical, rows))


def row_handles(connection: Connection, contract: str, epoch: int) -> dict[str, int]:
    """How many row handles each party has in a joined epoch, padding and retired ones included."""
    handles: dict[str, int] = {}
    for announcement in announced(connection, contract, epoch):
        handles[announcement.party] = handles.get(announcement.party, 0) + announcement.handles
    return handles


def newest_delta(connection: Connection, contract: str, epoch: int) -> int:
    """The sequence of the newest delta that an epoch's match has in it; 0: none."""
    query = select(func.max(fusions.c.sequence)).where(
        fusions.c.contract == contract, fusions.c.epoch == epoch, fusions.c.state.in_(_JOINED)
    )
    return connection.scalar(query) or 0


def newest_epoch(connection: Connection, contract: str) -> int:
    """The newest epoch whose fusion is over, well or not; 0: none. The next fusion takes the next number."""
    newest = connection.execute(
        select(func.max(fusions.c.epoch)).where(
            fusions.c.contract == contract, fusions.c.sequence == 0, fusions.c.state.in_(_FINISHED)
        )
    ).scalar()
    return newest or 0


def joined_fusion(connection: Connection, contract: str) -> Fusion | None:
    """The fusion whose pairs the zone holds."""
    row = connection.execute(
        select(fusions)
        .where(fusions.c.contract == contract, fusions.c.sequence == 0, fusions.c.state.in_(_JOINED))
        .order_by(fusions.c.epoch.desc())
    ).first()
    return None if row is None else _fusion(row)


def set_state(connection: Connection, fusion: Fusion, state: FusionState) -> None:
    connection.execute(_update(fusion).values(state=state.value))


def set_joined(connection: Connection, fusion: Fusion, at: datetime) -> None:
    connection.execute(_update(fusion).values(state=FusionState.REPORTING.value, joined=at))


def set_applied(connection: Connection, delta: Fusion, at: datetime) -> None:
    connection.execute(_update(delta).values(state=FusionState.REPORTED.value, joined=at))


def set_failed(connection: Connection, fusion: Fusion, at: datetime) -> None:
    connection.execute(_update(fusion).values(state=FusionState.FAILED.value, ended=at))


def set_erased(connection: Connection, contract: str, epoch: int, at: datetime) -> None:
    """The epoch is over, with its deltas."""
    connection.execute(
        update(fusions)
        .where(fusions.c.contract == contract, fusions.c.epoch == epoch)
        .values(state=FusionState.ERASED.value, ended=at)
    )


def put_report(connection: Connection, fusion: Fusion, report: FusionReport, signature: bytes) -> None:
    connection.execute(
        _update(fusion).values(
            state=FusionState.REPORTED.value, report=report.canonical_bytes(), report_signature=signature
        )
    )


def find_report(connection: Connection, contract: str, epoch: int) -> tuple[FusionReport, bytes] | None:
    """The report of an epoch (0: the newest that has one) and its signature."""
    query = (
        select(fusions.c.report, fusions.c.report_signature)
        .where(fusions.c.contract == contract, fusions.c.report.is_not(None))
        .order_by(fusions.c.epoch.desc())
    )
    if epoch:
        query = query.where(fusions.c.epoch == epoch)
    row = connection.execute(query).first()
    return None if row is None else (FusionReport.from_canonical(row.report), row.report_signature)


def add_announcement(connection: Connection, statement: Announcement, signature: bytes) -> None:
    connection.execute(
        insert(announcements).values(
            contract=statement.contract,
            job=statement.job,
            party=statement.party,
            statement=statement.canonical_bytes(),
            signature=signature,
        )
    )


def list_announcements(connection: Connection, contract: str, job: str) -> dict[str, tuple[Announcement, bytes]]:
    """What was announced so far in a fusion or a delta, and the signature, by party."""
    rows = connection.execute(
        select(announcements).where(announcements.c.contract == contract, announcements.c.job == job)
    ).all()
    return {row.party: (Announcement.from_canonical(row.statement), row.signature) for row in rows}


def add_rebinds(connection: Connection, statement: Rebinds, values: bytes) -> None:
    connection.execute(
        insert(rebinds).values(
            contract=statement.contract, job=statement.job, statement=statement.canonical_bytes(), data=values
        )
    )


def find_rebinds(connection: Connection, contract: str, job: str) -> tuple[Rebinds, bytes] | None:
    """What a delta binds otherwise, where that is in."""
    row = connection.execute(
        select(rebinds.c.statement, rebinds.c.data).where(rebinds.c.contract == contract, rebinds.c.job == job)
    ).one_or_none()
    return None if row is None else (Rebinds.from_canonical(row.statement), row.data)


def add_points(
    connection: Connection,
    points: PointsChunk,
    points_signature: bytes,
    handles: HandlesChunk,
    handles_signature: bytes,
) -> None:
    connection.execute(
        insert(points_chunks).values(
            contract=points.contract,
            job=points.job,
            type=points.type,
            sender=points.sender,
            index=points.index,
            points=points.canonical_bytes(),
            points_signature=points_signature,
            handles=handles.canonical_bytes(),
            handles_signature=handles_signature,
        )
    )


def find_points(connection: Connection, place: ChunkPlace) -> tuple[PointsChunk, bytes] | None:
    table = points_chunks.c
    row = connection.execute(
        select(table.points, table.points_signature).where(
            table.contract == place.contract,
            table.job == place.job,
            table.type == place.type,
            table.sender == place.sender,
            table.index == place.index,
        )
    ).one_or_none()
    return None if row is None else (PointsChunk.from_canonical(row.points), row.points_signature)


def list_points(connection: Connection, contract: str, job: str) -> list[tuple[PointsChunk, HandlesChunk]]:
    """All chunks of points with their handles' statements; those of one sender and type in ascending order."""
    table = points_chunks.c
    rows = connection.execute(
        select(table.points, table.handles)
        .where(table.contract == contract, table.job == job)
        .order_by(table.sender, table.type, table.index)
    )
    return [(PointsChunk.from_canonical(row.points), HandlesChunk.from_canonical(row.handles)) for row in rows]


def add_tokens(connection: Connection, statement: TokensChunk, signature: bytes) -> None:
    connection.execute(
        insert(tokens_chunks).values(
            contract=statement.contract,
            job=statement.job,
            type=statement.type,
            sender=statement.sender,
            index=statement.index,
            statement=statement.canonical_bytes(),
            signature=signature,
        )
    )


def list_tokens(connection: Connection, contract: str, job: str) -> list[TokensChunk]:
    """All chunks of tokens; those of one sender and type in ascending order."""
    table = tokens_chunks.c
    rows = connection.execute(
        select(table.statement)
        .where(table.contract == contract, table.job == job)
        .order_by(table.sender, table.type, table.index)
    )
    return [TokensChunk.from_canonical(row.statement) for row in rows]


def count_chunks(connection: Connection, contract: str, job: str) -> tuple[LaneCount, ...]:
    """What is in of each sender and type that has sent a chunk."""
    counts = []
    for table in (points_chunks, tokens_chunks):
        rows = connection.execute(
            select(table.c.sender, table.c.type, func.count().label("chunks"))
            .where(table.c.contract == contract, table.c.job == job)
            .group_by(table.c.sender, table.c.type)
        ).all()
        counts.append({(row.sender, row.type): row.chunks for row in rows})
    points, tokens = counts
    return tuple(
        LaneCount(sender=sender, type=type_, points=number, tokens=tokens.get((sender, type_), 0))
        for (sender, type_), number in sorted(points.items())
    )


def erase_exchange(connection: Connection, contract: str, job: str) -> None:
    """Forget what was announced and exchanged in a fusion or a delta."""
    for table in (announcements, rebinds, points_chunks, tokens_chunks):
        connection.execute(delete(table).where(table.c.contract == contract, table.c.job == job))


def _update(fusion: Fusion) -> Any:
    return update(fusions).where(fusions.c.contract == fusion.contract, fusions.c.job == fusion.job)


def _fusion(row: Row[Any]) -> Fusion:
    return Fusion(
        contract=row.contract,
        epoch=row.epoch,
        sequence=row.sequence,
        job=row.job,
        state=FusionState(row.state),
        ended=row.ended,
    )
