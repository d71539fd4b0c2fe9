"""``miyun pair``: keys in a home of its own, files of ids, bid requests, conformance."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from miyun.pair.conformance.vectors import vectors_text
from tests.cli.conftest import Miyun
from tests.pair.generate_vectors import NEW, OLD, eid


@pytest.fixture
def home(miyun: Miyun, tmp_path: Path) -> list[str]:
    """The options that name a platform's home, with keys called news."""
    options = ["--home", str(tmp_path / "home"), "--key-file", str(tmp_path / "key")]
    made = miyun("init", "party", *options, "--name", "square", "--organisation", "Square", "--kind", "platform")
    assert made.status == 0, made.err
    assert miyun("pair", "keys", "create", "news", *options).status == 0
    return options


def request_file(folder: Path, *requests: Any, name: str = "requests.json") -> str:
    path = folder / name
    path.write_text("\n".join(json.dumps(request) for request in requests) + "\n", encoding="utf-8")
    return str(path)


GOOD = {"user": {"eids": [eid(NEW, OLD)]}}
BAD = {"user": {"eids": [eid(NEW, source="pair-protocol.org", mm=2)]}}
WARNED = {"user": {"eids": [eid(NEW), eid(OLD)]}}


def test_keys_are_made_listed_rotated_and_withdrawn(miyun: Miyun, home: list[str]) -> None:
    [listed] = miyun("pair", "keys", "list", *home, "--json").document
    assert (listed["name"], listed["side"], listed["publisher"]) == ("news", "publisher", "square")
    assert [one["standing"] for one in listed["generations"]] == ["current"]
    assert miyun("pair", "keys", "rotate", "news", *home, "--json").document == listed, "it is not time yet"
    withdrawn = miyun("pair", "keys", "rotate", "news", *home, "--withdraw", "--json").document
    assert [one["standing"] for one in withdrawn["generations"]] == ["current", "withdrawn"]
    assert "withdrawn" in miyun("pair", "keys", "list", *home).out
    again = miyun("pair", "keys", "create", "news", *home, "--json")
    assert (again.status, again.error["code"]) == (6, "state")


def test_an_advertisers_options_go_together(miyun: Miyun, home: list[str], tmp_path: Path) -> None:
    salt = tmp_path / "salt"
    salt.write_text("{}", encoding="utf-8")
    for options in (["--salt", str(salt)], ["--contract", "spring"]):
        assert miyun("pair", "keys", "create", "shop", *options, *home).status == 2
    both = ["--salt", str(salt), "--contract", "spring"]
    assert miyun("pair", "keys", "create", "shop", *both, *home, "--json").error["code"] == "malformed"
    assert miyun("pair", "keys", "rotate", "news", "--withdraw", *both, *home).status != 0
    assert miyun("pair", "keys", "share", "news", "--contract", "spring", "--out", "s", *home).status == 4
    missing = ["--salt", str(tmp_path / "nothing"), "--contract", "spring"]
    assert miyun("pair", "keys", "create", "shop", *missing, *home).status == 2


def test_a_file_of_addresses_becomes_bid_requests(miyun: Miyun, home: list[str], tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("id,mail\nu1,a@example.com\nu2,wrong\n", encoding="utf-8")
    made = miyun(
        "pair", "ids", "news", "users.csv", "--column", "mail", "--label", "id", "--out", "ids.csv", *home, "--json"
    )
    assert (made.document["rows"], made.document["used"], made.document["rejected"]) == (2, 1, {"no-at-sign": 1})
    head, row = (tmp_path / "ids.csv").read_text(encoding="utf-8").split()
    assert head == "id,publisher_id,generation,until"
    id_ = row.split(",")[1]
    domains = ["--inserter", "news.example.com", "--matcher", "example.com"]
    eids = miyun("pair", "eids", id_, *domains)
    (tmp_path / "request.json").write_text(eids.out, encoding="utf-8")
    assert miyun("pair", "lint", "request.json").status == 0
    assert miyun("pair", "eids", id_, *domains, "--json").document == json.loads(eids.out)
    (tmp_path / "stored.txt").write_text(miyun("pair", "eids", id_, "--prebid").out, encoding="utf-8")
    assert miyun("pair", "lint", "--prebid", "stored.txt").status == 0
    assert (
        "1 no-at-sign"
        in miyun("pair", "ids", "news", "users.csv", "--column", "mail", "--out", "ids.parquet", *home).out
    )


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ([NEW], 2),
        ([NEW, "--inserter", "https://x.cn", "--matcher", "x.cn"], 2),
        ([NEW, NEW, "--prebid"], 2),
        (["user@example.com", "--prebid"], 8),
        (["A" * 43 + "=", "--prebid"], 8),
    ],
)
def test_what_would_be_dropped_is_not_printed(miyun: Miyun, arguments: list[str], status: int) -> None:
    outcome = miyun("pair", "eids", *arguments)
    assert (outcome.status, outcome.out) == (status, "")


