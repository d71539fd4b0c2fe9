"""Every command of `miyun insight` and `miyun lookalike`, between real processes, against the plain rows."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from demo.deliveries import read_ids
from demo.processes import CommandError
from demo.stage import Stage, write_party
from tests.system.plain import CAST

CONTRACT = "insights"
CATALOGUE = """\
id,name,parent,type,options,range,sensitive
gender,Gender,,option,female|male,,
interest,Interests,,group,,,
tea,Tea,interest,flag,,,
coffee,Coffee,interest,flag,,,
age,Age,,number,,0..120,
"""
MEMBERS, USERS = range(1_500), range(300, 1_800)
MATCHED = frozenset(MEMBERS) & frozenset(USERS)
BIG = frozenset(person for person in MATCHED if person % 400 > 200)
GOLD = frozenset(person for person in MATCHED if person % 4 == 0)
SEGMENTS = {
    "big": "members.spend > 200",
    "gold": "members.tier = 'gold'",
    "others": "members.tier = 'other'",
}

pytestmark = pytest.mark.slow


def write(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])


def bought(person: int) -> int:
    return int(person % 4 == 0 or person % 9 == 0)


def tags() -> Iterator[tuple[str, str, str]]:
    for person in USERS:
        yield f"u{person}", "gender", "female" if person % 3 else "male"
        yield f"u{person}", "age", str(20 + person % 50)
        if person % 400 > 200:
            yield f"u{person}", "tea", ""
        if person % 5 == 0:
            yield f"u{person}", "coffee", ""


def raise_budget(draft: Path) -> None:
    """To ten times what a draft says: so few people want less noise than that of millions."""
    text = draft.read_text("utf-8")
    text = text.replace("  rho_micro: 100_000\n", "  rho_micro: 1_000_000\n")
    draft.write_text(text.replace("  lease_rho_micro: 20_000\n", "  lease_rho_micro: 200_000\n"), "utf-8")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Fused, with segments; the platform's agent and the zone are running."""
    with Stage(tmp_path_factory.mktemp("insights") / "stage", CAST) as stage:
        stage.make_homes()
        write(
            stage.merchant.home / "members.csv",
            ("id", "phone", "spend", "bought", "tier"),
            [(f"m{n}", f"13{n:09d}", n % 400, bought(n), "other" if n % 4 else "gold") for n in MEMBERS],
        )
        write(stage.platform.home / "users.csv", ("id", "phone"), [(f"u{n}", f"13{n:09d}") for n in USERS])
        write(stage.platform.home / "tags.csv", ("id", "tag", "value"), tags())
        for path in (stage.platform.home / "catalogue.csv", stage.merchant.home / "given.csv"):
            path.write_text(CATALOGUE, encoding="utf-8")
        identifiers = {"members.identifiers.phone": {"column": "phone", "profile": "e164-cn"}}
        write_party(
            stage.merchant,
            {
                "members": {"source": "csv", "path": "members.csv", "id": "id"},
                **identifiers,
                "members.attributes.spend": {"type": "number"},
                "members.attributes.bought": {"type": "number"},
                "members.attributes.tier": {"type": "text"},
                "catalogues": {stage.platform.name: "given.csv"},
            },
        )
        pairs = {"id": "id", "tag": "tag", "value": "value", "catalogue": "catalogue.csv"}
        write_party(
            stage.platform,
            {
                "members": {"source": "csv", "path": "users.csv", "id": "id"},
                **identifiers,
                "tags": {"source": "csv", "path": "tags.csv", **pairs},
            },
        )
        stage.open_zone()
        stage.join()
        terms = ("--identifier", "phone:e164-cn:100000", "--no-consent", "--padding", "1")
        draft, _ = stage.draft(
            CONTRACT, *terms, "--insight", "matched", "--insight", "tags", "--lookalikes", "--column", "spend"
        )
        raise_budget(draft)
        stage.agree(CONTRACT, draft)
        stage.start(stage.platform, "agent", "run")
        stage.merchant.run("fuse", CONTRACT)
        for name, definition in SEGMENTS.items():
            stage.merchant.run("segment", "create", CONTRACT, name, definition, "--wait")
        yield stage


def ask(stage: Stage, command: str, *options: str) -> Any:
    return stage.merchant.run("insight", command, CONTRACT, *options)


def assert_near(estimate: dict[str, float], truth: float) -> None:
    """Within four times the interval, which is nearly eight standard deviations: the noise never misses that."""
    reach = 4 * (estimate["high"] - estimate["low"]) / 2
    assert abs(estimate["value"] - truth) <= reach < truth


def test_a_key_is_made_once(stage: Stage) -> None:
    first, again = ask(stage, "key"), ask(stage, "key")
    assert first == again
    assert len(bytes.fromhex(first["modulus"])) * 8 == 3_072


def test_tags_are_found_before_they_are_asked_about(stage: Stage) -> None:
    [found] = stage.merchant.run("catalogue", "search", "tea")
    assert (found["id"], found["path"]) == ("tea", "Interests/Tea")
    digests = [party.run("catalogue", "show")["sha256"] for party in (stage.merchant, stage.platform)]
    assert digests[0] == digests[1]


