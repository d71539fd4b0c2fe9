"""Who a file is, by what no copying, restoring or overwriting carries over: its inode and when that was made.

A file's content survives every backup, and most of its times can be set. The time of creation is the kernel's alone: a
copy has its own, and a file that is overwritten in place keeps that of the file it was.
"""

import ctypes
import os
import struct
from dataclasses import dataclass
from typing import Any, Final

_AT_EMPTY_PATH: Final = 0x1000
_STATX_BTIME: Final = 0x800
_STATX_BYTES: Final = 256
_BTIME_OFFSET: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class FileIdentity:
    """``born`` is in nanoseconds since 1970."""

    inode: int
    born: int


def identify(descriptor: int) -> FileIdentity | None:
    """That of an open file; None where the file system or the operating system keeps no time of creation."""
    facts: Any = os.fstat(descriptor)
    if hasattr(facts, "st_birthtime"):
        return FileIdentity(inode=facts.st_ino, born=round(facts.st_birthtime * 1e9))
    born = _statx_born(descriptor)
    return None if born is None else FileIdentity(inode=facts.st_ino, born=born)


def _statx_born(descriptor: int) -> int | None:
    """By statx(2), which Python does not have: in its structure, the mask comes first, ``stx_btime`` at 80."""
    try:
        statx = ctypes.CDLL(None, use_errno=True).statx
    except (AttributeError, OSError):
        return None
    answer = ctypes.create_string_buffer(_STATX_BYTES)
    if statx(descriptor, b"", _AT_EMPTY_PATH, _STATX_BTIME, answer) != 0:
        return None
    (mask,) = struct.unpack_from("=I", answer, 0)
    seconds, nanoseconds = struct.unpack_from("=qI", answer, _BTIME_OFFSET)
    return int(seconds * 10**9 + nanoseconds) if mask & _STATX_BTIME else None
