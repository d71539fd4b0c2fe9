"""What this party computed or encrypted for insights, stored before it is sent: a repeat is byte for byte the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Engine, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.aggregates.statements import Totals, ValuesChunk
from miyun.party.release_marks import ReleaseMarks
from miyun.party.schema import released_pages, released_totals, values_chunks
from miyun.storage.database import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTotals:
    statement: Totals
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedValues:
    statement: ValuesChunk
    signature: bytes
    ciphertexts: bytes


class Aggregations:
    def __init__(self, engine: Engine, marks: Path) -> None:
        """``marks`` is a folder for what is known of released totals beside the database."""
        self._engine = engine
        self.marks = ReleaseMarks(engine, marks, released_totals)

    def totals(self, contract: str, job: str) -> SignedTotals | None:
        """What a job was answered with before; noise drawn a second time would average out."""
        query = select(released_totals).where(released_totals.c.contract == contract, released_totals.c.job == job)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return SignedTotals(statement=Totals.from_canonical(row.statement), signature=row.signature)

    def page(self, contract: str, job: str, page: int) -> bytes | None:
        """A page of what a job was answered with; None once it is erased."""
        table = released_pages.c
        query = select(table.ciphertexts).where(table.contract == contract, table.job == job, table.page == page)
        with reading(self._engine) as connection:
            return connection.scalar(query)

    def put_totals(self, totals: SignedTotals, pages: Sequence[bytes]) -> None:
        """Store an answer, durably, before it is sent. A job has one."""
        statement = totals.statement
        with self._engine.begin() as connection:
            connection.execute(
                insert(released_totals).values(
                    contract=statement.contract,
                    job=statement.job,
                    epoch=statement.epoch,
                    statement=statement.canonical_bytes(),
                    signature=totals.signature,
                )
            )
            for page, ciphertexts in enumerate(pages):
                connection.execute(
                    insert(released_pages).values(
                        contract=statement.contract, job=statement.job, page=page, ciphertexts=ciphertexts
                    )
                )

    def values(self, contract: str, job: str, chunk: int) -> SignedValues | None:
        """The chunk that waits for its receipt at this place, if one does."""
        query = select(values_chunks).where(*_of(contract, job), values_chunks.c.chunk == chunk)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None or row.ciphertexts is None:
            return None
        return SignedValues(
            statement=ValuesChunk.from_canonical(row.statement), signature=row.signature, ciphertexts=row.ciphertexts
        )

    def put_values(self, values: SignedValues) -> None:
        """Store a chunk, durably, before its first sending."""
        statement = values.statement
        chunk = {
            "statement": statement.canonical_bytes(),
            "signature": values.signature,
            "ciphertexts": values.ciphertexts,
        }
        with self._engine.begin() as connection:
            connection.execute(
                upsert(values_chunks)
                .values(contract=statement.contract, job=statement.job, chunk=statement.index, **chunk)
                .on_conflict_do_update(index_elements=["contract", "job", "chunk"], set_=chunk)
            )

    def acknowledge(self, values: SignedValues) -> None:
        """The receipt is kept: drop the ciphertexts."""
        statement = values.statement
        with self._engine.begin() as connection:
            connection.execute(
                update(values_chunks)
                .where(*_of(statement.contract, statement.job), values_chunks.c.chunk == statement.index)
                .values(ciphertexts=None)
            )

    def acknowledged(self, contract: str, job: str) -> int:
        """How many chunks the zone has given receipts for; they go in order."""
        query = select(func.count()).where(*_of(contract, job), values_chunks.c.ciphertexts.is_(None))
        with reading(self._engine) as connection:
            return connection.scalar(query) or 0

    def clear(self, contract: str, job: str) -> None:
        """Drop the chunks of a job that has ended."""
        with self._engine.begin() as connection:
            connection.execute(delete(values_chunks).where(*_of(contract, job)))

    def forget(self, contract: str, *, but_epoch: int) -> None:
        """Drop the ciphertexts of totals of all epochs but one. That they were released stays on record."""
        over = select(released_totals.c.job).where(
            released_totals.c.contract == contract, released_totals.c.epoch != but_epoch
        )
        with self._engine.begin() as connection:
            connection.execute(
                delete(released_pages).where(released_pages.c.contract == contract, released_pages.c.job.in_(over))
            )


def _of(contract: str, job: str) -> tuple[ColumnElement[bool], ...]:
    return values_chunks.c.contract == contract, values_chunks.c.job == job
