"""A party's side of a fusion as a state machine: what to do next, and what it was told; no socket, no key, no clock.

An invalid message raises and changes nothing: whoever drives the machine decides whether to ask again or to refuse
the task. Everything that it needs to go on after a restart is the progress it is built with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from miyun.contract.model import Contract
from miyun.errors import CapExceededError, InternalError, MalformedError, ReplayError, StateError
from miyun.psi.checks import PinnedKeys, check_announcement, check_place, check_report, check_request
from miyun.psi.statements import Announcement, FuseRequest, FusionReport, PointsChunk


class PartyFusionState(StrEnum):
    ANNOUNCING = "announcing"
    AWAITING_ANNOUNCEMENT = "awaiting-announcement"
    EXCHANGING = "exchanging"
    AWAITING_REPORT = "awaiting-report"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Announce:
    announcement: Announcement


@dataclass(frozen=True, slots=True)
class AwaitAnnouncement:
    party: str


@dataclass(frozen=True, slots=True)
class SendChunk:
    type: str
    index: int


@dataclass(frozen=True, slots=True)
class FetchChunk:
    type: str
    index: int


@dataclass(frozen=True, slots=True)
class AwaitReport:
    pass


@dataclass(frozen=True, slots=True)
class Finished:
    pass


Action = Announce | AwaitAnnouncement | SendChunk | FetchChunk | AwaitReport | Finished


class PartyFusion:
    """One fusion as the party called ``me`` sees it.

    ``progress`` is, per type, how many own chunks the zone has acknowledged and how many of the counterparty's are
    evaluated. ``evaluated_before`` is, per type, how many points of the counterparty were ever evaluated in other
    jobs: caps are for life.
    """

    def __init__(
        self,
        contract: Contract,
        request: FuseRequest,
        me: str,
        own: Announcement,
        progress: Mapping[str, tuple[int, int]],
        *,
        evaluated_before: Mapping[str, int],
    ) -> None:
        check_request(contract, request)
        check_announcement(contract, request, own)
        if own.party != me:
            raise InternalError("an own announcement under another name")
        self._contract = contract
        self._request = request
        self._keys = PinnedKeys(contract)
        self._counterparty = contract.counterparty(me).name
        self._me = me
        self._own = own
        self._evaluated_before = dict(evaluated_before)
        self._counterpart: Announcement | None = None
        self._sent = {count.type: progress.get(count.type, (0, 0))[0] for count in own.counts}
        self._evaluated = {count.type: progress.get(count.type, (0, 0))[1] for count in own.counts}
        self._fetched: PointsChunk | None = None
        self._send_next = True
        self._state = PartyFusionState.ANNOUNCING

    @property
    def state(self) -> PartyFusionState:
        return self._state

    def next_action(self) -> Action:
        """What to do now; the same until something is reported back. StateError when the fusion has failed."""
        match self._state:
            case PartyFusionState.ANNOUNCING:
                return Announce(self._own)
            case PartyFusionState.AWAITING_ANNOUNCEMENT:
                send = self.next_to_send() if self._request.sequence else None
                return AwaitAnnouncement(self._counterparty) if send is None else SendChunk(*send)
            case PartyFusionState.EXCHANGING:
                return self._exchange()
            case PartyFusionState.AWAITING_REPORT:
                return AwaitReport()
            case PartyFusionState.FINISHED:
                return Finished()
            case PartyFusionState.FAILED:
                raise StateError("the fusion has failed", hint="Look up its job for the reason, and fuse again.")

    def next_to_send(self) -> tuple[str, int] | None:
        """Type and index of the own chunk that will be sent next; None when all are."""
        return _first_open(self._own, self._sent)

    def progress(self) -> tuple[int, int]:
        """Chunks sent and evaluated, and how many there will be; the total is 0 while unknown."""
        done = sum(self._sent.values()) + sum(self._evaluated.values())
        if self._counterpart is None:
            return done, 0
        return done, sum(count.chunks for count in (*self._own.counts, *self._counterpart.counts))

    def on_announced(self) -> None:
        """The zone has acknowledged the own announcement."""
        self._expect(PartyFusionState.ANNOUNCING)
        self._state = PartyFusionState.AWAITING_ANNOUNCEMENT

    def on_counterpart(self, announcement: Announcement, signature: bytes) -> None:
        """The counterparty's counts.

        Raises:
            SignatureError: not signed by the counterparty.
            ReplayError: of another fusion, or different from the one before.
            MalformedError: does not fit the contract.
            CapExceededError: with these points the contract's evaluation cap would be passed.
        """
        if announcement.party != self._counterparty:
            raise MalformedError("an announcement that is not the counterparty's")
        self._keys.verify_party(self._counterparty, announcement, signature)
        if self._counterpart is not None:
            if announcement != self._counterpart:
                raise ReplayError("an announcement that differs from the one before")
            return
        self._expect(PartyFusionState.AWAITING_ANNOUNCEMENT)
        check_announcement(self._contract, self._request, announcement)
        self._check_lifetime_caps(announcement)
        self._counterpart = announcement
        self._state = PartyFusionState.EXCHANGING
        self._settle()

    def on_sent(self, type_: str, index: int) -> None:
        """The zone has acknowledged an own chunk; of a delta, that may be before the counterparty announced."""
        early = self._request.sequence and self._state is PartyFusionState.AWAITING_ANNOUNCEMENT
        if not early:
            self._expect(PartyFusionState.EXCHANGING)
        if self.next_to_send() != (type_, index):
            raise StateError("a chunk was acknowledged out of turn")
        self._sent[type_] += 1
        self._send_next = False
        if not early:
            self._settle()

    def on_absent(self, type_: str, index: int) -> None:
        """The counterparty has not sent that chunk yet: go on sending if there is anything to send."""
        self._expect(PartyFusionState.EXCHANGING)
        if self._next_to_fetch() != (type_, index):
            raise StateError("a chunk was looked for out of turn")
        self._send_next = True

    def on_points(self, chunk: PointsChunk, signature: bytes) -> None:
        """The counterparty's chunk that was asked for; evaluate it and report that.

        Raises:
            SignatureError: not signed by the counterparty.
            ReplayError: of another fusion, another place than asked for, or different from the one given before.
            MalformedError: does not fit the announcement.
        """
        self._expect(PartyFusionState.EXCHANGING)
        if (chunk.sender, chunk.receiver) != (self._counterparty, self._me):
            raise MalformedError("a points chunk that is not from the counterparty to this party")
        self._keys.verify_party(self._counterparty, chunk, signature)
        assert self._counterpart is not None  # noqa: S101
        check_place(self._request, self._counterpart, chunk)
        if (chunk.type, chunk.index) != self._next_to_fetch():
            raise ReplayError("another points chunk than the one that is due")
        if self._fetched not in {None, chunk}:
            raise ReplayError("a points chunk that differs from the one before for the same place")
        self._fetched = chunk

    def on_evaluated(self, type_: str, index: int) -> None:
        """The zone has acknowledged the tokens of a chunk that ``on_points`` took."""
        self._expect(PartyFusionState.EXCHANGING)
        if self._fetched is None or (self._fetched.type, self._fetched.index) != (type_, index):
            raise StateError("a chunk was evaluated out of turn")
        self._fetched = None
        self._evaluated[type_] += 1
        self._send_next = True
        self._settle()

    def on_report(self, report: FusionReport, signature: bytes) -> None:
        """The zone's match report.

        Raises:
            SignatureError: not signed by the zone that the contract pins.
            ReplayError: of another fusion.
            MalformedError: other types than the contract's.
        """
        self._keys.verify_zone(report, signature)
        check_report(self._contract, self._request, report)
        self._expect(PartyFusionState.AWAITING_REPORT)
        self._state = PartyFusionState.FINISHED

    def fail(self) -> None:
        """The task was refused, here or there. StateError when the fusion is finished already."""
        if self._state is PartyFusionState.FINISHED:
            raise StateError("a fusion that is finished can't fail any more")
        self._state = PartyFusionState.FAILED

    def _exchange(self) -> SendChunk | FetchChunk:
        send, fetch = self.next_to_send(), self._next_to_fetch()
        if send is not None and (self._send_next or fetch is None):
            return SendChunk(*send)
        assert fetch is not None  # noqa: S101
        return FetchChunk(*fetch)

    def _next_to_fetch(self) -> tuple[str, int] | None:
        return None if self._counterpart is None else _first_open(self._counterpart, self._evaluated)

    def _settle(self) -> None:
        if self.next_to_send() is None and self._next_to_fetch() is None:
            self._state = PartyFusionState.AWAITING_REPORT

    def _expect(self, state: PartyFusionState) -> None:
        if self._state is not state:
            raise StateError(f"out of turn: the fusion is {self._state}", hint="Ask for the next action.")

    def _check_lifetime_caps(self, announcement: Announcement) -> None:
        for position, (count, terms) in enumerate(zip(announcement.counts, self._contract.identifiers, strict=True)):
            before = self._evaluated_before.get(count.type, 0)
            if before + count.points > terms.evaluation_cap:
                raise CapExceededError(
                    f"{before:,} {count.type} points of {announcement.party} were evaluated before; with "
                    f"{count.points:,} more the contract's cap of {terms.evaluation_cap:,} would be passed",
                    hint="Agree on a new contract with a higher cap, or ask the other party to send fewer rows.",
                    clause=f"identifiers[{position}].evaluation_cap",
                )


def _first_open(announcement: Announcement, done: Mapping[str, int]) -> tuple[str, int] | None:
    for count in announcement.counts:
        if done[count.type] < count.chunks:
            return count.type, done[count.type]
    return None
