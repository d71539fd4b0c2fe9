"""Intersections through a real zone over TLS, with both agents: every answer against a join in the clear."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from miyun.aggregates.statements import NumberRange
from miyun.contract.draft import DEFAULT_BUDGET
from miyun.contract.jobs import Job, JobState
from miyun.contract.model import MATCHED, Grant, IdentifierTerms, Rung
from miyun.errors import (
    BudgetExceededError,
    ConfigError,
    ContractError,
    ExpressionError,
    InputError,
    MiyunError,
    NotFoundError,
    NotPermittedError,
    StateError,
)
from miyun.keys.create import create_home
from miyun.keys.home import HomeInfo, Role
from miyun.keys.vault import KeyFile
from miyun.party.facade import Party
from miyun.psi.intersection_sum import schedule
from miyun.records import utc_now
from miyun.zone.config import ZoneConfig, write_config
from miyun.zone.facade import Zone
from tests.paillier.keys import private_key
from tests.party.insight_world import MUCH
from tests.party.world import MERCHANT, PLATFORM, ZONE, row, write_members

EXPIRES = utc_now() + timedelta(days=30)
SPEND = NumberRange(name="members.spend", low=0, high=100, step="0.5")
VISITS = NumberRange(name="visits", low=0, high=1000, step="1")
SETTINGS = "[privacy]\ntotal_rho_micro = 1000000000000000\n[agent]\npatience_seconds = 30\n"
BUDGET = replace(
    DEFAULT_BUDGET,
    rho_micro=100 * MUCH,
    size_rho_micro=MUCH // 10,
    match_report_rho_micro=MUCH // 10,
    lease_rho_micro=5 * MUCH,
    suppress_below=1,
)
MEMBERS, USERS = range(90), range(40, 150)
MATCH = frozenset(MEMBERS) & frozenset(USERS)
"""By phone; members 80 to 89 have none."""


@dataclass
class Stage:
    merchant: Party
    platform: Party
    contract: str


@pytest.fixture(scope="module", params=[ZONE.title(), PLATFORM.title()], ids=["zone apart", "zone of the platform"])
def stage(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("intersecting")
    homes = ((ZONE, Role.ZONE, None), (MERCHANT, Role.PARTY, "merchant"), (PLATFORM, Role.PARTY, "platform"))
    for name, role, kind in homes:
        organisation = request.param if role is Role.ZONE else name.title()
        info = HomeInfo(name=name, role=role, kind=kind, organisation=organisation, created=EXPIRES)
        create_home(folder / name, info, KeyFile(folder / f"{name}.key"))
    write_config(folder / ZONE, ZoneConfig(address="127.0.0.1:0", enrolment_address="127.0.0.1:0"))
    members = [row(n, **({"phone": ""} if n >= 80 else {})) for n in MEMBERS]
    write_members(folder / MERCHANT, members, extra=SETTINGS)
    visits = '[members.attributes.visits]\ntype = "number"\n'
    users = [row(n, id=f"u{n}", visits=str(3 * n) if n % 3 else "") for n in USERS]
    write_members(folder / PLATFORM, users, extra=visits + SETTINGS)
    with Zone.open(folder / ZONE, KeyFile(folder / f"{ZONE}.key")) as zone, pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "CHUNK_ROWS", 50)
        zone.start()
        opened = [Party.open(folder / name, KeyFile(folder / f"{name}.key")) for name in (MERCHANT, PLATFORM)]
        with opened[0] as merchant, opened[1] as platform:
            for party in (merchant, platform):
                party.join(zone.invite(Role.PARTY, party.name).encode())
                party._session.home.vault.put("paillier/spring", private_key().to_bytes())
            yield Stage(merchant, platform, agree(merchant, platform))


def agree(merchant: Party, platform: Party) -> str:
    drafted = merchant.contracts.draft(
        PLATFORM,
        id="spring",
        identifiers=tuple(
            IdentifierTerms(type=type_, profile=profile, evaluation_cap=3000)
            for type_, profile in (("phone", "e164-cn"), ("email", "plain"))
        ),
        expires=EXPIRES,
        columns=("spend",),
        insights=(MATCHED, "members.spend"),
        consent_required=False,
        padding_bucket=16,
        budget=BUDGET,
    )
    exact = Grant(owner=MERCHANT, subject=MATCHED, rung=Rung.EXACT_SIZE, recipient=PLATFORM)
    contract = replace(drafted, grants=(*drafted.grants, exact))
    merchant.contracts.propose(contract)
    merchant.contracts.sign(contract)
    platform.contracts.sign(platform.contracts.get("spring").contract)
    merchant.contracts.activate("spring")
    return "spring"


@pytest.fixture(scope="module")
def ready(stage: Stage) -> Iterator[Stage]:
    """With both agents at work. Nothing was fused."""
    stop = threading.Event()
    agents = [
        threading.Thread(target=party.agent().run, kwargs={"stop": stop}) for party in (stage.merchant, stage.platform)
    ]
    for agent in agents:
        agent.start()
    yield stage
    stop.set()
    for agent in agents:
        agent.join(30)
        assert not agent.is_alive()


def run(party: Party, contract: str, **choices: object) -> Job:
    job = party.intersections.request(party.intersections.prepare(contract, **choices))
    done = party.jobs.wait(contract, job.id)
    assert (done.kind, done.state) == ("intersect", JobState.DONE)
    return done


def test_sums_and_size(ready: Stage) -> None:
    job = run(ready.merchant, ready.contract, sums=[SPEND], totals_rho_micro=MUCH, size_rho_micro=MUCH)
    people = [n for n in MATCH if n < 80]
    result = ready.merchant.intersections.result(ready.contract, job.id)
    (spend,) = result.sums
    assert (result.size, spend.name, spend.known) == (None, "spend", len(people))
    assert spend.total == pytest.approx(sum(2 * min(n, 50) for n in people), abs=3)
    assert "Sums" in result.to_html()
    size = ready.platform.intersections.result(ready.contract, job.id)
    assert (size.size, size.sums) == (len(people), ())
    assert 0 < size.scale < 0.01


def test_cut_rows_by_another_type_with_gaps_in_the_numbers(ready: Stage) -> None:
    job = run(
        ready.platform,
        ready.contract,
        sums=[VISITS],
        type="email",
        their_rows="members.spend > 60.0",
        totals_rho_micro=MUCH,
        size_rho_micro=MUCH,
    )
    people = [n for n in MATCH if n > 60]
    (visits,) = ready.platform.intersections.result(ready.contract, job.id).sums
    counted = [n for n in people if n % 3]
    assert (visits.total, visits.known) == (pytest.approx(sum(3 * n for n in counted), abs=8), len(counted))
    size = ready.merchant.intersections.result(ready.contract, job.id)
    assert (size.size, size.cut) == (len(people), ("members.spend > 60",))


def test_the_size_alone_exactly(ready: Stage) -> None:
    before = ready.platform.budget(ready.contract).spent_micro
    job = run(ready.platform, ready.contract, exact=[PLATFORM])
    result = ready.platform.intersections.result(ready.contract, job.id)
    assert (result.size, result.scale) == (len([n for n in MATCH if n < 80]), 0)
    assert ready.platform.budget(ready.contract).spent_micro == before
    with pytest.raises(NotFoundError, match="learned nothing"):
        ready.merchant.intersections.result(ready.contract, job.id)


def test_the_same_key_is_the_same_job_and_reading_is_free(ready: Stage) -> None:
    prepared = ready.platform.intersections.prepare(ready.contract, key="once")
    first = ready.platform.intersections.request(prepared)
    again = ready.platform.intersections.request(ready.platform.intersections.prepare(ready.contract, key="once"))
    assert first.id == again.id
    ready.platform.jobs.wait(ready.contract, first.id)
    listed = ready.platform.intersections.list(ready.contract)
    assert first.id in [request.job for request in listed]
    assert ready.platform.intersections.result(ready.contract, first.id).size == len([n for n in MATCH if n < 80])
    other = ready.platform.intersections.prepare(ready.contract, key="once", type="email")
    with pytest.raises(StateError, match="key"):
        ready.platform.intersections.request(other)


def test_both_histories_agree_and_nothing_secret_is_left(ready: Stage) -> None:
    for party in (ready.merchant, ready.platform):
        assert party.audit_verify(ready.contract).findings == ()
        assert not [name for name in party._session.home.vault.names() if name.startswith("intersection/")]
        assert list((party.path / "intersections").iterdir()) == []


@pytest.mark.parametrize(
    ("choices", "error"),
    [
        ({"their_rows": "tags.visits > 1", "exact": [MERCHANT]}, NotPermittedError),
        ({"exact": [MERCHANT]}, NotPermittedError),
        ({"rows": "tags.visits > 1"}, ExpressionError),
        ({"rows": "members.gone > 1"}, ExpressionError),
        ({"type": "oaid"}, ContractError),
        ({"sums": [SPEND]}, InputError),
        ({"sums": [replace(SPEND, name="gone")], "totals_rho_micro": MUCH}, ConfigError),
        ({"sums": [replace(SPEND, name="tags.visits")], "totals_rho_micro": MUCH}, InputError),
        ({"sums": [replace(SPEND, low=100)], "totals_rho_micro": MUCH}, ContractError),
    ],
)
def test_what_can_t_be_is_refused_before_it_is_asked(
    ready: Stage, choices: dict[str, object], error: type[MiyunError]
) -> None:
    with pytest.raises(error) as refused:
        ready.merchant.intersections.prepare(ready.contract, **choices)
    assert refused.value.hint


def test_a_budget_that_is_used_up(ready: Stage) -> None:
    prepared = ready.merchant.intersections.prepare(
        ready.contract, sums=[SPEND], totals_rho_micro=101 * MUCH, size_rho_micro=MUCH
    )
    with pytest.raises(BudgetExceededError):
        ready.merchant.intersections.request(prepared)
