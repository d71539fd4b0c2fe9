"""The versions of segments, in the database: they outlive what they selected."""

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from miyun.segments.listing import Cause, VersionRecord
from miyun.zone.schema import segment_versions
from miyun.zone.store.segments import StoredSegment


def put_version(connection: Connection, segment: StoredSegment, cause: Cause, at: datetime) -> None:
    """A segment's current version is begun; one that was never evaluated may be begun anew."""
    values = {"epoch": segment.epoch, "cause": cause.value, "begun": at}
    changed = connection.execute(
        update(segment_versions)
        .where(
            segment_versions.c.contract == segment.contract,
            segment_versions.c.job == segment.job,
            segment_versions.c.version == segment.version,
        )
        .values(**values)
    )
    if changed.rowcount == 0:
        connection.execute(
            insert(segment_versions).values(
                contract=segment.contract, job=segment.job, version=segment.version, **values
            )
        )


def mark_evaluated(connection: Connection, segment: StoredSegment, at: datetime) -> None:
    """A segment's current version is evaluated."""
    connection.execute(
        update(segment_versions)
        .where(
            segment_versions.c.contract == segment.contract,
            segment_versions.c.job == segment.job,
            segment_versions.c.version == segment.version,
        )
        .values(evaluated=at)
    )


def list_versions(connection: Connection, segment: StoredSegment, *, limit: int, before: int) -> list[VersionRecord]:
    """Newest first; ``before``: older than this one, or 0."""
    query = select(segment_versions).where(
        segment_versions.c.contract == segment.contract, segment_versions.c.job == segment.job
    )
    if before:
        query = query.where(segment_versions.c.version < before)
    rows = connection.execute(query.order_by(segment_versions.c.version.desc()).limit(limit)).all()
    return [
        VersionRecord(
            number=row.version, epoch=row.epoch, cause=Cause(row.cause), begun=row.begun, evaluated=row.evaluated
        )
        for row in rows
    ]
