"""The queue of a delivery: batches are written down before they are sent, and their outcomes when they are known."""

import json
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.destinations.batches import Batch, BatchOutcome, Order, Refused
from miyun.destinations.plugin import FrequencyCap
from miyun.members.config import CAPPED
from miyun.party.delivery_schema import batches, charges, counts, deliveries, refusals
from miyun.storage.database import reading

_PARAMETERS = 10_000
"""Fewer than SQLite takes in one statement."""


_LONGEST_CAP = timedelta(days=366)

T = TypeVar("T")


class BatchState(StrEnum):
    """``sent``: it was, or was about to be. ``working``: its receiver is at it, under a handle."""

    PENDING = "pending"
    SENT = "sent"
    WORKING = "working"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedBatch:
    batch: Batch
    state: BatchState
    attempts: int
    handle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Members in the order of their handles, their fields by name, and those that lack a required field."""

    next_handle: int
    ids: Sequence[str]
    columns: Mapping[str, Sequence[str | None]]
    lacking: Sequence[tuple[str, Refused]]


class DeliveryQueue:
    """The batches of one delivery."""

    def __init__(self, engine: Engine, order: Order) -> None:
        self._engine = engine
        self._order = order

    def add(self, rows: Rows, *, batch_rows: int, cap: FrequencyCap | None, now: datetime) -> None:
        """Queue rows, each charged to the cap in the same transaction. Rows that were added before are not again."""
        with self._engine.begin() as connection:
            held = connection.execute(select(deliveries).where(*self._of(deliveries))).one()
            if rows.next_handle <= held.next_handle:
                return
            over = set() if cap is None else self._at_cap(connection, rows.ids, cap, now)
            kept = [place for place, member in enumerate(rows.ids) if member not in over]
            index = held.batches
            for part in _parts(kept, batch_rows):
                self._put(connection, index, rows, part)
                index += 1
            if cap is not None and kept:
                connection.execute(delete(charges).where(charges.c.at <= (now - _LONGEST_CAP).timestamp()))
                charge = {"channel": self._order.channel, "at": now.timestamp(), **self._names}
                connection.execute(insert(charges), [{**charge, "member": rows.ids[place]} for place in kept])
            self._refuse(connection, rows.lacking)
            left_out = Counter(json.loads(held.left_out))
            if over:
                left_out[CAPPED] += len(over)
            connection.execute(
                update(deliveries)
                .where(*self._of(deliveries))
                .values(
                    next_handle=rows.next_handle,
                    batches=index,
                    queued=held.queued + len(kept) + len(rows.lacking),
                    left_out=json.dumps(left_out).encode(),
                )
            )

    def leave_out(self, counts: Mapping[str, int]) -> None:
        """Note how many people are left out for which reasons, before the first row is queued."""
        with self._engine.begin() as connection:
            connection.execute(
                update(deliveries)
                .where(*self._of(deliveries), deliveries.c.next_handle == 0)
                .values(left_out=json.dumps({reason: count for reason, count in counts.items() if count}).encode())
            )

    def next(self, now: datetime) -> QueuedBatch | None:
        """The first batch that has no outcome yet and may be sent, or asked about, now."""
        query = (
            select(batches)
            .where(*self._of(batches), batches.c.state != BatchState.SETTLED)
            .where(batches.c.not_before <= now.timestamp())
            .order_by(batches.c.batch)
            .limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return QueuedBatch(
            batch=_read(self._order, row.batch, row.rows),
            state=BatchState(row.state),
            attempts=row.attempts,
            handle=row.handle,
        )

    def open(self) -> int:
        """How many batches have no outcome yet."""
        query = select(func.count()).where(*self._of(batches), batches.c.state != BatchState.SETTLED)
        with reading(self._engine) as connection:
            return connection.scalar(query) or 0

    def unclear(self) -> int:
        """How many batches may have arrived, or may not."""
        query = select(func.count()).where(*self._of(batches), batches.c.state == BatchState.SENT)
        with reading(self._engine) as connection:
            return connection.scalar(query) or 0

    def send(self, batch: Batch) -> bool:
        """Note that it is about to be sent; False where it is not to be any more."""
        with self._engine.begin() as connection:
            changed = connection.execute(
                update(batches)
                .where(*self._one(batch), batches.c.state.in_((BatchState.PENDING, BatchState.SENT)))
                .values(state=BatchState.SENT, attempts=batches.c.attempts + 1)
            )
        return changed.rowcount == 1

    def put_back(self, batch: Batch) -> None:
        """It did not arrive, for certain."""
        with self._engine.begin() as connection:
            connection.execute(
                update(batches)
                .where(*self._one(batch), batches.c.state != BatchState.SETTLED)
                .values(state=BatchState.PENDING)
            )

    def work(self, batch: Batch, handle: str, not_before: float) -> None:
        """Its receiver has taken it and is to be asked about it later."""
        with self._engine.begin() as connection:
            connection.execute(
                update(batches)
                .where(*self._one(batch), batches.c.state != BatchState.SETTLED)
                .values(state=BatchState.WORKING, handle=handle, not_before=not_before, attempts=batches.c.attempts + 1)
            )

    def settle(self, batch: Batch, outcome: BatchOutcome, not_before: float) -> None:
        """Note its outcome, once. What is to be sent later becomes a batch of its own, with a key of its own."""
        with self._engine.begin() as connection:
            row = connection.execute(
                select(batches.c.attempts).where(*self._one(batch), batches.c.state != BatchState.SETTLED)
            ).first()
            if row is None:
                return
            _settle(connection, self._one(batch))
            refused = [(batch.ids[one.row], one) for one in outcome.refused]
            self._refuse(connection, refused)
            _refund(connection, self._of(charges), [member for member, _ in refused])
            index = connection.scalar(select(deliveries.c.batches).where(*self._of(deliveries))) or 0
            if outcome.later:
                self._put(connection, index, batch, outcome.later, attempts=row.attempts, not_before=not_before)
            asked = len(batch.ids) - len(refused) - len(outcome.later)
            accepted = max(0, asked - sum(one.rows for one in outcome.counted))
            for one in outcome.counted:
                connection.execute(
                    upsert(counts)
                    .values(**self._names, batch=batch.index, code=one.code, rows=one.rows, words=one.words)
                    .on_conflict_do_nothing()
                )
            connection.execute(
                update(deliveries)
                .where(*self._of(deliveries))
                .values(accepted=deliveries.c.accepted + accepted, batches=index + bool(outcome.later))
            )

    def batches(self, state: BatchState = BatchState.PENDING) -> Iterator[Batch]:
        """The batches in a state, as a rule those that have not been sent."""
        query = select(batches.c.batch).where(*self._of(batches), batches.c.state == state)
        with reading(self._engine) as connection:
            indexes = connection.scalars(query.order_by(batches.c.batch)).all()
        for index in indexes:
            with reading(self._engine) as connection:
                rows = connection.scalar(select(batches.c.rows).where(*self._of(batches), batches.c.batch == index))
            if rows:
                yield _read(self._order, index, rows)

    def withdraw(self, batch: Batch, reasons: Mapping[int, str]) -> None:
        """Leave rows out that were not sent, for the reason that each place stands for; the others become a batch."""
        with self._engine.begin() as connection:
            row = connection.execute(
                select(batches.c.attempts).where(*self._one(batch), batches.c.state == BatchState.PENDING)
            ).first()
            if row is None:
                return
            _settle(connection, self._one(batch))
            _refund(connection, self._of(charges), [batch.ids[place] for place in reasons])
            index = connection.scalar(select(deliveries.c.batches).where(*self._of(deliveries))) or 0
            kept = [place for place in range(len(batch.ids)) if place not in reasons]
            if kept:
                self._put(connection, index, batch, kept, attempts=row.attempts)
            self._leave_out(connection, reasons, batches=index + bool(kept))

    def shorten(self, batch: Batch, reasons: Mapping[int, str]) -> None:
        """Leave rows out of a batch that may have arrived and keeps its key, each for the reason of its place.

        They may have been reached before, so what was counted against a cap stays so.
        """
        kept = [place for place in range(len(batch.ids)) if place not in reasons]
        with self._engine.begin() as connection:
            changed = connection.execute(
                update(batches)
                .where(*self._one(batch), batches.c.state == BatchState.SENT)
                .values(rows=_packed(batch, kept))
            )
            if changed.rowcount:
                if not kept:
                    _settle(connection, self._one(batch))
                self._leave_out(connection, reasons)

    def begin_anew(self) -> None:
        """Forget how often each batch was tried, and wait for nothing."""
        with self._engine.begin() as connection:
            connection.execute(update(batches).where(*self._of(batches)).values(attempts=0, not_before=0.0))

    def send_unclear_again(self) -> None:
        """A person says that batches which may have arrived did not. Who objects by now is to be left out of them."""
        with self._engine.begin() as connection:
            connection.execute(
                update(batches)
                .where(*self._of(batches), batches.c.state == BatchState.SENT)
                .values(state=BatchState.PENDING)
            )
            connection.execute(update(deliveries).where(*self._of(deliveries)).values(looked_at=0.0))

    def take_unclear_as_arrived(self) -> None:
        """A person says that batches which may have arrived did."""
        query = select(batches.c.batch, batches.c.rows).where(*self._of(batches), batches.c.state == BatchState.SENT)
        with reading(self._engine) as connection:
            found = connection.execute(query).all()
        for row in found:
            self.settle(_read(self._order, row.batch, row.rows), BatchOutcome(), 0.0)

    def _leave_out(self, connection: Connection, reasons: Mapping[int, str], **values: int) -> None:
        """Note that rows which were queued are left out."""
        held = connection.execute(select(deliveries).where(*self._of(deliveries))).one()
        left_out = Counter(json.loads(held.left_out)) + Counter(reasons.values())
        connection.execute(
            update(deliveries)
            .where(*self._of(deliveries))
            .values(queued=held.queued - len(reasons), left_out=json.dumps(left_out).encode(), **values)
        )

    def _put(
        self,
        connection: Connection,
        index: int,
        of: Rows | Batch,
        places: Sequence[int],
        *,
        attempts: int = 0,
        not_before: float = 0.0,
    ) -> None:
        """Queue the rows at some places."""
        connection.execute(
            insert(batches).values(
                **self._names,
                batch=index,
                state=BatchState.PENDING,
                rows=_packed(of, places),
                attempts=attempts,
                handle="",
                not_before=not_before,
            )
        )

    def _refuse(self, connection: Connection, refused: Sequence[tuple[str, Refused]]) -> None:
        if refused:
            connection.execute(
                upsert(refusals).on_conflict_do_nothing(),
                [{**self._names, "member": member, "code": one.code, "words": one.words} for member, one in refused],
            )

    def _at_cap(self, connection: Connection, ids: Sequence[str], cap: FrequencyCap, now: datetime) -> set[str]:
        since = (now - timedelta(days=cap.days)).timestamp()
        over: set[str] = set()
        for part in _parts(ids, _PARAMETERS):
            query = (
                select(charges.c.member)
                .where(charges.c.channel == self._order.channel, charges.c.member.in_(part), charges.c.at > since)
                .group_by(charges.c.member)
                .having(func.count() >= cap.deliveries)
            )
            over.update(connection.scalars(query))
        return over

    @property
    def _names(self) -> dict[str, str]:
        return {"contract": self._order.contract, "job": self._order.job}

    def _of(self, table: Table) -> tuple[Any, Any]:
        return table.c.contract == self._order.contract, table.c.job == self._order.job

    def _one(self, batch: Batch) -> tuple[Any, ...]:
        return *self._of(batches), batches.c.batch == batch.index


def abandon_batches(connection: Connection, contract: str, job: str) -> None:
    """Take the rows from the queue; those that were not sent are not counted against a cap."""
    here = (batches.c.contract == contract, batches.c.job == job, batches.c.state != BatchState.SETTLED)
    charged = (charges.c.contract == contract, charges.c.job == job)
    unsent = select(batches.c.rows).where(*here, batches.c.state == BatchState.PENDING)
    for rows in connection.scalars(unsent).all():
        _refund(connection, charged, _content(rows)["ids"])
    _settle(connection, here)


def _settle(connection: Connection, here: tuple[Any, ...]) -> None:
    """These batches have their outcome: their rows go."""
    connection.execute(update(batches).where(*here).values(state=BatchState.SETTLED, rows=b"", handle=""))


def _refund(connection: Connection, here: tuple[Any, ...], members: Sequence[str]) -> None:
    """Don't count members against a cap."""
    for part in _parts(members, _PARAMETERS):
        connection.execute(delete(charges).where(*here, charges.c.member.in_(part)))


def _read(order: Order, index: int, rows: bytes) -> Batch:
    content = _content(rows)
    return Batch(
        order=order,
        index=index,
        ids=tuple(content["ids"]),
        columns={name: tuple(column) for name, column in content["columns"].items()},
    )


def _packed(of: Rows | Batch, places: Sequence[int]) -> bytes:
    """The rows at some places."""
    ids = [of.ids[place] for place in places]
    columns = {name: [column[place] for place in places] for name, column in of.columns.items()}
    rows = json.dumps({"ids": ids, "columns": columns}, ensure_ascii=False, separators=(",", ":"))
    return zlib.compress(rows.encode(), level=1)


def _content(rows: bytes) -> Any:
    return json.loads(zlib.decompress(rows))


def _parts(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))
