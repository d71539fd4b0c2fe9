"""Homes are made and shown for real; joining is left to the tests with a zone."""

import re
import stat
from pathlib import Path

import pytest
from miyun_cli.commands.homes import PARTY_TEMPLATE
from miyun_cli.invocation import Invocation

from miyun.keys.home import Home
from miyun.keys.unlock import KeyFile, Passphrase
from miyun.members.catalogue_file import read_catalogue
from miyun.members.config import load_members_config
from miyun.party.config import PartyConfig, load_party_config
from miyun.zone.config import load_config
from tests.cli.conftest import Miyun

PARTY = ("init", "party", "--name", "tea", "--organisation", "Tea Ltd", "--kind", "merchant")


def test_a_party_is_made_and_says_who_it_is(miyun: Miyun, tmp_path: Path) -> None:
    made = miyun(*PARTY, "--home", "tea", "--key-file", "tea.key", "--json")
    assert made.status == 0
    shown = miyun("identity", "--home", "tea", "--key-file", "tea.key", "--json")
    assert made.document == shown.document
    assert made.document["name"] == "tea"
    assert made.document["kind"] == "merchant"
    assert made.document["zone"] is None
    assert len(made.document["fingerprint"].replace("-", " ").split()) == 8
    assert stat.S_IMODE((tmp_path / "tea").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "tea.key").stat().st_mode) == 0o600
    assert Home.open(tmp_path / "tea", KeyFile(tmp_path / "tea.key")).info.organisation == "Tea Ltd"

    for_people = miyun("identity", "--home", "tea", "--key-file", "tea.key")
    assert made.document["fingerprint"] in for_people.out


def test_the_example_of_a_configuration_can_be_read(tmp_path: Path) -> None:
    lines = [line.removeprefix("# ").removeprefix("#") for line in PARTY_TEMPLATE.splitlines()]
    (tmp_path / "party.toml").write_text("\n".join(lines[lines.index("[members]") :]))
    config = load_members_config(tmp_path / "party.toml")
    assert list(config.identifiers) == ["phone"]
    assert list(config.attributes) == ["spend_90d", "opted_out", "home"]
    assert config.tags is not None
    assert (config.tags.columns, config.tags.catalogue) == (("member_id", "tag", "value"), Path("catalogue.csv"))
    party = load_party_config(tmp_path / "party.toml")
    assert party.privacy == PartyConfig().privacy
    assert (party.outbox, party.agent) == (PartyConfig().outbox, PartyConfig().agent)
    assert party.catalogues == {"app": Path("app-catalogue.csv")}


def test_the_catalogue_of_the_example_can_be_read(tmp_path: Path) -> None:
    rows = [found.group(1) for found in re.finditer(r" #   (\S.*?)(?:   |$)", PARTY_TEMPLATE, re.MULTILINE)]
    (tmp_path / "catalogue.csv").write_text("\n".join(["id,name,parent,type,options,range,sensitive", *rows]))
    catalogue = read_catalogue(tmp_path / "catalogue.csv")
    assert [catalogue.id_of(place) for place in catalogue.branch().tolist()] == [
        "gender=female",
        "gender=male",
        "age",
        "tea",
    ]
    assert catalogue.tag(catalogue.find("health")).sensitive


def test_a_zone_is_made_with_its_configuration(miyun: Miyun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIYUN_PASSPHRASE", "correct horse")
    monkeypatch.setenv("MIYUN_HOME", str(tmp_path / "zone"))
    addresses = ("--address", "zone.example:7443", "--enrolment-address", "zone.example:7444", "--listen", "[::]:7443")
    made = miyun("init", "zone", "--name", "hub", "--organisation", "Hub Ltd", *addresses, "--json")
    assert made.status == 0
    config = load_config(tmp_path / "zone")
    assert (config.address, config.listen) == ("zone.example:7443", "[::]:7443")
    assert Home.open(tmp_path / "zone", Passphrase("correct horse")).info.role == "zone"


def test_a_wrong_address_leaves_no_home_behind(miyun: Miyun, tmp_path: Path) -> None:
    outcome = miyun(
        *("init", "zone", "--name", "hub", "--organisation", "Hub", "--key-file", "key", "--home", "zone"),
        *("--address", "zone.example", "--enrolment-address", "zone.example:7444", "--json"),
    )
    assert outcome.status == 2
    assert "--address" in outcome.error["message"]
    assert not (tmp_path / "zone").exists()


def test_an_analyst_is_made(miyun: Miyun) -> None:
    made = miyun(
        *("init", "analyst", "--name", "ana", "--organisation", "Lab", "--home", "ana", "--key-file", "k", "--json")
    )
    assert (made.status, made.document["role"], made.document["kind"]) == (0, "analyst", None)


def test_nothing_to_unlock_with_is_an_error_and_not_a_question(miyun: Miyun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    error = miyun(*PARTY, "--home", "tea", "--json").error
    assert error["code"] == "key-access"
    assert "--key-file" in error["hint"]


def test_a_passphrase_is_asked_for_once_and_a_new_one_twice(monkeypatch: pytest.MonkeyPatch, miyun: Miyun) -> None:
    asked = []

    def prompt(text: str, **options: object) -> str:
        asked.append(options["confirmation_prompt"])
        assert options["hide_input"]
        return "correct horse"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.prompt", prompt)
    assert miyun(*PARTY, "--home", "tea").status == 0
    assert miyun("identity", "--home", "tea").status == 0
    assert asked == [True, False]
    invocation = Invocation()
    assert invocation.unlock is invocation.unlock
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("--kind", "shop"), 2, "shop"),
        (("--kind", "merchant", "--name", "Tea Shop"), 2, "is not a name"),
    ],
)
def test_impossible_homes_are_refused(
    arguments: tuple[str, ...], status: int, message: str, miyun: Miyun, tmp_path: Path
) -> None:
    names = ("--name", "tea", "--organisation", "Tea Ltd", "--home", "tea", "--key-file", "key")
    outcome = miyun("init", "party", *names, *arguments)
    assert outcome.status == status
    assert message in outcome.err
    assert not (tmp_path / "tea").exists()


def test_a_damaged_join_code_is_refused_before_anything_is_dialled(miyun: Miyun) -> None:
    miyun(*PARTY, "--home", "tea", "--key-file", "key")
    outcome = miyun("join", "miyun1abc", "--home", "tea", "--key-file", "key", "--json")
    assert (outcome.status, outcome.error["code"]) == (2, "input")
