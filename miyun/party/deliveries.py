"""The audiences that this party delivered, and where."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.party.schema import deliveries
from miyun.segments.statements import Delivery, SealedAudience
from miyun.storage.database import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """``members`` is the number of lines in the file."""

    audience: SealedAudience
    audience_signature: bytes
    statement: Delivery
    signature: bytes
    path: Path
    members: int


class Deliveries:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, delivered: Delivered) -> None:
        """Note a file that is in its place, before the zone is told."""
        with self._engine.begin() as connection:
            connection.execute(
                upsert(deliveries)
                .values(
                    contract=delivered.statement.contract,
                    job=delivered.statement.job,
                    audience=delivered.audience.canonical_bytes(),
                    audience_signature=delivered.audience_signature,
                    statement=delivered.statement.canonical_bytes(),
                    signature=delivered.signature,
                    path=str(delivered.path),
                    members=delivered.members,
                )
                .on_conflict_do_nothing()
            )

    def get(self, contract: str, job: str) -> Delivered | None:
        query = select(deliveries).where(deliveries.c.contract == contract, deliveries.c.job == job)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return Delivered(
            audience=SealedAudience.from_canonical(row.audience),
            audience_signature=row.audience_signature,
            statement=Delivery.from_canonical(row.statement),
            signature=row.signature,
            path=Path(row.path),
            members=row.members,
        )
