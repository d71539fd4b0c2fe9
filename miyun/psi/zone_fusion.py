"""The zone's side of a fusion as a state machine: statements in, verdicts out, no socket and no clock.

An invalid message raises and changes nothing. What was accepted is accepted for good: the same bytes again are a
duplicate, other bytes for the same place are refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self, TypeVar

from miyun.contract.model import Contract
from miyun.errors import MalformedError, ReplayError, StateError
from miyun.psi.checks import PinnedKeys, check_announcement, check_place, check_rebinds, check_request
from miyun.psi.chunks import check_sealed, check_tokens, read_handles, read_rebinds
from miyun.psi.statements import Announcement, FuseRequest, HandlesChunk, PointsChunk, Rebinds, TokensChunk

_Digest = TypeVar("_Digest", bytes, tuple[bytes, bytes])


class ZoneFusionState(StrEnum):
    WAITING_FOR_PARTY = "waiting-for-party"
    EXCHANGING = "exchanging"
    JOINING = "joining"
    JOINED = "joined"
    FAILED = "failed"


class Verdict(StrEnum):
    NEW = "new"
    DUPLICATE = "duplicate"


@dataclass(slots=True)
class _Lane:
    """The chunks of one sender and type, as digests of the accepted statements; ``chunks`` is how many are due."""

    chunks: int
    points: list[tuple[bytes, bytes]] = field(default_factory=list)
    tokens: list[bytes] = field(default_factory=list)


class ZoneFusion:
    """One fusion as the zone sees it.

    ``accept_…`` verify the signatures with the keys that the contract pins, compare the bulk bytes with the statement,
    and give ``Verdict.NEW`` when the caller has something to store, ``Verdict.DUPLICATE`` for a retransmission.

    Raises (all of them):
        SignatureError: unsigned, or not signed by the party that it speaks for.
        ReplayError: of another fusion, out of order, or different from what was accepted for its place.
        MalformedError: does not fit the contract, the announcement, or its own bulk bytes.
        StateError: the fusion has failed.
    """

    def __init__(self, contract: Contract, request: FuseRequest, *, first_handle: int = 0) -> None:
        """``first_handle``: how many handles the requester of a delta has before it."""
        check_request(contract, request)
        self._first_handle = first_handle
        self._contract = contract
        self._request = request
        self._keys = PinnedKeys(contract)
        self._announcements: dict[str, Announcement] = {}
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._rebinds: Rebinds | None = None
        self._joined = False
        self._failed = False

    @classmethod
    def restore(
        cls,
        contract: Contract,
        request: FuseRequest,
        *,
        announcements: Iterable[Announcement],
        points: Iterable[tuple[PointsChunk, HandlesChunk]],
        tokens: Iterable[TokensChunk],
        rebinds: Rebinds | None = None,
        first_handle: int = 0,
    ) -> Self:
        """The machine as it stood, from statements that it once accepted; chunks of a lane in ascending order."""
        fusion = cls(contract, request, first_handle=first_handle)
        if rebinds is not None:
            fusion._record_rebinds(rebinds)
        for announcement in announcements:
            fusion._record_announcement(announcement)
        for chunk, handles in points:
            fusion._record_points(chunk, handles)
        for evaluated in tokens:
            fusion._record_tokens(evaluated)
        return fusion

    @property
    def state(self) -> ZoneFusionState:
        if self._failed:
            return ZoneFusionState.FAILED
        if self._joined:
            return ZoneFusionState.JOINED
        if self._unannounced():
            return ZoneFusionState.WAITING_FOR_PARTY
        if any(len(lane.tokens) < lane.chunks for lane in self._lanes.values()):
            return ZoneFusionState.EXCHANGING
        return ZoneFusionState.JOINING

    @property
    def complete(self) -> bool:
        """Whether every token is in."""
        return self.state in {ZoneFusionState.JOINING, ZoneFusionState.JOINED}

    def accept_announcement(self, announcement: Announcement, signature: bytes) -> Verdict:
        """A party's counts."""
        self._keys.verify_party(announcement.party, announcement, signature)
        return self._record_announcement(announcement)

    def accept_rebinds(self, rebinds: Rebinds, signature: bytes, values: bytes) -> Verdict:
        """What the requester of a delta binds otherwise."""
        self._keys.verify_party(rebinds.party, rebinds, signature)
        read_rebinds(rebinds, values)
        return self._record_rebinds(rebinds)

    def accept_points(
        self,
        points: PointsChunk,
        points_signature: bytes,
        handles: HandlesChunk,
        handles_signature: bytes,
        *,
        sealed: bytes,
        handle_values: bytes,
    ) -> Verdict:
        """A sender's chunk: sealed points for the counterparty, and the row handle of each for the zone."""
        self._keys.verify_party(points.sender, points, points_signature)
        self._keys.verify_party(points.sender, handles, handles_signature)
        check_sealed(points, sealed)
        universe = self._first_handle + self._announcement(points.sender).handles
        read_handles(handles, handle_values, universe)
        return self._record_points(points, handles)

    def accept_tokens(self, chunk: TokensChunk, signature: bytes, tokens: bytes) -> Verdict:
        """An evaluator's tokens for one accepted chunk of points."""
        self._keys.verify_party(chunk.evaluator, chunk, signature)
        check_tokens(chunk, tokens)
        return self._record_tokens(chunk)

    def mark_joined(self) -> None:
        """The match is stored. StateError unless joining."""
        if self.state is not ZoneFusionState.JOINING:
            raise StateError(f"a fusion that is {self.state} can't be joined")
        self._joined = True

    def mark_failed(self) -> None:
        """A party refused. StateError when the fusion is joined already."""
        if self._joined:
            raise StateError("a fusion that is joined can't fail any more", hint="Fuse again in a new epoch.")
        self._failed = True

    def waiting_for(self) -> tuple[str, ...]:
        """The parties whose agent can do something now, in the contract's order."""
        if self.state is ZoneFusionState.WAITING_FOR_PARTY:
            return self._unannounced()
        if self.state is not ZoneFusionState.EXCHANGING:
            return ()
        return tuple(party.name for party in self._contract.parties if self._has_work(party.name))

    def progress(self) -> tuple[int, int]:
        """Chunks of points and of tokens that are in, and how many there will be; the total is 0 while unknown."""
        done = sum(len(lane.points) + len(lane.tokens) for lane in self._lanes.values())
        if self.state is ZoneFusionState.WAITING_FOR_PARTY:
            return done, 0
        return done, 2 * sum(lane.chunks for lane in self._lanes.values())

    def _unannounced(self) -> tuple[str, ...]:
        """The parties that have not said yet what they are about to send, or to bind otherwise."""
        names = (party.name for party in self._contract.parties)
        return tuple(
            name
            for name in names
            if name not in self._announcements
            or (self._request.sequence and name == self._request.requester and self._rebinds is None)
        )

    def _has_work(self, name: str) -> bool:
        return any(
            len(lane.points) < lane.chunks if sender == name else len(lane.tokens) < len(lane.points)
            for (sender, _), lane in self._lanes.items()
        )

    def _announcement(self, sender: str) -> Announcement:
        if sender not in self._announcements:
            raise ReplayError("a chunk that comes before its sender's announcement", hint="Announce the counts first.")
        return self._announcements[sender]

    def _record_announcement(self, announcement: Announcement) -> Verdict:
        self._check_not_failed()
        check_announcement(self._contract, self._request, announcement)
        if announcement.party in self._announcements:
            return _same(self._announcements[announcement.party] == announcement, announcement.KIND)
        self._announcements[announcement.party] = announcement
        for count in announcement.counts:
            self._lanes[announcement.party, count.type] = _Lane(count.chunks)
        return Verdict.NEW

    def _record_rebinds(self, rebinds: Rebinds) -> Verdict:
        self._check_not_failed()
        check_rebinds(self._contract, self._request, rebinds)
        if self._rebinds is not None:
            return _same(self._rebinds == rebinds, rebinds.KIND)
        self._rebinds = rebinds
        return Verdict.NEW

    def _record_points(self, points: PointsChunk, handles: HandlesChunk) -> Verdict:
        self._check_not_failed()
        announcement = self._announcement(points.sender)
        check_place(self._request, announcement, points)
        check_place(self._request, announcement, handles)
        if points.receiver != self._contract.counterparty(points.sender).name:
            raise MalformedError("a points chunk for somebody else than the counterparty")
        if (handles.party, handles.type, handles.index) != (points.sender, points.type, points.index):
            raise MalformedError("row handles that belong to another chunk of points")
        if self._unannounced() and not self._request.sequence:
            raise ReplayError(
                "a points chunk that comes before both announcements", hint="Wait for the other party's announcement."
            )
        lane = self._lanes[points.sender, points.type]
        return _append(lane.points, points.index, (points.digest(), handles.digest()), points.KIND)

    def _record_tokens(self, chunk: TokensChunk) -> Verdict:
        self._check_not_failed()
        check_place(self._request, self._announcement(chunk.sender), chunk)
        if chunk.evaluator != self._contract.counterparty(chunk.sender).name:
            raise MalformedError("tokens from somebody else than the counterparty")
        lane = self._lanes[chunk.sender, chunk.type]
        if chunk.index >= len(lane.points):
            raise ReplayError("tokens for points that were not sent yet", hint="Fetch the points first.")
        if chunk.points_digest != lane.points[chunk.index][0]:
            raise ReplayError("tokens for other points than the ones that were sent", hint="Fetch the points again.")
        return _append(lane.tokens, chunk.index, chunk.digest(), chunk.KIND)

    def _check_not_failed(self) -> None:
        if self._failed:
            raise StateError("the fusion has failed", hint="Look up its job for the reason, and fuse again.")


def _append(accepted: list[_Digest], index: int, digest: _Digest, kind: str) -> Verdict:
    if index < len(accepted):
        return _same(accepted[index] == digest, kind)
    if index > len(accepted):
        raise ReplayError(f"a {kind} out of order", hint=f"Send chunk {len(accepted)} next.")
    accepted.append(digest)
    return Verdict.NEW


def _same(equal: bool, kind: str) -> Verdict:
    if not equal:
        raise ReplayError(
            f"a {kind} that differs from the one accepted before", hint="Fuse again, in a new job and epoch."
        )
    return Verdict.DUPLICATE
