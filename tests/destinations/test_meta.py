"""The plug-in for Meta's custom audiences against a server with the rules of its reference."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from miyun.destinations.batches import BatchOutcome
from miyun.destinations.fields import HashName
from miyun.destinations.meta import MetaDestination
from miyun.destinations.meta.destination import MetaConfig
from miyun.destinations.registry import load_kind
from miyun.errors import DestinationError, MiyunError, UnavailableError
from miyun.members.profiles import normalise_column
from tests.destinations.graph import APP_SECRET, TOKEN, Graph, errs, serving
from tests.destinations.json_server import Failure, says
from tests.destinations.world import NOW, batch, context

BUSY = {
    "1": [{"type": "custom_audience", "estimated_time_to_regain_access": 3}, {"estimated_time_to_regain_access": 1}]
}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


ROWS = batch(
    0,
    *("m1", "m2", "m3", "m4"),
    email=(sha("a@b.c"), None, sha("d@e.f"), None),
    phone=(sha("8613800000001"), sha("8613800000002"), None, None),
    extern_id=(sha("1"), None, None, None),
)


@pytest.fixture
def graph() -> Iterator[Graph]:
    with serving(Graph()) as served:
        yield served


def settings(graph: Graph, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "meta",
        "audience": graph.audience_id,
        "token": "meta",
        "url": graph.url or "https://graph.facebook.com/v25.0",
        "fields": {name: {"column": name} for name in ROWS.columns},
        **changes,
    }


def made(graph: Graph, folder: Path, **changes: Any) -> MetaDestination:
    config = MetaConfig.model_validate(settings(graph, **changes))
    moments = count()
    given = context(folder, meta=TOKEN, app=APP_SECRET, wrong="EAAB-old")
    return MetaDestination(config, replace(given, now=lambda: NOW + timedelta(seconds=next(moments))))


def test_identifiers_are_spelled_as_meta_spells_them_and_hashed() -> None:
    fields = MetaConfig.model_validate(settings(Graph())).fields
    assert {source.hash for source in fields.values()} == {HashName.SHA256}
    assert fields["extern_id"].profiles == ()
    for name, raw, digest in (
        ("email", " Jane.Doe+x@gmail.com", "3eebe8d7"),
        ("phone", "+1 (234) 567-8901", "254aa248"),
    ):
        value = raw
        for profile in fields[name].profiles:
            [spelled] = normalise_column(profile, [[value]])
            assert isinstance(spelled, str)
            value = spelled
        assert sha(value).startswith(digest)


def test_people_are_put_into_the_audience(graph: Graph, tmp_path: Path) -> None:
    destination = made(graph, tmp_path)
    destination.validate()
    assert load_kind("meta").third_party == "meta"
    [lacking] = destination.deliver(ROWS).refused
    assert (lacking.row, lacking.code) == (3, "no-identifier")
    assert graph.audience == {
        frozenset({("EMAIL", sha("a@b.c")), ("PHONE", sha("8613800000001")), ("EXTERN_ID", sha("1"))}),
        frozenset({("PHONE", sha("8613800000002"))}),
        frozenset({("EMAIL", sha("d@e.f"))}),
    }
    assert json.loads(graph.forms[0]["payload"][0])["data"][1] == ["", sha("8613800000002"), ""]
    taken = set(graph.audience)
    destination.deliver(ROWS)
    assert graph.audience == taken
    first, second = graph.sessions
    assert first["session_id"] != second["session_id"], "no session is begun twice"
    assert (first["batch_seq"], first["last_batch_flag"], first["estimated_num_total"]) == (1, True, 3)
    destination.deliver(batch(1, "m5", email=(sha("x@y.z"),), phone=(None,), extern_id=(None,)))
    assert graph.sessions[2]["session_id"] != first["session_id"]
    destination.close()


def test_people_are_taken_out_of_the_audience(graph: Graph, tmp_path: Path) -> None:
    made(graph, tmp_path).deliver(ROWS)
    second = batch(1, "m2", email=(None,), phone=(sha("8613800000002"),), extern_id=(None,))
    assert made(graph, tmp_path, action="remove").deliver(second) == BatchOutcome()
    assert len(graph.audience) == 2
    assert graph.calls[-1] == ("DELETE", f"/v25.0/{graph.audience_id}/users")


def test_an_app_proves_itself(graph: Graph, tmp_path: Path) -> None:
    graph.proof = True
    with_proof = made(graph, tmp_path, app_secret="app")
    assert with_proof.config.credentials() == ("meta", "app")
    assert with_proof.deliver(ROWS).refused
    assert "audience" in with_proof.probe()
    with pytest.raises(DestinationError):
        made(graph, tmp_path).deliver(ROWS)


def test_people_without_any_identifier_are_no_call(graph: Graph, tmp_path: Path) -> None:
    empty = batch(0, "m1", email=(None,), phone=(None,), extern_id=(None,))
    assert [one.code for one in made(graph, tmp_path).deliver(empty).refused] == ["no-identifier"]
    assert graph.calls == []


@pytest.mark.parametrize("shown", [True, False])
def test_entries_that_meta_can_not_read(graph: Graph, tmp_path: Path, shown: bool) -> None:
    graph.invalid, graph.shown = {sha("d@e.f")}, shown
    outcome = made(graph, tmp_path).deliver(ROWS)
    named = [(one.row, one.code) for one in outcome.refused]
    counted = [(one.code, one.rows) for one in outcome.counted]
    assert named == [(3, "no-identifier"), *([(2, "invalid-entry")] if shown else [])]
    assert counted == ([] if shown else [("invalid-entry", 1)])
    assert outcome.fault(4) == ""


def test_rows_that_never_arrived_are_counted(graph: Graph, tmp_path: Path) -> None:
    graph.lost = 2
    [counted] = made(graph, tmp_path).deliver(ROWS).counted
    assert (counted.code, counted.rows) == ("not-received", 2)


@pytest.mark.parametrize("content", [b"<html>", [], {}, {"id": 1}])
def test_what_answers_a_probe_without_the_audience_is_no_graph_api(graph: Graph, tmp_path: Path, content: Any) -> None:
    graph.failures = [says(200, content)]
    with pytest.raises(DestinationError, match="without the audience"):
        made(graph, tmp_path).probe()


def test_counts_that_are_too_high_count_each_row_once(graph: Graph, tmp_path: Path) -> None:
    graph.failures = [says(200, {"num_received": 900, "num_invalid_entries": 700})]
    outcome = made(graph, tmp_path).deliver(ROWS)
    assert [(one.code, one.rows) for one in outcome.counted] == [("invalid-entry", 3)]
    assert outcome.fault(4) == ""


def test_a_value_shown_more_often_than_counted_names_no_more_rows(graph: Graph, tmp_path: Path) -> None:
    answer = {"num_received": 3, "num_invalid_entries": 1, "invalid_entry_samples": {sha("a@b.c"): sha("d@e.f")}}
    graph.failures = [says(200, answer)]
    outcome = made(graph, tmp_path).deliver(ROWS)
    assert [one.row for one in outcome.refused] == [3, 0]
    assert outcome.counted == ()


@pytest.mark.parametrize(
    ("failure", "after", "untouched"),
    [
        (errs(400, 80003), 0, True),
        (says(403, {"error": {"code": 4}}, x_business_use_case_usage=json.dumps(BUSY)), 180, True),
        (says(400, {"error": {"code": 17}}, x_business_use_case_usage="[1]"), 0, True),
        (says(400, {"error": {"code": 613}}, x_business_use_case_usage="{"), 0, True),
        (says(429), 0, True),
        (says(429, retry_after="5"), 5, True),
        (errs(400, 2), 0, False),
        (errs(400, 2650), 0, False),
        (errs(400, 9999, is_transient=True), 0, False),
        (errs(500, 1), 0, False),
        (says(503), 0, False),
    ],
)
def test_what_passes_by_itself(graph: Graph, tmp_path: Path, failure: Failure, after: float, untouched: bool) -> None:
    graph.failures = [failure]
    destination = made(graph, tmp_path)
    with pytest.raises(UnavailableError) as caught:
        destination.deliver(ROWS)
    assert (caught.value.after_seconds, caught.value.untouched) == (after, untouched)
    assert len(destination.deliver(ROWS).refused) == 1


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (errs(400, 190, error_subcode=463), "refuses the token"),
        (errs(401, 190), "refuses the token"),
        (errs(403, 200), "error 200"),
        (errs(403, 10), "error 10"),
        (errs(400, 100, error_subcode=1713230), "restricted"),
        (errs(400, 100, fbtrace_id="AkVB"), "trace AkVB"),
        (errs(400, "many", fbtrace_id="two words"), "error 0"),
        (says(400, {"error": "x"}), "400"),
        (says(404), "404"),
        (says(403), "403"),
        (says(200, b"<html>"), "200"),
        (says(200, []), "200"),
        (says(200, {}), "without numbers"),
        (says(200, {"num_received": True}), "without numbers"),
        (says(200, {"num_received": "3"}), "without numbers"),
        (says(200, {"num_received": 3, "num_invalid_entries": -1}), "without numbers"),
        (says(302, location="http://127.0.0.1:1/"), "elsewhere"),
    ],
)
def test_what_a_person_has_to_see_to(graph: Graph, tmp_path: Path, failure: Failure, words: str) -> None:
    graph.failures = [failure]
    with pytest.raises(DestinationError, match=words) as caught:
        made(graph, tmp_path).deliver(ROWS)
    assert not isinstance(caught.value, UnavailableError)
    assert "repeat" not in caught.value.message
    assert "two words" not in caught.value.message


def test_a_probe_reads_the_audience(graph: Graph, tmp_path: Path) -> None:
    assert graph.audience_id in made(graph, tmp_path).probe()
    for changes in ({"audience": "7"}, {"token": "wrong"}):
        with pytest.raises(DestinationError):
            made(graph, tmp_path, **changes).probe()
    graph.flagged = True
    with pytest.raises(DestinationError, match="restricted"):
        made(graph, tmp_path).probe()


def test_a_dry_run_sends_nothing(graph: Graph, tmp_path: Path) -> None:
    preview = made(graph, tmp_path, app_secret="app").dry_run(ROWS)
    assert sha("a@b.c") in preview.text
    assert preview.target.endswith(f"/{graph.audience_id}/users")
    assert graph.calls == []
    assert not [secret for secret in (TOKEN, APP_SECRET) if secret in preview.text]


@pytest.mark.parametrize(
    "changes",
    [
        {"audience": "act_1"},
        {"batch_rows": 10_001},
        {"fields": {}},
        {"fields": {"madid": {"column": "idfa"}}},
        {"fields": {"email_2": {"column": "mail"}}},
        {"fields": {"email": {"column": "mail", "profile": "data-manager"}}},
        {"fields": {"phone": {"column": "phone", "profile": "e164"}}},
        {"fields": {"extern_id": {"column": "id", "hash": "md5"}}},
        {"url": "http://graph.facebook.com/v25.0"},
    ],
)
def test_configurations_that_can_not_be(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MetaConfig.model_validate(settings(Graph(), **changes))


def test_no_secret_is_shown(graph: Graph, tmp_path: Path) -> None:
    destination = made(graph, tmp_path, app_secret="app")
    shown = [repr(destination.config)]
    for failure in (errs(400, 190), errs(400, 100), says(500), says(200, b"x"), says(307, location="http://x/")):
        graph.failures = [failure]
        with pytest.raises(MiyunError) as caught:
            destination.deliver(ROWS)
        shown.append(caught.value.message + caught.value.hint)
    assert not [secret for secret in ("hunter", sha("a@b.c")) if secret in "".join(shown)]
