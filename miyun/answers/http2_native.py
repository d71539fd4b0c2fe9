"""HTTP/2 by the Rust crate h2. Import it only where ``miyun.kernels`` says that the native kernels run."""

import miyun_native

from miyun.answers.http2 import FIELD_BYTES, HEAD_BYTES, MOST_BROKEN, MOST_CALLS, Call, Fields


class NativeHttp2:
    """See :class:`miyun.answers.http2.Http2`."""

    def __init__(self, body_bytes: int) -> None:
        self._native = miyun_native.Http2(MOST_CALLS, HEAD_BYTES, body_bytes, FIELD_BYTES, MOST_BROKEN)

    @property
    def over(self) -> bool:
        return self._native.over

    @property
    def coming(self) -> int:
        return self._native.coming

    @property
    def oldest(self) -> int:
        return self._native.oldest

    def receive(self, data: bytes) -> list[Call]:
        return [Call(*call) for call in self._native.receive(data)]

    def respond(self, stream: int, status: int, head: Fields, body: bytes | None, trailers: Fields | None) -> None:
        self._native.respond(stream, status, head, body, trailers)

    def end(self, body: bytes, trailers: Fields) -> None:
        self._native.end(body, trailers)

    def take(self) -> bytes:
        return self._native.take()

    def finish(self) -> None:
        self._native.finish()

    def break_off(self) -> None:
        self._native.break_off()
