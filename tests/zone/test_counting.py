"""How much one row can change a count, and when a count of padded rows is not told."""

from dataclasses import replace

import pytest
from sqlalchemy import create_engine

from miyun.contract.model import MATCHED, Contract, Universe
from miyun.errors import StateError
from miyun.privacy import sensitivity
from miyun.zone.operations import counting
from tests.zone.members import PLATFORM, World

OF_USERS = frozenset({"tags.tea"})


def bound(contract: Contract, universe: Universe, subjects: frozenset[str]) -> int:
    with create_engine("sqlite://").connect() as connection:
        return counting.count_sensitivity(connection, contract, 1, universe, subjects, ranked=0)


@pytest.fixture
def contract(world: World) -> Contract:
    return world.draft("counting", types=("phone", "email", "oaid"))


def test_counts_follow_from_the_contract_and_the_announced_rows(
    contract: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "platform_rows", lambda *_: 1_000)
    monkeypatch.setattr(counting, "changed_rows", lambda *_: False)
    padded = replace(contract, padding_bucket=100)

    assert bound(contract, Universe.MATCHED, OF_USERS | {MATCHED}) == sensitivity.size(3)
    assert bound(padded, Universe.MATCHED, OF_USERS | {MATCHED}) == sensitivity.size(3)
    assert bound(contract, Universe.PLATFORM, OF_USERS) == 1
    assert bound(padded, Universe.PLATFORM, OF_USERS) == 2
    assert bound(contract, Universe.PLATFORM, OF_USERS | {MATCHED}) == 2
    assert bound(padded, Universe.PLATFORM, OF_USERS | {MATCHED}) == 3


def test_where_most_may_be_padding_no_count_is_told(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    padded = replace(contract, padding_bucket=100)
    announced = 2 * 3 * 99 + 2
    monkeypatch.setattr(counting, "platform_rows", lambda *_: announced)
    monkeypatch.setattr(counting, "changed_rows", lambda *_: False)
    assert bound(padded, Universe.PLATFORM, OF_USERS)

    monkeypatch.setattr(counting, "platform_rows", lambda *_: announced - 1)
    with pytest.raises(StateError, match="padding") as refused:
        bound(padded, Universe.PLATFORM, OF_USERS)
    assert "within matched" in refused.value.hint
    assert bound(padded, Universe.MATCHED, OF_USERS | {MATCHED})
    assert bound(contract, Universe.PLATFORM, OF_USERS)


def test_after_a_change_of_users_no_count_of_users_is_told(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "platform_rows", lambda *_: 1_000)
    monkeypatch.setattr(counting, "changed_rows", lambda *_: True)

    with pytest.raises(StateError, match="changed rows"):
        bound(contract, Universe.PLATFORM, OF_USERS)
    assert bound(contract, Universe.MATCHED, OF_USERS | {MATCHED})


def test_what_no_match_decides_is_the_platforms(contract: Contract) -> None:
    assert counting.owners_of(contract, OF_USERS) == (PLATFORM,)
    assert len(counting.owners_of(contract, OF_USERS | {MATCHED})) == 2
