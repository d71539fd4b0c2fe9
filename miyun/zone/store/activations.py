"""Activations, their sealed audiences and deliveries, in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from miyun.segments.statements import Delivery, SealedAudience
from miyun.zone.schema import activations, audience_pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """``version`` and ``epoch`` are those of the segment that it was bound to when it was requested."""

    contract: str
    job: str
    requester: str
    idempotency_key: str
    segment_job: str
    version: int
    epoch: int
    recipient: str
    audience: SealedAudience | None = None
    audience_signature: bytes = b""
    delivery: Delivery | None = None


def add_activation(connection: Connection, activation: Activation) -> None:
    connection.execute(
        insert(activations).values(
            contract=activation.contract,
            job=activation.job,
            requester=activation.requester,
            idempotency_key=activation.idempotency_key,
            segment_job=activation.segment_job,
            version=activation.version,
            epoch=activation.epoch,
            recipient=activation.recipient,
        )
    )


def find_activation(connection: Connection, contract: str, job: str) -> Activation | None:
    row = connection.execute(
        select(activations).where(activations.c.contract == contract, activations.c.job == job)
    ).one_or_none()
    return None if row is None else _activation(row)


def activation_with_key(connection: Connection, contract: str, requester: str, key: str) -> Activation | None:
    row = connection.execute(
        select(activations).where(
            activations.c.contract == contract,
            activations.c.requester == requester,
            activations.c.idempotency_key == key,
        )
    ).one_or_none()
    return None if row is None else _activation(row)


def put_audience(connection: Connection, audience: SealedAudience, signature: bytes, pages: Sequence[bytes]) -> None:
    connection.execute(
        _update(audience.contract, audience.job).values(
            audience=audience.canonical_bytes(), audience_signature=signature
        )
    )
    for page, sealed in enumerate(pages):
        connection.execute(
            insert(audience_pages).values(contract=audience.contract, job=audience.job, page=page, sealed=sealed)
        )


def count_pages(connection: Connection, contract: str, job: str) -> int:
    return connection.execute(
        select(func.count())
        .select_from(audience_pages)
        .where(audience_pages.c.contract == contract, audience_pages.c.job == job)
    ).scalar_one()


def get_page(connection: Connection, contract: str, job: str, page: int) -> bytes | None:
    return connection.execute(
        select(audience_pages.c.sealed).where(
            audience_pages.c.contract == contract, audience_pages.c.job == job, audience_pages.c.page == page
        )
    ).scalar()


def put_delivery(connection: Connection, delivery: Delivery) -> None:
    connection.execute(_update(delivery.contract, delivery.job).values(delivery=delivery.canonical_bytes()))


def erase_pages(connection: Connection, contract: str, job: str) -> None:
    connection.execute(delete(audience_pages).where(audience_pages.c.contract == contract, audience_pages.c.job == job))


def _update(contract: str, job: str) -> Any:
    return update(activations).where(activations.c.contract == contract, activations.c.job == job)


def _activation(row: Row[Any]) -> Activation:
    return Activation(
        contract=row.contract,
        job=row.job,
        requester=row.requester,
        idempotency_key=row.idempotency_key,
        segment_job=row.segment_job,
        version=row.version,
        epoch=row.epoch,
        recipient=row.recipient,
        audience=None if row.audience is None else SealedAudience.from_canonical(row.audience),
        audience_signature=row.audience_signature or b"",
        delivery=None if row.delivery is None else Delivery.from_canonical(row.delivery),
    )
