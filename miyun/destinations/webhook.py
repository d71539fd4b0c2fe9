"""Batches to a system of the party's own over HTTP: messages, coupons, memberships.

Signed as Standard Webhooks 1.0.0 has it (https://www.standardwebhooks.com): ``webhook-id`` is the batch's key, the same
whenever the batch is sent again; ``webhook-timestamp`` is the time of the attempt; ``webhook-signature`` is
``v1,`` and the base64 of HMAC-SHA256 over ``id.timestamp.body``. ``Idempotency-Key`` repeats the id.

The body is JSON and the same whenever the batch is sent again::

    {"type": "miyun.audience", "data": {"contract": …, "job": …, "segment": …, "version": …, "channel": …,
     "batch": 0, "rows": [{"member_id": "m1", "phone": "+86…"}, …]}}

2xx takes every row, but those that a JSON body names: ``{"refused": [{"id": "m1", "code": "no-consent", "message":
"…"}], "later": ["m2"]}``. 202 with a ``Location`` on the same host is asked again until it answers with another 2xx.
400, 413 and 422 refuse the whole batch; anything else stops the delivery for a person.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urljoin, urlsplit

from pydantic import Field

from miyun.destinations.batches import Batch, BatchOutcome, Preview, Refused
from miyun.destinations.http import Answer, HttpConfig, HttpDestination, Url, shown
from miyun.destinations.plugin import Credential, DestinationConfig
from miyun.errors import ConfigError, DestinationError

SECRET_PREFIX = "whsec_"  # noqa: S105 - what the values of such secrets begin with
SHORTEST_KEY_BYTES, LONGEST_KEY_BYTES = 24, 64
LONGEST_WORDS = 200

_REFUSED = frozenset({400, 413, 422})


class WebhookConfig(HttpConfig):
    """``signing_secret`` is ``whsec_`` and base64 of 24 to 64 random bytes; ``token`` goes into Authorization: Bearer.

    A receiver that does not know keys it has seen says ``keeps_keys = false``: what may have arrived then waits for a
    person.
    """

    CREDENTIALS: ClassVar[tuple[str, ...]] = ("signing_secret", "token")

    url: Url
    signing_secret: str
    token: str = ""
    keeps_keys: bool = True
    timeout_seconds: float = Field(default=30, gt=0, le=600)


class WebhookDestination(HttpDestination[WebhookConfig]):
    kind: ClassVar[str] = "webhook"
    Config: ClassVar[type[DestinationConfig]] = WebhookConfig

    @property
    def keeps_keys(self) -> bool:
        return self.config.keeps_keys

    def validate(self) -> None:
        signing_key(self.context.secrets.get(self.config.signing_secret), self.config.signing_secret)

    def dry_run(self, batch: Batch) -> Preview:
        headers = {**self._headers(batch.key, _body(batch, self.context.id_name)), "webhook-signature": "v1,…"}
        if "authorization" in headers:
            headers["authorization"] = "Bearer …"
        lines = [f"POST {shown(self.config.url)}", *(f"{name}: {value}" for name, value in headers.items())]
        body = json.dumps(json.loads(_body(batch, self.context.id_name)), ensure_ascii=False, indent=2)
        return Preview(target=shown(self.config.url), text="\n".join([*lines, "", body]))

    def deliver(self, batch: Batch) -> BatchOutcome:
        body = _body(batch, self.context.id_name)
        answer = self.client.call("POST", self.config.url, headers=self._headers(batch.key, body), body=body)
        return self._outcome(batch, answer, self.config.url)

    def poll(self, batch: Batch, handle: str) -> BatchOutcome:
        place = _same_host(self.config.url, handle)  # the configuration may name another receiver by now
        return self._outcome(batch, self.client.call("GET", place, headers=self._headers(batch.key, b"")), place)

    def _headers(self, key: str, body: bytes) -> dict[str, str]:
        timestamp = int(self.context.now().timestamp())
        secret = self.context.secrets.get(self.config.signing_secret)
        headers = {
            "content-type": "application/json",
            "idempotency-key": key,
            "webhook-id": key,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(signing_key(secret, self.config.signing_secret), key, timestamp, body),
        }
        if self.config.token:
            headers["authorization"] = f"Bearer {self.context.secrets.get(self.config.token).reveal()}"
        return headers

    def _outcome(self, batch: Batch, answer: Answer, asked: str) -> BatchOutcome:
        place = shown(asked)
        if answer.status == 202 and "location" in answer.headers:
            return BatchOutcome(handle=_same_host(asked, answer.headers["location"]))
        if 200 <= answer.status < 300:
            return _partial(batch, answer.content(), place)
        if answer.status in _REFUSED:
            return BatchOutcome.refuse_all(batch, f"http-{answer.status}", f"the receiver answered {answer.status}")
        raise DestinationError(
            f"{place} does not take batches ({answer.status})", hint="Check its address, and talk to its operator."
        )


def signing_key(secret: Credential, name: str) -> bytes:
    """The bytes that a secret of Standard Webhooks stands for.

    Raises:
        ConfigError: it has another form.
    """
    text = secret.reveal()
    try:
        key = base64.b64decode(text.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not text.startswith(SECRET_PREFIX) or not SHORTEST_KEY_BYTES <= len(key) <= LONGEST_KEY_BYTES:
        raise ConfigError(
            f"the secret “{name}” is no signing secret",
            hint=f"It has to be {SECRET_PREFIX} and the base64 of {SHORTEST_KEY_BYTES} to {LONGEST_KEY_BYTES} bytes.",
        )
    return key


def sign(key: bytes, id_: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``."""
    digest = hmac.digest(key, f"{id_}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def _body(batch: Batch, id_name: str) -> bytes:
    order = batch.order
    data = {
        "contract": order.contract,
        "job": order.job,
        "segment": order.segment,
        "version": order.version,
        "channel": order.channel,
        "batch": batch.index,
        "rows": batch.rows(id_name),
    }
    return json.dumps({"type": "miyun.audience", "data": data}, ensure_ascii=False, separators=(",", ":")).encode()


def _same_host(asked: str, location: str) -> str:
    try:
        where = urljoin(asked, location)
        here, there = urlsplit(asked), urlsplit(where)
        same = (here.scheme, here.hostname, here.port) == (there.scheme, there.hostname, there.port)
    except ValueError:
        same = False
    if not same or there.username or there.password:
        raise DestinationError(
            f"{shown(asked)} names another host for what became of a batch", hint="Talk to its operator."
        )
    return where


def _partial(batch: Batch, content: Mapping[str, Any], place: str) -> BatchOutcome:
    """What an answer says about single rows."""
    places = {member: row for row, member in enumerate(batch.ids)}
    try:
        refused = tuple(
            Refused(row=places[one["id"]], code=_text(one["code"]), words=_text(one.get("message", "")))
            for one in content.get("refused", ())
        )
        later = tuple(places[member] for member in content.get("later", ()))
    except (KeyError, TypeError, AttributeError):
        raise DestinationError(
            f"{place} answers with rows that are not of this batch, or in another form", hint="Talk to its operator."
        ) from None
    return BatchOutcome(refused=refused, later=later)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return "".join(character for character in value if character.isprintable())[:LONGEST_WORDS]
