"""A change of rows within an epoch: which points come, which are bound otherwise, and the padding that hides how many.

The rules are those of a fusion (`miyun.members.staging`): an identifier that several members have belongs to the one
with the lowest member id. So a member that comes can take an identifier over, and one that goes can leave it to
another. What was sent keeps its position, and a member its handle, for all of the epoch.

Padding. New handles and new points are padded as in a fusion, though never to nothing. Points that are bound otherwise
are padded by padding points that are taken out, as if their row had gone, or brought back; the same padding handles for
all types as far as numbers allow. A fusion whose epoch may change keeps enough of them.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from miyun.contract.model import MOST_DELTA_ROWS
from miyun.errors import InputError, StateError
from miyun.hazmat.permutation import secret_permutation
from miyun.members.padding import plan_padding
from miyun.records import Record

Digest = bytes
Values = Mapping[int, tuple[Digest, str]]
"""By the place of an identifier type: a keyed digest of a member's value, and the value."""


PADDING = np.dtype([("position", "<u4"), ("home", "<u4"), ("bound", "?")])
"""A padding point: ``home`` is the handle that it belongs to; ``bound``: it is there now."""

PaddingPoints = npt.NDArray[Any]
"""Of `PADDING`."""


class Known(Protocol):
    """A roster as it is before the change."""

    @property
    def handles(self) -> int:
        """How many there are: the next new one."""
        ...

    def points(self, place: int) -> int:
        """How many points of a type were sent: the next position."""
        ...

    def handles_of(self, members: Collection[str]) -> Mapping[str, int]:
        """The handles of those that ever had one."""
        ...

    def digests_of(self, members: Collection[str]) -> Mapping[str, Mapping[int, Digest]]:
        """What each has by type, whether it won it or not; of those that are there."""
        ...

    def claimants(self, place: int, digests: Collection[Digest]) -> Mapping[Digest, frozenset[str]]:
        """Who has each value."""
        ...

    def positions(self, place: int, digests: Collection[Digest]) -> Mapping[Digest, tuple[int, int | None]]:
        """The position of each value that was ever sent, and the handle that it is bound to."""
        ...

    def padding(self, place: int) -> PaddingPoints: ...

    def some_handles(self, count: int) -> Sequence[int]:
        """Handles of members, at random, for padding to copy."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPoint(Record):
    """``value`` and ``value_digest`` are empty where it is padding."""

    handle: int
    value: str
    value_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebind(Record):
    """``handle`` is None where the point is bound to nothing now."""

    position: int
    handle: int | None
    home: int | None
    value_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim(Record):
    value_digest: str
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeChange(Record):
    """Of one identifier type. ``first`` is the position of the first of the new ``points``.

    ``claims`` are all members that have each value that the change is about.
    """

    first: int
    points: tuple[NewPoint, ...]
    rebinds: tuple[Rebind, ...]
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPlace(Record):
    member: str
    handle: int | None
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PaddingHandle(Record):
    handle: int
    copied: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterChange(Record):
    """All that a change does, digests in hex. ``handles`` is how many new handles it announces."""

    handles: int
    members: tuple[MemberPlace, ...]
    padding: tuple[PaddingHandle, ...]
    types: tuple[TypeChange, ...]


def plan_change(
    known: Known, types: int, added: Mapping[str, Values], removed: Iterable[str], bucket: int
) -> RosterChange:
    """Work out a change. ``added`` members have these values and no others from now on; ``removed`` ones are gone.

    Raises:
        InputError: more changes than one delta can carry.
    """
    touched = {*added, *removed}
    before = known.digests_of(touched)
    drafts = [_Draft(known, place, touched, before, added) for place in range(types)]
    handles = dict(known.handles_of({*touched, *(winner for draft in drafts for winner in draft.winners.values())}))
    fresh = sorted({winner for draft in drafts for winner in draft.winners.values()} - handles.keys())
    new_points = [draft.new_points() for draft in drafts]
    rows = len(new_points[0]) if types == 1 else len(fresh)
    padding = plan_padding(rows, [len(points) for points in new_points], bucket, least=1)
    count = len(fresh) + padding.handles
    announced = -(-count // bucket) * bucket
    numbers = (known.handles + secret_permutation(announced)[:count].astype(np.int64)).tolist()
    handles.update(zip(fresh, numbers, strict=False))
    pads = numbers[len(fresh) :]
    order = _Order()
    changes = tuple(
        TypeChange(
            first=known.points(draft.place),
            points=_mixed(points, handles, [pads[carrier] for carrier in padding.carriers[draft.place]]),
            rebinds=_padded(known, draft, draft.rebinds(handles), order, bucket),
            claims=tuple(
                Claim(value_digest=digest.hex(), members=tuple(sorted(of))) for digest, of in draft.claims.items()
            ),
        )
        for draft, points in zip(drafts, new_points, strict=True)
    )
    change = RosterChange(
        handles=announced,
        members=tuple(
            MemberPlace(member=member, handle=handles.get(member), live=member in added or member not in touched)
            for member in sorted({*touched, *fresh})
        ),
        padding=_copies(known, pads, [handles[member] for member in fresh]),
        types=changes,
    )
    if max(announced, *(max(len(each.points), len(each.rebinds)) for each in changes)) > MOST_DELTA_ROWS:
        raise InputError(f"more than {MOST_DELTA_ROWS:,} rows change at once", hint="Split the change, or fuse anew.")
    return change


class _Draft:
    """Who has which value of one type after the change."""

    def __init__(
        self,
        known: Known,
        place: int,
        touched: Collection[str],
        before: Mapping[str, Mapping[int, Digest]],
        added: Mapping[str, Values],
    ) -> None:
        self.place = place
        self._values = {values[place][0]: values[place][1] for values in added.values() if place in values}
        digests = {*self._values, *(held[place] for held in before.values() if place in held)}
        claims = {digest: set(members) - set(touched) for digest, members in known.claimants(place, digests).items()}
        for member, values in added.items():
            if place in values:
                claims.setdefault(values[place][0], set()).add(member)
        self.claims = claims
        self.winners = {digest: min(members, key=_rank) for digest, members in claims.items() if members}
        self._positions = known.positions(place, digests)

    def new_points(self) -> dict[Digest, tuple[str, str]]:
        """Who gets each value that was never sent, and the value."""
        return {
            digest: (winner, self._values[digest])
            for digest, winner in self.winners.items()
            if digest not in self._positions
        }

    def rebinds(self, handles: Mapping[str, int]) -> list[Rebind]:
        found = []
        for digest, (position, bound) in self._positions.items():
            winner = self.winners.get(digest)
            handle = None if winner is None else handles[winner]
            if handle != bound:
                found.append(Rebind(position=position, handle=handle, home=None, value_digest=digest.hex()))
        return found


class _Order:
    """One random order of padding handles, the same for all types."""

    def __init__(self) -> None:
        self._homes = np.empty(0, np.uint32)
        self._ranks = np.empty(0, np.uint64)

    def ranks(self, homes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint64]:
        fresh = np.setdiff1d(homes, self._homes)
        drawn = np.frombuffer(secrets.token_bytes(8 * fresh.size), np.uint64)
        known = np.concatenate([self._homes, fresh])
        order = np.argsort(known)
        self._homes, self._ranks = known[order], np.concatenate([self._ranks, drawn])[order]
        return self._ranks[np.searchsorted(self._homes, homes)]


def _padded(known: Known, draft: _Draft, rebinds: list[Rebind], order: _Order, bucket: int) -> tuple[Rebind, ...]:
    """With padding points that go or come back, in ascending order of positions."""
    missing = bucket if not rebinds else -len(rebinds) % bucket
    points = known.padding(draft.place)
    if points.size < missing:
        raise StateError("this epoch has too little padding to hide a change", hint="Fuse anew.")
    chosen = points[np.argsort(order.ranks(points["home"].astype(np.uint32)), kind="stable")[:missing]]
    pads = [
        Rebind(position=position, handle=None if bound else home, home=home, value_digest="")
        for position, home, bound in chosen.tolist()
    ]
    return tuple(sorted([*rebinds, *pads], key=lambda rebind: rebind.position))


def _copies(known: Known, pads: Sequence[int], fresh: Sequence[int]) -> tuple[PaddingHandle, ...]:
    """Padding answers predicates as some row does: a new one, where there are any."""
    models = fresh or known.some_handles(len(pads))
    copied = secrets.SystemRandom().choices(models, k=len(pads)) if pads else []
    return tuple(PaddingHandle(handle=pad, copied=model) for pad, model in zip(pads, copied, strict=True))


def _mixed(
    points: Mapping[Digest, tuple[str, str]], handles: Mapping[str, int], pads: Sequence[int]
) -> tuple[NewPoint, ...]:
    """New points and padding in a random order."""
    mixed = [
        NewPoint(handle=handles[winner], value=value, value_digest=digest.hex())
        for digest, (winner, value) in points.items()
    ]
    mixed += [NewPoint(handle=handle, value="", value_digest="") for handle in pads]
    return tuple(mixed[place] for place in secret_permutation(len(mixed)).tolist())


def _rank(member: str) -> tuple[int, bytes]:
    data = member.encode()
    return len(data), data
