"""PAIR ids of an audience: which they are, by plain integers; both generations; what a bid request gets."""

import csv
import dataclasses
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from miyun.destinations.batches import Batch
from miyun.destinations.pair import COLUMNS, PairConfig, PairDestination
from miyun.destinations.plugin import Context
from miyun.destinations.registry import read_destination
from miyun.destinations.samples import sample_batch
from miyun.errors import ConfigError, MiyunError
from miyun.keys.home import Home
from miyun.pair.lint import lint
from miyun.pair.salts import ReceivedSalt, SaltGrant
from miyun.pair.store import PairKeys
from tests.destinations.test_plugin import MEMBERS
from tests.destinations.world import NOW, batch, context
from tests.pair.model import encrypt

TODAY = NOW.date()
TABLE = {
    "kind": "pair",
    "keys": "news",
    "address": {"identifier": "email"},
    "inserter": "news.example.com",
    "matcher": "example.com",
}
PEOPLE = ("u1", "u2", "u3")


def address(member: str) -> str:
    return hashlib.sha256(f"{member}@example.com".encode()).hexdigest()


def of(*members: str, index: int = 0) -> Batch:
    return batch(index, *members, address=tuple(map(address, members)))


def made(at: Context, **settings: Any) -> PairDestination:
    plugin, config = read_destination("pair-buyers", TABLE | settings)
    assert plugin is PairDestination
    assert isinstance(config, PairConfig)
    destination = PairDestination(config, at)
    destination.validate()
    return destination


def expected(home: Home, member: str, *numbers: int) -> list[str]:
    """The ids of the generations by their numbers, out of the home's secrets in plain integers."""
    generations = PairKeys(home).get("news").generations
    found = []
    for one in (generations[number - 1] for number in numbers):
        salt, key = (home.vault.get(f"pair/news/{what}") for what in (f"salt/{one.salt}", f"key/{one.key}"))
        found.append(encrypt(salt, int.from_bytes(key, "little"), address(member)))
    return found


@pytest.fixture
def at(tmp_path: Path) -> Context:
    here = context(tmp_path)
    PairKeys(here.home).create_publisher("news", TODAY - timedelta(days=10))
    return here


@pytest.fixture
def overlap(tmp_path: Path) -> Context:
    """A generation that ends, and the one after it."""
    here = context(tmp_path)
    keys = PairKeys(here.home)
    keys.create_publisher("news", TODAY - timedelta(days=40))
    keys.rotate_publisher("news", TODAY - timedelta(days=12))
    return here


def test_each_row_has_the_ids_of_its_user_and_the_object_for_bid_requests(at: Context) -> None:
    destination = made(at)
    for part in (of("u1", "u2"), of("u1", "u2"), of("u3", index=1)):
        assert destination.deliver(part).refused == ()
    path = destination.finish(2)
    assert path == at.folder / "sleepers-v2-activate-1.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [line["member_id"] for line in lines] == list(PEOPLE)
    for member, line in zip(PEOPLE, lines, strict=True):
        [id_] = expected(at.home, member, 1)
        assert (line["publisher_id"], line["earlier_id"]) == (id_, None)
        assert line["until"] == (TODAY + timedelta(days=50)).isoformat()
        [eid] = line["user"]["eids"]
        assert [uid["id"] for uid in eid["uids"]] == [id_]
        assert (eid["source"], eid["inserter"], eid["matcher"]) == (
            "pair-protocol.com",
            "news.example.com",
            "example.com",
        )
        assert lint({"user": line["user"], "site": {"domain": "news.example.com"}}) == []
    assert "example.com" not in path.read_text(encoding="utf-8").replace("news.example.com", "").replace(
        '"matcher":"example.com"', ""
    )


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_in_an_overlap_everybody_has_two_ids(overlap: Context, format_: str) -> None:
    destination = made(overlap, format=format_)
    destination.deliver(of(*PEOPLE))
    path = destination.finish(1)
    assert path is not None
    if format_ == "csv":
        with path.open(encoding="utf-8", newline="") as file:
            rows: list[dict[str, Any]] = list(csv.DictReader(file))
    else:
        rows = pq.read_table(path).to_pylist()
    assert [row["member_id"] for row in rows] == list(PEOPLE)
    for row in rows:
        newest, earlier = expected(overlap.home, row["member_id"], 2, 1)
        assert (row["publisher_id"], row["earlier_id"]) == (newest, earlier)
        assert row["earlier_until"] < row["until"]
        user = json.loads(row["user"])
        assert [uid["id"] for uid in user["eids"][0]["uids"]] == [newest, earlier]
        assert lint({"user": user}) == []


def test_a_list_for_a_buyer_says_nothing_of_whose_the_ids_are(at: Context) -> None:
    destination = made(at, own_ids=False, format="csv")
    destination.deliver(of(*PEOPLE))
    path = destination.finish(1)
    assert path is not None
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == list(COLUMNS)
    assert [row[0] for row in rows] == [expected(at.home, member, 1)[0] for member in PEOPLE]
    assert not {"u1", "u2", "u3"} & {cell for row in rows for cell in row}


def test_an_audience_of_nobody_is_a_file(at: Context) -> None:
    path = made(at).finish(0)
    assert path is not None
    assert path.read_bytes() == b""


def test_addresses_are_queued_as_match_keys_only(at: Context) -> None:
    _, config = read_destination("pair-buyers", TABLE)
    [field] = config.fields.values()
    members = dataclasses.replace(MEMBERS, identifiers={"email": MEMBERS.identifiers["phone"]})
    assert field.spell(members, [[" U1@Example.com ", "nothing", None]])[0] == address("u1")
    assert field.is_required
    preview = made(at).dry_run(sample_batch(at.order, config, members))
    assert len(preview.text.splitlines()) == 3
    assert "@" not in preview.text
    assert not at.folder.exists()


def test_keys_that_can_make_no_ids_for_bid_requests(at: Context) -> None:
    keys = PairKeys(at.home)
    grant = SaltGrant(
        contract="spring",
        contract_digest=b"",
        publisher="app",
        advertiser="teahouse",
        number=1,
        since=TODAY,
        withdraws=False,
    )
    _, salt = keys.salt("news")
    keys.create_advertiser("shop", ReceivedSalt(grant=grant, salt=salt), TODAY)
    keys.create_publisher("old", TODAY - timedelta(days=100))
    for name in ("nothing", "shop", "old"):
        with pytest.raises(MiyunError) as error:
            made(at, keys=name)
        assert error.value.hint
    with pytest.raises(ConfigError, match="both called"):
        made(dataclasses.replace(at, id_name="until"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"address": {"identifier": "email", "profile": "uid2"}}, "profile"),
        ({"address": {"identifier": "email", "profile": ["pair", "text"]}}, "profile"),
        ({"address": "email"}, "address"),
        ({"inserter": "https://news.example.com"}, "inserter"),
        ({"matcher": ""}, "matcher"),
        ({"fields": {"name": {"column": "name"}}}, "no other fields"),
        ({"format": "xlsx"}, "format"),
    ],
)
def test_settings_that_can_not_be(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_destination("pair-buyers", TABLE | settings)
