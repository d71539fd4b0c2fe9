"""The plug-in ``meta``.

An audience is a set: who is sent again is in it once, or out of it, so a batch can be sent again without a key. Meta's
external ids need no hash; here they have one all the same, as nothing leaves in clear.
"""

import hmac
import json
from collections.abc import Mapping
from typing import Annotated, ClassVar
from urllib.parse import urlencode

from pydantic import Field

from miyun.destinations.batches import Batch, BatchOutcome, Preview
from miyun.destinations.hashed import JUDGED, Action, HashedConfig, sendable
from miyun.destinations.http import Answer, HttpDestination, Url, shown
from miyun.destinations.meta.answers import read_users, require_success
from miyun.destinations.meta.requests import Key, UsersRequest
from miyun.destinations.plugin import Context, DestinationConfig
from miyun.errors import DestinationError

_FLAGGED = 471
_FORM = {"content-type": "application/x-www-form-urlencoded"}


class MetaConfig(HashedConfig):
    """``token`` and ``app_secret`` name secrets; with the second each call proves that it knows the app.

    ``url`` ends with the version of the Graph API.
    """

    CREDENTIALS: ClassVar[tuple[str, ...]] = ("token", "app_secret")
    SPELLINGS: ClassVar[Mapping[str, tuple[tuple[str, ...], ...]]] = {
        "email": (("meta",),),
        "phone": (("e164", "digits"), ("e164-cn", "digits")),
        "extern_id": ((),),
    }

    audience: Annotated[str, Field(pattern="^[0-9]{1,20}$")]
    token: str
    app_secret: str = ""
    url: Url = "https://graph.facebook.com/v25.0"


class MetaDestination(HttpDestination[MetaConfig]):
    kind: ClassVar[str] = "meta"
    Config: ClassVar[type[DestinationConfig]] = MetaConfig
    takes_fewer: ClassVar[bool] = True
    third_party: ClassVar[str] = "meta"

    def __init__(self, config: MetaConfig, context: Context) -> None:
        super().__init__(config, context)
        self._audience = f"{config.url.rstrip('/')}/{config.audience}"
        self._method = "POST" if config.action is Action.ADD else "DELETE"

    def probe(self) -> str:
        query, place = urlencode({"fields": "id,operation_status", **self._proof()}), shown(self._audience)
        content = require_success(self._call("GET", f"{self._audience}?{query}"), place)
        if content.get("id") != self.config.audience:
            raise DestinationError(f"{place} answers 200 without the audience's id", hint="Check url.")
        status = content.get("operation_status")
        if isinstance(status, dict) and status.get("code") == _FLAGGED:
            raise DestinationError(
                f"audience {self.config.audience} is restricted", hint="Appeal in Meta's Audience Manager."
            )
        return f"Meta knows audience {self.config.audience}"

    def dry_run(self, batch: Batch) -> Preview:
        rows, _ = sendable(batch)
        request = UsersRequest.of(batch.key, self.context.now(), self._keys(batch), _data(batch, rows))
        place = f"{self._audience}/users"
        head = f"{self._method} {shown(place)}\nauthorization: Bearer …\n\n"
        body = json.dumps(request.model_dump(by_alias=True), ensure_ascii=False, indent=2)
        return Preview(target=shown(place), text=head + body)

    def deliver(self, batch: Batch) -> BatchOutcome:
        rows, lacking = sendable(batch)
        if not rows:
            return BatchOutcome(refused=lacking)
        data = _data(batch, rows)
        request = UsersRequest.of(batch.key, self.context.now(), self._keys(batch), data)
        place = f"{self._audience}/users"
        answer = self._call(self._method, place, request.to_form(**self._proof()))
        outcome = read_users(answer, rows, data, shown(place))
        return BatchOutcome(refused=(*lacking, *outcome.refused), counted=outcome.counted)

    def _keys(self, batch: Batch) -> tuple[Key, ...]:
        return tuple(Key[name.upper()] for name in batch.columns)

    def _proof(self) -> dict[str, str]:
        """Meta's ``appsecret_proof``: HMAC-SHA256 of the token under the app's secret."""
        if not self.config.app_secret:
            return {}
        secret, token = (self.context.secrets.get(name) for name in (self.config.app_secret, self.config.token))
        return {"appsecret_proof": hmac.digest(secret.reveal().encode(), token.reveal().encode(), "sha256").hex()}

    def _call(self, method: str, url: str, body: bytes = b"") -> Answer:
        token = self.context.secrets.get(self.config.token).reveal()
        headers = {"authorization": f"Bearer {token}", **(_FORM if body else {})}
        return self.client.call(method, url, headers=headers, body=body, judged=JUDGED)


def _data(batch: Batch, rows: list[int]) -> tuple[tuple[str, ...], ...]:
    columns = tuple(batch.columns.values())
    return tuple(tuple(column[row] or "" for column in columns) for row in rows)