def test_one_request_over_several_lines_is_one(miyun: Miyun, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(BAD, indent=2), encoding="utf-8")
    outcome = miyun("pair", "lint", "one.json", "--json")
    assert outcome.status == 2
    assert json.loads(outcome.out)["requests"] == 1
    assert [finding["rule"] for finding in json.loads(outcome.out)["findings"]] == ["source", "mm"]


def test_requests_on_lines_are_counted_and_placed(miyun: Miyun, tmp_path: Path) -> None:
    path = request_file(tmp_path, GOOD, BAD, GOOD, WARNED, BAD)
    with Path(path).open("a", encoding="utf-8") as file:
        file.write("\n{broken\n" + "x" * (2 << 20) + "\n" + json.dumps(BAD))
    outcome = miyun("pair", "lint", path, "--json")
    document = json.loads(outcome.out)
    assert (document["requests"], document["faulty"], document["warnings"]) == (8, 5, 1)
    assert document["by_rule"] == {"source": 3, "mm": 3, "unreadable": 2, "several-objects": 1}
    lines = [finding["line"] for finding in document["findings"] if finding["rule"] in ("source", "unreadable")]
    assert lines == [2, 5, 7, 8, 9]
    assert "5 of 8 bid requests have errors" in json.loads(outcome.err)["error"]["message"]


def test_warnings_are_shown_and_pass(miyun: Miyun, tmp_path: Path) -> None:
    outcome = miyun("pair", "lint", request_file(tmp_path, WARNED))
    assert outcome.status == 0
    assert "several-objects" in outcome.out


def test_many_findings_are_counted_and_the_first_listed(miyun: Miyun, tmp_path: Path) -> None:
    outcome = miyun("pair", "lint", request_file(tmp_path, *[{}] * 1_200, name="many.jsonl"), "--json")
    document = json.loads(outcome.out)
    assert (document["errors"], len(document["findings"])) == (1_200, 1_000)


@pytest.mark.parametrize(("content", "words"), [("", "empty"), ("\n\n", "empty"), ("[]", "1 of 1"), ("{", "1 of 1")])
def test_other_files_are_faulty(miyun: Miyun, tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "x.json").write_text(content, encoding="utf-8")
    outcome = miyun("pair", "lint", "x.json")
    assert outcome.status == 2
    assert words in outcome.err
    assert miyun("pair", "lint", "nothing.json").status == 2


def test_bid_requests_are_read_from_the_input() -> None:
    command = [sys.executable, "-m", "miyun_cli", "pair", "lint", "-"]
    ended = subprocess.run(command, input=json.dumps(GOOD), capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_miyun_conforms(miyun: Miyun) -> None:
    outcome = miyun("pair", "conformance", "--json")
    assert outcome.status == 0
    assert {check["outcome"] for check in outcome.document["checks"]} == {"passed"}
    table = miyun("pair", "conformance", "--only", "eids").out
    assert "eids" in table
    assert "lint" not in table


def test_another_program_is_tested_and_its_faults_are_told(miyun: Miyun, tmp_path: Path) -> None:
    miyun_itself = [sys.executable, "-m", "miyun_cli", "pair", "conformance", "--respond"]
    assert miyun("pair", "conformance", "--", *miyun_itself).status == 0
    liar = tmp_path / "liar.py"
    liar.write_text(
        """
import json, sys
for line in sys.stdin:
    id_ = json.loads(line)["id"]
    print(json.dumps({"id": id_, "name": "liar", "version": "1", "operations": ["lint"], "valid": True}), flush=True)
""",
        encoding="utf-8",
    )
    outcome = miyun("pair", "conformance", "--json", "--", sys.executable, str(liar))
    assert outcome.status == 8
    assert "liar 1 does not conform" in json.loads(outcome.err)["error"]["message"]
    groups = {check["group"] for check in json.loads(outcome.out)["checks"] if check["outcome"] == "failed"}
    assert groups == {"lint"}
    assert "it breaks: source" in miyun("pair", "conformance", "--", sys.executable, str(liar)).out


def test_the_vectors_are_printed_and_taken(miyun: Miyun, tmp_path: Path) -> None:
    printed = miyun("pair", "conformance", "--print").out
    assert printed == vectors_text()
    (tmp_path / "v.json").write_text(printed.replace(NEW, OLD), encoding="utf-8")
    assert miyun("pair", "conformance", "--vectors", "v.json", "--only", "vectors").status == 8
    assert miyun("pair", "conformance", "--vectors", "nothing.json").status == 2
