"""A zone and two parties over real TLS, each step against a join in the clear."""

import csv
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from miyun.analyst.client import Analyst
from miyun.contract.jobs import JobState
from miyun.contract.lifecycle import ContractState
from miyun.contract.model import IdentifierTerms
from miyun.errors import NotPermittedError, StateError
from miyun.keys.create import create_home
from miyun.keys.home import HomeInfo, Role
from miyun.keys.vault import KeyFile
from miyun.party.facade import Party
from miyun.party.progress import Phase, Progress
from miyun.records import utc_now
from miyun.segments.listing import SegmentFilter
from miyun.zone.config import ZoneConfig, write_config
from miyun.zone.facade import Zone
from tests.party.world import MERCHANT, PLATFORM, ZONE, Killed, row, write_members

SMALL_NOISE_RHO = 5_000_000
EXPIRES = utc_now() + timedelta(days=30)


@dataclass
class Rows:
    """The members of both tables by person. ``matched`` is a join in the clear: by phone, else by email."""

    merchant: list[dict[str, str]]
    platform: list[dict[str, str]]

    def matched(self) -> dict[str, str]:
        """Member id to user id."""
        pairs: dict[str, str] = {}
        for type_ in ("phone", "email"):
            users = {user[type_]: user["id"] for user in self.platform if user[type_]}
            for member in self.merchant:
                user = users.get(member[type_]) if member[type_] else None
                if user is not None and member["id"] not in pairs and user not in pairs.values():
                    pairs[member["id"]] = user
        return pairs


def make_rows() -> Rows:
    """60 members and 60 users; 20 share a phone, 10 more an email only; every seventh member opted out."""
    merchant = [row(n, opted_out="true" if n % 7 == 0 else "false") for n in range(60)]
    platform = [row(n, id=f"u{n}") for n in range(40, 60)]
    platform += [row(n, id=f"u{n}", phone="") for n in range(10)]
    platform += [row(n, id=f"u{n}") for n in range(100, 130)]
    return Rows(merchant, platform)


@dataclass
class Stage:
    zone: Zone
    folder: Path
    rows: Rows
    agent: threading.Thread | None = None
    stop: threading.Event | None = None

    def open(self, name: str) -> Party:
        return Party.open(self.folder / name, KeyFile(self.folder / f"{name}.key"))


def new_home(folder: Path, name: str, role: Role, kind: str | None = None) -> None:
    info = HomeInfo(name=name, role=role, kind=kind, organisation=name.title(), created=EXPIRES)
    create_home(folder / name, info, KeyFile(folder / f"{name}.key"))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    new_home(folder, ZONE, Role.ZONE)
    new_home(folder, MERCHANT, Role.PARTY, "merchant")
    new_home(folder, PLATFORM, Role.PARTY, "platform")
    new_home(folder, "ana", Role.ANALYST)
    write_config(folder / ZONE, ZoneConfig(address="127.0.0.1:0", enrolment_address="127.0.0.1:0"))
    rows = make_rows()
    extra = "[privacy]\ntotal_rho_micro = 100000000\n[agent]\npatience_seconds = 20\n"
    write_members(folder / MERCHANT, rows.merchant, extra=extra)
    write_members(folder / PLATFORM, rows.platform, extra=extra)
    with Zone.open(folder / ZONE, KeyFile(folder / f"{ZONE}.key")) as zone:
        zone.start()
        yield Stage(zone, folder, rows)


@pytest.fixture(scope="module")
def parties(stage: Stage) -> Iterator[tuple[Party, Party]]:
    with stage.open(MERCHANT) as merchant, stage.open(PLATFORM) as platform:
        merchant.join(stage.zone.invite(Role.PARTY, MERCHANT).encode())
        platform.join(stage.zone.invite(Role.PARTY, PLATFORM).encode())
        yield merchant, platform


@pytest.fixture(scope="module")
def agreed(parties: tuple[Party, Party]) -> str:
    merchant, platform = parties
    from dataclasses import replace

    from miyun.contract.draft import DEFAULT_BUDGET

    contract = merchant.contracts.draft(
        PLATFORM,
        id="spring",
        identifiers=(
            IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=1000),
            IdentifierTerms(type="email", profile="plain", evaluation_cap=1000),
        ),
        expires=EXPIRES,
        columns=("spend",),
        consent_required=False,
        padding_bucket=10,
        budget=replace(
            DEFAULT_BUDGET,
            rho_micro=50_000_000,
            size_rho_micro=1_000_000,
            match_report_rho_micro=SMALL_NOISE_RHO,
            lease_rho_micro=15_000_000,
            suppress_below=1,
        ),
    )
    merchant.contracts.propose(contract)
    assert "spend" in merchant.contracts.leakage("spring")
    merchant.contracts.sign(contract)
    platform.contracts.sign(platform.contracts.get("spring").contract)
    info = merchant.contracts.activate("spring")
    assert info.state is ContractState.ACTIVE
    assert set(info.signers) == {MERCHANT, PLATFORM, ZONE}
    return contract.id


