"""Without noise, both circuits give what the same question gives in the clear."""

from typing import Any

import pytest
from pyroaring import BitMap

from miyun.aggregates import chunks
from miyun.aggregates.counting import Counting
from miyun.aggregates.encrypted import join_rows
from miyun.aggregates.question import MOST_STEPS
from miyun.aggregates.selection import Selected, encrypt_selection
from miyun.aggregates.statements import Circuit, NumberRange
from miyun.aggregates.summing import Summing
from miyun.aggregates.values import encrypt_values
from miyun.errors import InternalError, StateError
from miyun.paillier.fixed_base import FixedBase

from .circuits import answered, computed, flat, sent_rows
from .world import AGE, SPEND, Noiseless, World, make_job, reader, segments

NO_TAGS = {"tag_count": 0, "dimension_count": 0, "per_person": 0}
QUESTIONS: dict[str, dict[str, Any]] = {
    "tags": {},
    "one tag": {"tag_count": 1, "dimension_count": 1, "per_person": 1},
    "many segments": {"segments": segments(8)},
    "a number": {**NO_TAGS, "numbers": (SPEND,)},
    "wide ranges": {
        **NO_TAGS,
        "numbers": (
            NumberRange(name="from zero", low=0, high=MOST_STEPS, step="1"),
            NumberRange(name="either sign", low=-MOST_STEPS, high=MOST_STEPS, step="1"),
            NumberRange(name="flag", low=0, high=1, step="1"),
        ),
    },
    "numbers": {**NO_TAGS, "numbers": (SPEND, AGE), "segments": segments(3)},
    "parts": {**NO_TAGS, "numbers": (SPEND,), "segments": segments(4), "disjoint": 3},
    "tags and numbers": {"numbers": (AGE, SPEND), "segments": segments(2)},
}


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunks, "CHUNK_HANDLES", 10)


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("circuit", Circuit)
@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_totals_are_exact(circuit: Circuit, question: dict[str, Any]) -> None:
    """25 rows in three chunks, some of them padding, put down and taken up after each or after two."""
    world = World.random(make_job(handles=25, circuit=circuit, **question), len(question), padding=5)

    answer = answered(computed(world, together=1 + len(question) % 2), Noiseless(world.job.question))

    assert [flat(segment) for segment in answer] == world.expected()
    assert [number.name for number in answer[0].numbers] == [number.name for number in world.job.question.numbers]


@pytest.mark.usefixtures("each_backend")
@pytest.mark.parametrize("circuit", Circuit)
def test_a_segment_of_nobody_and_one_of_everybody(circuit: Circuit) -> None:
    world = World.random(make_job(handles=20, circuit=circuit, segments=segments(2), numbers=(SPEND,)), 3)
    world.segments[:] = [set(), set(range(20))]

    nobody, everybody = answered(computed(world), Noiseless(world.job.question))

    assert set(flat(nobody)) == {0}
    assert [flat(nobody), flat(everybody)] == world.expected()
    assert everybody.everybody == 20


def test_cheap_randomness_will_do_for_rows() -> None:
    world = World.random(make_job(handles=20), 6)
    (rows, more) = sent_rows(world, FixedBase(world.job.key))
    counting = Counting(world.job)
    counting.add(join_rows([rows, more]), world.columns(0, 20))
    answer = answered(counting.complete(), Noiseless(world.job.question))
    assert [flat(segment) for segment in answer] == world.expected()


@pytest.mark.parametrize("circuit", Circuit)
def test_rows_come_in_order_and_all_of_them(circuit: Circuit) -> None:
    world = World.random(make_job(handles=25, circuit=circuit), 4)
    first, second, third = sent_rows(world)

    def start(state: bytes | None = None) -> Any:
        if circuit is Circuit.SELECTION:
            return Counting(world.job, state)
        return Summing(world.job, Selected(world.bitmaps(), 25), state)

    def arguments(rows: Any) -> Any:
        return (rows, world.columns(rows.low, rows.high)) if circuit is Circuit.SELECTION else (rows,)

    computing = start()
    with pytest.raises(InternalError, match="were due"):
        computing.add(*arguments(second))
    computing.add(*arguments(first))
    with pytest.raises(InternalError, match="were due"):
        computing.add(*arguments(first))
    computing.add(*arguments(second))
    with pytest.raises(StateError, match="20 of 25"):
        computing.complete()
    with pytest.raises(StateError):
        start(computing.to_bytes()[:-1])
    resumed = start(computing.to_bytes())
    resumed.add(*arguments(third))
    answer = answered(resumed.complete(), Noiseless(world.job.question))
    assert [flat(segment) for segment in answer] == world.expected()


def test_each_circuit_takes_its_own_jobs_only() -> None:
    selection, values = (make_job(handles=5, circuit=circuit) for circuit in Circuit)
    world = World.random(selection, 5)
    selected = Selected(world.bitmaps(), 5)
    with pytest.raises(InternalError):
        Counting(values)
    with pytest.raises(InternalError):
        Summing(selection, selected)
    with pytest.raises(InternalError):
        encrypt_selection(values, selected, 0, 5, reader())
    with pytest.raises(InternalError):
        encrypt_values(selection, world.columns(0, 5), reader())
    with pytest.raises(InternalError):
        encrypt_selection(selection, Selected(world.bitmaps(), 6), 0, 5, reader())


def test_a_part_of_a_selection_is_what_the_whole_says_of_its_rows() -> None:
    segments = [BitMap([0, 3, 4, 9]), BitMap([3, 5]), BitMap()]
    whole = Selected(segments, 10, 2)
    for low, high in ((0, 10), (3, 6), (4, 4), (9, 10)):
        part = Selected(segments, 10, 2, span=(low, high))
        assert (part.segments, part.handles) == (3, 10)
        assert part.rows(low, high).tolist() == whole.rows(low, high).tolist()
    with pytest.raises(InternalError):
        Selected(segments, 10, span=(3, 6)).rows(3, 7)
