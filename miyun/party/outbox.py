"""Sealed chunks on their way to the zone: stored before they are sent, so that a resend is byte for byte the same."""

from collections.abc import Mapping

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.party.schema import outbox, sendings
from miyun.psi.chunks import SealedChunk
from miyun.psi.statements import HandlesChunk, PointsChunk
from miyun.storage.database import changing, reading


class Outbox:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, chunk: SealedChunk) -> None:
        """Store a chunk, durably, before its first sending."""
        points = chunk.points
        with changing(self._engine) as connection:
            connection.execute(
                insert(outbox).values(
                    contract=points.contract,
                    job=points.job,
                    type=points.type,
                    chunk=points.index,
                    points=points.canonical_bytes(),
                    points_signature=chunk.points_signature,
                    sealed=chunk.sealed,
                    handles=chunk.handles.canonical_bytes(),
                    handles_signature=chunk.handles_signature,
                    handle_values=chunk.handle_values,
                )
            )

    def get(self, contract: str, job: str, type_: str, index: int) -> SealedChunk | None:
        """The chunk that waits for its receipt at this place, if one does."""
        query = select(outbox).where(
            outbox.c.contract == contract, outbox.c.job == job, outbox.c.type == type_, outbox.c.chunk == index
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return SealedChunk(
            points=PointsChunk.from_canonical(row.points),
            points_signature=row.points_signature,
            sealed=row.sealed,
            handles=HandlesChunk.from_canonical(row.handles),
            handles_signature=row.handles_signature,
            handle_values=row.handle_values,
        )

    def acknowledge(self, chunk: SealedChunk) -> None:
        """The receipt is kept: drop the chunk; it is never sent again."""
        points = chunk.points
        with changing(self._engine) as connection:
            connection.execute(
                delete(outbox).where(
                    outbox.c.contract == points.contract,
                    outbox.c.job == points.job,
                    outbox.c.type == points.type,
                    outbox.c.chunk == points.index,
                )
            )
            connection.execute(
                upsert(sendings)
                .values(contract=points.contract, job=points.job, type=points.type, acknowledged=points.index + 1)
                .on_conflict_do_update(
                    index_elements=["contract", "job", "type"], set_={"acknowledged": points.index + 1}
                )
            )

    def acknowledged(self, contract: str, job: str) -> Mapping[str, int]:
        """How many chunks of each type need no sending any more."""
        query = select(sendings.c.type, sendings.c.acknowledged).where(
            sendings.c.contract == contract, sendings.c.job == job
        )
        with reading(self._engine) as connection:
            return {row.type: row.acknowledged for row in connection.execute(query)}

    def clear(self, contract: str, job: str) -> None:
        """Drop what a fusion that was given up left."""
        with changing(self._engine) as connection:
            connection.execute(delete(outbox).where(outbox.c.contract == contract, outbox.c.job == job))
