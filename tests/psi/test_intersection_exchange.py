"""What the parties of an intersection-sum refuse, and that a refusal changes nothing."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from miyun.contract.model import Rung
from miyun.errors import (
    CapExceededError,
    ContractError,
    InputError,
    MalformedError,
    MiyunError,
    NotPermittedError,
    ReplayError,
    SignatureError,
    StateError,
)
from miyun.hazmat.scalars import SecretScalar
from miyun.keys.sealing import SealingPublicKey
from miyun.paillier.private import PrivateKey
from miyun.paillier.proof import ProvenKey
from miyun.psi.intersection_sum import matcher, schedule
from miyun.psi.intersection_sum.checks import check_opening, check_request
from miyun.psi.intersection_sum.context import IntersectionContext
from miyun.psi.intersection_sum.dummies import DummyPool
from miyun.psi.intersection_sum.exchange import Await, ExchangeState, Send
from miyun.psi.intersection_sum.points import holder_points
from miyun.psi.intersection_sum.statements import IntersectionChunk, IntersectionOpening, Step, SummedColumn

from .intersection_world import (
    HOLDER,
    MATCHER,
    SPEND,
    Agent,
    Letter,
    Pair,
    make_contract,
    make_request,
    random_data,
    reader,
)
from .world import ZONE, SeenInMemory, sealing_key, signing_key

CONTRACT = make_contract()
REQUEST = make_request(CONTRACT)
IDENTITY = bytes(32)
NOT_CANONICAL = b"\xff" * 31 + b"\x7f"


prove, verify = cache(PrivateKey.prove), cache(ProvenKey)


@pytest.fixture(autouse=True)
def small_chunks_and_each_proof_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "CHUNK_ROWS", 20)
    monkeypatch.setattr(PrivateKey, "prove", prove)
    monkeypatch.setattr(matcher, "ProvenKey", verify)


@pytest.fixture
def pair() -> Pair:
    data = random_data(random.Random(7), 1)
    data.matcher += [f"only here {number}".encode() for number in range(25)]
    return Pair(CONTRACT, REQUEST, data)


def taker(pair: Pair, step: Step) -> Agent:
    return pair.holder if step in {Step.POINTS, Step.TOTALS} else pair.matcher


def sign(chunk: IntersectionChunk, sealed: bytes) -> Letter:
    return chunk, signing_key(chunk.sender).sign(chunk), sealed


def sealed_anew(letter: Letter, change: Callable[[bytes], bytes]) -> Letter:
    """What a sender with other content would send in place of ``letter``."""
    chunk, _, sealed = letter
    info = IntersectionContext.of(REQUEST).seal_info(chunk)
    content = change(sealing_key(chunk.receiver).open(sealed, info))
    sealed = SealingPublicKey(CONTRACT.party(chunk.receiver).sealing_key).seal(content, info)
    return sign(replace(chunk, sealed_digest=hashlib.sha256(sealed).digest()), sealed)


def refused(agent: Agent, letter: Letter, error: type[MiyunError], match: str) -> None:
    """It raises, and the machine stands where it stood and takes the right letter afterwards."""
    before = agent.machine.exchange.next_action(), agent.machine.exchange.progress()
    with pytest.raises(error, match=match):
        agent.machine.take(*letter, SeenInMemory())
    assert (agent.machine.exchange.next_action(), agent.machine.exchange.progress()) == before


@pytest.mark.parametrize("step", list(Step))
def test_forged_and_misplaced_chunks_are_refused(pair: Pair, step: Step) -> None:
    pair.run(until=step)
    agent = taker(pair, step)
    chunk, signature, sealed = letter = pair.box.letters[step, 0]

    refused(agent, (chunk, bytes(64), sealed), SignatureError, ".")
    refused(agent, (chunk, signing_key(ZONE).sign(chunk), sealed), SignatureError, ".")
    refused(agent, (chunk, signature, sealed[:-1] + bytes([sealed[-1] ^ 1])), MalformedError, "were signed")
    refused(agent, sign(replace(chunk, sender=chunk.receiver), sealed), MalformedError, "not the counterparty's")
    refused(agent, sign(replace(chunk, job="job-2"), sealed), MalformedError, "does not fit")
    refused(agent, sign(replace(chunk, receiver=chunk.sender), sealed), MalformedError, "does not fit")
    refused(agent, sign(replace(chunk, count=chunk.count + 1), sealed), MalformedError, "does not fit")
    refused(agent, sign(replace(chunk, index=1), sealed), ReplayError, "due")
    other = Step.ANSWERS if step is Step.ROWS else Step.ROWS if step is Step.ANSWERS else Step.POINTS
    if other is not step:
        refused(agent, sign(replace(chunk, step=other), sealed), ReplayError, "due|differs")
    agent.take(letter)


def test_a_seal_of_another_request_does_not_open(pair: Pair) -> None:
    pair.run(until=Step.POINTS)
    chunk, _, sealed = pair.box.letters[Step.POINTS, 0]
    content = sealing_key(HOLDER).open(sealed, IntersectionContext.of(REQUEST).seal_info(chunk))
    other = IntersectionContext.of(replace(REQUEST, job="job-2")).seal_info(chunk)
    sealed = sealing_key(HOLDER).public_key.seal(content, other)
    refused(
        pair.holder,
        sign(replace(chunk, sealed_digest=hashlib.sha256(sealed).digest()), sealed),
        MalformedError,
        "not meant for",
    )


@pytest.mark.parametrize("step", [Step.POINTS, Step.ANSWERS, Step.ROWS])
def test_repeated_and_unsorted_points_are_refused(pair: Pair, step: Step) -> None:
    pair.run(until=step)
    agent, letter = taker(pair, step), pair.box.letters[step, 0]
    count = letter[0].count

    twice = sealed_anew(letter, lambda content: content[:32] + content[:32] + content[64:])
    refused(agent, twice, ReplayError, "position 1")
    swapped = sealed_anew(letter, lambda content: content[32:64] + content[:32] + content[64:])
    refused(agent, swapped, ReplayError, "position 1")

    agent.take(letter)
    while (step, 1) not in pair.box.letters:
        pair.matcher.step()
        pair.holder.step()
    from_before = sealed_anew(
        pair.box.letters[step, 1],
        lambda content: (
            sealing_key(letter[0].receiver).open(letter[2], IntersectionContext.of(REQUEST).seal_info(letter[0]))[
                (count - 1) * 32 : count * 32
            ]
            + content[32:]
        ),
    )
    if agent.machine.exchange.next_action() == Await(step, 1):
        refused(agent, from_before, ReplayError, "position 0")


@pytest.mark.parametrize("step", [Step.POINTS, Step.ROWS])
@pytest.mark.parametrize("point", [IDENTITY, NOT_CANONICAL], ids=["identity", "not canonical"])
def test_points_that_are_none_are_refused(pair: Pair, step: Step, point: bytes) -> None:
    pair.run(until=step)
    agent, letter = taker(pair, step), pair.box.letters[step, 0]
    count = letter[0].count

    def change(content: bytes) -> bytes:
        if point == IDENTITY:
            return point + content[32:]
        return content[: (count - 1) * 32] + point + content[count * 32 :]

    position = 0 if point == IDENTITY else count - 1
    refused(agent, sealed_anew(letter, change), MalformedError, f"position {position}")
    agent.take(letter)


@pytest.mark.parametrize("step", list(Step))
def test_contents_of_another_length_are_refused(pair: Pair, step: Step) -> None:
    pair.run(until=step)
    agent, letter = taker(pair, step), pair.box.letters[step, 0]

    refused(agent, sealed_anew(letter, lambda content: content + content[:32]), MalformedError, "more or fewer")
    agent.take(letter)


def test_ciphertexts_that_are_none_are_refused(pair: Pair) -> None:
    pair.run(until=Step.ROWS)
    letter = pair.box.letters[Step.ROWS, 0]
    width = reader().public_key.ciphertext_bytes

    for number in (0, reader().public_key.n, reader().public_key.n ** 2 + 1):
        bad = number.to_bytes(width, "little")
        changed = sealed_anew(letter, lambda content, bad=bad: content[:-width] + bad)
        refused(pair.matcher, changed, MalformedError, "ciphertext at position")
    pair.matcher.take(letter)


def test_a_total_that_is_no_ciphertext_is_refused(pair: Pair) -> None:
    pair.run(until=Step.TOTALS)
    letter = pair.box.letters[Step.TOTALS, 0]

    refused(pair.holder, sealed_anew(letter, lambda content: bytes(len(content))), MalformedError, "ciphertext")
    with pytest.raises(StateError, match="not known yet"):
        pair.machines()[1].totals()
    pair.holder.take(letter)


def test_another_content_for_a_taken_place_is_refused(pair: Pair) -> None:
    pair.run(until=Step.ANSWERS)
    letter = pair.box.letters[Step.POINTS, 0]

    refused(pair.holder, sealed_anew(letter, lambda content: content), ReplayError, "differs")
    pair.holder.take(letter)


def test_points_beyond_the_cap_are_not_multiplied(pair: Pair) -> None:
    pair.run(until=Step.POINTS)
    letter = pair.box.letters[Step.POINTS, 0]

    with pytest.raises(CapExceededError):
        pair.holder.machine.take(*letter, SeenInMemory(cap=letter[0].count - 1))
    assert pair.holder.machine.exchange.next_action() == Await(Step.POINTS, 0)


def test_openings_are_checked_before_anything_is_sent(pair: Pair) -> None:
    def hand(agent: Agent, opening: IntersectionOpening, signer: str, error: type[MiyunError], match: str) -> None:
        with pytest.raises(error, match=match):
            agent.machine.on_opening(opening, signing_key(signer).sign(opening))
        assert agent.machine.exchange.state is ExchangeState.AWAITING_OPENING

    for agent in pair.agents:
        agent.step()
    (ours, _), (theirs, signature) = pair.box.openings[MATCHER], pair.box.openings[HOLDER]

    hand(pair.matcher, theirs, ZONE, SignatureError, ".")
    hand(pair.matcher, ours, MATCHER, MalformedError, "not the counterparty's")
    hand(pair.matcher, replace(theirs, request_digest=bytes(32)), HOLDER, ReplayError, "another intersection")
    hand(pair.matcher, replace(theirs, job="job-2"), HOLDER, ReplayError, "another intersection")
    hand(pair.matcher, replace(theirs, rows=DummyPool.of(500_000).size - 1), HOLDER, MalformedError, "padded")
    hand(pair.matcher, replace(theirs, rows=1_000_001), HOLDER, CapExceededError, "1,000,001")
    hand(pair.matcher, replace(theirs, modulus=b"", proof=b""), HOLDER, MalformedError, "key")
    hand(pair.holder, replace(ours, modulus=theirs.modulus, proof=theirs.proof), MATCHER, MalformedError, "key")
    hand(pair.matcher, replace(theirs, proof=theirs.proof[:-1] + b"\0"), HOLDER, MalformedError, "proven|proof")
    elsewhere = reader().prove(IntersectionContext(bytes(32)).key_context())
    hand(pair.matcher, replace(theirs, proof=elsewhere), HOLDER, MalformedError, "proven")

    pair.matcher.machine.on_opening(theirs, signature)
    pair.matcher.machine.on_opening(theirs, signature)
    changed = replace(theirs, rows=theirs.rows + 1)
    with pytest.raises(ReplayError, match="differs"):
        pair.matcher.machine.on_opening(changed, signing_key(HOLDER).sign(changed))


def test_nothing_is_sent_or_known_out_of_turn(pair: Pair) -> None:
    first, holder = pair.machines()
    assert first.exchange.progress() == (0, 0)
    with pytest.raises(StateError):
        first.message(Step.POINTS, 0)
    with pytest.raises(StateError):
        first.size()
    with pytest.raises(StateError):
        holder.totals()
    pair.holder.step()
    early = pair.box.openings[HOLDER]
    with pytest.raises(StateError, match="out of turn"):
        first.on_opening(*early)
    pair.run(until=Step.POINTS)
    with pytest.raises(StateError, match="due"):
        holder.message(Step.ROWS, 0)
    assert holder.exchange.next_action() == Await(Step.POINTS, 0)
    assert first.exchange.next_action() == Send(Step.POINTS, 1)
    first.exchange.fail()
    with pytest.raises(StateError, match="failed"):
        first.exchange.next_action()


def test_answers_leave_only_when_all_points_are_in(pair: Pair) -> None:
    """Sorted chunk by chunk they would say which chunk a match came from."""
    pair.run()

    answers = b""
    for (step, _), (chunk, _, sealed) in sorted(pair.box.letters.items()):
        if step is Step.ANSWERS:
            answers += sealing_key(MATCHER).open(sealed, IntersectionContext.of(REQUEST).seal_info(chunk))
    pieces = [answers[at : at + 32] for at in range(0, len(answers), 32)]
    assert len(pieces) > 20
    assert pieces == sorted(set(pieces))


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"contract_digest": bytes(32)}, ContractError, "another contract"),
        ({"requester": "somebody"}, ContractError, "no party"),
        ({"holder": "somebody"}, ContractError, "no party"),
        ({"type": "email"}, ContractError, "identifier type"),
        ({"columns": (SPEND, SPEND)}, ContractError, "twice"),
        ({"columns": (replace(SPEND, low=5, high=4),)}, ContractError, "range"),
        ({"columns": (replace(SPEND, low=0, high=0),)}, ContractError, "range"),
        ({"columns": (replace(SPEND, high=2**41),)}, ContractError, "range"),
        ({"columns": ()}, ContractError, "charge for the totals"),
        ({"totals_rho_micro": 1}, ContractError, "charge for the totals"),
        ({"size_rho_micro": 0}, ContractError, "charge for the size"),
        ({"size_rho_micro": -1}, ContractError, "charge for the size"),
    ],
)
def test_requests_that_can_not_be_computed_are_refused(
    change: dict[str, object], error: type[MiyunError], match: str
) -> None:
    check_request(CONTRACT, REQUEST, subjects=frozenset())
    with pytest.raises(error, match=match):
        check_request(CONTRACT, replace(REQUEST, **change), subjects=frozenset())


def test_exact_sizes_need_no_charge_and_a_charge_no_exact_size() -> None:
    exact = replace(REQUEST, exact_for=(MATCHER,))
    with pytest.raises(ContractError, match="charge for the size"):
        check_request(CONTRACT, exact, subjects=frozenset())
    check_request(CONTRACT, replace(exact, size_rho_micro=0), subjects=frozenset())
    with pytest.raises(ContractError, match="holder learns nothing"):
        check_request(
            CONTRACT, replace(REQUEST, exact_for=(HOLDER,), columns=(), totals_rho_micro=0), subjects=frozenset()
        )


@pytest.mark.parametrize(
    ("recipient", "rung", "terms"),
    [
        (MATCHER, Rung.SIZE, {}),
        (HOLDER, Rung.INSIGHT, {}),
        (MATCHER, Rung.EXACT_SIZE, {"exact_for": (MATCHER,)}),
        (HOLDER, Rung.EXACT_SIZE, {"exact_for": (HOLDER,)}),
    ],
)
def test_each_thing_that_is_learnt_needs_its_grant(recipient: str, rung: Rung, terms: dict[str, object]) -> None:
    check_request(CONTRACT, make_request(CONTRACT, **terms), subjects=frozenset())
    contract = make_contract(without=[(recipient, rung)])
    with pytest.raises(NotPermittedError, match=f"{recipient} no {rung} of matched"):
        check_request(contract, make_request(contract, **terms), subjects=frozenset())


@pytest.mark.parametrize(("subject", "recipient"), [("members.vip", MATCHER), ("tags.tea", HOLDER)])
def test_columns_that_cut_the_rows_need_grants_to_the_other_party(subject: str, recipient: str) -> None:
    with pytest.raises(NotPermittedError, match=f"{recipient} no .* of {subject}"):
        check_request(CONTRACT, REQUEST, subjects=frozenset({subject}))


def test_rows_are_padded_beside_the_dummies() -> None:
    contract = make_contract(bucket=10)
    request = make_request(contract)
    pool = DummyPool.of(request.size_rho_micro).size
    opening = IntersectionOpening(
        contract=contract.id, job=request.job, request_digest=request.digest(), party=MATCHER, rows=pool + 20
    )

    check_opening(contract, request, opening)
    with pytest.raises(MalformedError, match="padded"):
        check_opening(contract, request, replace(opening, rows=pool + 21))


def test_columns_without_room_are_refused() -> None:
    columns = tuple(SummedColumn(name=f"members.c{i}", low=0, high=2**40, step="1") for i in range(20))
    request = replace(make_request(CONTRACT, columns=columns), totals_rho_micro=40)
    data = random_data(random.Random(1), 20)
    with pytest.raises(InputError, match="no room"):
        Pair(CONTRACT, request, data)


def test_a_prime_modulus_is_refused(pair: Pair) -> None:
    for agent in pair.agents:
        agent.step()
    theirs, _ = pair.box.openings[HOLDER]
    key: PrivateKey = reader()
    prime = replace(theirs, modulus=(key.public_key.n + 2).to_bytes(256, "little"))
    with pytest.raises(MalformedError, match="key"):
        pair.matcher.machine.on_opening(prime, signing_key(HOLDER).sign(prime))


def test_a_value_twice_is_the_owners_defect() -> None:
    with pytest.raises(MiyunError, match="twice"):
        holder_points(REQUEST, [b"x", b"x"], SecretScalar.random())
