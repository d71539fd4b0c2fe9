"""HTTP/2 as bytes (RFC 9113, RFC 7541), right or wrong, without a library."""

from collections.abc import Iterator
from dataclasses import dataclass

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
CALM = 11
"""ENHANCE_YOUR_CALM."""

HEAD = {
    ":method": "POST",
    ":scheme": "http",
    ":path": "/s/m",
    ":authority": "answers",
    "te": "trailers",
    "content-type": "application/grpc",
    "authorization": "Bearer t",
}


@dataclass(frozen=True)
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes

    @property
    def ends(self) -> bool:
        return self.kind in {DATA, HEADERS} and bool(self.flags & END_STREAM)

    @property
    def error(self) -> int:
        """Of RST_STREAM and GOAWAY."""
        return int.from_bytes(self.payload[-4:] if self.kind == RST_STREAM else self.payload[4:8], "big")


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def field(name: str, value: str) -> bytes:
    """A literal that no table takes in."""
    return b"\0" + _text(name) + _text(value)


def head(stream: int, *, end: bool = False, **changes: str) -> bytes:
    """The fields of a request; ``changes`` as ``_path`` for ``:path``, ``content_type`` for ``content-type``."""
    named = {name.replace("_", ":", 1) if name[0] == "_" else name.replace("_", "-"): v for name, v in changes.items()}
    block = b"".join(field(name, value) for name, value in (HEAD | named).items())
    return frame(HEADERS, END_HEADERS | end, stream, block)


def body(stream: int, data: bytes, *, end: bool = True) -> bytes:
    return frame(DATA, int(end), stream, data)


def call(stream: int, data: bytes = b"asked", **changes: str) -> bytes:
    return head(stream, **changes) + body(stream, data)


def message(data: bytes, *, compressed: bool = False) -> bytes:
    """As gRPC frames it."""
    return bytes((compressed,)) + len(data).to_bytes(4, "big") + data


def window(increment: int, stream: int = 0) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))


def reset(stream: int, error: int = 8) -> bytes:
    return frame(RST_STREAM, 0, stream, error.to_bytes(4, "big"))


def setting(number: int, value: int) -> bytes:
    return frame(SETTINGS, 0, 0, number.to_bytes(2, "big") + value.to_bytes(4, "big"))


def frames(data: bytes) -> Iterator[Frame]:
    while data:
        end = 9 + int.from_bytes(data[:3], "big")
        yield Frame(data[3], data[4], int.from_bytes(data[5:9], "big"), data[9:end])
        data = data[end:]


def _text(text: str) -> bytes:
    """A string without Huffman's code, its length in 7 bits or more (RFC 7541, 5.1)."""
    length, more = len(text), bytearray()
    if length < 127:
        return bytes((length,)) + text.encode()
    length -= 127
    while length >= 128:
        more.append(length % 128 + 128)
        length //= 128
    return b"\x7f" + bytes((*more, length)) + text.encode()
