"""Whole fusions without a network: both parties, the zone, and everything that goes wrong between them.

Named invariants, each asserted below:
    same-match      the result is the plaintext join, whatever was lost, repeated or restarted
    once            the zone stores every place once
    nothing-moves   a message that is refused changes neither machine
    no-second-answer  no party evaluates a point twice, nor one that the counterparty did not blind
"""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from miyun import chunking
from miyun.errors import PeerError
from miyun.hazmat.scalars import SecretScalar
from miyun.psi.blinding import blind
from miyun.psi.context import FusionContext
from miyun.psi.evaluation import evaluate
from miyun.psi.party_fusion import (
    Announce,
    AwaitAnnouncement,
    AwaitReport,
    FetchChunk,
    PartyFusion,
    SendChunk,
)
from miyun.psi.zone_fusion import ZoneFusionState

from .world import (
    MERCHANT,
    PARTIES,
    PLATFORM,
    TYPES,
    ZONE,
    Rows,
    SeenInMemory,
    SentChunk,
    SentTokens,
    Side,
    ZoneStore,
    as_set,
    make_contract,
    make_request,
    naive_match,
    other,
    signing_key,
)

CONTRACT = make_contract()
REQUEST = make_request(CONTRACT)


class Driver:
    """An agent: it keeps its outbox, its progress and its answers, and may crash between any two steps."""

    def __init__(self, side: Side, store: ZoneStore, chance: random.Random) -> None:
        self.side = side
        self.store = store
        self.chance = chance
        self.progress = dict.fromkeys(TYPES, (0, 0))
        self.outbox: dict[tuple[str, int], SentChunk] = {}
        self.answers: dict[tuple[str, int], SentTokens] = {}
        self.start()

    def start(self) -> None:
        self.machine = PartyFusion(
            CONTRACT, REQUEST, self.side.name, self.side.announcement, self.progress, evaluated_before={}
        )

    def lost(self) -> bool:
        return self.chance.random() < 0.2

    def step(self) -> None:
        match self.machine.next_action():
            case Announce(announcement):
                self.store.announce(announcement)
                if not self.lost():
                    self.machine.on_announced()
            case AwaitAnnouncement(party):
                for announcement, signature in self.store.announcements:
                    if announcement.party == party:
                        self.machine.on_counterpart(announcement, signature)
            case SendChunk(type_, index):
                self.send(type_, index)
            case FetchChunk(type_, index):
                self.answer(type_, index)

    def send(self, type_: str, index: int) -> None:
        if (type_, index) not in self.outbox:
            self.outbox[type_, index] = self.side.chunk(type_, index)
        if self.lost():
            return
        self.store.put_points(self.outbox[type_, index])
        if self.lost():
            return
        sent, evaluated = self.progress[type_]
        self.progress[type_] = (sent + 1, evaluated)
        self.machine.on_sent(type_, index)

    def answer(self, type_: str, index: int) -> None:
        chunk = self.store.points_from(other(self.side.name), type_, index)
        if chunk is None:
            self.machine.on_absent(type_, index)
            return
        self.machine.on_points(chunk.points, chunk.points_signature)
        if (type_, index) not in self.answers:
            self.answers[type_, index] = self.side.evaluate(chunk.points, chunk.sealed)
        if self.lost():
            return
        self.store.put_tokens(self.answers[type_, index])
        if self.lost():
            return
        sent, evaluated = self.progress[type_]
        self.progress[type_] = (sent, evaluated + 1)
        self.machine.on_evaluated(type_, index)


def attack(store: ZoneStore, drivers: dict[str, Driver], chance: random.Random) -> None:
    """Somebody sends what it saw before, changed, to the zone or to a party."""
    before = (store.fusion.progress(), [driver.machine.progress() for driver in drivers.values()])
    victim = drivers[chance.choice(PARTIES)]
    forger = signing_key(chance.choice([ZONE, victim.side.name]))
    attempts = []
    for chunk in store.chunks:
        moved = replace(chunk.points, index=chunk.points.index + 1)
        attempts += [
            lambda c=chunk: replace(c, points_signature=bytes(64)).put(store.fusion),
            lambda c=chunk: replace(c, sealed=c.sealed[:-1]).put(store.fusion),
            lambda c=chunk, m=moved: replace(c, points=m, points_signature=forger.sign(m)).put(store.fusion),
            lambda m=moved: victim.machine.on_points(m, forger.sign(m)),
            lambda c=chunk: victim.machine.on_points(replace(c.points, job="old"), c.points_signature),
        ]
    for tokens in store.tokens:
        attempts += [
            lambda t=tokens: replace(t, tokens=bytes(len(t.tokens))).put(store.fusion),
            lambda t=tokens: replace(t, signature=forger.sign(store.chunks[0].points)).put(store.fusion),
        ]
    if attempts and victim.machine.state == "exchanging":
        with pytest.raises(PeerError):
            chance.choice(attempts)()
    after = (store.fusion.progress(), [driver.machine.progress() for driver in drivers.values()])
    assert before == after, "nothing-moves"


