"""Legs: what was asked of whom for which job, and the bits that came, in the database."""

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from miyun.segments.statements import LegUpload
from miyun.zone.schema import legs


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLeg:
    """A predicate asked of a party for a job in an epoch, of its handles from ``first`` to below ``handles``.

    ``generation`` is that of the party's data, or 0 for opt-outs; ``received`` says whether its bits are in.
    """

    contract: str
    job: str
    epoch: int
    party: str
    generation: int
    predicate: str
    first: int
    handles: int
    received: bool


def ask_leg(connection: Connection, leg: StoredLeg) -> None:
    connection.execute(
        insert(legs).values(
            contract=leg.contract,
            job=leg.job,
            epoch=leg.epoch,
            party=leg.party,
            generation=leg.generation,
            predicate_digest=_digest(leg.predicate),
            predicate=leg.predicate,
            first=leg.first,
            handles=leg.handles,
        )
    )


def legs_of(connection: Connection, contract: str, job: str, epoch: int) -> tuple[StoredLeg, ...]:
    """What was asked for a job, of each party in the newest generation of its data that it was asked in."""
    rows = connection.execute(
        select(*_LEG)
        .where(legs.c.contract == contract, legs.c.job == job, legs.c.epoch == epoch)
        .order_by(legs.c.party, legs.c.predicate, legs.c.first)
    ).all()
    newest: dict[str, int] = {}
    for row in rows:
        newest[row.party] = max(newest.get(row.party, 0), row.generation)
    return tuple(_leg(row) for row in rows if row.generation == newest[row.party])


Predicate = tuple[int, str]
"""The generation in which it was asked, and its text."""


def predicates_asked(
    connection: Connection, contract: str, epoch: int, *, except_for: str
) -> dict[str, set[Predicate]]:
    """The distinct predicates that were asked of each party in an epoch, other than the text ``except_for``."""
    rows = connection.execute(
        select(legs.c.party, legs.c.generation, legs.c.predicate)
        .where(legs.c.contract == contract, legs.c.epoch == epoch, legs.c.predicate != except_for)
        .distinct()
    ).all()
    asked: dict[str, set[Predicate]] = {}
    for row in rows:
        asked.setdefault(row.party, set()).add((row.generation, row.predicate))
    return asked


def find_leg(connection: Connection, statement: LegUpload) -> tuple[StoredLeg, LegUpload | None] | None:
    """The leg that ``statement`` would fill, and the statement that did fill it; None where it was not asked for."""
    place = _at(statement)
    row = connection.execute(select(*_LEG, legs.c.statement).where(*place)).one_or_none()
    if row is None:
        return None
    return _leg(row), None if row.statement is None else LegUpload.from_canonical(row.statement)


def put_leg(connection: Connection, statement: LegUpload, bits: bytes) -> None:
    place = _at(statement)
    connection.execute(update(legs).where(*place).values(statement=statement.canonical_bytes(), bits=bits))


def leg_bits(connection: Connection, leg: StoredLeg) -> bytes:
    bits: bytes = connection.execute(select(legs.c.bits).where(*_at(leg))).scalar_one()
    return bits


def erase_legs(connection: Connection, contract: str, job: str, *, party: str = "") -> None:
    """Forget the bits that were given for one job: by everybody, or by one party."""
    given = (legs.c.contract == contract, legs.c.job == job, legs.c.bits.is_not(None))
    by = (legs.c.party == party,) if party else ()
    connection.execute(update(legs).where(*given, *by).values(bits=b""))


def erase_epoch_legs(connection: Connection, contract: str, epoch: int) -> None:
    """Forget all that was asked and given in an epoch."""
    connection.execute(delete(legs).where(legs.c.contract == contract, legs.c.epoch == epoch))


_LEG = (
    legs.c.contract,
    legs.c.job,
    legs.c.epoch,
    legs.c.party,
    legs.c.generation,
    legs.c.predicate,
    legs.c.first,
    legs.c.handles,
    legs.c.statement.is_not(None).label("received"),
)


def _at(leg: StoredLeg | LegUpload) -> tuple[Any, ...]:
    return (
        legs.c.contract == leg.contract,
        legs.c.job == leg.job,
        legs.c.epoch == leg.epoch,
        legs.c.party == leg.party,
        legs.c.generation == leg.generation,
        legs.c.predicate_digest == _digest(leg.predicate),
        legs.c.first == leg.first,
    )


def _digest(predicate: str) -> bytes:
    return hashlib.sha256(predicate.encode()).digest()


def _leg(row: Row[Any]) -> StoredLeg:
    return StoredLeg(
        contract=row.contract,
        job=row.job,
        epoch=row.epoch,
        party=row.party,
        generation=row.generation,
        predicate=row.predicate,
        first=row.first,
        handles=row.handles,
        received=row.received,
    )
