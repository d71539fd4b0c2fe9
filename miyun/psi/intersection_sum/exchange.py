"""Who sends what when, as a state machine for either party: statements and sealed bytes in and out, no socket or clock.

After both openings the steps follow one another strictly, each chunk by chunk; one party sends, the other takes. An
invalid message raises and changes nothing; one that was accepted before is passed over, byte for byte the same, and
refused otherwise.

A machine that is built anew after a restart and led through the same messages stands where the old one stood. Whoever
drives it keeps what it sent, at least until that is acknowledged, and never sends something else for the same place:
noise is drawn once.
"""

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum

from miyun.contract.model import Contract
from miyun.errors import InternalError, MalformedError, ReplayError, StateError
from miyun.keys.sealing import SealingPublicKey
from miyun.keys.unsealing import SealingKey
from miyun.psi.checks import PinnedKeys
from miyun.psi.intersection_sum.checks import check_opening, check_request
from miyun.psi.intersection_sum.context import IntersectionContext
from miyun.psi.intersection_sum.schedule import Place, Schedule
from miyun.psi.intersection_sum.statements import IntersectionChunk, IntersectionOpening, IntersectionRequest, Step


class ExchangeState(StrEnum):
    OPENING = "opening"
    AWAITING_OPENING = "awaiting-opening"
    POINTS = "points"
    ANSWERS = "answers"
    ROWS = "rows"
    TOTALS = "totals"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Open:
    opening: IntersectionOpening


@dataclass(frozen=True, slots=True)
class AwaitOpening:
    party: str


@dataclass(frozen=True, slots=True)
class Send:
    step: Step
    index: int


@dataclass(frozen=True, slots=True)
class Await:
    step: Step
    index: int


@dataclass(frozen=True, slots=True)
class Finished:
    pass


Action = Open | AwaitOpening | Send | Await | Finished


