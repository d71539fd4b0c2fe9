"""What this party published last under each contract, in its database."""

from dataclasses import dataclass

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.party.schema import publications
from miyun.segments.publication import PublishedSchema
from miyun.storage.database import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """``files`` tells the files that it was made of from their later versions; ``acknowledged``: the zone has it."""

    statement: PublishedSchema
    signature: bytes
    files: str
    acknowledged: bool


class Publications:
    """What was published last under each contract."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, contract: str) -> Published | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(publications).where(publications.c.contract == contract)).first()
        if row is None:
            return None
        return Published(
            statement=PublishedSchema.from_canonical(row.statement),
            signature=row.signature,
            files=row.files,
            acknowledged=row.acknowledged,
        )

    def put(self, published: Published) -> None:
        values = {
            "contract": published.statement.contract,
            "statement": published.statement.canonical_bytes(),
            "signature": published.signature,
            "files": published.files,
            "acknowledged": published.acknowledged,
        }
        with self._engine.begin() as connection:
            connection.execute(upsert(publications).values(values).on_conflict_do_update(set_=values))

    def acknowledge(self, contract: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(
                update(publications).where(publications.c.contract == contract).values(acknowledged=True)
            )

    def forget(self, contract: str) -> None:
        with self._engine.begin() as connection:
            connection.execute(delete(publications).where(publications.c.contract == contract))
