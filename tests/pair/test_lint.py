"""Every rule finds what it is about, and nothing that a request may hold makes the lint fail."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import miyun
from miyun.pair.conformance.vectors import Linted, load_vectors
from miyun.pair.lint import MAX_BYTES, is_object, lint, lint_stored, lint_text
from miyun.pair.rules import Rule, Severity
from tests.pair.generate_vectors import NEW, OLD, OLDER, eid

VECTORS = load_vectors().lint
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


def rules(text: str | bytes) -> set[str]:
    return {finding.rule.value for finding in lint_text(text)}


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.name)
def test_requests_break_the_rules_that_they_were_made_to_break(vector: Linted) -> None:
    assert rules(vector.request) == set(vector.rules)


def test_there_is_a_request_for_every_rule() -> None:
    assert {rule for vector in VECTORS for rule in vector.rules} == {rule.value for rule in Rule}


def test_every_rule_says_why() -> None:
    assert all(rule.why for rule in Rule)
    assert {rule.severity for rule in Rule} == set(Severity)


def test_the_place_is_named() -> None:
    request = {"user": {"eids": [{"source": "a"}, eid(NEW, uids=[{"id": NEW, "atype": 3}, {"id": OLD, "atype": 1}])]}}
    [finding] = lint(request)
    assert (finding.rule, finding.path) == (Rule.AGENT_TYPE, "user.eids[1].uids[1].atype")


@pytest.mark.parametrize("name", ["source", "mm", "uids"])
@given(value=json_values)
@settings(max_examples=60)
def test_anything_in_place_of_a_value_is_found(name: str, value: Any) -> None:
    right = eid(NEW)
    found = lint({"user": {"eids": [{**right, name: value}]}})
    assert bool(found) == (value != right[name] or type(value) is not type(right[name]))


@given(json_values)
@settings(max_examples=100)
def test_any_document_gives_findings(value: Any) -> None:
    for request in (value, {"user": value}, {"user": {"eids": value}}, {"user": {"eids": [value]}}, {"eids": value}):
        assert lint(request)
    assert lint({"user": {"eids": [eid(NEW, uids=[value])]}})
    assert lint({"user": {"eids": [eid(NEW, uids=[{"id": value, "atype": 3}])]}})


@given(st.binary(max_size=100))
@settings(max_examples=100)
def test_any_bytes_give_findings(text: bytes) -> None:
    assert lint_text(text)
    assert lint_stored(text.decode("utf-8", "replace"))
    assert lint_stored(base64.b64encode(text).decode())


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        '{"a": ' + "9" * 10_000 + "}",
        '{"a": Infinity}',
        b'{"a": "\xff"}',
        " " * (MAX_BYTES + 1),
        "",
    ],
    ids=["deep list", "deep object", "long number", "infinity", "no UTF-8", "long", "empty"],
)
def test_hostile_documents_are_unreadable(text: str | bytes) -> None:
    assert rules(text) == {"unreadable"}


def test_a_surrogate_is_shown_escaped() -> None:
    [finding] = lint_text(json.dumps({"user": {"eids": [eid(NEW, source="pair\ud800\x1b[2J")]}}))
    assert finding.words.isprintable()
    assert finding.words.isascii()


def test_of_a_flood_of_ids_the_first_are_looked_at_and_all_are_counted() -> None:
    uids = [{"id": f"{number}", "atype": 1} for number in range(5_000)]
    found = lint({"user": {"eids": [eid(NEW, uids=uids)]}})
    assert len(found) < 50
    assert "5000" in next(finding.words for finding in found if finding.rule is Rule.TOO_MANY)


def test_no_id_is_repeated_in_words() -> None:
    for vector in VECTORS:
        for finding in lint_text(vector.request):
            assert NEW not in finding.words
            assert "user@example.com" not in finding.words


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([NEW], set()),
        ([NEW, OLD], set()),
        ([NEW, NEW], {"duplicate"}),
        ([NEW, OLD, OLDER], {"too-many"}),
        (["user@example.com"], {"raw-identifier"}),
        ([3], {"encoding"}),
        ({"envelope": [NEW]}, {"unreadable"}),
    ],
)
def test_what_browsers_keep_is_checked_too(ids: Any, expected: set[str]) -> None:
    value = base64.b64encode(json.dumps(ids).encode()).decode()
    assert {finding.rule.value for finding in lint_stored(f"{value}\n")} == expected


@pytest.mark.parametrize(("text", "expected"), [(b"{}\n", True), (b"{\n", False), (b"[]", False), (b"", False)])
def test_a_line_is_a_request_by_itself_or_not(text: bytes, expected: bool) -> None:
    assert is_object(text) is expected


def test_every_rule_is_in_the_documentation() -> None:
    text = (Path(miyun.__file__).parent.parent / "docs" / "pair.md").read_text(encoding="utf-8")
    table = text.split("| rule | |")[1].split("\n\n")[0]
    assert {rule for rule in Rule if f"`{rule}`" not in table} == set()
