"""What deltas changed in this party's rosters: stored before anything is sent, taken in once the zone has bound it."""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, Engine, Table, delete, func, select
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.members.changing import PADDING, Digest, PaddingPoints, RosterChange
from miyun.members.roster import Roster
from miyun.members.roster_places import RosterPlaces
from miyun.party.fusion_states import count_handles
from miyun.party.roster_rows import NOBODY, RosterRows, rows_of
from miyun.party.schema import (
    roster_changes,
    roster_claims,
    roster_members,
    roster_padding,
    roster_pads,
    roster_points,
)
from miyun.psi.statements import Rebinds
from miyun.storage.database import changing, reading

_ASKED_AT_ONCE = 5_000
_CHANGE = TypeAdapter(RosterChange)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChange:
    """A delta that is under way: its plan, and the rebinds as they are sent."""

    change: RosterChange
    rebinds: Rebinds
    signature: bytes
    values: bytes


class RosterChanges:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._newest: StoredChange | None = None
        self._ready: dict[str, RosterRows] = {}

    def begin(self, stored: StoredChange) -> None:
        """Store a plan, durably, before anything of it is sent."""
        rebinds = stored.rebinds
        with changing(self._engine) as connection:
            connection.execute(
                upsert(roster_changes)
                .values(
                    contract=rebinds.contract,
                    job=rebinds.job,
                    epoch=rebinds.epoch,
                    change=_CHANGE.dump_json(stored.change),
                    rebinds=rebinds.canonical_bytes(),
                    rebinds_signature=stored.signature,
                    values=stored.values,
                )
                .on_conflict_do_nothing()
            )
        self._newest = None

    def stored(self, stored: StoredChange) -> None:
        """It is on disk now: let those who look for it next find it without reading."""
        self._newest = stored

    def get(self, contract: str, job: str) -> StoredChange | None:
        newest = self._newest
        if newest is not None and (newest.rebinds.contract, newest.rebinds.job) == (contract, job):
            return newest
        query = select(roster_changes).where(roster_changes.c.contract == contract, roster_changes.c.job == job)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        found = StoredChange(
            change=_CHANGE.validate_json(row.change),
            rebinds=Rebinds.from_canonical(row.rebinds),
            signature=row.rebinds_signature,
            values=row.values,
        )
        self._newest = found
        return found

    def take_in(self, connection: Connection, contract: str, job: str) -> None:
        """The zone has bound what a delta changed: from now on that is the roster. Once only."""
        stored = self.get(contract, job)
        if stored is None:
            return
        key = contract, stored.rebinds.epoch
        rows = self._ready.pop(job, None) or rows_of(stored.change, *key)
        _put(connection, roster_members, rows.members)
        _put(connection, roster_padding, rows.padding)
        for place, each in enumerate(rows.types):
            of_type = (*key, place)
            _put(connection, roster_points, each.points)
            _keep_pads(connection, *of_type, each.pads)
            for batch in _batches(each.digests):
                of_batch = f"contract = ? AND epoch = ? AND place = ? AND digest IN ({_marks(batch)})"
                connection.exec_driver_sql(f"DELETE FROM roster_claims WHERE {of_batch}", (*of_type, *batch))  # noqa: S608
            _put(connection, roster_claims, each.claims)
        self.drop(connection, contract, job)

    def make_ready(self, stored: StoredChange) -> None:
        """Work out what `take_in` will write, while the zone binds it."""
        rebinds = stored.rebinds
        self._ready = {rebinds.job: rows_of(stored.change, rebinds.contract, rebinds.epoch)}

    def drop(self, connection: Connection, contract: str, job: str) -> None:
        """Forget a plan."""
        self._newest = None
        connection.execute(
            delete(roster_changes).where(roster_changes.c.contract == contract, roster_changes.c.job == job)
        )

    def forget(self, contract: str, *, before_epoch: int) -> None:
        """Forget what changed in epochs that are over."""
        with self._engine.begin() as connection:
            for table in (roster_changes, roster_members, roster_points, roster_pads, roster_claims, roster_padding):
                connection.execute(delete(table).where(table.c.contract == contract, table.c.epoch < before_epoch))

    def apply(self, roster: Roster, contract: str, epoch: int, handles: int) -> None:
        """Show what deltas changed, of each all or nothing, in a roster that began with so many ``handles``."""
        with reading(self._engine) as connection:
            added = count_handles(connection, contract, epoch) - handles
            if not added:
                return
            members = connection.execute(
                select(roster_members.c.member, roster_members.c.handle, roster_members.c.live).where(
                    *_of(roster_members, contract, epoch), roster_members.c.handle.is_not(None)
                )
            ).all()
            padding = connection.execute(
                select(roster_padding.c.handle, roster_padding.c.copied).where(*_of(roster_padding, contract, epoch))
            ).all()
        roster.change(
            added,
            [(row.handle, row.member if row.live else None) for row in members],
            [(row.handle, row.copied) for row in padding],
        )

    def renew_copies(self, roster: Roster, contract: str, epoch: int) -> None:
        """Let padding whose row is retired copy another one, durably: for data that no answer was given of yet."""
        orphans = roster.orphans().tolist()
        if not orphans:
            return
        random, live = secrets.SystemRandom(), roster.live()
        copies = [(handle, int(live[random.randrange(len(live))])) for handle in orphans] if len(live) else []
        with self._engine.begin() as connection:
            _put(connection, roster_padding, [(contract, epoch, pad, row) for pad, row in copies])
        roster.copy(copies)

    def known(self, places: RosterPlaces, contract: str, epoch: int, handles: int) -> "KnownRoster":
        """A roster as it is now, for planning a change; ``handles`` is how many there are in all."""
        return KnownRoster(self._engine, places, (contract, epoch), handles)


