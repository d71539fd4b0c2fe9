"""The bits that this party gave the zone."""

from dataclasses import dataclass

from pyroaring import BitMap
from sqlalchemy import ColumnElement, Engine, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.party.schema import legs
from miyun.segments.statements import SUPPRESSION, LegUpload
from miyun.storage.database import reading


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLeg:
    statement: LegUpload
    signature: bytes
    bits: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Row handles of an epoch, from ``first`` to below ``handles``, and the generation of the data; 0 for opt-outs."""

    epoch: int
    generation: int
    first: int
    handles: int


class Legs:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, contract: str, job: str, asked: Asked, predicate: str) -> StoredLeg | None:
        """What this task was answered with before, for a byte-equal repeat."""
        query = select(legs).where(
            legs.c.contract == contract,
            legs.c.job == job,
            legs.c.epoch == asked.epoch,
            legs.c.generation == asked.generation,
            legs.c.predicate == predicate,
            legs.c.first == asked.first,
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return StoredLeg(statement=LegUpload.from_canonical(row.statement), signature=row.signature, bits=row.bits)

    def bits(self, contract: str, epoch: int, generation: int, predicate: str) -> tuple[int, BitMap]:
        """What a predicate was answered with before in this generation, for whichever segment: for the handles below
        which, and which of them satisfy it.
        """
        query = select(legs.c.handles, legs.c.bits).where(
            *_of(contract, epoch), legs.c.generation == generation, legs.c.predicate == predicate
        )
        covered, bits = 0, BitMap()
        with reading(self._engine) as connection:
            for row in connection.execute(query):
                covered, bits = max(covered, row.handles), bits | BitMap.deserialize(row.bits)
        return covered, bits

    def predicates(self, contract: str, epoch: int, generation: int) -> frozenset[str]:
        """What was answered in a generation."""
        answered = (legs.c.generation == generation, legs.c.predicate != SUPPRESSION)
        query = select(legs.c.predicate).where(*_of(contract, epoch), *answered).distinct()
        with reading(self._engine) as connection:
            return frozenset(connection.scalars(query))

    def count(self, contract: str, epoch: int) -> int:
        """How many different predicates the zone was given bits of in this epoch, each once in a generation."""
        asked = (
            select(legs.c.generation, legs.c.predicate)
            .where(*_of(contract, epoch), legs.c.predicate != SUPPRESSION)
            .distinct()
            .subquery()
        )
        with reading(self._engine) as connection:
            return connection.scalar(select(func.count()).select_from(asked)) or 0

    def put(self, leg: StoredLeg) -> None:
        """Store an answer, durably, before it is sent."""
        statement = leg.statement
        with self._engine.begin() as connection:
            connection.execute(
                upsert(legs)
                .values(
                    contract=statement.contract,
                    job=statement.job,
                    epoch=statement.epoch,
                    generation=statement.generation,
                    predicate=statement.predicate,
                    first=statement.first,
                    handles=statement.handles,
                    statement=statement.canonical_bytes(),
                    signature=leg.signature,
                    bits=leg.bits,
                )
                .on_conflict_do_nothing()
            )

    def forget(self, contract: str, *, but_epoch: int) -> None:
        """Drop all answers but those of one epoch."""
        with self._engine.begin() as connection:
            connection.execute(legs.delete().where(legs.c.contract == contract, legs.c.epoch != but_epoch))


def _of(contract: str, epoch: int) -> tuple[ColumnElement[bool], ...]:
    return legs.c.contract == contract, legs.c.epoch == epoch
