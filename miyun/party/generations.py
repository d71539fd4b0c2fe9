"""Generations of this party's data within an epoch: within one, what was said of a row is not said otherwise.

A delta begins one with its rows, or a statement does by itself; that is stored before it is sent.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.party.refresh_schema import generations
from miyun.segments.statements import DataRefresh
from miyun.storage.database import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRefresh:
    """A statement that the zone has not confirmed yet."""

    statement: DataRefresh
    signature: bytes


class Generations:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def current(self, contract: str, epoch: int) -> int:
        """The generation that the zone knows of; an epoch begins with 0."""
        query = select(func.max(generations.c.generation)).where(*_of(contract, epoch), generations.c.confirmed)
        with reading(self._engine) as connection:
            return connection.scalar(query) or 0

    def pending(self, contract: str) -> PendingRefresh | None:
        query = select(generations).where(generations.c.contract == contract, ~generations.c.confirmed)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return PendingRefresh(statement=DataRefresh.from_canonical(row.statement), signature=row.signature)

    def begin(self, pending: PendingRefresh) -> None:
        """Store a statement, durably, before it is sent."""
        statement = pending.statement
        with self._engine.begin() as connection:
            connection.execute(
                upsert(generations)
                .values(
                    contract=statement.contract,
                    epoch=statement.epoch,
                    generation=statement.generation,
                    statement=statement.canonical_bytes(),
                    signature=pending.signature,
                    confirmed=False,
                )
                .on_conflict_do_nothing()
            )

    def confirm(self, statement: DataRefresh) -> None:
        """The zone has it."""
        with self._engine.begin() as connection:
            connection.execute(
                update(generations)
                .where(*_of(statement.contract, statement.epoch), generations.c.generation == statement.generation)
                .values(confirmed=True)
            )

    def drop(self, statement: DataRefresh) -> None:
        """The zone refused it."""
        with self._engine.begin() as connection:
            connection.execute(
                delete(generations).where(
                    *_of(statement.contract, statement.epoch),
                    generations.c.generation == statement.generation,
                    ~generations.c.confirmed,
                )
            )

    def bound(self, connection: Connection, contract: str, epoch: int, generation: int) -> None:
        """A delta that the zone bound brought this generation, or left what there was."""
        if generation:
            connection.execute(
                upsert(generations)
                .values(contract=contract, epoch=epoch, generation=generation, confirmed=True)
                .on_conflict_do_nothing()
            )

    def forget(self, contract: str, *, before_epoch: int) -> None:
        """Forget those of epochs that are over."""
        with self._engine.begin() as connection:
            connection.execute(
                delete(generations).where(generations.c.contract == contract, generations.c.epoch < before_epoch)
            )


def _of(contract: str, epoch: int) -> tuple[ColumnElement[bool], ...]:
    return generations.c.contract == contract, generations.c.epoch == epoch
