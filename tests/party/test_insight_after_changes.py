"""Questions in an epoch whose rows changed: tags and numbers of who came, and nothing of who went."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from miyun.aggregates.statements import NumberRange
from miyun.contract.model import MATCHED, Grant, Rung
from miyun.members.catalogue_file import read_catalogue
from tests.party.insight_world import CATALOGUE, MUCH
from tests.party.live import SETTINGS, Stage, at_work, staged, write_tags
from tests.party.test_insight_end_to_end import counts
from tests.party.world import MERCHANT, PLATFORM, row, write_members

AGE = NumberRange(name="tags.age", low=0, high=120, step="1")
SPEND = NumberRange(name="members.spend", low=0, high=100, step="1")
MEMBERS, USERS = range(40), range(20, 60)


def pairs(users: set[int]) -> list[tuple[str, str, str]]:
    found = [(f"u{n}", "tea", "") for n in sorted(users) if n % 2]
    return found + [(f"u{n}", "age", str(20 + n)) for n in sorted(users) if n % 7]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    granted = [
        Grant(owner=PLATFORM, subject=subject, rung=Rung.INSIGHT, recipient=MERCHANT) for subject in (MATCHED, "tags")
    ]
    with (
        staged(
            tmp_path,
            members=[row(n) for n in MEMBERS],
            users=[row(n, id=f"u{n}") for n in USERS],
            catalogue=CATALOGUE,
            pairs=pairs(set(USERS)),
            grants=granted,
            delta_bucket=8,
        ) as made,
        at_work(made.platform),
        at_work(made.merchant),
    ):
        made.merchant.fuse(made.contract)
        yield made


def test_answers_after_changes_of_both_sides_are_those_of_the_live_rows(stage: Stage) -> None:
    users, members = set(USERS) - {21, 23, 30} | {5, 7, 11}, set(MEMBERS) - {25, 26} | {50, 51}
    write_members(stage.folder / PLATFORM, [row(n, id=f"u{n}") for n in sorted(users)], extra=SETTINGS)
    write_tags(stage.folder, CATALOGUE, pairs(users))
    extra = SETTINGS[SETTINGS.index("[agent]") :]
    write_members(stage.folder / MERCHANT, [row(n) for n in sorted(members)], extra=extra)
    for party in (stage.platform, stage.merchant):
        assert party.refresh(stage.contract).plan.kind == "delta"

    match = users & members
    (portrait,) = stage.merchant.insight.portrait(
        stage.contract,
        [MATCHED],
        catalogue=read_catalogue(stage.catalogue),
        branches=["interest"],
        rho_micro=MUCH,
    )
    assert counts(portrait.base)["tea"] == sum(n % 2 for n in match)
    assert portrait.base.everybody == len(match)
    (ages,) = stage.merchant.insight.sums(stage.contract, [MATCHED], [AGE], rho_micro=MUCH)
    assert ages.whole.known == sum(n % 7 > 0 for n in match)
    assert ages.whole.total == pytest.approx(sum(20 + n for n in match if n % 7), abs=3)
    (spend,) = stage.merchant.insight.sums(stage.contract, [MATCHED], [SPEND], rho_micro=MUCH)
    assert spend.whole.total == pytest.approx(sum(match), abs=3)
