"""What a question is made of, what it costs, and how its totals lie in plaintexts."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.aggregates.layout import AggregateLayout
from miyun.aggregates.question import MOST_SEGMENTS, MOST_STEPS, Question
from miyun.aggregates.statements import Circuit, NumberRange
from miyun.errors import InputError, InternalError, MalformedError
from miyun.paillier.slots import noise_tail
from miyun.privacy.noise import MICRO

from .world import AGE, SPEND

PORTRAIT = Question(
    circuit=Circuit.SELECTION,
    segments=2,
    disjoint=0,
    types=2,
    tags=1_000,
    dimensions=40,
    per_person=20,
    numbers=(),
    rho_micro=100_000,
)
SUMS = replace(PORTRAIT, tags=0, dimensions=0, per_person=0, numbers=(SPEND, AGE))


def test_the_totals_of_a_portrait() -> None:
    (part,) = PORTRAIT.parts
    assert PORTRAIT.totals == PORTRAIT.counts == part.totals == 1_041
    # Two types: √(1² + 1); two segments; 20 tags, 20 dimensions, and everybody.
    assert part.sensitivity == pytest.approx(math.sqrt(2 * 2 * 41))
    assert part.scale == pytest.approx(math.sqrt(2 * 2 * 41 / (2 * 0.1)))


def test_the_totals_of_numbers() -> None:
    parts = SUMS.parts
    assert SUMS.totals == 4
    assert [part.totals for part in parts] == [1, 1, 1, 1]
    assert [part.largest for part in parts] == [250_000, 1, 99, 1]
    # Two types: a row's own value and one of the other sign.
    moved = [251_000, 1, 99, 1]
    assert [part.sensitivity for part in parts] == pytest.approx([math.sqrt(2) * most for most in moved])
    assert [part.rho_micro for part in parts] == [25_000] * 4


def test_parts_of_a_segment_cost_as_two() -> None:
    sums = replace(SUMS, segments=6, types=1, disjoint=5)
    assert [part.sensitivity for part in sums.parts] == pytest.approx(
        [math.sqrt(2) * most for most in (250_000, 1, 99, 1)]
    )


def test_fewer_dimensions_than_tags_of_a_person() -> None:
    (part,) = replace(PORTRAIT, dimensions=3).parts
    assert part.sensitivity == pytest.approx(math.sqrt(2 * 2 * (20 + 3 + 1)))


@st.composite
def questions(draw: st.DrawFn) -> Question:
    tags = draw(st.integers(0, 60))
    dimensions = draw(st.integers(1, tags)) if tags else 0
    ranges = st.tuples(st.integers(-(2**30), 2**30), st.integers(1, 2**30))
    drawn = draw(st.lists(ranges, min_size=0 if tags else 1, max_size=4))
    numbers = [NumberRange(name=f"n{i}", low=low, high=low + size, step="1") for i, (low, size) in enumerate(drawn)]
    segments = draw(st.integers(1, MOST_SEGMENTS))
    return Question(
        circuit=draw(st.sampled_from(Circuit)),
        segments=segments,
        disjoint=draw(st.integers(0, segments).filter(lambda parts: parts != 1)),
        types=draw(st.integers(1, 5)),
        tags=tags,
        dimensions=dimensions,
        per_person=draw(st.integers(1, tags)) if tags else 0,
        numbers=tuple(numbers),
        rho_micro=draw(st.integers(100, 3 * MICRO)),
    )


@settings(max_examples=60)
@given(questions(), st.integers(1, 2_000_000), st.sampled_from([2048, 3072]), st.data())
def test_what_is_packed_is_unpacked(question: Question, handles: int, bits: int, data: st.DataObject) -> None:
    """Totals of every size that they and their noise can have."""
    try:
        layout = AggregateLayout.of(question, key_bits=bits, handles=handles)
    except InputError:
        assert question.circuit is Circuit.VALUES or question.segments > 2
        return
    count = question.totals * question.segments
    sizes = [
        part.largest * handles + noise_tail(part.scale, count) for part in question.parts for _ in range(part.totals)
    ]
    signs = st.lists(st.sampled_from([-1, 0, 1]), min_size=question.segments, max_size=question.segments)
    totals = [[sign * size for sign in data.draw(signs)] for size in sizes]

    packed = layout.pack(totals)

    assert len(packed) == layout.ciphertexts
    assert [list(segment) for segment in layout.unpack(packed)] == [
        list(column) for column in zip(*totals, strict=True)
    ]


@settings(max_examples=60)
@given(questions())
def test_a_question_never_costs_more_than_its_charge(question: Question) -> None:
    parts = question.parts
    assert sum(part.rho_micro for part in parts) <= question.rho_micro
    assert sum(part.sensitivity**2 / (2 * part.scale**2) for part in parts) <= question.rho_micro / MICRO * (1 + 1e-12)
    assert sum(part.totals for part in parts) == question.totals


def test_a_portrait_of_the_whole_catalogue_is_few_ciphertexts() -> None:
    whole = replace(PORTRAIT, segments=1, tags=100_000, dimensions=5_000)
    layout = AggregateLayout.of(whole, key_bits=3072, handles=1_000_000)
    assert layout.slot_bits == 21
    assert layout.ciphertexts == 720


@pytest.mark.parametrize(
    "change",
    [
        {"segments": 0},
        {"segments": 9},
        {"disjoint": 1},
        {"disjoint": 3},
        {"disjoint": -1},
        {"tags": 0, "dimensions": 0, "per_person": 0},
        {"tags": 0},
        {"dimensions": -1},
        {"dimensions": 1_001},
        {"per_person": 0},
        {"per_person": 1_001},
        {"numbers": (SPEND, SPEND)},
        {"numbers": (replace(SPEND, high=SPEND.low),)},
        {"numbers": (replace(SPEND, high=MOST_STEPS + 1),)},
        {"rho_micro": 0},
        {"rho_micro": 2, "numbers": (SPEND,)},
    ],
    ids=str,
)
def test_what_can_not_be_asked(change: dict[str, object]) -> None:
    with pytest.raises(InputError) as caught:
        replace(PORTRAIT, **change)  # type: ignore[arg-type]
    assert caught.value.hint


def test_what_does_not_fit_one_ciphertext() -> None:
    with pytest.raises(InputError, match="don't fit"):
        AggregateLayout.of(replace(PORTRAIT, circuit=Circuit.VALUES), key_bits=2048, handles=1_000_000)


def test_totals_of_another_layout_are_refused() -> None:
    layout = AggregateLayout.of(SUMS, key_bits=2048, handles=100)
    packed = layout.pack([[0, 0]] * 4)
    for totals in ([[0, 0]] * 3, [[0]] * 4, [[1 << layout.slot_bits, 0], [0, 0], [0, 0], [0, 0]]):
        with pytest.raises(InternalError):
            layout.pack(totals)
    for plaintexts in ([], packed * 2, [1 << 2040]):
        with pytest.raises(MalformedError):
            layout.unpack(plaintexts)
