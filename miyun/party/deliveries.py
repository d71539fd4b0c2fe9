"""The audiences that this party delivers: how far each is, and what is known about its receiver."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.destinations.batches import Order
from miyun.party.delivery_queue import BatchState, abandon_batches
from miyun.party.delivery_schema import batches, counts, deliveries, receivers, refusals
from miyun.segments.statements import Delivery, SealedAudience
from miyun.storage.database import reading


class DeliveryState(StrEnum):
    """``stopped`` waits for a person, who says `miyun delivery retry`."""

    QUEUEING = "queueing"
    SENDING = "sending"
    STOPPED = "stopped"
    DONE = "done"
    ABANDONED = "abandoned"


ENDED = frozenset({DeliveryState.DONE, DeliveryState.ABANDONED})


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRecord:
    """One delivery. ``left_out`` counts people by reason; ``statement`` is what the zone is told, once it is written.

    ``local``: it is made here at once, so that the zone is told when it is done; else when the queue is complete.
    """

    order: Order
    kind: str
    local: bool
    state: DeliveryState
    next_handle: int
    batches: int
    queued: int
    accepted: int
    left_out: dict[str, int]
    looked_at: float
    path: Path | None
    problem: str
    hint: str
    audience: SealedAudience
    audience_signature: bytes
    statement: Delivery | None
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """``failures`` in a row, and until when the receiver is left alone."""

    failures: int = 0
    not_before: float = 0


class Refusal(NamedTuple):
    """A refused row by its own id; or, with an empty one, so many rows of a batch that nobody named."""

    id: str
    code: str
    words: str
    batch: int | None
    rows: int


class Deliveries:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, order: Order, audience: SealedAudience, signature: bytes, *, kind: str, local: bool) -> None:
        """Note that an audience is being queued, unless it is already."""
        with self._engine.begin() as connection:
            connection.execute(
                upsert(deliveries)
                .values(
                    contract=order.contract,
                    job=order.job,
                    segment=order.segment,
                    version=order.version,
                    channel=order.channel,
                    ends=order.ends.timestamp(),
                    kind=kind,
                    local=local,
                    state=DeliveryState.QUEUEING,
                    next_handle=0,
                    batches=0,
                    queued=0,
                    accepted=0,
                    left_out=b"{}",
                    looked_at=0.0,
                    path="",
                    problem="",
                    hint="",
                    audience=audience.canonical_bytes(),
                    audience_signature=signature,
                )
                .on_conflict_do_nothing()
            )

    def get(self, contract: str, job: str) -> DeliveryRecord | None:
        query = select(deliveries).where(deliveries.c.contract == contract, deliveries.c.job == job)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        return None if row is None else _record(row)

    def of(self, contract: str) -> tuple[DeliveryRecord, ...]:
        """All of a contract, the ones that are under way first."""
        query = select(deliveries).where(deliveries.c.contract == contract)
        with reading(self._engine) as connection:
            found = [_record(row) for row in connection.execute(query)]
        return tuple(sorted(found, key=lambda one: (one.state in ENDED, one.order.job)))

    def under_way(self) -> tuple[DeliveryRecord, ...]:
        """Those that are sent to receivers outside, as far as they are queued and not stopped."""
        query = select(deliveries).where(deliveries.c.state == DeliveryState.SENDING, ~deliveries.c.local)
        with reading(self._engine) as connection:
            return tuple(_record(row) for row in connection.execute(query))

    def move(
        self, order: Order, state: DeliveryState, *, problem: str = "", hint: str = "", path: Path | None = None
    ) -> None:
        """Note a new state; one that has ended stays so."""
        values: dict[str, object] = {"state": state, "problem": problem, "hint": hint}
        if path is not None:
            values["path"] = str(path)
        with self._engine.begin() as connection:
            connection.execute(update(deliveries).where(*_of(order), deliveries.c.state.not_in(ENDED)).values(**values))

    def looked(self, order: Order, now: float, *, before: float) -> None:
        """Note that nobody is queued who objects, as of now; not where it is to be looked anew since ``before``."""
        with self._engine.begin() as connection:
            connection.execute(
                update(deliveries).where(*_of(order), deliveries.c.looked_at == before).values(looked_at=now)
            )

    def say(self, statement: Delivery, signature: bytes) -> None:
        """Write down what the zone will be told, unless something was before."""
        with self._engine.begin() as connection:
            connection.execute(
                update(deliveries)
                .where(
                    deliveries.c.contract == statement.contract,
                    deliveries.c.job == statement.job,
                    deliveries.c.statement.is_(None),
                )
                .values(statement=statement.canonical_bytes(), signature=signature)
            )

    def due_at(self, delivery: DeliveryRecord) -> float:
        """When there is something to do for it: its receiver may be asked again, and a batch is due."""
        query = select(func.min(batches.c.not_before)).where(
            batches.c.contract == delivery.order.contract,
            batches.c.job == delivery.order.job,
            batches.c.state != BatchState.SETTLED,
        )
        with reading(self._engine) as connection:
            batch = connection.scalar(query)
        return max(batch or 0.0, self.receiver(delivery.order.channel).not_before)

    def receiver(self, channel: str) -> Receiver:
        with reading(self._engine) as connection:
            row = connection.execute(select(receivers).where(receivers.c.channel == channel)).first()
        return Receiver() if row is None else Receiver(failures=row.failures, not_before=row.not_before)

    def note_receiver(self, channel: str, receiver: Receiver) -> None:
        values = {"failures": receiver.failures, "not_before": receiver.not_before}
        with self._engine.begin() as connection:
            connection.execute(
                upsert(receivers)
                .values(channel=channel, **values)
                .on_conflict_do_update(index_elements=[receivers.c.channel], set_=values)
            )

    def refused(self, order: Order) -> dict[str, int]:
        """How many rows were refused, by code, whether the receiver named them or only counted them."""
        named = select(refusals.c.code, func.count().label("refused")).where(
            refusals.c.contract == order.contract, refusals.c.job == order.job
        )
        counted = select(counts.c.code, func.sum(counts.c.rows).label("refused")).where(
            counts.c.contract == order.contract, counts.c.job == order.job
        )
        with reading(self._engine) as connection:
            found: Counter[str] = Counter()
            for query in (named.group_by(refusals.c.code), counted.group_by(counts.c.code)):
                found.update({row.code: row.refused for row in connection.execute(query)})
        return dict(sorted(found.items()))

    def refusals(self, order: Order) -> list[Refusal]:
        """Every refused row, then what was only counted."""
        named = (
            select(refusals.c.member, refusals.c.code, refusals.c.words)
            .where(refusals.c.contract == order.contract, refusals.c.job == order.job)
            .order_by(refusals.c.member)
        )
        counted = (
            select(counts.c.batch, counts.c.code, counts.c.rows.label("refused"), counts.c.words)
            .where(counts.c.contract == order.contract, counts.c.job == order.job)
            .order_by(counts.c.batch, counts.c.code)
        )
        with reading(self._engine) as connection:
            return [
                *(Refusal(row.member, row.code, row.words, None, 1) for row in connection.execute(named)),
                *(Refusal("", row.code, row.words, row.batch, row.refused) for row in connection.execute(counted)),
            ]

    def abandon(self, contract: str, job: str) -> None:
        """A delivery will not go on. What was not sent goes unsent and is not counted against a cap."""
        with self._engine.begin() as connection:
            state = connection.scalar(
                select(deliveries.c.state).where(deliveries.c.contract == contract, deliveries.c.job == job)
            )
            if state is None or state in ENDED:
                return
            abandon_batches(connection, contract, job)
            connection.execute(
                update(deliveries)
                .where(deliveries.c.contract == contract, deliveries.c.job == job)
                .values(state=DeliveryState.ABANDONED)
            )

    def end(self, contract: str) -> None:
        """A contract is over: nothing more is sent under it, and who was refused is forgotten."""
        for delivery in self.of(contract):
            self.abandon(contract, delivery.order.job)
        with self._engine.begin() as connection:
            connection.execute(delete(refusals).where(refusals.c.contract == contract))
            connection.execute(delete(counts).where(counts.c.contract == contract))


def _of(order: Order) -> tuple[Any, Any]:
    return deliveries.c.contract == order.contract, deliveries.c.job == order.job


def _record(row: Any) -> DeliveryRecord:
    return DeliveryRecord(
        order=Order(
            contract=row.contract,
            job=row.job,
            segment=row.segment,
            version=row.version,
            channel=row.channel,
            ends=datetime.fromtimestamp(row.ends, UTC),
        ),
        kind=row.kind,
        local=row.local,
        state=DeliveryState(row.state),
        next_handle=row.next_handle,
        batches=row.batches,
        queued=row.queued,
        accepted=row.accepted,
        left_out=json.loads(row.left_out),
        looked_at=row.looked_at,
        path=Path(row.path) if row.path else None,
        problem=row.problem,
        hint=row.hint,
        audience=SealedAudience.from_canonical(row.audience),
        audience_signature=row.audience_signature,
        statement=None if row.statement is None else Delivery.from_canonical(row.statement),
        signature=row.signature or b"",
    )