values = st.one_of(st.none(), st.integers(0, 12).map(str))


def distinct(rows: list[tuple[str | None, ...]]) -> Rows:
    """What the owner sends: a value stays with the first row that has it; rows without any are left out."""
    kept: Rows = []
    seen: set[tuple[int, str]] = set()
    for row in rows:
        own = tuple(None if v is None or (i, v) in seen else v for i, v in enumerate(row))
        seen |= {(i, v) for i, v in enumerate(own) if v is not None}
        if any(v is not None for v in own):
            kept.append(own)
    return kept


pytestmark = pytest.mark.usefixtures("each_backend")

tables = st.lists(st.tuples(values, values), min_size=1, max_size=14).map(distinct)


@given(tables, tables, st.integers(0, 2**32))
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_fusion_matches_what_a_plaintext_join_matches_whatever_happens(
    monkeypatch: pytest.MonkeyPatch, left: Rows, right: Rows, seed: int
) -> None:
    monkeypatch.setattr(chunking, "CHUNK_POINTS", 3)
    chance = random.Random(seed)
    store = ZoneStore(CONTRACT, REQUEST)
    sides = {
        MERCHANT: Side(MERCHANT, CONTRACT, REQUEST, left, seed),
        PLATFORM: Side(PLATFORM, CONTRACT, REQUEST, right, seed + 1),
    }
    drivers = {name: Driver(side, store, chance) for name, side in sides.items()}
    for _ in range(2000):
        if all(isinstance(driver.machine.next_action(), AwaitReport) for driver in drivers.values()):
            break
        drivers[chance.choice(PARTIES)].step()
        match chance.randrange(12):
            case 0:
                store.restart()
            case 1:
                drivers[chance.choice(PARTIES)].start()
            case 2 | 3:
                attack(store, drivers, chance)
    assert store.fusion.state is ZoneFusionState.JOINING
    event(f"{len(naive_match(left, right))} pairs")
    event(f"{len(store.chunks)} chunks")
    assert as_set(store.join()) == naive_match(left, right), "same-match"
    places = [(c.points.sender, c.points.type, c.points.index) for c in store.chunks]
    assert len(set(places)) == len(places) == len(store.tokens), "once"
    for side, rows in ((sides[MERCHANT], right), (sides[PLATFORM], left)):
        for position, type_ in enumerate(TYPES):
            sent = sum(row[position] is not None for row in rows)
            assert len(side.seen[type_].seen) == sent, "no-second-answer"


def test_neither_points_nor_tokens_keep_a_trace_of_the_input_order() -> None:
    """Values in ascending order; the rank of a point's or token's bytes must not correlate with its value's rank.

    Spearman's rho of one run of n independent ranks has mean 0 and variance 1/(n - 1); the bound on the mean over
    all runs is five standard deviations.
    """
    runs, rows = 60, 40
    labels = FusionContext.of(CONTRACT, 1, "phone")
    ordered = [f"1380000{number:04}".encode() for number in range(rows)]
    sums = {"points": 0.0, "tokens": 0.0}
    for _ in range(runs):
        points = blind(labels, ordered, SecretScalar.random())
        tokens = evaluate(labels, points, SecretScalar.random(), SeenInMemory())
        for name, batch in (("points", points), ("tokens", tokens)):
            size = len(batch) // rows
            pieces = [batch[start : start + size] for start in range(0, len(batch), size)]
            ranks = np.argsort(np.argsort(np.array([int.from_bytes(piece, "little") % 2**62 for piece in pieces])))
            sums[name] += float(np.corrcoef(np.arange(rows), ranks)[0, 1])
    bound = 5 / np.sqrt(runs * (rows - 1))
    assert {name: abs(total / runs) < bound for name, total in sums.items()} == {"points": True, "tokens": True}


def test_padding_looks_like_rows() -> None:
    """Every byte position takes the same values in points of rows and of padding, as far as 512 of each can show."""
    labels = FusionContext.of(CONTRACT, 1, "phone")
    scalar = SecretScalar.random()
    rows = np.frombuffer(blind(labels, [str(n).encode() for n in range(512)], scalar), np.uint8).reshape(-1, 32)
    padding = np.frombuffer(blind(labels, [None] * 512, scalar), np.uint8).reshape(-1, 32)
    assert len({bytes(point) for point in padding}) == 512
    bits = [np.unpackbits(side, axis=1).mean(axis=0) for side in (rows, padding)]
    # A mean of 512 fair bits has standard deviation 0.022; two are constant: the lowest and the highest.
    assert float(np.abs(bits[0] - bits[1]).max()) < 6 * np.sqrt(2) * 0.5 / np.sqrt(512)
