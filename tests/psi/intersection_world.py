"""Two parties of an intersection-sum, their mailbox and a plaintext model, without network or disk."""

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

from miyun.contract.model import MATCHED, Contract, Grant, Rung
from miyun.hazmat.scalars import SecretScalar
from miyun.paillier.fixed_base import FixedBase
from miyun.paillier.private import PrivateKey
from miyun.psi.intersection_sum.exchange import Await, AwaitOpening, Finished, Open, Send
from miyun.psi.intersection_sum.holder import Holder
from miyun.psi.intersection_sum.matcher import Matcher
from miyun.psi.intersection_sum.points import holder_points, matcher_points
from miyun.psi.intersection_sum.statements import (
    IntersectionChunk,
    IntersectionOpening,
    IntersectionRequest,
    Step,
    SummedColumn,
)
from miyun.psi.intersection_sum.totals import ColumnValues, draw_noise

from .world import MERCHANT, NOW, PARTIES, PLATFORM, SeenInMemory, other, sealing_key, signing_key
from .world import make_contract as make_fusion_contract

HOLDER, MATCHER = MERCHANT, PLATFORM
SPEND = SummedColumn(name="members.spend", low=-500, high=1000, step="0.01")
ORDERS = SummedColumn(name="members.orders", low=0, high=9, step="1")


def make_contract(*, bucket: int = 1, without: Collection[tuple[str, Rung]] = ()) -> Contract:
    """Both parties grant each other all that an intersection needs, but what ``without`` says, by recipient."""
    grants = tuple(
        Grant(owner=other(name), subject=MATCHED, rung=rung, recipient=name)
        for name in PARTIES
        for rung in (Rung.SIZE, Rung.EXACT_SIZE, Rung.INSIGHT)
        if (name, rung) not in without
    )
    return replace(make_fusion_contract(bucket=bucket), grants=grants)


@cache
def reader() -> PrivateKey:
    return PrivateKey.generate(2048)


@cache
def cheap() -> FixedBase:
    return FixedBase(reader().public_key)


def make_request(
    contract: Contract,
    *,
    columns: tuple[SummedColumn, ...] = (SPEND,),
    exact_for: tuple[str, ...] = (),
    job: str = "job-1",
) -> IntersectionRequest:
    return IntersectionRequest(
        contract=contract.id,
        contract_digest=contract.digest(),
        job=job,
        requester=HOLDER,
        holder=HOLDER,
        type="phone",
        holder_rows="",
        matcher_rows="",
        columns=columns,
        totals_rho_micro=500_000 if columns else 0,
        size_rho_micro=0 if MATCHER in exact_for else 500_000,
        exact_for=exact_for,
        at=NOW,
    )


def no_noise(scales: Sequence[float]) -> list[int]:
    return [0] * len(scales)


@dataclass
class Data:
    """By row: an identifier, or None for padding; and of the holder, numbers by column."""

    matcher: list[bytes | None]
    holder: list[bytes | None]
    numbers: list[ColumnValues]

    def matched_rows(self) -> list[int]:
        present = {value for value in self.matcher if value is not None}
        return [row for row, value in enumerate(self.holder) if value in present]

    def sums(self, columns: Sequence[SummedColumn]) -> list[tuple[int, int]]:
        """The plaintext model: clipped sum and number of known values over the intersection."""
        return [
            (
                sum(min(max(int(n.values[r]), c.low), c.high) for r in self.matched_rows() if n.known[r]),
                sum(bool(n.known[r]) for r in self.matched_rows()),
            )
            for c, n in zip(columns, self.numbers, strict=True)
        ]


def random_data(chance: random.Random, columns: int, most: int = 30) -> Data:
    people = [f"person {number}".encode() for number in range(most)]

    def table() -> list[bytes | None]:
        rows: list[bytes | None] = [*chance.sample(people, chance.randint(0, most)), *[None] * chance.randint(0, 4)]
        chance.shuffle(rows)
        return rows

    holder = table()
    return Data(
        matcher=table(),
        holder=holder,
        numbers=[
            ColumnValues(
                values=np.array([chance.randint(-2000, 2000) for _ in holder], np.int64),
                known=np.array([chance.random() < 0.8 for _ in holder], np.bool_),
            )
            for _ in range(columns)
        ],
    )


