"""Deltas over real TLS: whatever comes and goes, what is activated is what a join of the live rows says."""

import csv
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from miyun.contract.draft import DEFAULT_BUDGET
from miyun.contract.jobs import JobState
from miyun.contract.model import IdentifierTerms
from miyun.errors import ContractError, InputError, StateError
from miyun.keys.create import create_home
from miyun.keys.home import HomeInfo, Role
from miyun.keys.vault import KeyFile
from miyun.party.facade import Party
from miyun.records import utc_now
from miyun.zone.config import ZoneConfig, write_config
from miyun.zone.facade import Zone
from tests.party.world import MERCHANT, PLATFORM, ZONE, row, write_members

TYPES = ("phone", "email")
BUCKET = 8
EXPIRES = utc_now() + timedelta(days=30)
EXTRA = "[privacy]\ntotal_rho_micro = 1000000000\n[agent]\npatience_seconds = 20\n"
CHANNELS = {MERCHANT: "member-messages", PLATFORM: "platform-ads"}

Table = dict[str, dict[str, str]]


def winners(table: Table, type_: str) -> dict[str, str]:
    """Who has each value: of several members the one with the lowest id."""
    held: dict[str, str] = {}
    for member in sorted(table, key=lambda name: (len(name), name), reverse=True):
        if table[member][type_]:
            held[table[member][type_]] = member
    return held


def matched(merchant: Table, platform: Table) -> dict[str, str]:
    """Member id to user id: by phone, else by email."""
    pairs: dict[str, str] = {}
    for type_ in TYPES:
        here, there = winners(merchant, type_), winners(platform, type_)
        found = {here[value]: there[value] for value in here.keys() & there.keys()}
        users = set(pairs.values())
        pairs.update({one: other for one, other in found.items() if one not in pairs and other not in users})
    return pairs


@dataclass
class Stage:
    folder: Path
    tables: dict[str, Table]
    parties: dict[str, Party]
    steps: int = 0
    agents: dict[str, ExitStack] = field(default_factory=dict)

    def start_agent(self, name: str) -> None:
        self.agents[name] = ExitStack()
        self.agents[name].enter_context(agent_at_work(self.folder, name))

    def stop_agent(self, name: str) -> None:
        self.agents[name].close()

    def write(self, name: str) -> None:
        write_members(self.folder / name, list(self.tables[name].values()), extra=EXTRA)

    def change(self, name: str, added: Table, removed: set[str]) -> None:
        """Change rows, and the table that the next fusion would read."""
        self.steps += 1
        files: dict[str, Path] = {}
        if added:
            files["add"] = self._file("add", list(added.values()))
        if removed:
            files["remove"] = self._file("remove", [{"id": member} for member in sorted(removed)])
        job = self.parties[name].change("spring", **files)
        assert job.state is JobState.DONE
        table = self.tables[name]
        table.update(added)
        for member in removed - added.keys():
            table.pop(member, None)
        self.write(name)

    def activated(self, segment: str, recipient: str) -> set[str]:
        merchant = self.parties[MERCHANT]
        self.parties[MERCHANT].jobs.wait("spring", self._segment(segment))
        job = merchant.activate("spring", segment, recipient=recipient, channel=CHANNELS[recipient])
        merchant.jobs.wait("spring", job.id)
        with self.parties[recipient].delivery("spring", job.id).open(encoding="utf-8", newline="") as file:
            return {line["id"] for line in csv.DictReader(file)}

    def _segment(self, name: str) -> str:
        jobs = self.parties[MERCHANT].jobs.list("spring")
        return next(job.id for job in jobs if job.subject.startswith(f"{name}@"))

    def _file(self, part: str, rows: list[dict[str, str]]) -> Path:
        path = self.folder / f"{part}-{self.steps}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path


def new_home(folder: Path, name: str, role: Role, kind: str | None = None) -> None:
    info = HomeInfo(name=name, role=role, kind=kind, organisation=name.title(), created=EXPIRES)
    create_home(folder / name, info, KeyFile(folder / f"{name}.key"))


def opened(folder: Path, name: str) -> Party:
    return Party.open(folder / name, KeyFile(folder / f"{name}.key"))


def first_tables() -> dict[str, Table]:
    """40 members and 40 users, 25 in both; some share a phone with another of their side."""
    merchant = {f"m{n}": row(n) for n in range(40)}
    for n in (30, 31, 32):
        merchant[f"m{n}"]["phone"] = merchant[f"m{n - 20}"]["phone"]
    platform = {f"u{n}": row(n, id=f"u{n}") for n in range(15, 55)}
    platform["u20"]["phone"] = ""
    return {MERCHANT: merchant, PLATFORM: platform}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with at_stage(tmp_path) as staged:
        yield staged


