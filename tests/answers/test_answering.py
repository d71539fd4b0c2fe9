"""Answers beside a plain dictionary: who is where, until when, under which names."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miyun.answers.answering import LONGEST_CACHE, SHORTEST_CACHE, Answer, Answering
from miyun.answers.askers import Asker, Rate
from miyun.answers.ids import AnswerId
from miyun.answers.store import AnswerStore
from tests.answers.conftest import NOW, make_home, put

NAMES = ("aa", "bb", "cc")


@pytest.fixture(scope="module")
def module_store(tmp_path_factory: pytest.TempPathFactory) -> AnswerStore:
    return AnswerStore(make_home(tmp_path_factory.mktemp("answering")))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    members=st.dictionaries(
        st.sampled_from(NAMES), st.tuples(st.sets(st.integers(0, 5)), st.integers(1, 400)), max_size=3
    ),
    targets=st.dictionaries(st.sampled_from([*NAMES, "not-there"]), st.text(min_size=1, max_size=5), min_size=1),
    asked=st.lists(st.integers(0, 5), max_size=4),
    later=st.integers(0, 400),
    cache=st.integers(1, 10**7),
)
def test_answers_are_those_of_a_dictionary(
    module_store: AnswerStore,
    members: dict[str, tuple[set[int], int]],
    targets: dict[str, str],
    asked: list[int],
    later: int,
    cache: int,
) -> None:
    for one in module_store.listed().audiences:
        module_store.remove(one.name, NOW)
    for name, (people, hours) in members.items():
        put(module_store, name, [f"u{n}" for n in people], expires=NOW + timedelta(hours=hours))
    clock = NOW + timedelta(hours=later)
    answering = Answering(module_store.key, module_store.open(), cache, clock=clock.timestamp)
    answer = answering.answer(Asker("x", targets, Rate(1)), [AnswerId("user", f"u{n}") for n in asked])
    left = {
        name: (hours - later) * 3600
        for name, (people, hours) in members.items()
        if name in targets and people & set(asked) and hours - later >= 1
    }
    assert answer.targets == tuple(targets[name] for name in targets if name in left)
    assert answer.cache_seconds == min([max(SHORTEST_CACHE, min(cache, LONGEST_CACHE)), *left.values()])
    assert SHORTEST_CACHE <= answer.cache_seconds <= LONGEST_CACHE


def test_a_kept_answer_never_outlives_its_audience(module_store: AnswerStore) -> None:
    expires = NOW + timedelta(hours=2)
    put(module_store, "aa", ["u1"], expires=expires)
    now = [NOW.timestamp()]
    answering = Answering(module_store.key, module_store.open(), LONGEST_CACHE, clock=lambda: now[0])
    for minutes in range(150):
        now[0] = NOW.timestamp() + 60 * minutes
        answer = answering.answer(Asker("x", {"aa": "t"}, Rate(1)), [AnswerId("user", "u1")])
        assert answer == Answer((), LONGEST_CACHE) or now[0] + answer.cache_seconds <= expires.timestamp()
        assert bool(answer.targets) is (minutes <= 60)
