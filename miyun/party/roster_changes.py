"""What deltas changed in this party's rosters: stored before anything is sent, taken in once the zone has bound it."""

import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Column, ColumnElement, Connection, Engine, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.members.changing import Digest, PaddingPoint, RosterChange
from miyun.members.roster import Roster
from miyun.members.roster_places import RosterPlaces
from miyun.party.schema import roster_changes, roster_claims, roster_members, roster_padding, roster_points
from miyun.psi.statements import Rebinds
from miyun.storage.database import reading

_ASKED_AT_ONCE = 500
_TOUCHED = ""
"""In the place of a member: that a value was looked at, whoever has it now."""

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

    def begin(self, stored: StoredChange) -> None:
        """Store a plan, durably, before anything of it is sent."""
        rebinds = stored.rebinds
        with self._engine.begin() as connection:
            connection.execute(
                upsert(roster_changes)
                .values(
                    contract=rebinds.contract,
                    job=rebinds.job,
                    epoch=rebinds.epoch,
                    change=json.dumps(stored.change.to_plain()).encode(),
                    rebinds=rebinds.canonical_bytes(),
                    rebinds_signature=stored.signature,
                    values=stored.values,
                )
                .on_conflict_do_nothing()
            )

    def get(self, contract: str, job: str) -> StoredChange | None:
        query = select(roster_changes).where(roster_changes.c.contract == contract, roster_changes.c.job == job)
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return StoredChange(
            change=_CHANGE.validate_json(row.change),
            rebinds=Rebinds.from_canonical(row.rebinds),
            signature=row.rebinds_signature,
            values=row.values,
        )

    def take_in(self, connection: Connection, contract: str, job: str) -> None:
        """The zone has bound what a delta changed: from now on that is the roster. Once only."""
        stored = self.get(contract, job)
        if stored is None:
            return
        change, first = stored.change, stored.rebinds
        key = {"contract": contract, "epoch": first.epoch}
        _put(connection, roster_members, [{**key, **member.to_plain()} for member in change.members])
        _put(connection, roster_padding, [{**key, **pad.to_plain()} for pad in change.padding])
        for place, each in enumerate(change.types):
            of_type = {**key, "place": place}
            rebound = [
                {
                    **of_type,
                    "position": rebind.position,
                    "digest": bytes.fromhex(rebind.value_digest) or None,
                    "handle": rebind.handle,
                    "home": rebind.home,
                }
                for rebind in each.rebinds
            ]
            sent = [
                {
                    **of_type,
                    "position": position,
                    "digest": bytes.fromhex(point.value_digest) or None,
                    "handle": point.handle,
                    "home": None if point.value_digest else point.handle,
                }
                for position, point in enumerate(each.points, start=each.first)
            ]
            _put(connection, roster_points, rebound + sent)
            digests = [bytes.fromhex(claim.value_digest) for claim in each.claims]
            for batch in _batches(digests):
                connection.execute(
                    delete(roster_claims).where(
                        roster_claims.c.contract == contract,
                        roster_claims.c.epoch == first.epoch,
                        roster_claims.c.place == place,
                        roster_claims.c.digest.in_(batch),
                    )
                )
            _put(
                connection,
                roster_claims,
                [
                    {**of_type, "digest": bytes.fromhex(claim.value_digest), "member": member}
                    for claim in each.claims
                    for member in (_TOUCHED, *claim.members)
                ],
            )
        self.drop(connection, contract, job)

    def drop(self, connection: Connection, contract: str, job: str) -> None:
        """Forget a plan."""
        connection.execute(
            delete(roster_changes).where(roster_changes.c.contract == contract, roster_changes.c.job == job)
        )

    def forget(self, contract: str, *, before_epoch: int) -> None:
        """Forget what changed in epochs that are over."""
        with self._engine.begin() as connection:
            for table in (roster_changes, roster_members, roster_points, roster_claims, roster_padding):
                connection.execute(delete(table).where(table.c.contract == contract, table.c.epoch < before_epoch))

    def apply(self, roster: Roster, contract: str, epoch: int, handles: int) -> None:
        """Show in an opened roster what deltas changed; ``handles`` is how many they added."""
        if not handles:
            return
        with reading(self._engine) as connection:
            members = connection.execute(
                select(roster_members.c.member, roster_members.c.handle, roster_members.c.live).where(
                    *_of(roster_members, contract, epoch), roster_members.c.handle.is_not(None)
                )
            ).all()
            padding = connection.execute(
                select(roster_padding.c.handle, roster_padding.c.copied).where(*_of(roster_padding, contract, epoch))
            ).all()
        roster.change(
            handles,
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
        key = {"contract": contract, "epoch": epoch}
        with self._engine.begin() as connection:
            _put(connection, roster_padding, [{**key, "handle": pad, "copied": row} for pad, row in copies])
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
        query = (
            select(roster_points.c.position)
            .where(*_of(roster_points, *self._key), roster_points.c.place == place)
            .order_by(roster_points.c.position.desc())
            .limit(1)
        )
        with reading(self._engine) as connection:
            last = connection.scalar(query)
        began = self._places.points(place)
        return began if last is None else max(began, last + 1)

    def handles_of(self, members: Collection[str]) -> Mapping[str, int]:
        changed = {row.member: row.handle for row in self._members(members) if row.handle is not None}
        return {**self._places.handles_of(members), **changed}

    def digests_of(self, members: Collection[str]) -> Mapping[str, Mapping[int, Digest]]:
        touched = {row.member: row for row in self._members(members)}
        found = dict(self._places.digests_of([member for member in members if member not in touched]))
        live = [member for member, row in touched.items() if row.live]
        for row in self._select(roster_claims, roster_claims.c.member, live):
            found.setdefault(row.member, {})[row.place] = row.digest
        return found

    def claimants(self, place: int, digests: Collection[Digest]) -> Mapping[Digest, frozenset[str]]:
        of_place = roster_claims.c.place == place
        touched: dict[Digest, set[str]] = {}
        for row in self._select(roster_claims, roster_claims.c.digest, digests, of_place):
            touched.setdefault(row.digest, set()).add(row.member)
        others = self._places.claimants(place, [digest for digest in digests if digest not in touched])
        return {**others, **{digest: frozenset(of - {_TOUCHED}) for digest, of in touched.items()}}

    def positions(self, place: int, digests: Collection[Digest]) -> Mapping[Digest, tuple[int, int | None]]:
        found: dict[Digest, tuple[int, int | None]] = {**self._places.positions(place, digests)}
        of_place = roster_points.c.place == place
        for row in self._select(roster_points, roster_points.c.digest, digests, of_place):
            found[row.digest] = row.position, row.handle
        return found

    def padding(self, place: int) -> Sequence[PaddingPoint]:
        found = {
            position: PaddingPoint(position=position, home=handle, bound=True)
            for position, handle in self._places.padding(place)
        }
        query = select(roster_points).where(
            *_of(roster_points, *self._key), roster_points.c.place == place, roster_points.c.home.is_not(None)
        )
        with reading(self._engine) as connection:
            for row in connection.execute(query):
                bound = row.handle is not None
                found[row.position] = PaddingPoint(position=row.position, home=row.home, bound=bound)
        return list(found.values())

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
        return list(self._select(roster_members, roster_members.c.member, members))

    def _select(
        self, table: Any, column: Column[Any], values: Collection[Any], *conditions: ColumnElement[bool]
    ) -> Iterable[Any]:
        with reading(self._engine) as connection:
            for batch in _batches(list(values)):
                query = select(table).where(*_of(table, *self._key), column.in_(batch), *conditions)
                yield from connection.execute(query).all()


def digest_of(key: str, value: str) -> Digest:
    """A keyed digest of a value, 16 bytes; what `Roster.keep_places` keeps."""
    return hashlib.sha256((key + value).encode()).digest()[:16]


def _put(connection: Connection, table: Any, rows: list[dict[str, Any]]) -> None:
    for batch in _batches(rows):
        connection.execute(insert(table).prefix_with("OR REPLACE"), batch)


def _of(table: Any, contract: str, epoch: int) -> tuple[ColumnElement[bool], ...]:
    return table.c.contract == contract, table.c.epoch == epoch


def _batches(rows: list[Any]) -> Iterable[list[Any]]:
    for start in range(0, len(rows), _ASKED_AT_ONCE):
        yield rows[start : start + _ASKED_AT_ONCE]
