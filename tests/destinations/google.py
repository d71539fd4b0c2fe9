"""A server with the rules of Google's Data Manager API v1 and of its token service, from their reference.

A request is taken or refused whole, with the fields at fault; its outcome is known after a while, as counts by reason.
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.destinations.json_server import Failure, JsonHandler, says
from tests.destinations.receiver import listening

SENT = {
    "ingest": {"destinations", "audienceMembers", "consent", "validateOnly", "encoding", "termsOfService"},
    "remove": {"destinations", "audienceMembers", "validateOnly", "encoding"},
}
DESTINATION = {"reference", "loginAccount", "linkedAccount", "operatingAccount", "productDestinationId"}
PROJECT = "tea-project"


class Refused(Exception):
    """``violations`` are fields and reasons."""

    def __init__(self, status: int, name: str, reason: str, *violations: tuple[str, str]) -> None:
        super().__init__(name)
        self.status, self.name, self.reason, self.violations = status, name, reason, violations


@dataclass
class Google:
    """``malformed`` names hashes that a request is refused for, ``denied`` those that it fails at later, by reason.

    ``polls``: how many times a request is still at work. ``audience`` is the list, a set of members.
    """

    url: str = ""
    account: str = "1234567890"
    list_id: str = "55"
    key: RSAPrivateKey = field(default_factory=lambda: generate_private_key(65537, 2048))
    malformed: dict[str, str] = field(default_factory=dict)
    denied: dict[str, str] = field(default_factory=dict)
    polls: int = 0
    audience: set[frozenset[tuple[str, str]]] = field(default_factory=set)
    failures: list[Failure] = field(default_factory=list)
    token_failures: list[Failure] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    grants: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)

    def service_account(self) -> str:
        """The file of a service account, as one line."""
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return json.dumps(
            {
                "type": "service_account",
                "project_id": PROJECT,
                "private_key_id": "k1",
                "private_key": pem,
                "client_email": "agent@tea-project.iam.gserviceaccount.com",
                "token_uri": "https://elsewhere.example/token",
            }
        )

    def token(self, form: dict[str, list[str]]) -> str:
        """RFC 7523, and RFC 6749, 6."""
        [grant] = form["grant_type"]
        self.grants.append(grant)
        if grant == "refresh_token":
            if (form["client_id"], form["client_secret"], form["refresh_token"]) != (["app"], ["s3cret"], ["1//r"]):
                raise Refused(400, "invalid_grant", "")
        else:
            assert grant == "urn:ietf:params:oauth:grant-type:jwt-bearer"
            head, claims, signature = form["assertion"][0].split(".")
            self.key.public_key().verify(_bytes(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
            assert json.loads(_bytes(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
            read = json.loads(_bytes(claims))
            assert read["scope"] == "https://www.googleapis.com/auth/datamanager"
            assert read["aud"] == f"{self.url}/token"
            assert 0 < read["exp"] - read["iat"] <= 3600
            assert read["iss"].startswith("agent@")
        token = f"ya29.{len(self.grants)}"
        self.tokens.add(token)
        return token

    def take(self, verb: str, body: dict[str, Any]) -> dict[str, str]:
        """What ``audienceMembers:ingest`` and ``:remove`` answer."""
        self.bodies.append(body)
        self._check(verb, body)
        if body.get("validateOnly"):
            return {}
        request = f"126365e1-{len(self.requests)}"
        members = [_member(one) for one in body["audienceMembers"]]
        reasons = [next((self.denied[value] for _, value in one if value in self.denied), "") for one in members]
        taken = {one for one, reason in zip(members, reasons, strict=True) if not reason}
        self.audience = self.audience | taken if verb == "ingest" else self.audience - taken
        self.requests[request] = {
            "polls": self.polls,
            "counts": Counter(reason for reason in reasons if reason),
            "failed": not taken,
            "destination": body["destinations"][0],
        }
        return {"requestId": request}

    def status(self, request: str) -> dict[str, Any]:
        """What ``requestStatus:retrieve`` answers."""
        if request not in self.requests:
            raise Refused(404, "NOT_FOUND", "NOT_FOUND")
        held = self.requests[request]
        answer: dict[str, Any] = {"destination": held["destination"]}
        if held["polls"] > 0:
            held["polls"] -= 1
            return {"requestStatusPerDestination": [answer | {"requestStatus": "PROCESSING"}]}
        state = "FAILED" if held["failed"] else "PARTIAL_SUCCESS" if held["counts"] else "SUCCESS"
        answer["requestStatus"] = state
        if held["counts"]:
            answer["errorInfo"] = {
                "errorCounts": [
                    {"recordCount": str(count), "reason": f"PROCESSING_ERROR_REASON_{reason}"}
                    for reason, count in held["counts"].items()
                ]
            }
        return {"requestStatusPerDestination": [answer]}

    def _check(self, verb: str, body: dict[str, Any]) -> None:
        unknown = set(body) - SENT[verb]
        if unknown:
            raise Refused(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", *((one, "") for one in unknown))
        if body.get("encoding") != "HEX":
            raise Refused(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", ("encoding", "REQUIRED_FIELD_MISSING"))
        [destination] = body["destinations"]
        assert set(destination) <= DESTINATION
        operating = destination["operatingAccount"]
        if operating != {"accountType": "GOOGLE_ADS", "accountId": self.account}:
            raise Refused(403, "PERMISSION_DENIED", "PERMISSION_DENIED")
        if destination["productDestinationId"] != self.list_id:
            where = "destinations.destinations[0].product_destination_id"
            raise Refused(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", (where, "INVALID_USER_LIST_ID"))
        if verb == "ingest":
            terms = body.get("termsOfService", {}).get("customerMatchTermsOfServiceStatus")
            if terms != "ACCEPTED":
                raise Refused(400, "INVALID_ARGUMENT", "TERMS_AND_CONDITIONS_NOT_SIGNED")
            assert set(body["consent"].values()) <= {"CONSENT_GRANTED", "CONSENT_DENIED"}
        self._check_members(body["audienceMembers"])

    def _check_members(self, members: list[dict[str, Any]]) -> None:
        if len(members) > 10_000:
            raise Refused(400, "INVALID_ARGUMENT", "", ("audience_members", "TOO_MANY_AUDIENCE_MEMBERS"))
        violations = []
        for index, member in enumerate(members):
            where = f"audience_members.audience_members[{index}].user_data"
            if set(member) != {"userData"} or set(member["userData"]) != {"userIdentifiers"}:
                violations.append((where, "INVALID_AUDIENCE_MEMBER"))
            identifiers = member["userData"]["userIdentifiers"]
            if not identifiers:
                violations.append((f"{where}.user_identifiers", "REQUIRED_FIELD_MISSING"))
            if len(identifiers) > 10:
                violations.append((f"{where}.user_identifiers", "TOO_MANY_USER_IDENTIFIERS"))
            for place, identifier in enumerate(identifiers):
                [(name, value)] = identifier.items()
                assert name in {"emailAddress", "phoneNumber"}
                reason = self.malformed.get(
                    value, "" if re.fullmatch("[0-9a-f]{64}", value) else "INVALID_SHA256_FORMAT"
                )
                if reason:
                    violations.append((f"{where}.user_identifiers[{place}]", reason))
        if violations:
            raise Refused(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", *violations)


class Handler(JsonHandler):
    google: Google

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        if urlsplit(self.path).path == "/token":
            if self.google.token_failures and self.google.token_failures.pop(0)(self):
                return
            self.run(lambda: self._token(content.decode()))
        elif self._may_go_on():
            verb = self.path.removeprefix("/v1/audienceMembers:")
            self.run(lambda: self.google.take(verb, json.loads(content)))

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        assert parts.path == "/v1/requestStatus:retrieve"
        if self._may_go_on():
            [request] = parse_qs(parts.query)["requestId"]
            self.run(lambda: self.google.status(request))

    def run(self, act: Callable[[], dict[str, Any]]) -> None:
        try:
            self.answer(200, act())
        except Refused as refused:
            self.refuse(refused)

    def refuse(self, refused: Refused) -> None:
        violations = [
            {"field": where, "reason": reason, "description": "it is wrong: do not repeat me"}
            for where, reason in refused.violations
        ]
        details: list[dict[str, Any]] = [
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": refused.reason, "metadata": {}}
        ]
        if violations:
            details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations})
        error = {"code": refused.status, "status": refused.name, "message": "do not repeat me", "details": details}
        self.answer(refused.status, {"error": error})

    def _token(self, content: str) -> dict[str, Any]:
        return {"access_token": self.google.token(parse_qs(content)), "expires_in": 3599, "token_type": "Bearer"}

    def _may_go_on(self) -> bool:
        google = self.google
        google.headers.append({name.lower(): value for name, value in self.headers.items()})
        if google.failures and google.failures.pop(0)(self):
            return False
        if self.headers["authorization"].removeprefix("Bearer ") not in google.tokens:
            self.refuse(Refused(401, "UNAUTHENTICATED", ""))
            return False
        return True


def waits(seconds: str) -> Failure:
    """Too many requests, with google.rpc.RetryInfo."""
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": seconds}
    return says(429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "", "details": [detail]}})


@contextmanager
def serving(google: Google) -> Iterator[Google]:
    with listening(type("Bound", (Handler,), {"google": google})) as url:
        google.url = url
        yield google


def _member(one: dict[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset(pair for identifier in one["userData"]["userIdentifiers"] for pair in identifier.items())


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
