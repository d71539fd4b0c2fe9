"""The server's end of an HTTP/2 connection (RFC 9113) without a socket: bytes in, whole requests out; responses in,
bytes out.

Native where ``miyun_native`` is, else portable; one suite holds both to the same (``tests/answers/test_http2.py``).
What a peer can make either hold is bounded by what is here, by a window of 64 KiB for the bodies of a connection, which
opens again as requests are answered, and by the limits of both libraries.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from miyun.kernels import kernels

MOST_CALLS: Final = 512
"""Requests of a connection that are not answered. Whoever keeps to the limit waits; others are refused."""
HEAD_BYTES: Final = 16 << 10
"""Of a request's fields, as HPACK counts them."""
FIELD_BYTES: Final = 1 << 10
"""A field of a request that is longer counts as not given."""
MOST_BROKEN: Final = 100
"""Requests that the peer takes back before they are whole, in a row."""

Fields = Sequence[tuple[bytes, bytes]]


class Call(NamedTuple):
    """A request. ``body`` is None where it was too large; it comes at once then, not at its end."""

    stream: int
    method: bytes
    path: bytes
    content_type: bytes
    authorization: bytes
    body: bytes | None


class Http2(Protocol):
    @property
    def over(self) -> bool:
        """Nothing more comes; what :meth:`take` gives is the last."""
        ...

    @property
    def coming(self) -> int:
        """How many requests are not whole."""
        ...

    @property
    def oldest(self) -> int:
        """The stream that has waited for the peer the longest; 0 for none.

        It waits for the rest of a request, or for room for an answer.
        """
        ...

    def receive(self, data: bytes) -> list[Call]:
        """The requests that are whole now."""
        ...

    def respond(self, stream: int, status: int, head: Fields, body: bytes | None, trailers: Fields | None) -> None:
        """Answer a request: without a body; with a body and trailers; or with a body, and :meth:`end` later.

        Nothing is sent where the peer has taken its request back.
        """
        ...

    def end(self, body: bytes, trailers: Fields) -> None:
        """End the responses that were left open."""
        ...

    def take(self) -> bytes:
        """What is to be sent."""
        ...

    def finish(self) -> None:
        """Ask the peer to begin no more requests; it is over when the present ones are."""
        ...

    def break_off(self) -> None:
        """End everything at once; the peer is told that it asked too much."""
        ...


def http2(body_bytes: int) -> Http2:
    """A connection that begins, in which bodies have at most so many bytes."""
    if kernels().native:
        from miyun.answers.http2_native import NativeHttp2

        return NativeHttp2(body_bytes)
    from miyun.answers.http2_portable import PortableHttp2

    return PortableHttp2(body_bytes)