class Exchange:
    """One intersection as the party that brings ``own`` sees it.

    Raises (when made):
        ContractError, NotPermittedError, MalformedError, CapExceededError: as the checks of request and opening.
    """

    def __init__(
        self,
        contract: Contract,
        request: IntersectionRequest,
        own: IntersectionOpening,
        *,
        subjects: frozenset[str],
    ) -> None:
        check_request(contract, request, subjects=subjects)
        check_opening(contract, request, own)
        self._contract = contract
        self._request = request
        self._own = own
        self._me = own.party
        self._peer = contract.counterparty(own.party)
        self._keys = PinnedKeys(contract)
        self._context = IntersectionContext.of(request)
        self._counterpart: IntersectionOpening | None = None
        self._schedule: Schedule | None = None
        self._places: list[Place] = []
        self._taken: dict[Place, bytes] = {}
        self._opened = False
        self._failed = False

    @property
    def state(self) -> ExchangeState:
        if self._failed:
            return ExchangeState.FAILED
        if self._counterpart is None:
            return ExchangeState.AWAITING_OPENING if self._opened else ExchangeState.OPENING
        return ExchangeState(self._places[0][0]) if self._places else ExchangeState.FINISHED

    def next_action(self) -> Action:
        """What to do now; the same until something is reported back. StateError when the exchange has failed."""
        match self.state:
            case ExchangeState.OPENING:
                return Open(self._own)
            case ExchangeState.AWAITING_OPENING:
                return AwaitOpening(self._peer.name)
            case ExchangeState.FINISHED:
                return Finished()
            case ExchangeState.FAILED:
                raise StateError("the intersection has failed", hint="Look up its job for the reason, and ask again.")
        step, index = self._places[0]
        mine = self.schedule.sender(step) == self._me
        return Send(step, index) if mine else Await(step, index)

    @property
    def schedule(self) -> Schedule:
        """What there is to send and to take. StateError before both have opened."""
        if self._schedule is None:
            raise StateError("out of turn: the counterparty has not opened yet", hint="Ask for the next action.")
        return self._schedule

    def progress(self) -> tuple[int, int]:
        """Chunks sent and taken, and how many there will be; the total is 0 while unknown."""
        if self._schedule is None:
            return 0, 0
        total = len(self._schedule.places())
        return total - len(self._places), total

    def on_opened(self) -> None:
        """The own opening is acknowledged."""
        if self.state is not ExchangeState.OPENING:
            raise StateError("the own opening was acknowledged before")
        self._opened = True

    def verify_opening(self, opening: IntersectionOpening, signature: bytes) -> bool:
        """Whether the counterparty's opening is new, and not the same as before; report it when it is used.

        Raises:
            SignatureError: not signed by the counterparty.
            ReplayError: of another request, or different from the one before.
            MalformedError: does not fit the contract.
            CapExceededError: more rows than the contract's evaluation cap.
        """
        if opening.party != self._peer.name:
            raise MalformedError("an opening that is not the counterparty's")
        self._keys.verify_party(self._peer.name, opening, signature)
        if self._counterpart is not None:
            if opening != self._counterpart:
                raise ReplayError("an opening that differs from the one before")
            return False
        if self.state is not ExchangeState.AWAITING_OPENING:
            raise StateError("out of turn: the own opening comes first", hint="Ask for the next action.")
        check_opening(self._contract, self._request, opening)
        return True

    def on_opening(self, opening: IntersectionOpening) -> None:
        """What :meth:`verify_opening` called new is used."""
        if self.state is not ExchangeState.AWAITING_OPENING:
            raise InternalError("an opening was used out of turn")
        self._counterpart = opening
        self._schedule = Schedule.of(self._request, self._own, opening)
        self._places = self._schedule.places()

    def rows(self, step: Step, index: int) -> tuple[int, int]:
        """Where the rows of a chunk begin and end in its step."""
        return self.schedule.span(step, index)

    def seal(self, step: Step, index: int, content: bytes) -> tuple[IntersectionChunk, bytes]:
        """The chunk that is due, for the party to sign, and its sealed bytes."""
        if self.next_action() != Send(step, index):
            raise StateError("another chunk than the one that is due", hint="Ask for the next action.")
        header = self.schedule.header(step, index)
        sealed = SealingPublicKey(self._peer.sealing_key).seal(content, self._context.seal_info(header))
        return replace(header, sealed_digest=hashlib.sha256(sealed).digest()), sealed

    def on_sent(self, step: Step, index: int) -> None:
        """An own chunk is acknowledged."""
        if self.next_action() != Send(step, index):
            raise StateError("a chunk was acknowledged out of turn")
        del self._places[0]

    def open(self, chunk: IntersectionChunk, signature: bytes, sealed: bytes, key: SealingKey) -> bytes | None:
        """The content of the counterparty's chunk that is due; report it when it is used. None for one used before.

        Raises:
            SignatureError: not signed by the counterparty.
            ReplayError: out of order, or different from the one taken for this place.
            MalformedError: does not fit the openings or its own sealed bytes, or is of another request.
        """
        if chunk.sender != self._peer.name:
            raise MalformedError("a chunk that is not the counterparty's")
        self._keys.verify_party(self._peer.name, chunk, signature)
        place = chunk.step, chunk.index
        if place in self._taken:
            if chunk.digest() != self._taken[place]:
                raise ReplayError("a chunk that differs from the one before for the same place")
            return None
        action = self.next_action()
        if action != Await(*place):
            raise ReplayError("another chunk than the one that is due")
        if chunk != replace(self.schedule.header(*place), sealed_digest=chunk.sealed_digest):
            raise MalformedError("a chunk that does not fit the openings")
        if hashlib.sha256(sealed).digest() != chunk.sealed_digest:
            raise MalformedError("sealed bytes that are not the ones that were signed")
        return key.open(sealed, self._context.seal_info(chunk))

    def on_taken(self, chunk: IntersectionChunk) -> None:
        """What :meth:`open` gave is used."""
        if self.next_action() != Await(chunk.step, chunk.index):
            raise InternalError("a chunk was used out of turn")
        self._taken[chunk.step, chunk.index] = chunk.digest()
        del self._places[0]

    def fail(self) -> None:
        """Either party refused. StateError when all is finished."""
        if self.state is ExchangeState.FINISHED:
            raise StateError("an intersection that is finished can't fail any more")
        self._failed = True
