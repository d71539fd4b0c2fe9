"""A catalogue as pages of bytes, each row a line of JSON, in the catalogue's own order: what is sent to another party.

The digest of a catalogue is SHA-256 over a label and these lines, so one catalogue has one sequence of bytes.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Final

from miyun.errors import MalformedError, SourceError
from miyun.members.catalogue import Catalogue
from miyun.members.catalogue_tree import CatalogueRow, TagType, catalogue_hasher, row_line

MOST_CHARACTERS: Final = 256
"""Of an id, a name or an option."""

_BOUND_CHARACTERS: Final = 40
_LINE = (str, str, str, str | None, list, str | None, str | None, bool)


def pages_of(catalogue: Catalogue, *, page_bytes: int, most_bytes: int) -> Iterator[bytes]:
    """The pages: each is full at ``page_bytes``, and none longer than ``most_bytes``.

    Raises:
        SourceError: a tag can't be sent; the message names it.
    """
    page = bytearray()
    for row in catalogue.rows:
        if fault := _fault(row):
            raise SourceError(
                f"the tag {row.id[:80]!r} can't be published: {fault}", hint="Change it, or leave it out."
            )
        line = row_line(row)
        if len(line) > most_bytes:
            raise SourceError(
                f"the tag {row.id!r} takes more than {most_bytes:,} bytes", hint="Give it fewer or shorter options."
            )
        if page and len(page) + len(line) > page_bytes:
            yield bytes(page)
            page.clear()
        page += line
    if page:
        yield bytes(page)


def read_pages(pages: Sequence[bytes], *, digest: bytes, tags: int) -> Catalogue:
    """The catalogue that these pages are.

    Raises:
        MalformedError: they are none, or that of another digest.
    """
    hasher = catalogue_hasher()
    for page in pages:
        hasher.update(page)
    if hasher.digest() != digest:
        raise MalformedError("the pages of a catalogue are not those of its digest", hint="Fetch it anew.")
    try:
        rows = tuple(_rows(pages))
        catalogue = Catalogue(rows)
    except SourceError as error:
        raise _malformed(error.message) from None
    if catalogue.rows != rows:
        raise _malformed("its tags are not in order")
    if len(rows) != tags:
        raise _malformed("it has another number of tags")
    return catalogue


def digest_of_pages(pages: Iterable[bytes]) -> tuple[bytes, ...]:
    """SHA-256 of each."""
    return tuple(hashlib.sha256(page).digest() for page in pages)


def _rows(pages: Sequence[bytes]) -> Iterator[CatalogueRow]:
    for page in pages:
        for line in page.splitlines(keepends=True):
            yield _row(line)


def _row(line: bytes) -> CatalogueRow:
    try:
        cells: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise _malformed("a line is no JSON") from None
    if not isinstance(cells, list) or len(cells) != len(_LINE):
        raise _malformed("a line is no tag")
    if not all(isinstance(cell, type_) for cell, type_ in zip(cells, _LINE, strict=True)):
        raise _malformed("a line is no tag")
    id_, name, type_, parent, options, low, high, sensitive = cells
    if type_ not in tuple(TagType) or not all(isinstance(option, str) for option in options):
        raise _malformed("a line is no tag")
    row = CatalogueRow(
        id=id_,
        name=name,
        type=TagType(type_),
        parent=parent,
        options=tuple(options),
        low=_bound(low),
        high=_bound(high),
        sensitive=sensitive,
    )
    if fault := _fault(row):
        raise _malformed(fault)
    if row_line(row) != line:
        raise _malformed("a tag is not in its canonical text")
    return row


def _bound(text: str | None) -> Decimal | None:
    if text is None:
        return None
    if len(text) > _BOUND_CHARACTERS or text.strip("-0123456789."):
        raise _malformed("a range is none")
    try:
        return Decimal(text)
    except ArithmeticError:
        raise _malformed("a range is none") from None


def _fault(row: CatalogueRow) -> str:
    texts = (row.id, row.name, *row.options)
    if any(len(text) > MOST_CHARACTERS for text in texts):
        return f"an id, a name or an option is longer than {MOST_CHARACTERS} characters"
    if any(unicodedata.category(character) in {"Cc", "Cs"} for text in texts for character in text):
        return "an id, a name or an option holds a control character"
    if any(bound is not None and len(f"{bound:f}") > _BOUND_CHARACTERS for bound in (row.low, row.high)):
        return f"a range has more than {_BOUND_CHARACTERS} digits"
    return ""


def _malformed(fault: str) -> MalformedError:
    return MalformedError(f"the pages are no catalogue: {fault}", hint="Let its owner publish it anew.")
