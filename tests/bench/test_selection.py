"""What runs is what was asked for."""

import pytest

from bench.cases import CASES
from bench.selection import SelectionError, choose


def chosen(
    names: str = "", sizes: str = "", contestants: str = "", *, full: bool = False
) -> dict[str, tuple[int, ...]]:
    return {one.case.name: one.sizes for one in choose(CASES, names, sizes, contestants, full=full)}


def test_without_a_word_every_case_runs_at_its_small_sizes() -> None:
    assert chosen() == {name: case.small for name, case in CASES.items()}
    assert chosen(full=True) == {name: case.full for name, case in CASES.items()}


def test_a_size_is_for_all_chosen_cases_or_for_the_one_it_names() -> None:
    assert chosen("join, fusion", "1000,2_000") == {"join": (1000, 2000), "fusion": (1000, 2000)}
    assert chosen("join,fusion", "fusion:5000") == {"join": CASES["join"].small, "fusion": (5000,)}
    assert chosen("join,fusion", "join:10,500,join:20") == {"join": (10, 20), "fusion": (500,)}


def test_contestants_are_chosen_by_parts_of_their_names() -> None:
    (fusion,) = choose(CASES, "fusion", "", "kkrt,DUCK", full=False)
    assert [one.name for one in fusion.case.contestants] == ["SecretFlow KKRT", "DuckDB (no privacy)"]
    assert chosen("", "", "sf-heu").keys() == {"paillier"}


@pytest.mark.parametrize(
    "arguments", [("fusions",), ("", "many"), ("", "1"), ("", "fusion:"), ("", "no:10"), ("", "", "?")]
)
def test_what_is_not_there_is_refused(arguments: tuple[str, ...]) -> None:
    with pytest.raises(SelectionError):
        chosen(*arguments)


def test_contestants_and_figures_are_told_apart_by_their_names() -> None:
    for case in CASES.values():
        for names in ([one.name for one in case.contestants], [figure.name for figure in case.figures]):
            assert len(set(names)) == len(names) > 0