def test_a_portrait_is_charged_once_and_seen_on_the_board(stage: Stage) -> None:
    question = ("--segment", "big", "--branch", "gender", "--branch", "interest", "--rho", "200000")
    quote = ask(stage, "quote", "--rho", "200000")
    assert quote["rho_micro"] == 200_000

    drawing = stage.folder / "portrait.png"
    [portrait] = ask(stage, "portrait", *question, "--plot", str(drawing))

    assert drawing.read_bytes().startswith(b"\x89PNG")
    assert portrait["segment"] == {"name": "big", "version": 1}
    assert portrait["charge"]["rho"] == 0.2
    assert_near(portrait["size"], len(BIG))
    people = {row["tag"]: row["people"] for row in portrait["tags"]}
    assert_near(people["tea"], len(BIG))
    assert_near(people["gender=female"], sum(bool(person % 3) for person in BIG))
    assert ask(stage, "portrait", *question) == [portrait]
    words = stage.merchant.text("insight", "portrait", CONTRACT, *question)
    assert "Portrait of big" in words
    assert "Interests/Tea" in words

    board = stage.merchant.run("insight", "board", CONTRACT, "big", "--plot", str(stage.folder / "board.svg"))
    assert board["sizes"][0]["people"] == portrait["size"]
    assert {row["tag"]: row["share"] for row in board["composition"]} == {
        row["tag"]: row["share"] for row in portrait["tags"]
    }
    assert [row["dimension"] for row in board["coverage"]] == ["Gender", "Interests"]
    assert (stage.folder / "board.svg").read_text("utf-8").startswith("<svg")
    assert "看板" in stage.merchant.text("insight", "board", CONTRACT, "big", "--lang", "zh")


def test_sums_of_both_parties_numbers(stage: Stage) -> None:
    parts = ("--part", "gold", "--part", "others")
    [spend] = ask(stage, "sums", "--segment", "matched", "--number", "spend:0:400", *parts, "--rho", "10000")
    rows = {row["group"]: row for row in spend["sums"]}
    assert_near(rows["matched"]["sum"], sum(person % 400 for person in MATCHED))
    assert_near(rows["gold"]["people"], len(GOLD))
    assert_near(rows["others"]["people"], len(MATCHED - GOLD))
    assert [part["name"] for part in spend["parts"]] == ["gold", "others"]

    [age] = ask(stage, "sums", "--segment", "big", "--number", "tags.age:0:120", "--rho", "10000")
    assert_near(age["sums"][0]["mean"], sum(20 + person % 50 for person in BIG) / len(BIG))


def test_a_campaign_is_measured(stage: Stage) -> None:
    groups = ("--exposed", "gold", "--control", "matched")
    lift = ask(stage, "measure", *groups, "--converted", "bought", "--rho", "10000")
    # Who is in both counts as exposed.
    assert_near(lift["exposed_people"], len(GOLD))
    assert_near(lift["control_people"], len(MATCHED - GOLD))
    assert_near(lift["conversions"][0]["exposed"], 1.0)


def test_what_segments_share(stage: Stage) -> None:
    overlap = ask(stage, "overlap", "--segment", "big", "--segment", "matched", "--plot", str(stage.folder / "o.html"))
    assert_near(overlap["people"][0]["matched"], len(BIG))
    assert [segment["name"] for segment in overlap["segments"]] == ["big", "matched"]
    assert "<table>" in (stage.folder / "o.html").read_text("utf-8")


def test_users_like_a_seed_are_found(stage: Stage) -> None:
    release = ("lookalike", "release", CONTRACT, "like-big", "--seed", "big", "--branch", "gender", "--branch")
    release = (*release, "interest", "--rho", "100000", "--portrait-rho", "200000")
    released = stage.merchant.run(*release)
    assert max(released["weights"], key=released["weights"].get) == "Interests/Tea"
    assert (released["tags"], released["job"]["state"]) == (4, "done")
    spent = stage.merchant.run("budget", CONTRACT)["spent_micro"]
    assert stage.merchant.run(*release) == released
    assert stage.merchant.run("budget", CONTRACT)["spent_micro"] == spent
    [listed] = stage.platform.run("lookalike", "list", CONTRACT)
    assert (listed["name"], listed["state"], listed["seed"]) == ("like-big", "ready", {"name": "big", "version": 1})

    drawing = stage.folder / "separation.svg"
    told = stage.merchant.run("lookalike", "report", CONTRACT, "like-big", "--rho", "100000", "--plot", str(drawing))
    assert told["auc"]["low"] > 0.6
    assert drawing.read_text("utf-8").startswith("<svg")

    stage.merchant.run("lookalike", "create", CONTRACT, "prospects", "like-big", "--count", "150", "--wait")
    _, file = stage.activate(CONTRACT, "prospects", stage.platform, "platform-ads", "prospects")
    found = {int(id_[1:]) for id_ in read_ids(file)}
    assert len(found) == 150
    assert found <= {person for person in USERS if person % 400 > 200}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("portrait", "--segment", "nobody", "--all", "--rho", "1000"), "not-found"),
        (("portrait", "--segment", "big", "--tag", "wine", "--rho", "1000"), "not-found"),
        (("sums", "--segment", "big", "--number", "wealth:0:9", "--rho", "1000"), "not-found"),
        (("portrait", "--segment", "big", "--all", "--rho", "900000"), "input"),
    ],
)
def test_what_is_wrong_costs_nothing(stage: Stage, arguments: tuple[str, ...], code: str) -> None:
    before = json.dumps(stage.merchant.run("budget", CONTRACT)["spent_micro"])
    with pytest.raises(CommandError) as failed:
        ask(stage, *arguments)
    assert failed.value.code == code
    assert json.dumps(stage.merchant.run("budget", CONTRACT)["spent_micro"]) == before
