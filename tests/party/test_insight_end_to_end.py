"""Questions through a real zone over TLS, with both agents: every answer against a join in the clear."""

from collections.abc import Iterator

import pytest

from miyun.aggregates.statements import NumberRange
from miyun.contract.model import MATCHED, Grant, Rung
from miyun.errors import NotPermittedError
from miyun.insight.totals import TagTotals
from miyun.members.catalogue_file import read_catalogue
from tests.party.insight_world import CATALOGUE, MUCH
from tests.party.live import Stage, at_work, staged
from tests.party.world import MERCHANT, PLATFORM, row

AGE = NumberRange(name="tags.age", low=0, high=120, step="1")
SPEND = NumberRange(name="members.spend", low=0, high=100, step="1")
CONVERTED = NumberRange(name="won", low=0, high=1, step="1")

MEMBERS, USERS = range(60), range(40, 120)
MATCH = frozenset(MEMBERS) & frozenset(USERS)
SPENDERS = frozenset(number for number in MATCH if number > 44)


def pairs() -> list[tuple[str, str, str]]:
    found = [(f"u{n}", "gender", "女" if n % 3 else "男") for n in USERS if n % 5]
    found += [(f"u{n}", "tea", "") for n in USERS if n % 2]
    found += [(f"u{n}", "coffee", "") for n in USERS if n > 50]
    return found + [(f"u{n}", "age", str(20 + n % 40)) for n in USERS if n % 7]


def carriers(tag: str, value: str = "") -> set[int]:
    return {int(user[1:]) for user, of, cell in pairs() if (of, cell) == (tag, value)}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Fused, with the platform's agent at work, and a segment of who spends more than 44."""
    granted = [
        Grant(owner=PLATFORM, subject=subject, rung=Rung.INSIGHT, recipient=MERCHANT) for subject in (MATCHED, "tags")
    ]
    with (
        staged(
            tmp_path_factory.mktemp("insight"),
            members=[row(n, won=str(int(n % 4 == 0))) for n in MEMBERS],
            users=[row(n, id=f"u{n}") for n in USERS],
            catalogue=CATALOGUE,
            pairs=pairs(),
            grants=granted,
            attributes='[members.attributes.won]\ntype = "number"\n',
        ) as stage,
        at_work(stage.platform),
    ):
        stage.merchant.fuse(stage.contract)
        job = stage.merchant.segments.create(stage.contract, "spenders", "members.spend > 44")
        stage.merchant.jobs.wait(stage.contract, job.id)
        yield stage


def counts(totals: TagTotals) -> dict[str, int]:
    return dict(zip(totals.tags.ids, totals.counts.tolist(), strict=True))


def test_a_portrait_against_the_match(ready: Stage) -> None:
    (portrait,) = ready.merchant.insight.portrait(
        ready.contract,
        ["spenders"],
        catalogue=read_catalogue(ready.catalogue),
        branches=["gender", "interest"],
        rho_micro=MUCH,
    )
    for totals, people in ((portrait.segment, SPENDERS), (portrait.base, MATCH)):
        assert counts(totals) == {
            "gender=男": len(carriers("gender", "男") & people),
            "gender=女": len(carriers("gender", "女") & people),
            "tea": len(carriers("tea") & people),
            "coffee": len(carriers("coffee") & people),
        }
        gender, interest = carriers("gender", "男") | carriers("gender", "女"), carriers("tea") | carriers("coffee")
        assert totals.tags.dimensions == ("性别", "兴趣")
        assert totals.known.tolist() == [len(gender & people), len(interest & people)]
        assert totals.everybody == len(people)
    assert len(ready.merchant.insight.board(ready.contract, "spenders").days) == 1


def test_sums_of_the_other_partys_numbers(ready: Stage) -> None:
    sums = ready.merchant.insight.sums(ready.contract, ["spenders", MATCHED], [AGE], rho_micro=MUCH)
    for result, people in zip(sums, (SPENDERS, MATCH), strict=True):
        ages = [20 + n % 40 for n in people if n % 7]
        assert result.whole.known == len(ages)
        assert result.whole.total == pytest.approx(sum(ages), abs=3)


def test_sums_of_own_numbers_and_lift(ready: Stage) -> None:
    insight = ready.merchant.insight
    (spend,) = insight.sums(ready.contract, [MATCHED], [SPEND], parts=["spenders"], rho_micro=MUCH)
    assert spend.whole.total == pytest.approx(sum(MATCH), abs=3)
    assert (spend.whole.known, spend.parts[0].known) == (len(MATCH), len(SPENDERS))
    assert spend.parts[0].total == pytest.approx(sum(SPENDERS), abs=3)
    lift = insight.measure(ready.contract, "spenders", MATCHED, converted=CONVERTED, revenue=SPEND, rho_micro=MUCH)
    assert (lift.exposed.people, lift.exposed.conversions) == (15, len([n for n in SPENDERS if n % 4 == 0]))
    others = MATCH - SPENDERS
    assert (lift.control.people, lift.control.conversions) == (len(others), len([n for n in others if n % 4 == 0]))


def test_sizes_of_what_segments_share(ready: Stage) -> None:
    overlap = ready.merchant.insight.overlap(ready.contract, ["spenders", MATCHED])
    assert overlap.people("spenders", MATCHED).value == pytest.approx(15, abs=1)
    assert overlap.people(MATCHED, MATCHED).value == pytest.approx(20, abs=1)


def test_each_owner_is_charged_once_and_both_histories_agree(ready: Stage) -> None:
    insight, spent = ready.merchant.insight, []
    for _ in range(2):
        insight.sums(ready.contract, [MATCHED], [SPEND], rho_micro=MUCH // 2)
        ready.merchant.agent().run(once=True)
        spent.append(ready.merchant.budget(ready.contract).spent_micro)
    assert spent[0] == spent[1]
    assert insight.quote(ready.contract, MUCH).rho_micro == MUCH
    for party in (ready.merchant, ready.platform):
        assert party.audit_verify(ready.contract).findings == ()


def test_what_is_not_granted_is_refused(ready: Stage) -> None:
    with pytest.raises(NotPermittedError) as refused:
        ready.merchant.insight.portrait(
            ready.contract,
            ["spenders"],
            catalogue=read_catalogue(ready.catalogue),
            branches=["health"],
            rho_micro=MUCH,
        )
    assert refused.value.clause == "grants"
