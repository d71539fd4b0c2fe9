"""Which encoding a text file has: UTF-8 with or without a byte-order mark, or GB18030."""

import codecs
from pathlib import Path

from miyun.errors import SourceError
from miyun.members.config import Encoding

_BLOCK = 1 << 20
_ENOUGH = 4096
"""Characters beyond ASCII after which the guess stands."""
_TOLERATED = 0.1
"""Share of broken bytes up to which a file still is UTF-8: damage, rather than another encoding."""


def codec_of(path: Path, encoding: Encoding) -> str:
    """The name of the Python codec to read ``path`` with.

    Raises:
        SourceError: the file is UTF-16.
    """
    if encoding is Encoding.GB18030:
        return "gb18030"
    with path.open("rb") as file:
        if file.read(2) in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
            raise SourceError(f"{path.name} is UTF-16", hint='Save it as "CSV UTF-8".')
    if encoding is Encoding.UTF_8 or _looks_like_utf8(path):
        return "utf-8-sig"
    return "gb18030"


def _looks_like_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    foreign = broken = 0
    with path.open("rb") as file:
        while foreign < _ENOUGH and (block := file.read(_BLOCK)):
            text = decoder.decode(block)
            if not text.isascii():
                foreign += sum(character > "\x7f" for character in text)
                broken += sum("\udc80" <= character <= "\udcff" for character in text)
    return broken <= _TOLERATED * foreign
