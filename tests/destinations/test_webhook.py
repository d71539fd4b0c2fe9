"""The webhook against a receiver that implements Standard Webhooks, with its failures."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from miyun.destinations.batches import BatchOutcome, Refused
from miyun.destinations.fields import FieldSource
from miyun.destinations.plugin import Credential
from miyun.destinations.webhook import WebhookConfig, WebhookDestination, sign, signing_key
from miyun.errors import ConfigError, DestinationError, MiyunError, UnavailableError
from tests.certificates import issue
from tests.destinations.receiver import (
    SECRET,
    Failure,
    Receiver,
    cut_after,
    cut_before,
    cut_in_headers,
    drips,
    says,
    serving,
)
from tests.destinations.world import NOW, batch, context

ROWS = batch(0, "m1", "m2", "m3", phone=("+86138", None, "王"))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with serving(Receiver(now=int(NOW.timestamp()))) as served:
        yield served


def webhook(receiver: Receiver, folder: Path, secret: str = SECRET, **settings: object) -> WebhookDestination:
    fields = {"phone": FieldSource(column="phone")}
    config = WebhookConfig.model_validate(
        {"kind": "webhook", "url": receiver.url, "signing_secret": "sms", "fields": fields, **settings}
    )
    return WebhookDestination(config, context(folder, sms=secret, bearer="hunter2"))


def test_a_known_signature_of_standard_webhooks() -> None:
    secret = Credential("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = sign(signing_key(secret, "x"), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_batch_is_signed_and_taken_once(receiver: Receiver, tmp_path: Path) -> None:
    made = webhook(receiver, tmp_path, token="bearer")
    made.validate()
    assert made.deliver(ROWS) == BatchOutcome()
    assert made.deliver(ROWS) == BatchOutcome()
    assert receiver.ids == ["m1", "m2", "m3"]
    assert next(iter(receiver.taken.values()))[1] == {"member_id": "m2", "phone": None}
    assert {call[1] for call in receiver.calls} == {ROWS.key}
    assert receiver.headers[0]["authorization"] == "Bearer hunter2"
    made.close()


def test_rows_are_refused_or_wait(receiver: Receiver, tmp_path: Path) -> None:
    receiver.refuse, receiver.later = {"m2": "no-consent"}, {"m3"}
    outcome = webhook(receiver, tmp_path).deliver(ROWS)
    assert outcome == BatchOutcome(refused=(Refused(row=1, code="no-consent", words="not this one"),), later=(2,))


def test_a_receiver_that_needs_longer_is_polled(receiver: Receiver, tmp_path: Path) -> None:
    receiver.polls, receiver.refuse = 2, {"m1": "gone"}
    made = webhook(receiver, tmp_path)
    first = made.deliver(ROWS)
    assert first.handle.endswith(f"/status/{ROWS.key}")
    again = made.poll(ROWS, first.handle)
    assert again.handle == first.handle
    assert [one.row for one in made.poll(ROWS, again.handle).refused] == [0]


def test_a_receiver_of_before_gets_no_credential_of_the_one_of_now(receiver: Receiver, tmp_path: Path) -> None:
    made = webhook(receiver, tmp_path)
    with pytest.raises(DestinationError, match="another host"):
        made.poll(ROWS, "http://127.0.0.1:9/status/1")
    assert receiver.ids == []


@pytest.mark.parametrize(
    ("failure", "after", "untouched"),
    [
        (says(429, retry_after="7"), 7, True),
        (says(429, retry_after="x" * 100), 0, True),
        (says(503, retry_after="Wed, 01 Jan 2020 00:00:00 GMT"), 0, False),
        (says(503, retry_after=f"Wed, 01 Jan 2020 00:00:00 +{10**20}"), 0, False),
        (says(500), 0, False),
        (cut_before, 0, False),
        (cut_after, 0, False),
        (cut_in_headers, 0, False),
        (drips, 0, False),
    ],
)
def test_what_passes_by_itself(
    receiver: Receiver, tmp_path: Path, failure: Failure, after: float, untouched: bool
) -> None:
    receiver.failures = [failure]
    made = webhook(receiver, tmp_path, timeout_seconds=1)
    with pytest.raises(UnavailableError) as caught:
        made.deliver(ROWS)
    assert (caught.value.after_seconds, caught.value.untouched) == (after, untouched)
    assert made.deliver(ROWS) == BatchOutcome()
    assert receiver.ids == ["m1", "m2", "m3"]


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    issue(tmp_path, "server", issue(tmp_path, "authority"))
    issue(tmp_path, "stranger")
    with serving(Receiver(now=int(NOW.timestamp())), tmp_path / "server.pem") as receiver:
        for settings in ({}, {"ca_file": tmp_path / "stranger.pem"}):
            with pytest.raises(DestinationError, match="is not to be trusted"):
                webhook(receiver, tmp_path, **settings).deliver(ROWS)
        port = receiver.url.split(":")[2]
        with pytest.raises(DestinationError, match="not to be trusted"):
            webhook(Receiver(url=f"https://127.0.0.1:{port}"), tmp_path, ca_file=tmp_path / "authority.pem").deliver(
                ROWS
            )
        assert receiver.calls == []
        assert webhook(receiver, tmp_path, ca_file=tmp_path / "authority.pem").deliver(ROWS) == BatchOutcome()
    assert receiver.ids == ["m1", "m2", "m3"]


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError) as caught:
        webhook(Receiver(url="http://127.0.0.1:9/x?token=in-the-query"), tmp_path).deliver(ROWS)
    assert caught.value.untouched


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (says(401), "credentials"),
        (says(403), "credentials"),
        (says(404), "does not take"),
        (says(410), "does not take"),
        (says(307, location="http://127.0.0.1:1/"), "elsewhere"),
        (says(202, location="http://elsewhere.example/"), "another host"),
        (says(202, location="http://["), "another host"),
        (says(200, b'{"refused": [{"id": "m9", "code": "x"}]}'), "not of this batch"),
        (says(200, b'{"refused": [{"id": "m1"}]}'), "not of this batch"),
        (says(200, b'{"refused": 7}'), "not of this batch"),
        (says(200, b'{"refused": [{"id": "m1", "code": 7}]}'), "not of this batch"),
        (says(200, b'{"later": [["m1"]]}'), "not of this batch"),
        (says(200, bytes((4 << 20) + 1)), "too long"),
    ],
)
def test_what_a_person_has_to_see_to(receiver: Receiver, tmp_path: Path, failure: Failure, words: str) -> None:
    receiver.failures = [failure]
    with pytest.raises(DestinationError, match=words) as caught:
        webhook(receiver, tmp_path, token="bearer").deliver(ROWS)
    assert not isinstance(caught.value, UnavailableError)


@pytest.mark.parametrize("body", [b"ok", b"", b"[" * 100_000, b"null", b"{}", b'"yes"', b"\xff"])
def test_an_answer_that_says_nothing_of_rows(receiver: Receiver, tmp_path: Path, body: bytes) -> None:
    receiver.failures = [says(200, body)]
    assert webhook(receiver, tmp_path).deliver(ROWS) == BatchOutcome()


def test_a_batch_that_is_refused_as_a_whole(receiver: Receiver, tmp_path: Path) -> None:
    receiver.failures = [says(422)]
    assert [one.code for one in webhook(receiver, tmp_path).deliver(ROWS).refused] == ["http-422"] * 3


def test_a_signature_that_is_wrong_or_old_is_refused(receiver: Receiver, tmp_path: Path) -> None:
    with pytest.raises(DestinationError, match="credentials"):
        webhook(receiver, tmp_path, secret=SECRET.replace("AAEC", "AAED")).deliver(ROWS)
    receiver.now += 1000
    with pytest.raises(DestinationError, match="credentials"):
        webhook(receiver, tmp_path).deliver(ROWS)
    assert receiver.taken == {}


@pytest.mark.parametrize("secret", ["hunter2", "whsec_", "whsec_====", "whsec_c2hvcnQ="])
def test_a_secret_of_another_form(receiver: Receiver, tmp_path: Path, secret: str) -> None:
    with pytest.raises(ConfigError, match="no signing secret") as caught:
        webhook(receiver, tmp_path, secret=secret).validate()
    assert (secret.removeprefix("whsec_") or secret) not in caught.value.message


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://user:password@example.com/",
        "ftp://example.com/",
        "https:///nowhere",
        "http://127.0.0.1.example.com/",
    ],
)
def test_addresses_that_are_not_taken(url: str) -> None:
    with pytest.raises(ValidationError):
        WebhookConfig(kind="webhook", url=url, signing_secret="sms")


def test_no_secret_is_shown(receiver: Receiver, tmp_path: Path) -> None:
    made = webhook(receiver, tmp_path, token="bearer", timeout_seconds=1)
    shown = [str(made.dry_run(ROWS)), repr(made), repr(made.config)]
    for failure in (says(401), says(500), says(307), cut_before, says(410)):
        receiver.failures = [failure]
        with pytest.raises(MiyunError) as caught:
            made.deliver(ROWS)
        shown.append(caught.value.message + caught.value.hint + repr(caught.value.__cause__))
    signatures = [headers["webhook-signature"] for headers in receiver.headers]
    assert not [text for text in shown for secret in ("hunter2", SECRET, *signatures) if secret in text]
    assert not [text for text in shown[:2] + shown[3:] if "in-the-query" in text]


def test_a_dry_run_sends_nothing(receiver: Receiver, tmp_path: Path) -> None:
    preview = webhook(receiver, tmp_path).dry_run(ROWS)
    assert receiver.calls == []
    assert preview.text.startswith("POST http://127.0.0.1")
    assert '"phone": "+86138"' in preview.text
