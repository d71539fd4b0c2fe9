"""The plug-in ``data-manager``.

A list is a set: a member that is sent again is on it once, or off it, so a batch can be sent again without a key.
"""

from typing import ClassVar
from urllib.parse import urlencode

from miyun.destinations.batches import Batch, BatchOutcome, Preview
from miyun.destinations.data_manager.answers import (
    read_refusal,
    read_request_id,
    read_status,
    refused_request,
    refused_rows,
)
from miyun.destinations.data_manager.config import DataManagerConfig
from miyun.destinations.data_manager.requests import (
    AudienceMember,
    EmailAddress,
    IngestRequest,
    PhoneNumber,
    RemoveRequest,
    TermsOfService,
    UserData,
)
from miyun.destinations.data_manager.token import AccessTokens, read_credential
from miyun.destinations.hashed import JUDGED, Action, sendable
from miyun.destinations.http import Answer, HttpDestination, shown
from miyun.destinations.plugin import Context, DestinationConfig
from miyun.errors import DestinationError

_EXAMPLE = "e788ea2014693dcdb86767aceb3860a432fc626c6477a6c53016aff40726842b"
"""SHA-256 of nobody@example.com."""


class DataManagerDestination(HttpDestination[DataManagerConfig]):
    kind: ClassVar[str] = "data-manager"
    Config: ClassVar[type[DestinationConfig]] = DataManagerConfig
    takes_fewer: ClassVar[bool] = True
    third_party: ClassVar[str] = "google"

    def __init__(self, config: DataManagerConfig, context: Context) -> None:
        super().__init__(config, context)
        self._tokens = AccessTokens(self.client, config.token_url, context.now)
        verb = "ingest" if config.action is Action.ADD else "remove"
        self._place = f"{config.url.rstrip('/')}/v1/audienceMembers:{verb}"

    def validate(self) -> None:
        read_credential(self.context.secrets.get(self.config.credential), self.config.credential)

    def probe(self) -> str:
        """Has Google validate a member that is nobody."""
        member = AudienceMember(user_data=UserData(user_identifiers=(EmailAddress(email_address=_EXAMPLE),)))
        answer = self._send(self._request((member,), validate_only=True))
        if answer.status != 200:
            raise refused_request(answer, shown(self._place))
        return f"Google would take members for audience {self.config.audience}"

    def dry_run(self, batch: Batch) -> Preview:
        rows, _ = sendable(batch)
        request = self._request(self._members(batch, rows), validate_only=True)
        try:
            answer = self._send(request)
        except DestinationError as error:
            words = error.message
        else:
            words = "valid" if answer.status == 200 else f"refused: {read_refusal(answer).words}"
        head = f"POST {shown(self._place)}\nauthorization: Bearer …\n\n"
        return Preview(target=shown(self._place), text=head + request.to_json(indent=2), answer=words)

    def deliver(self, batch: Batch) -> BatchOutcome:
        rows, lacking = sendable(batch)
        if not rows:
            return BatchOutcome(refused=lacking)
        answer = self._send(self._request(self._members(batch, rows)))
        partial = refused_rows(answer, rows)
        if partial is not None:
            return BatchOutcome(refused=(*lacking, *partial.refused), later=partial.later)
        return BatchOutcome(handle=read_request_id(answer, shown(self._place)))

    def poll(self, batch: Batch, handle: str) -> BatchOutcome:
        rows, lacking = sendable(batch)
        place = f"{self.config.url.rstrip('/')}/v1/requestStatus:retrieve"
        answer = self._call("GET", f"{place}?{urlencode({'requestId': handle})}", b"")
        outcome = read_status(answer, handle, rows, place)
        if outcome.handle:
            return outcome
        return BatchOutcome(refused=(*lacking, *outcome.refused), counted=outcome.counted)

    def _members(self, batch: Batch, rows: list[int]) -> tuple[AudienceMember, ...]:
        columns = [(self.config.sort(name), column) for name, column in batch.columns.items()]
        return tuple(
            AudienceMember(
                user_data=UserData(
                    user_identifiers=tuple(
                        EmailAddress(email_address=value) if sort == "email" else PhoneNumber(phone_number=value)
                        for sort, value in dict.fromkeys((sort, column[row]) for sort, column in columns)
                        if value
                    )
                )
            )
            for row in rows
        )

    def _request(self, members: tuple[AudienceMember, ...], *, validate_only: bool = False) -> RemoveRequest:
        destinations = (self.config.destination(),)
        if self.config.consent is None or self.config.action is Action.REMOVE:
            return RemoveRequest(destinations=destinations, audience_members=members, validate_only=validate_only)
        return IngestRequest(
            destinations=destinations,
            audience_members=members,
            validate_only=validate_only,
            consent=self.config.consent.message(),
            terms_of_service=TermsOfService(),
        )

    def _send(self, request: RemoveRequest) -> Answer:
        return self._call("POST", self._place, request.to_json().encode())

    def _call(self, method: str, url: str, body: bytes) -> Answer:
        """One call; a token that is not taken any more is renewed once."""
        credential = self.context.secrets.get(self.config.credential)
        for _ in range(2):
            headers = {
                "authorization": f"Bearer {self._tokens.get(credential, self.config.credential)}",
                "content-type": "application/json",
            }
            if self.config.quota_project:
                headers["x-goog-user-project"] = self.config.quota_project
            answer = self.client.call(method, url, headers=headers, body=body, judged=JUDGED)
            if answer.status != 401:
                return answer
            self._tokens.forget()
        raise DestinationError(
            f"{shown(url)} refuses the credentials (401)",
            hint=f"Put the right ones there: miyun secret set {self.config.credential}",
        )
