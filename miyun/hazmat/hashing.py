"""expand_message_xmd of RFC 9380, 5.3.1, with SHA-512."""

import hashlib
from typing import Final

from miyun.errors import InternalError

_BLOCK_BYTES: Final = 128
_DIGEST_BYTES: Final = 64
_PADDED = hashlib.sha512(bytes(_BLOCK_BYTES))


class MessageExpander:
    """Expands messages under one domain separation tag to ``length`` uniform bytes each.

    A tag of more than 255 bytes is hashed first (RFC 9380, 5.3.3).

    Raises:
        InternalError: an empty tag, or a length of 0 or of more than 255 digests.
    """

    def __init__(self, dst: bytes, length: int) -> None:
        if not dst or not 0 < length <= 255 * _DIGEST_BYTES:
            raise InternalError("expand_message_xmd takes a tag and a length of 1 to 16,320 bytes")
        if len(dst) > 255:
            dst = hashlib.sha512(b"H2C-OVERSIZE-DST-" + dst).digest()
        self._length = length
        self._tag = dst + bytes([len(dst)])
        self._first_end = length.to_bytes(2, "big") + b"\0" + self._tag
        self._second_end = b"\1" + self._tag

    def expand(self, message: bytes | memoryview) -> bytes:
        """The uniform bytes that belong to ``message``."""
        first = _PADDED.copy()
        first.update(message)
        first.update(self._first_end)
        start = first.digest()
        block = hashlib.sha512(start + self._second_end).digest()
        if self._length <= _DIGEST_BYTES:
            return block[: self._length]
        return self._lengthen(start, block)

    def _lengthen(self, start: bytes, block: bytes) -> bytes:
        blocks = [block]
        for number in range(2, -(-self._length // _DIGEST_BYTES) + 1):
            mixed = bytes(a ^ b for a, b in zip(start, blocks[-1], strict=True))
            blocks.append(hashlib.sha512(mixed + bytes([number]) + self._tag).digest())
        return b"".join(blocks)[: self._length]
