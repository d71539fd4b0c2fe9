"""Bitmaps from parties: portable roaring bytes that may be hostile.

pyroaring's reader is bounded by the buffer and validates the containers from 1.2 on. This adds the bounds that the zone
knows: the universe, the size that it can need, and that the bytes are exactly what a writer writes.
"""

from pyroaring import BitMap

from miyun.errors import MalformedError

_CONTAINER_ROWS = 1 << 16
_CONTAINER_BYTES = 8192 + 16
_HEADER_BYTES = 16


def read_bitmap(data: bytes, universe: int) -> BitMap:
    """The set of numbers below ``universe`` that ``data`` serialises.

    Raises:
        MalformedError: no bitmap, not in the form that is written, or with a number outside.
    """
    containers = -(-universe // _CONTAINER_ROWS)
    if len(data) > _HEADER_BYTES + containers * _CONTAINER_BYTES:
        raise MalformedError("a bitmap is longer than its universe allows")
    try:
        bitmap = BitMap.deserialize(data)
    except (ValueError, IndexError):
        raise MalformedError("bytes that are no roaring bitmap") from None
    if bitmap.serialize() != data:
        raise MalformedError("a roaring bitmap that is not in its written form")
    if bitmap and bitmap.max() >= universe:
        raise MalformedError("a bitmap holds a handle that was not announced")
    return bitmap