class KnownRoster:
    """What a fusion sent, and what deltas changed of it. See `miyun.members.changing.Known`."""

    def __init__(self, engine: Engine, places: RosterPlaces, of: tuple[str, int], handles: int) -> None:
        self._engine = engine
        self._places = places
        self._key = of
        self.handles = handles

    def points(self, place: int) -> int:
        newest = select(func.max(roster_points.c.position)).where(
            *_of(roster_points, *self._key), roster_points.c.place == place
        )
        with reading(self._engine) as connection:
            real = connection.scalar(newest)
            pads = _pads(connection, *self._key, place)["position"]
        sent = self._places.points(place)
        return max(sent, 0 if real is None else real + 1, int(pads.max(initial=0)) + 1)

    def handles_of(self, members: Collection[str]) -> Mapping[str, int]:
        changed = {row.member: row.handle for row in self._members(members) if row.handle is not None}
        return {**self._places.handles_of(members), **changed}

    def digests_of(self, members: Collection[str]) -> Mapping[str, Mapping[int, Digest]]:
        touched = {row.member: row for row in self._members(members)}
        found = dict(self._places.digests_of([member for member in members if member not in touched]))
        live = [member for member, row in touched.items() if row.live]
        for row in self._select("roster_claims", "member", live):
            found.setdefault(row.member, {})[row.place] = row.digest
        return found

    def claimants(self, place: int, digests: Collection[Digest]) -> Mapping[Digest, frozenset[str]]:
        touched: dict[Digest, set[str]] = {}
        for row in self._select("roster_claims", "digest", digests, place):
            touched.setdefault(row.digest, set()).add(row.member)
        others = self._places.claimants(place, [digest for digest in digests if digest not in touched])
        return {**others, **{digest: frozenset(of - {NOBODY}) for digest, of in touched.items()}}

    def positions(self, place: int, digests: Collection[Digest]) -> Mapping[Digest, tuple[int, int | None]]:
        found: dict[Digest, tuple[int, int | None]] = {**self._places.positions(place, digests)}
        for row in self._select("roster_points", "digest", digests, place):
            found[row.digest] = row.position, row.handle
        return found

    def padding(self, place: int) -> PaddingPoints:
        with reading(self._engine) as connection:
            changed = _pads(connection, *self._key, place)
        return _newest(self._places.padding(place), changed)

    def sharing(self) -> set[str]:
        query = select(roster_members.c.member, roster_members.c.handle, roster_members.c.live).where(
            *_of(roster_members, *self._key)
        )
        with reading(self._engine) as connection:
            changed = connection.execute(query).all()
        without_row = {row.member for row in changed if row.live and row.handle is None}
        return self._places.sharing() - {row.member for row in changed} | without_row

    def some_handles(self, count: int) -> Sequence[int]:
        return self._places.some_handles(count)

    def _members(self, members: Collection[str]) -> list[Any]:
        return list(self._select("roster_members", "member", members))

    def _select(self, table: str, column: str, values: Collection[Any], place: int | None = None) -> Iterable[Any]:
        """The rows that have one of the values, in SQL as it is: for so many values, making it takes longer."""
        key = self._key if place is None else (*self._key, place)
        of_place = "" if place is None else " AND place = ?"
        with reading(self._engine) as connection:
            for batch in _batches(list(values)):
                query = f"SELECT * FROM {table} WHERE contract = ? AND epoch = ?{of_place} AND {column} IN ({_marks(batch)})"  # noqa: S608, E501
                yield from connection.exec_driver_sql(query, (*key, *batch)).all()


def _pads(connection: Connection, contract: str, epoch: int, place: int) -> PaddingPoints:
    query = select(roster_pads.c.points).where(*_of(roster_pads, contract, epoch), roster_pads.c.place == place)
    return np.frombuffer(connection.scalar(query) or b"", PADDING)


def _keep_pads(connection: Connection, contract: str, epoch: int, place: int, changed: PaddingPoints) -> None:
    points = _newest(_pads(connection, contract, epoch, place), changed)
    _put(connection, roster_pads, [(contract, epoch, place, points.tobytes())])


def _newest(before: PaddingPoints, changed: PaddingPoints) -> PaddingPoints:
    """Points as they are after a change."""
    kept = before[np.isin(before["position"], changed["position"], invert=True)]
    return np.concatenate([kept, changed])


def _put(connection: Connection, table: Table, rows: list[tuple[Any, ...]]) -> None:
    """Write rows over those with the same key. Values are in the order of the columns."""
    if rows:
        values = ", ".join("?" for _ in table.columns)
        connection.exec_driver_sql(f"INSERT OR REPLACE INTO {table.name} VALUES ({values})", rows)  # noqa: S608


def _of(table: Any, contract: str, epoch: int) -> tuple[ColumnElement[bool], ...]:
    return table.c.contract == contract, table.c.epoch == epoch


def _marks(values: Collection[Any]) -> str:
    return ", ".join("?" * len(values))


def _batches(rows: list[Any]) -> Iterable[list[Any]]:
    for start in range(0, len(rows), _ASKED_AT_ONCE):
        yield rows[start : start + _ASKED_AT_ONCE]