@contextmanager
def at_stage(tmp_path: Path, **terms: Any) -> Iterator[Stage]:
    """Both agents are at work under a contract with deltas; nothing is fused."""
    new_home(tmp_path, ZONE, Role.ZONE)
    write_config(tmp_path / ZONE, ZoneConfig(address="127.0.0.1:0", enrolment_address="127.0.0.1:0"))
    for name, kind in ((MERCHANT, "merchant"), (PLATFORM, "platform")):
        new_home(tmp_path, name, Role.PARTY, kind)
    with Zone.open(tmp_path / ZONE, KeyFile(tmp_path / f"{ZONE}.key")) as zone:
        zone.start()
        with opened(tmp_path, MERCHANT) as merchant, opened(tmp_path, PLATFORM) as platform:
            staged = Stage(tmp_path, first_tables(), {MERCHANT: merchant, PLATFORM: platform})
            for name, party in staged.parties.items():
                staged.write(name)
                party.join(zone.invite(Role.PARTY, name).encode())
            agree(merchant, platform, **terms)
            with ExitStack() as ended:
                for name in staged.parties:
                    staged.start_agent(name)
                    ended.callback(staged.stop_agent, name)
                yield staged


@contextmanager
def agent_at_work(folder: Path, name: str) -> Iterator[None]:
    stop = threading.Event()
    with opened(folder, name) as party:
        agent = threading.Thread(target=party.agent().run, kwargs={"stop": stop})
        agent.start()
        yield
        stop.set()
        agent.join(30)


def agree(merchant: Party, platform: Party, **terms: Any) -> None:
    terms = {"delta_bucket": BUCKET, **terms}
    budget = replace(DEFAULT_BUDGET, rho_micro=50_000_000, match_report_rho_micro=5_000_000, lease_rho_micro=15_000_000)
    contract = merchant.contracts.draft(
        PLATFORM,
        id="spring",
        identifiers=tuple(
            IdentifierTerms(type=type_, profile=profile, evaluation_cap=10_000)
            for type_, profile in (("phone", "e164-cn"), ("email", "plain"))
        ),
        expires=EXPIRES,
        columns=("spend",),
        consent_required=False,
        padding_bucket=10,
        budget=budget,
        **terms,
    )
    merchant.contracts.propose(contract)
    merchant.contracts.sign(contract)
    platform.contracts.sign(platform.contracts.get("spring").contract)
    merchant.contracts.activate("spring")


def drawn(table: Mapping[str, dict[str, str]], prefix: str, chance: random.Random) -> tuple[Table, set[str]]:
    """Rows that come, some again, some with identifiers of others; and rows that go."""
    added = {}
    for _ in range(chance.randrange(1, 6)):
        number = chance.randrange(60)
        name = f"{prefix}{number if chance.random() < 0.7 else number + 100}"
        other = chance.randrange(60)
        added[name] = row(number, id=name, phone=row(other)["phone"] if chance.random() < 0.4 else row(number)["phone"])
    gone = set(chance.sample(sorted(table), chance.randrange(0, 5)))
    return added, gone


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_whatever_comes_and_goes_is_matched_as_a_fusion_would(stage: Stage, seed: int) -> None:
    merchant = stage.parties[MERCHANT]
    merchant.fuse("spring")
    for name, definition in (("everybody", "matched"), ("spenders", "members.spend > 20")):
        merchant.jobs.wait("spring", merchant.segments.create("spring", name, definition).id)
    chance = random.Random(seed)

    for step in range(4):
        name = (MERCHANT, PLATFORM)[(step + seed) % 2]
        stage.change(name, *drawn(stage.tables[name], "mu"[name == PLATFORM], chance))

        pairs = matched(stage.tables[MERCHANT], stage.tables[PLATFORM])
        assert stage.activated("everybody", MERCHANT) == set(pairs)
        assert stage.activated("everybody", PLATFORM) == set(pairs.values())
    assert merchant.segments.get("spring", "everybody").version == 5
    newest = merchant.fuse("spring")
    assert newest.epoch == 2
    assert stage.activated("everybody", MERCHANT) == set(pairs)


def test_predicates_see_new_rows_as_their_delta_brought_them(stage: Stage) -> None:
    merchant = stage.parties[MERCHANT]
    merchant.fuse("spring")
    merchant.jobs.wait("spring", merchant.segments.create("spring", "spenders", "members.spend > 1000").id)
    assert stage.activated("spenders", MERCHANT) == set()
    rich = {f"m{n}": row(n, spend="5000") for n in (45, 46)}

    stage.change(MERCHANT, {**rich, "m47": row(47)}, {"m20"})

    assert stage.activated("spenders", MERCHANT) == set(rich)
    stage.change(MERCHANT, {}, {"m45"})
    assert stage.activated("spenders", MERCHANT) == {"m46"}


def test_what_is_no_change_is_refused_with_words(stage: Stage) -> None:
    merchant = stage.parties[MERCHANT]
    with pytest.raises(StateError, match="nothing is fused"):
        merchant.change("spring", add=stage.folder / "add.csv")
    merchant.fuse("spring")
    with pytest.raises(InputError, match="nothing"):
        merchant.change("spring")
    with pytest.raises(InputError, match="can't be read"):
        merchant.change("spring", add=stage.folder / "missing.csv")
    with pytest.raises(ContractError):
        merchant.change("autumn", add=stage.folder / "add.csv")
