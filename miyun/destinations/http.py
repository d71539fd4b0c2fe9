"""HTTP to receivers: TLS verified, no redirect followed, every wait bounded, and no credential in any message."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError
from urllib3.response import BaseHTTPResponse

from miyun.destinations.plugin import Context, Destination, DestinationConfig
from miyun.destinations.watch import Watch, shut
from miyun.errors import ConfigError, DestinationError, UnavailableError

LONGEST_ANSWER_BYTES = 4 << 20
CONNECT_SECONDS = 10.0
_PART_BYTES = 1 << 16
_HTTP_1_0 = 10

_WAIT = frozenset({408, 425, 429, 500, 502, 503, 504})
_FORBIDDEN = frozenset({401, 403, 407})


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.username or parts.password:
        raise ValueError("a URL holds no credentials here; put them into a secret")
    if parts.fragment or not parts.hostname:
        raise ValueError("not the address of a receiver")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(parts.hostname)):
        raise ValueError("https is needed; http is taken on this machine only")
    return url


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


Url = Annotated[str, AfterValidator(_checked_url)]
"""An address with https, or with http on the machine itself. Its query may hold secrets and is never shown."""


def shown(url: str) -> str:
    """The address without its query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``after_seconds`` is what Retry-After asks for; 0 where it is missing."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    after_seconds: float

    def content(self) -> dict[str, Any]:
        """The JSON object that the body is; empty where it is none."""
        try:
            read = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return read if isinstance(read, dict) else {}


class HttpClient:
    """Calls to one receiver. Each ends within ``timeout_seconds``, whatever the other side does."""

    def __init__(self, *, timeout_seconds: float, ca_file: Path | None = None) -> None:
        """``ca_file``: a private authority's certificates, PEM, instead of the machine's own."""
        self._seconds = timeout_seconds
        if ca_file is not None and not ca_file.is_file():
            raise ConfigError(f"there is no file {ca_file}", hint="Correct ca_file.")
        self._pools = PoolManager(
            num_pools=2, maxsize=1, retries=False, cert_reqs="CERT_REQUIRED", ca_certs=ca_file and str(ca_file)
        )
        self._pools.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}

    def close(self) -> None:
        self._pools.clear()

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        judged: Collection[int] = (),
    ) -> Answer:
        """One request. Answers that ask to wait, or that no person has to see to, are raised as unavailability.

        Answers with a status in ``judged`` are given back, for the caller to judge by their bodies.

        Raises:
            UnavailableError: no connection, no answer in time, or 408, 425, 429 and 5xx.
            DestinationError: the credentials are refused, the receiver wants to be asked elsewhere, its certificate is
                not to be trusted, or its answer is too long.
        """
        place = shown(url)
        with Watch(self._seconds) as watch:
            try:
                response = self._pools.request(
                    method,
                    url,
                    body=body or None,
                    headers=dict(headers),
                    redirect=False,
                    preload_content=False,
                    timeout=Timeout(connect=min(CONNECT_SECONDS, self._seconds), read=self._seconds),
                )
                answer = _read(response, place, watch)
            except (NewConnectionError, ConnectTimeoutError):
                raise UnavailableError(f"{place} can't be reached", untouched=True, hint=_REACH) from None
            except SSLError:
                raise DestinationError(
                    f"the certificate of {place} is not to be trusted",
                    hint="Check the address; for a private authority give its certificates as ca_file.",
                ) from None
            except ReadTimeoutError:
                raise UnavailableError(f"{place} did not answer in {self._seconds:g} s", hint=_REACH) from None
            except (HTTPError, OSError, ValueError):
                words = f"did not answer in {self._seconds:g} s" if watch.cut else "broke off the connection"
                raise UnavailableError(f"{place} {words}", hint=_REACH) from None
        if answer.status not in judged:
            _refuse(answer, place)
        return answer


_REACH = "Check that it is running; it is tried again."


def _read(response: BaseHTTPResponse, place: str, watch: Watch) -> Answer:
    """The whole answer.

    Raises:
        DestinationError: it is too long.
        urllib3.exceptions.HTTPError, OSError: it broke off.
    """
    body = bytearray()
    try:
        while len(body) <= LONGEST_ANSWER_BYTES and (part := response.read(_PART_BYTES, decode_content=False)):
            body += part
    except BaseException:
        response.close()
        raise
    if len(body) > LONGEST_ANSWER_BYTES:
        response.close()
        raise DestinationError(f"the answer of {place} is too long", hint="Talk to its operator.")
    response.release_conn()
    headers = {name.lower(): value for name, value in response.headers.items()}
    if watch.cut or not _has_end(response, headers):
        raise OSError("the answer broke off")
    return Answer(
        status=response.status,
        headers=headers,
        body=bytes(body),
        after_seconds=_after(headers.get("retry-after", "")),
    )


def _has_end(response: BaseHTTPResponse, headers: Mapping[str, str]) -> bool:
    """Whether one can tell a whole answer from one that broke off among its headers."""
    closes = "close" in headers.get("connection", "").lower()
    framed = "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()
    return framed or closes or response.status == 204 or response.version == _HTTP_1_0


def _refuse(answer: Answer, place: str) -> None:
    status = answer.status
    if status in _WAIT or status >= 500:
        raise UnavailableError(
            f"{place} answers {status}", after_seconds=answer.after_seconds, untouched=status == 429, hint=_REACH
        )
    if status in _FORBIDDEN:
        raise DestinationError(
            f"{place} refuses the credentials ({status})", hint="Put the right ones there: miyun secret set NAME"
        )
    if 300 <= status < 400:
        raise DestinationError(
            f"{place} wants to be asked elsewhere ({status}); that is not followed",
            hint="Configure the address itself.",
        )


def _after(text: str) -> float:
    """Retry-After: seconds, or a date (RFC 9110, 10.2.3)."""
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return 0.0


class HttpConfig(DestinationConfig):
    """``timeout_seconds`` is for a call, up to its whole answer; ``ca_file`` as :class:`HttpClient` has it."""

    timeout_seconds: float = Field(default=60, gt=0, le=600)
    ca_file: Path | None = None


H = TypeVar("H", bound=HttpConfig)


class HttpDestination(Destination[H]):
    """A receiver that is called by ``client``."""

    def __init__(self, config: H, context: Context) -> None:
        super().__init__(config, context)
        self.client = HttpClient(timeout_seconds=config.timeout_seconds, ca_file=config.ca_file)

    def close(self) -> None:
        self.client.close()


class _Watched(HTTPConnection):
    """What the watch over this thread's call cuts, from connecting or from the next request on."""

    def connect(self) -> None:
        super().connect()
        self._attend()

    def request(self, *arguments: Any, **options: Any) -> None:
        self._attend()
        super().request(*arguments, **options)

    def _attend(self) -> None:
        watch = Watch.of_this_thread()
        if watch is not None and self.sock is not None:
            watch.attend(partial(shut, self.sock))


class _WatchedTls(_Watched, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _WatchedTls