@dataclass
class Seen:
    """The durable memory of points: a chunk that comes again claims nothing again."""

    memory: SeenInMemory = field(default_factory=SeenInMemory)
    chunks: set[bytes] = field(default_factory=set)

    def of(self, chunk: IntersectionChunk) -> "SeenOfChunk":
        return SeenOfChunk(self, chunk.digest())


@dataclass
class SeenOfChunk:
    seen: Seen
    digest: bytes

    def claim(self, points: bytes) -> None:
        if self.digest not in self.seen.chunks:
            self.seen.memory.claim(points)
            self.seen.chunks.add(self.digest)


Letter = tuple[IntersectionChunk, bytes, bytes]


@dataclass
class Mailbox:
    openings: dict[str, tuple[IntersectionOpening, bytes]] = field(default_factory=dict)
    letters: dict[tuple[Step, int], Letter] = field(default_factory=dict)


class Agent:
    """Drives one party's machine. It keeps what a party keeps on disk, and may be restarted between any two steps."""

    def __init__(self, name: str, make: Callable[[], Holder | Matcher], box: Mailbox) -> None:
        self.name = name
        self.make = make
        self.box = box
        self.seen = Seen()
        self.outbox: dict[tuple[Step, int], Letter] = {}
        self.restart()

    def restart(self) -> None:
        self.machine = self.make()
        self.taken: list[Letter] = []

    def step(self, lost: Callable[[], bool] = lambda: False) -> bool:
        """Do what is due; whether anything came of it."""
        exchange = self.machine.exchange
        match exchange.next_action():
            case Open(opening):
                self.box.openings[self.name] = (opening, signing_key(self.name).sign(opening))
                exchange.on_opened()
            case AwaitOpening(party):
                if party not in self.box.openings:
                    return False
                self.machine.on_opening(*self.box.openings[party])
            case Send(step, index):
                self.send(step, index, lost)
            case Await(step, index):
                if (step, index) not in self.box.letters:
                    return False
                self.take(self.box.letters[step, index])
                self.taken.append(self.box.letters[step, index])
            case Finished():
                return False
        return True

    def send(self, step: Step, index: int, lost: Callable[[], bool]) -> None:
        if (step, index) not in self.outbox:
            chunk, sealed = self.machine.message(step, index)
            self.outbox[step, index] = (chunk, signing_key(self.name).sign(chunk), sealed)
        if lost():
            return
        self.box.letters[step, index] = self.outbox[step, index]
        if not lost():
            self.machine.exchange.on_sent(step, index)

    def take(self, letter: Letter) -> None:
        self.machine.take(*letter, self.seen.of(letter[0]))


class Pair:
    """Both parties of one intersection."""

    def __init__(
        self,
        contract: Contract,
        request: IntersectionRequest,
        data: Data,
        *,
        noise: Callable[[Sequence[float]], list[int]] = draw_noise,
        key: PrivateKey | None = None,
    ) -> None:
        key = key or reader()
        scalars = {name: SecretScalar.random() for name in (HOLDER, MATCHER)}
        own = {
            HOLDER: holder_points(request, data.holder, scalars[HOLDER]),
            MATCHER: matcher_points(request, data.matcher, scalars[MATCHER]),
        }
        common = {name: (contract, request, own[name], scalars[name], sealing_key(name)) for name in own}
        self.box = Mailbox()
        self.points = own
        self.matcher = Agent(MATCHER, lambda: Matcher(*common[MATCHER], subjects=frozenset(), noise=noise), self.box)
        self.holder = Agent(
            HOLDER,
            lambda: Holder(
                *common[HOLDER],
                subjects=frozenset(),
                numbers=data.numbers,
                reader=key if request.columns else None,
                randomness=cheap() if key is reader() and request.columns else None,
            ),
            self.box,
        )

    @property
    def agents(self) -> tuple[Agent, Agent]:
        return self.matcher, self.holder

    def run(self, until: Step | None = None) -> None:
        """Play it without faults, to the end or until a chunk of this step is in the mailbox."""
        moved = True
        while moved:
            moved = False
            for agent in self.agents:
                moved |= agent.step()
                if any(step is until for step, _ in self.box.letters):
                    return

    def machines(self) -> tuple[Matcher, Holder]:
        assert isinstance(self.matcher.machine, Matcher)
        assert isinstance(self.holder.machine, Holder)
        return self.matcher.machine, self.holder.machine
