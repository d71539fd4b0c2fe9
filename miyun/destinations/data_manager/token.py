"""Access tokens of Google's: a service account signs for one (RFC 7523), a user's refresh token stands for one.

Both come as Google writes them into files, JSON with a ``type``; here it is one line in the secret store.
"""

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeGuard
from urllib.parse import urlencode

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from miyun.destinations.http import HttpClient, shown
from miyun.destinations.plugin import Credential
from miyun.errors import ConfigError, DestinationError

SCOPE = "https://www.googleapis.com/auth/datamanager"
_LIFETIME = timedelta(hours=1)
_EARLY = timedelta(minutes=1)
_TOKEN = re.compile(r"[!-~]{1,8192}")
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "service_account": ("client_email", "private_key_id", "private_key"),
    "authorized_user": ("client_id", "client_secret", "refresh_token"),
}


class AccessTokens:
    """One token at a time, renewed a minute before its end."""

    def __init__(self, client: HttpClient, url: str, now: Callable[[], datetime]) -> None:
        self._client = client
        self._url = url
        self._now = now
        self._token = ""
        self._ends: datetime | None = None

    def get(self, credential: Credential, name: str) -> str:
        """A token for the credential that the secret ``name`` holds.

        Raises:
            ConfigError: it is none.
            UnavailableError: Google's token service can't be reached.
            DestinationError: it refuses.
        """
        now = self._now()
        if self._ends is None or now >= self._ends - _EARLY:
            body = urlencode(_form(read_credential(credential, name), self._url, now)).encode()
            answer = self._client.call(
                "POST", self._url, headers={"content-type": "application/x-www-form-urlencoded"}, body=body
            )
            content = answer.content()
            token, seconds = content.get("access_token"), content.get("expires_in")
            if answer.status != 200 or not _is_token(token) or not isinstance(seconds, int):
                raise DestinationError(
                    f"{shown(self._url)} gives no token for the secret “{name}” ({answer.status})",
                    hint=f"Put a credential that is valid there: miyun secret set {name}",
                )
            self._token, self._ends = token, now + timedelta(seconds=min(max(seconds, 0), _LIFETIME.total_seconds()))
        return self._token

    def forget(self) -> None:
        """The token is not taken any more."""
        self._ends = None


def read_credential(credential: Credential, name: str) -> Mapping[str, str]:
    """What Google's file says.

    Raises:
        ConfigError: it is of no form that is known, or its key is none.
    """
    try:
        content = json.loads(credential.reveal())
        fields = {field: _text(content[field]) for field in _NEEDED[content["type"]]}
        if content["type"] == "service_account":
            _key(fields["private_key"])
    except (ValueError, TypeError, KeyError, RecursionError, UnsupportedAlgorithm):
        raise ConfigError(
            f"the secret “{name}” is no credential of Google's",
            hint="Store the JSON of a service account's key, or of an authorised user, as one line.",
        ) from None
    return fields


def _form(fields: Mapping[str, str], url: str, now: datetime) -> dict[str, str]:
    if "refresh_token" in fields:
        return {"grant_type": "refresh_token", **fields}
    claims = {
        "iss": fields["client_email"],
        "scope": SCOPE,
        "aud": url,
        "iat": int(now.timestamp()),
        "exp": int((now + _LIFETIME).timestamp()),
    }
    head = {"alg": "RS256", "typ": "JWT", "kid": fields["private_key_id"]}
    signed = f"{_encoded(json.dumps(head).encode())}.{_encoded(json.dumps(claims).encode())}"
    signature = _key(fields["private_key"]).sign(signed.encode(), PKCS1v15(), SHA256())
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": f"{signed}.{_encoded(signature)}",
    }


def _is_token(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _key(pem: str) -> RSAPrivateKey:
    key: Any = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError
    return key


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