@pytest.fixture(scope="module")
def daemon(stage: Stage, agreed: str) -> Iterator[threading.Thread]:
    """The platform's agent, in a session of its own."""
    stop = threading.Event()
    with stage.open(PLATFORM) as party:
        thread = threading.Thread(target=party.agent().run, kwargs={"stop": stop})
        thread.start()
        yield thread
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def fused(parties: tuple[Party, Party], agreed: str, daemon: threading.Thread) -> list[object]:
    told: list[object] = []
    report = parties[0].fuse(agreed, told.append)
    assert (report.epoch, [entry.type for entry in report.matches]) == (1, ["phone", "email"])
    assert abs(report.matches[0].matched - 20) < 10
    assert abs(report.matches[1].matched - 10) < 10
    return told


def read_ids(path: Path) -> set[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return {line["id"] for line in csv.DictReader(file)}


def test_a_fusion_shows_its_progress(fused: list[object]) -> None:
    phases = [event.phase for event in fused if isinstance(event, Progress)]
    assert {Phase.PREPARE, Phase.EXCHANGE, Phase.REPORT} <= set(phases)


def test_both_activations_give_the_joined_ids_without_opt_outs(
    parties: tuple[Party, Party], agreed: str, fused: list[object], stage: Stage
) -> None:
    merchant, platform = parties
    job = merchant.segments.create(agreed, "spenders", "members.spend > 44")
    assert merchant.jobs.wait(agreed, job.id).state is JobState.DONE
    opted_out = {member["id"] for member in stage.rows.merchant if member["opted_out"] == "true"}
    pairs = {
        member: user
        for member, user in stage.rows.matched().items()
        if int(member[1:]) > 44 and member not in opted_out
    }
    assert len(pairs) > 10

    to_merchant = merchant.activate(agreed, "spenders", recipient=MERCHANT, channel="member-messages")
    merchant.jobs.wait(agreed, to_merchant.id)
    path = merchant.delivery(agreed, to_merchant.id)
    assert read_ids(path) == set(pairs)
    assert path.stat().st_mode & 0o777 == 0o600

    to_platform = merchant.activate(agreed, "spenders", recipient=PLATFORM, channel="platform-ads", key="once")
    merchant.jobs.wait(agreed, to_platform.id)
    assert read_ids(platform.delivery(agreed, to_platform.id)) == set(pairs.values())
    again = merchant.activate(agreed, "spenders", recipient=PLATFORM, channel="platform-ads", key="once")
    assert again.id == to_platform.id
    with pytest.raises(StateError, match="once"):
        merchant.activate(agreed, "spenders", recipient=MERCHANT, channel="member-messages", key="once")


def test_the_whole_match(parties: tuple[Party, Party], agreed: str, fused: list[object], stage: Stage) -> None:
    merchant, platform = parties
    job = platform.segments.create(agreed, "everybody")
    merchant.jobs.wait(agreed, job.id)
    activation = platform.activate(agreed, "everybody", recipient=PLATFORM, channel="platform-ads")
    merchant.jobs.wait(agreed, activation.id)
    opted_out = {member["id"] for member in stage.rows.merchant if member["opted_out"] == "true"}
    expected = {user for member, user in stage.rows.matched().items() if member not in opted_out}
    assert read_ids(platform.delivery(agreed, activation.id)) == expected


def test_a_column_without_a_grant_is_refused_before_anything_is_sent(
    parties: tuple[Party, Party], agreed: str, fused: list[object]
) -> None:
    with pytest.raises(NotPermittedError) as refused:
        parties[1].segments.create(agreed, "gone", "members.opted_out")
    assert refused.value.clause == "grants"


def test_segments_are_listed_renamed_and_invalidated(
    parties: tuple[Party, Party], agreed: str, fused: list[object]
) -> None:
    merchant, _ = parties
    job = merchant.segments.create(agreed, "thrifty", "members.spend < 10")
    merchant.jobs.wait(agreed, job.id)
    assert merchant.segments.rename(agreed, "thrifty", "careful").name == "careful"
    assert "careful" in [segment.name for segment in merchant.segments.list(agreed)]
    assert merchant.segments.get(agreed, "careful").version == 1
    assert merchant.segments.invalidate(agreed, "careful").state == "invalidated"
    with pytest.raises(StateError):
        merchant.jobs.wait(
            agreed, merchant.activate(agreed, "careful", recipient=MERCHANT, channel="member-messages").id
        )


def test_a_code_gives_the_same_segment_again(
    parties: tuple[Party, Party], agreed: str, fused: list[object], stage: Stage
) -> None:
    merchant, platform = parties
    job = merchant.segments.create(agreed, "coded", "members.spend > 50", code="CRM/17", hidden=True)
    with stage.open(MERCHANT) as restarted:
        assert restarted.segments.create(agreed, "coded", "members.spend > 50", code="CRM/17", hidden=True).id == job.id
    with pytest.raises(StateError, match="CRM/17"):
        merchant.segments.create(agreed, "coded", "members.spend > 51", code="CRM/17", hidden=True)
    merchant.jobs.wait(agreed, job.id)
    assert "coded" not in [segment.name for segment in platform.segments.list(agreed)]
    assert [one.name for one in platform.segments.list(agreed, SegmentFilter(codes=("CRM/17",)))] == ["coded"]

    assert not merchant.segments.set_hidden(agreed, "coded", False).hidden
    assert not merchant.segments.set_processable(agreed, "coded", False).processable
    assert merchant.segments.narrow(agreed, "coded", ("member-messages",)).channels == ("member-messages",)
    soon = utc_now() + timedelta(days=1)
    assert merchant.segments.expire(agreed, "coded", soon).expires == soon
    with pytest.raises(StateError, match="closed"):
        merchant.segments.create(agreed, "upon", "coded")


def test_an_analyst_gets_the_band_that_its_party_gets_and_each_owner_is_charged_once(
    parties: tuple[Party, Party], agreed: str, fused: list[object], stage: Stage
) -> None:
    merchant, _ = parties
    job = merchant.segments.create(agreed, "sleepers", "members.spend > 30")
    merchant.jobs.wait(agreed, job.id)
    quote = merchant.quote(agreed, "sleepers")
    assert quote.rho_micro == 1_000_000
    spent = merchant.budget(agreed).spent_micro
    with Analyst.open(stage.folder / "ana", KeyFile(stage.folder / "ana.key")) as analyst:
        analyst.join(stage.zone.invite(Role.ANALYST, "ana"))
        with pytest.raises(NotPermittedError):
            analyst.size(agreed, "sleepers")
        merchant.contracts.delegate(agreed, merchant.contracts.identity("ana"))
        band = analyst.size(agreed, "sleepers")
        assert analyst.size(agreed, "sleepers") == band
    assert band.at_least <= 35
    own = merchant.size(agreed, "sleepers")
    assert (own.at_least, own.below) == (band.at_least, band.below)
    assert merchant.quote(agreed, "sleepers").rho_micro == 0
    (version,) = parties[1].segments.history(agreed, "sleepers")
    assert (version.record.number, version.record.cause, version.size) == (1, "created", own)
    merchant.agent().run(once=True)
    assert merchant.budget(agreed).spent_micro == spent + 1_000_000
    assert merchant.segments.explain(agreed, "members.spend > 30").told is not None


def test_a_second_epoch_through_a_death_in_the_middle_gives_new_versions(
    parties: tuple[Party, Party], agreed: str, fused: list[object], stage: Stage
) -> None:
    merchant, _ = parties
    with stage.open(MERCHANT) as killed:
        job = killed.request_fusion(agreed)
        assert killed.request_fusion(agreed).id == job.id

        def die(event: object) -> None:
            if isinstance(event, Progress) and event.phase is Phase.EXCHANGE and event.done:
                raise Killed

        with pytest.raises(Killed):
            killed.fuse(agreed, die)
    told: list[object] = []
    with stage.open(MERCHANT) as restarted:
        report = restarted.fuse(agreed, told.append)
    assert not [event for event in told if isinstance(event, Progress) and event.phase is Phase.PREPARE]
    assert report.epoch == 2
    merchant.agent().run(once=True)
    segment = merchant.segments.get(agreed, "spenders")
    assert (segment.epoch, segment.version, segment.state) == (2, 2, "ready")


def test_both_histories_agree(parties: tuple[Party, Party], agreed: str, fused: list[object]) -> None:
    for party in parties:
        findings = party.audit_verify(agreed)
        assert findings.findings == ()
        assert findings.receipts > 4
        assert findings.zone_entries > findings.receipts
