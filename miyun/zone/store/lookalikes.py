"""Lookalikes, with the sealed weights until the owner of the tags has them, in the database."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from miyun.aggregates.lookalikes import LookalikeReceived
from miyun.zone.schema import lookalikes

_LOOKALIKES: Select[Any] = select(lookalikes.c.contract, lookalikes.c.name, lookalikes.c.job, lookalikes.c.received)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLookalike:
    contract: str
    name: str
    job: str
    received: LookalikeReceived | None = None


def add_lookalike(connection: Connection, lookalike: StoredLookalike) -> None:
    connection.execute(
        insert(lookalikes).values(
            contract=lookalike.contract, name=lookalike.name, job=lookalike.job, sealed=None, received=None
        )
    )


def lookalike_named(connection: Connection, contract: str, name: str) -> StoredLookalike | None:
    return _find(connection, lookalikes.c.contract == contract, lookalikes.c.name == name)


def lookalike_of_job(connection: Connection, contract: str, job: str) -> StoredLookalike | None:
    return _find(connection, lookalikes.c.contract == contract, lookalikes.c.job == job)


def list_lookalikes(connection: Connection, contract: str, *, limit: int, after: str) -> tuple[StoredLookalike, ...]:
    """By name, those after ``after``."""
    query = _LOOKALIKES.where(lookalikes.c.contract == contract, lookalikes.c.name > after)
    rows = connection.execute(query.order_by(lookalikes.c.name).limit(limit)).all()
    return tuple(map(_lookalike, rows))


def sealed_weights(connection: Connection, contract: str, job: str) -> bytes | None:
    """What is sealed to the owner of the tags; None before it is sent, and once it is erased."""
    return connection.execute(
        select(lookalikes.c.sealed).where(lookalikes.c.contract == contract, lookalikes.c.job == job)
    ).scalar()


def put_sealed(connection: Connection, contract: str, job: str, sealed: bytes) -> None:
    """Keep weights for the owner of the tags."""
    connection.execute(
        update(lookalikes).where(lookalikes.c.contract == contract, lookalikes.c.job == job).values(sealed=sealed)
    )


def put_received(connection: Connection, statement: LookalikeReceived) -> None:
    """Keep that the weights have arrived, and not the weights."""
    connection.execute(
        update(lookalikes)
        .where(lookalikes.c.contract == statement.contract, lookalikes.c.job == statement.job)
        .values(received=statement.canonical_bytes(), sealed=None)
    )


def erase_sealed(connection: Connection, contract: str, job: str) -> None:
    """Forget weights that will not be fetched any more."""
    connection.execute(
        update(lookalikes).where(lookalikes.c.contract == contract, lookalikes.c.job == job).values(sealed=None)
    )


def _find(connection: Connection, *conditions: Any) -> StoredLookalike | None:
    row = connection.execute(_LOOKALIKES.where(*conditions)).one_or_none()
    return None if row is None else _lookalike(row)


def _lookalike(row: Row[Any]) -> StoredLookalike:
    received = None if row.received is None else LookalikeReceived.from_canonical(row.received)
    return StoredLookalike(contract=row.contract, name=row.name, job=row.job, received=received)
