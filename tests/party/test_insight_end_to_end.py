"""Questions through a real zone over TLS, with both agents: every answer against a join in the clear."""

import csv
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from miyun.aggregates.statements import NumberRange
from miyun.contract.draft import DEFAULT_BUDGET
from miyun.contract.model import MATCHED, Grant, IdentifierTerms, Rung
from miyun.errors import NotPermittedError
from miyun.insight.totals import TagTotals
from miyun.keys.create import create_home
from miyun.keys.home import HomeInfo, Role
from miyun.keys.vault import KeyFile
from miyun.members.catalogue_file import read_catalogue
from miyun.party.facade import Party
from miyun.records import utc_now
from miyun.zone.config import ZoneConfig, write_config
from miyun.zone.facade import Zone
from tests.paillier.keys import private_key
from tests.party.insight_world import CATALOGUE, MUCH, TAGS
from tests.party.world import MERCHANT, PLATFORM, ZONE, row, write_members

EXPIRES = utc_now() + timedelta(days=30)
AGE = NumberRange(name="tags.age", low=0, high=120, step="1")
SPEND = NumberRange(name="members.spend", low=0, high=100, step="1")
CONVERTED = NumberRange(name="won", low=0, high=1, step="1")

SETTINGS = TAGS.replace("patience_seconds = 0", "patience_seconds = 30")
BUDGET = replace(
    DEFAULT_BUDGET,
    rho_micro=100 * MUCH,
    size_rho_micro=MUCH // 10,
    match_report_rho_micro=MUCH // 10,
    lease_rho_micro=5 * MUCH,
    suppress_below=1,
)
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


@dataclass
class Stage:
    merchant: Party
    platform: Party
    contract: str
    catalogue: Path


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("insight")
    homes = ((ZONE, Role.ZONE, None), (MERCHANT, Role.PARTY, "merchant"), (PLATFORM, Role.PARTY, "platform"))
    for name, role, kind in homes:
        info = HomeInfo(name=name, role=role, kind=kind, organisation=name.title(), created=EXPIRES)
        create_home(folder / name, info, KeyFile(folder / f"{name}.key"))
    write_config(folder / ZONE, ZoneConfig(address="127.0.0.1:0", enrolment_address="127.0.0.1:0"))
    won = '[members.attributes.won]\ntype = "number"\n'
    members = [row(n, won=str(int(n % 4 == 0))) for n in MEMBERS]
    write_members(folder / MERCHANT, members, extra=won + SETTINGS[SETTINGS.index("[agent]") :])
    write_members(folder / PLATFORM, [row(n, id=f"u{n}") for n in USERS], extra=SETTINGS)
    (folder / PLATFORM / "catalogue.csv").write_text(CATALOGUE, encoding="utf-8")
    with (folder / PLATFORM / "tags.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("user", "tag", "value"), *pairs()])
    with Zone.open(folder / ZONE, KeyFile(folder / f"{ZONE}.key")) as zone:
        zone.start()
        opened = [Party.open(folder / name, KeyFile(folder / f"{name}.key")) for name in (MERCHANT, PLATFORM)]
        with opened[0] as merchant, opened[1] as platform:
            for party in (merchant, platform):
                party.join(zone.invite(Role.PARTY, party.name).encode())
            contract = agree(merchant, platform)
            merchant._session.home.vault.put("paillier/spring", private_key().to_bytes())
            yield Stage(merchant, platform, contract, folder / PLATFORM / "catalogue.csv")


def agree(merchant: Party, platform: Party) -> str:
    drafted = merchant.contracts.draft(
        PLATFORM,
        id="spring",
        identifiers=(IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=1000),),
        expires=EXPIRES,
        consent_required=False,
        padding_bucket=16,
        budget=BUDGET,
    )
    granted = tuple(
        Grant(owner=PLATFORM, subject=subject, rung=Rung.INSIGHT, recipient=MERCHANT) for subject in (MATCHED, "tags")
    )
    contract = replace(drafted, grants=(*drafted.grants, *granted))
    merchant.contracts.propose(contract)
    merchant.contracts.sign(contract)
    platform.contracts.sign(platform.contracts.get("spring").contract)
    merchant.contracts.activate("spring")
    return "spring"


@pytest.fixture(scope="module")
def ready(stage: Stage) -> Iterator[Stage]:
    """Fused, with the platform's agent at work, and a segment of who spends more than 44."""
    stop = threading.Event()
    agent = threading.Thread(target=stage.platform.agent().run, kwargs={"stop": stop})
    agent.start()
    try:
        stage.merchant.fuse(stage.contract)
        job = stage.merchant.segments.create(stage.contract, "spenders", "members.spend > 44")
        stage.merchant.jobs.wait(stage.contract, job.id)
        yield stage
    finally:
        stop.set()
        agent.join(30)
    assert not agent.is_alive()


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
