"""The plug-in for Google Data Manager against a server with the rules of its reference."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from miyun.destinations.batches import Batch, BatchOutcome
from miyun.destinations.data_manager import DataManagerDestination
from miyun.destinations.data_manager.config import DataManagerConfig
from miyun.destinations.fields import HashName
from miyun.destinations.plugin import Context
from miyun.destinations.registry import load_kind
from miyun.errors import ConfigError, DestinationError, MiyunError, UnavailableError
from miyun.members.profiles import normalise_column
from tests.destinations.google import Google, serving, waits
from tests.destinations.json_server import Failure, says
from tests.destinations.world import NOW, batch, context

CONSENT = {"ad_user_data": "granted", "ad_personalization": "denied"}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


ROWS = batch(
    0,
    *("m1", "m2", "m3", "m4"),
    email=(sha("a@b.c"), None, sha("d@e.f"), None),
    email_work=(sha("a@b.c"), None, sha("g@h.i"), None),
    phone=(sha("+8613800000001"), sha("+8613800000002"), None, None),
)


@pytest.fixture(scope="module")
def shared() -> Google:
    return Google()


@pytest.fixture
def google(shared: Google) -> Iterator[Google]:
    with serving(Google(key=shared.key)) as served:
        yield served


def settings(google: Google, **changes: Any) -> dict[str, Any]:
    return {
        "kind": "data-manager",
        "credential": "google",
        "operating_account": {"type": "GOOGLE_ADS", "id": google.account},
        "audience": google.list_id,
        "consent": CONSENT,
        "customer_match_terms_accepted": True,
        "url": google.url or "https://datamanager.googleapis.com",
        "token_url": f"{google.url}/token" if google.url else "https://oauth2.googleapis.com/token",
        "fields": {name: {"identifier": "x"} for name in ROWS.columns},
        **changes,
    }


def made(google: Google, folder: Path, **changes: Any) -> DataManagerDestination:
    config = DataManagerConfig.model_validate(settings(google, **changes))
    return DataManagerDestination(config, held(google, folder))


def held(google: Google, folder: Path) -> Context:
    user = {"type": "authorized_user", "client_id": "app", "client_secret": "s3cret", "refresh_token": "1//r"}
    return context(
        folder, google=google.service_account(), user=json.dumps(user), old=json.dumps({**user, "client_id": "x"})
    )


def done(destination: DataManagerDestination, rows: Batch) -> BatchOutcome:
    """Delivered, and asked about until it is done."""
    outcome = destination.deliver(rows)
    while outcome.handle:
        outcome = destination.poll(rows, outcome.handle)
    return outcome


def test_identifiers_are_spelled_as_google_spells_them_and_hashed() -> None:
    fields = DataManagerConfig.model_validate(settings(Google())).fields
    assert {source.hash for source in fields.values()} == {HashName.SHA256}
    assert not any(source.is_required for source in fields.values())
    for name, raw, digest in (
        ("email", "Jane.Doe+x@gmail.com", "03eec539"),
        ("email_work", " Jane.Doe+x@GMAIL.com", "03eec539"),
        ("phone", "+1 234 567 8901", "10e6f0b4"),
    ):
        [profile] = fields[name].profiles
        [spelled] = normalise_column(profile, [[raw]])
        assert isinstance(spelled, str)
        assert sha(spelled).startswith(digest)
    chinese = DataManagerConfig.model_validate(
        settings(Google(), fields={"phone": {"identifier": "phone", "profile": "e164-cn"}})
    )
    assert chinese.fields["phone"].profiles == ("e164-cn",)


def test_members_are_put_on_the_list(google: Google, tmp_path: Path) -> None:
    google.polls = 2
    destination = made(google, tmp_path, quota_project="tea-project")
    destination.validate()
    assert load_kind("data-manager").third_party == "google"
    outcome = destination.deliver(ROWS)
    for _ in range(2):
        assert destination.poll(ROWS, outcome.handle) == BatchOutcome(handle=outcome.handle)
    [lacking] = destination.poll(ROWS, outcome.handle).refused
    assert (lacking.row, lacking.code) == (3, "no-identifier")
    [body] = google.bodies
    assert body == {
        "destinations": [
            {"operatingAccount": {"accountType": "GOOGLE_ADS", "accountId": "1234567890"}, "productDestinationId": "55"}
        ],
        "audienceMembers": [
            {"userData": {"userIdentifiers": [{"emailAddress": sha("a@b.c")}, {"phoneNumber": sha("+8613800000001")}]}},
            {"userData": {"userIdentifiers": [{"phoneNumber": sha("+8613800000002")}]}},
            {"userData": {"userIdentifiers": [{"emailAddress": sha("d@e.f")}, {"emailAddress": sha("g@h.i")}]}},
        ],
        "consent": {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_DENIED"},
        "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"},
        "encoding": "HEX",
        "validateOnly": False,
    }
    assert {headers["x-goog-user-project"] for headers in google.headers} == {"tea-project"}
    taken = set(google.audience)
    done(destination, ROWS)
    assert google.audience == taken, "a list is a set: again is no more"
    destination.close()


def test_members_are_taken_off_the_list(google: Google, tmp_path: Path) -> None:
    done(made(google, tmp_path), ROWS)
    first = batch(1, "m1", email=(sha("a@b.c"),), email_work=(None,), phone=(sha("+8613800000001"),))
    off = made(google, tmp_path, action="remove", consent=None, customer_match_terms_accepted=False)
    assert done(off, first) == BatchOutcome()
    assert len(google.audience) == 2
    assert "consent" not in google.bodies[-1]


def test_a_whole_batch_in_one_request(google: Google, tmp_path: Path) -> None:
    ids = [f"m{number}" for number in range(10_000)]
    columns = {"email": tuple(map(sha, ids)), "email_work": (None,) * len(ids), "phone": (None,) * len(ids)}
    assert done(made(google, tmp_path), batch(0, *ids, **columns)) == BatchOutcome()
    assert len(google.audience) == 10_000


def test_people_without_any_identifier_are_no_call(google: Google, tmp_path: Path) -> None:
    empty = batch(0, "m1", email=(None,), email_work=(None,), phone=(None,))
    assert [one.code for one in made(google, tmp_path).deliver(empty).refused] == ["no-identifier"]
    assert google.headers == []


def test_a_request_is_refused_for_some_of_its_members(google: Google, tmp_path: Path) -> None:
    google.malformed = {sha("d@e.f"): "INVALID_SHA256_FORMAT"}
    outcome = made(google, tmp_path).deliver(ROWS)
    assert [(one.row, one.code) for one in outcome.refused] == [(3, "no-identifier"), (2, "invalid-sha256-format")]
    assert outcome.later == (0, 1)
    assert outcome.fault(4) == ""
    assert google.audience == set()


def test_what_fails_later_is_counted_by_reason(google: Google, tmp_path: Path) -> None:
    google.denied = {sha("a@b.c"): "DENIED_CONSENT", sha("+8613800000002"): "UNKNOWN_CONSENT"}
    outcome = done(made(google, tmp_path), ROWS)
    assert {(one.code, one.rows) for one in outcome.counted} == {("denied-consent", 1), ("unknown-consent", 1)}
    assert outcome.fault(4) == ""
    assert len(google.audience) == 1


def test_what_fails_as_a_whole_names_every_row(google: Google, tmp_path: Path) -> None:
    google.denied = {sha("+8613800000002"): "NO_CONSENT"}
    alone = batch(0, "m2", email=(None,), email_work=(None,), phone=(sha("+8613800000002"),))
    assert [(one.row, one.code) for one in done(made(google, tmp_path), alone).refused] == [(0, "no-consent")]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ({}, "handle"),
        ({"requestStatusPerDestination": []}, "handle"),
        ({"requestStatusPerDestination": [{}]}, "handle"),
        ({"requestStatusPerDestination": [{"requestStatus": "REQUEST_STATUS_UNKNOWN"}]}, "handle"),
        ({"requestStatusPerDestination": [{"requestStatus": "FAILURE"}]}, "failed"),
        ({"requestStatusPerDestination": [{"requestStatus": "PARTIAL_SUCCESS"}]}, "some"),
        ({"requestStatusPerDestination": [{"requestStatus": "SUCCESS"}]}, "all"),
        ({"requestStatusPerDestination": [{"requestStatus": "SUCCESS"}] * 2}, "stop"),
        ({"requestStatusPerDestination": [{"requestStatus": "EXPLODED"}]}, "stop"),
    ],
)
def test_statuses(google: Google, tmp_path: Path, status: dict[str, Any], outcome: str) -> None:
    destination = made(google, tmp_path)
    handle = destination.deliver(ROWS).handle
    google.failures = [says(200, status)]
    if outcome == "stop":
        with pytest.raises(DestinationError) as caught:
            destination.poll(ROWS, handle)
        assert not isinstance(caught.value, UnavailableError)
        return
    got = destination.poll(ROWS, handle)
    expected = {"handle": (handle, 0, ()), "failed": ("", 4, ()), "some": ("", 1, (0,)), "all": ("", 1, ())}[outcome]
    assert (got.handle, len(got.refused), tuple(one.rows for one in got.counted)) == expected
    assert got.fault(4) == ""


def test_a_status_that_is_not_there_yet(google: Google, tmp_path: Path) -> None:
    assert made(google, tmp_path).poll(ROWS, "unknown") == BatchOutcome(handle="unknown")


@pytest.mark.parametrize("count", ["99999999", "-1", "many", {}, None])
def test_counts_that_can_not_be(google: Google, tmp_path: Path, count: object) -> None:
    destination = made(google, tmp_path)
    handle = destination.deliver(ROWS).handle
    counts = [{"recordCount": count, "reason": "PROCESSING_ERROR_REASON_NO_CONSENT"}]
    status = {"requestStatus": "PARTIAL_SUCCESS", "errorInfo": {"errorCounts": counts}}
    google.failures = [says(200, {"requestStatusPerDestination": [status]})]
    assert destination.poll(ROWS, handle).fault(4) == ""


@pytest.mark.parametrize(
    ("failure", "after", "untouched"),
    [
        (waits("7.5s"), 7.5, True),
        (waits("soon"), 0, True),
        (says(429, retry_after="9"), 9, True),
        (says(503), 0, False),
        (says(500, {"error": {"status": "INTERNAL"}}), 0, False),
    ],
)
def test_what_passes_by_itself(google: Google, tmp_path: Path, failure: Failure, after: float, untouched: bool) -> None:
    google.failures = [failure]
    destination = made(google, tmp_path)
    with pytest.raises(UnavailableError) as caught:
        destination.deliver(ROWS)
    assert (caught.value.after_seconds, caught.value.untouched) == (after, untouched)
    assert done(destination, ROWS).refused[0].code == "no-identifier"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"operating_account": {"type": "GOOGLE_ADS", "id": "1"}}, "PERMISSION_DENIED"),
        ({"audience": "1"}, "INVALID_USER_LIST_ID"),
    ],
)
def test_what_a_person_has_to_see_to(google: Google, tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    destination = made(google, tmp_path, **changes)
    for act in (destination.probe, lambda: destination.deliver(ROWS)):
        with pytest.raises(DestinationError, match=words) as caught:
            act()
        assert not isinstance(caught.value, UnavailableError)
        assert "repeat" not in caught.value.message


@pytest.mark.parametrize(
    "failure",
    [
        says(200, b"<html>"),
        says(200, {}),
        says(200, {"requestId": 7}),
        says(200, {"requestId": "two words"}),
        says(200, {"requestId": "x" * 1000}),
        says(200, []),
        says(400, b"\xff"),
        says(400, {"error": {"details": [7, {"@type": [], "fieldViolations": 7}]}}),
        says(
            400,
            {"error": {"details": [{"@type": "x.BadRequest", "fieldViolations": [{"field": "audience_members[7]"}]}]}},
        ),
        says(403, {"error": [[]]}),
        says(404),
    ],
)
def test_answers_that_make_no_sense_stop(google: Google, tmp_path: Path, failure: Failure) -> None:
    google.failures = [failure]
    with pytest.raises(DestinationError) as caught:
        made(google, tmp_path).deliver(ROWS)
    assert not isinstance(caught.value, UnavailableError)


def test_a_dry_run_is_validated_and_nobody_is_put_on_the_list(google: Google, tmp_path: Path) -> None:
    destination = made(google, tmp_path)
    preview = destination.dry_run(ROWS)
    assert preview.answer == "valid"
    assert '"validateOnly": true' in preview.text
    assert "ya29" not in preview.text
    assert google.bodies[-1]["validateOnly"] is True
    assert "audience 55" in destination.probe()
    assert google.audience == set()
    assert "INVALID_USER_LIST_ID" in made(google, tmp_path, audience="7").dry_run(ROWS).answer
    google.failures = [says(503)]
    assert "503" in destination.dry_run(ROWS).answer


def test_a_token_serves_until_it_ends(google: Google, tmp_path: Path) -> None:
    moment = NOW
    config = DataManagerConfig.model_validate(settings(google))
    destination = DataManagerDestination(config, replace(held(google, tmp_path), now=lambda: moment))
    done(destination, ROWS)
    assert len(google.grants) == 1
    moment += timedelta(hours=1)
    done(destination, ROWS)
    assert len(google.grants) == 2
    google.tokens.clear()
    done(destination, ROWS)
    assert len(google.grants) == 3, "one that is refused is renewed once"
    google.failures = [says(401), says(401)]
    with pytest.raises(DestinationError, match="refuses the credentials"):
        destination.deliver(ROWS)


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>",
        [],
        {"access_token": 7, "expires_in": 3599},
        {"access_token": "two\r\nlines", "expires_in": 3599},
        {"access_token": "ya29.x"},
        {"access_token": "ya29.x", "expires_in": "soon"},
    ],
)
def test_tokens_that_are_none(google: Google, tmp_path: Path, answer: Any) -> None:
    google.token_failures = [says(200, answer)]
    with pytest.raises(DestinationError, match="gives no token"):
        made(google, tmp_path).deliver(ROWS)
    assert google.headers == []


@pytest.mark.parametrize("seconds", [10**30, -5])
def test_a_token_whose_end_can_not_be(google: Google, tmp_path: Path, seconds: int) -> None:
    google.tokens.add("ya29.x")
    google.token_failures = [says(200, {"access_token": "ya29.x", "expires_in": seconds})]
    assert made(google, tmp_path).deliver(ROWS).handle


def test_an_authorised_user(google: Google, tmp_path: Path) -> None:
    destination = made(google, tmp_path, credential="user")
    destination.validate()
    assert done(destination, ROWS).refused
    with pytest.raises(DestinationError, match="gives no token") as caught:
        made(google, tmp_path, credential="old").deliver(ROWS)
    assert "s3cret" not in caught.value.message


@pytest.mark.parametrize(
    "secret",
    [
        "ya29.token",
        "[]",
        "{}",
        '{"type": "authorized_user", "client_id": "app"}',
        '{"type": "authorized_user", "client_id": "app", "client_secret": "", "refresh_token": 7}',
        '{"type": "service_account", "client_email": "a", "private_key_id": "k", "private_key": "no key"}',
        '{"type": "external_account"}',
    ],
)
def test_credentials_that_are_none(google: Google, tmp_path: Path, secret: str) -> None:
    config = DataManagerConfig.model_validate(settings(google))
    with pytest.raises(ConfigError) as caught:
        DataManagerDestination(config, context(tmp_path, google=secret)).validate()
    assert secret not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"consent": None},
        {"consent": {"ad_user_data": "denied", "ad_personalization": "granted"}},
        {"customer_match_terms_accepted": False},
        {"batch_rows": 10_001},
        {"audience": "12-34"},
        {"operating_account": {"type": "FACEBOOK", "id": "1"}},
        {"fields": {}},
        {"fields": {f"email_{number}": {"column": "mail"} for number in range(11)}},
        {"fields": {"name": {"column": "name"}}},
        {"fields": {"email": {"column": "mail", "profile": "uid2"}}},
        {"fields": {"email": {"column": "mail", "hash": "md5"}}},
        {"fields": {"phone": {"column": "phone", "profile": ["e164", "digits"]}}},
        {"url": "http://datamanager.googleapis.com"},
    ],
)
def test_configurations_that_can_not_be(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DataManagerConfig.model_validate(settings(Google(), **changes))


def test_no_secret_is_shown(google: Google, tmp_path: Path) -> None:
    destination = made(google, tmp_path)
    shown = [repr(destination.config), destination.dry_run(ROWS).text]
    for failure in (says(401), says(403), says(429), says(500), says(200, b"x")):
        google.failures = [failure, failure]
        try:
            destination.deliver(ROWS)
        except MiyunError as error:
            shown.append(error.message + error.hint)
    text = "".join(shown)
    assert "PRIVATE KEY" not in text
    assert "ya29" not in text
