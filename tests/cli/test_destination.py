"""``miyun destination``, ``delivery`` and ``secret`` in a home of their own."""

import io
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Miyun

TABLE = """
[members]
source = "csv"
path = "members.csv"
id = "member_id"
[members.identifiers.phone]
column = "mobile"
profile = "e164-cn"
[destinations.messages]
kind = "webhook"
url = "https://messages.example.com/audiences?token=in-the-query"
signing_secret = "messages"
frequency_cap = { deliveries = 2, days = 7 }
fields = { phone = { identifier = "phone", hash = "sha256" } }
[destinations.social]
kind = "meta"
audience = "23850000000000001"
token = "meta"
fields = { phone = { identifier = "phone" } }
[destinations.wrong]
kind = "webhook"
"""
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def home(miyun: Miyun, tmp_path: Path) -> list[str]:
    options = ["--home", str(tmp_path / "home"), "--key-file", str(tmp_path / "key")]
    made = miyun("init", "party", *options, "--name", "shop", "--organisation", "Shop", "--kind", "merchant")
    assert made.status == 0, made.err
    (tmp_path / "home" / "party.toml").write_text(TABLE, encoding="utf-8")
    return options


@pytest.fixture
def say(monkeypatch: pytest.MonkeyPatch) -> Any:
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_secrets_come_from_standard_input_and_go_nowhere(miyun: Miyun, home: list[str], say: Any) -> None:
    say(SECRET + "\n")
    stored = miyun("secret", "set", "messages", *home, "--json")
    assert stored.document == {"secret": "messages", "state": "stored"}
    listed = miyun("secret", "list", *home)
    assert "messages" in listed.out
    shown = miyun("destination", "dry-run", "messages", *home)
    assert shown.status == 0, shown.err
    assert SECRET[6:] not in stored.out + listed.out + shown.out + shown.err
    say("")
    assert miyun("secret", "set", "empty", *home, "--json").error["code"] == "input"
    assert miyun("secret", "set", "messages", SECRET, *home).status == 2, "a value is no argument"
    assert miyun("secret", "remove", "messages", *home).status == 0
    assert miyun("secret", "remove", "messages", *home, "--json").error["code"] == "not-found"
    assert miyun("secret", "list", *home, "--json").document == []


def test_destinations_are_listed_and_checked(miyun: Miyun, home: list[str], say: Any) -> None:
    first, social, wrong = miyun("destination", "list", *home, "--json").document
    assert (first["channel"], first["kind"], first["credentials"]) == ("messages", "webhook", ["messages"])
    assert "messages" in first["problem"]
    assert [one["third_party"] for one in (first, social, wrong)] == ["", "meta", ""]
    assert "url" in wrong["problem"]
    assert miyun("destination", "check", "messages", *home, "--json").error["code"] == "config"
    say(SECRET)
    miyun("secret", "set", "messages", *home)
    assert miyun("destination", "check", "messages", *home).status == 0
    assert miyun("destination", "list", *home, "--json").document[0]["problem"] == ""


def test_a_dry_run_shows_made_up_rows(miyun: Miyun, home: list[str], say: Any) -> None:
    say(SECRET)
    miyun("secret", "set", "messages", *home)
    shown = miyun("destination", "dry-run", "messages", *home)
    assert "POST https://messages.example.com/audiences\n" in shown.out
    assert '"member_id": "example-1"' in shown.out
    assert "in-the-query" not in shown.out
    assert miyun("destination", "dry-run", "elsewhere", *home).out.startswith("member_id\nexample-1\n")


def test_deliveries_that_are_not_there(miyun: Miyun, home: list[str]) -> None:
    assert miyun("delivery", "list", "spring", *home, "--json").document == []
    for words in (["show"], ["retry"], ["wait", "--timeout", "1"]):
        assert (
            miyun("delivery", words[0], "spring", "activate-1", *words[1:], *home, "--json").error["code"]
            == "not-found"
        )
