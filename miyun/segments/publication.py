"""What a party publishes to the other one of a contract: its columns, and pages of its catalogue of tags."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from miyun.contract.schema import ColumnType
from miyun.errors import ExpressionError, MalformedError
from miyun.records import DIGEST_BYTES, Record, Statement
from miyun.segments.values import check_text

MOST_COLUMNS = 2000
MOST_PAGES = 64
PAGE_BYTES = 1 << 20
"""A page is full here; one more tag may make it longer, up to `MOST_PAGE_BYTES`."""
MOST_PAGE_BYTES = 2 << 20

_BOUND = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedColumn(Record):
    """A column that predicates may name. A number runs from ``low`` to ``high``, where its owner says so."""

    name: str
    type: ColumnType
    low: str | None = None
    high: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSchema(Statement):
    """Signed by the owner of the columns: their names, types and ranges, and no value.

    ``catalogue_digest`` is that of the catalogue of tags that is made of the pages, or empty; ``page_digests`` are the
    SHA-256 of each. A higher ``number`` takes the place of a lower one.
    """

    KIND: ClassVar[str] = "published-schema"

    contract: str
    contract_digest: bytes
    party: str
    number: int
    columns: tuple[PublishedColumn, ...]
    catalogue_digest: bytes
    tags: int
    page_digests: tuple[bytes, ...]
    at: datetime

    @property
    def column_types(self) -> Mapping[str, ColumnType]:
        """The columns as the expression checker sees them."""
        return {column.name: column.type for column in self.columns}


def check_schema(schema: PublishedSchema) -> None:
    """Pass where the statement is one that can be: bounded, in order, and whole in itself.

    Raises:
        MalformedError: it is not; the message says in what.
    """
    if schema.number < 1:
        raise _malformed("it has no number")
    names = [column.name for column in schema.columns]
    if len(names) > MOST_COLUMNS or len(schema.page_digests) > MOST_PAGES:
        raise _malformed(f"it has more than {MOST_COLUMNS} columns or {MOST_PAGES} pages")
    if names != sorted(set(names)):
        raise _malformed("its columns are not in order, each once")
    for column in schema.columns:
        _check_column(column)
    digests = [schema.catalogue_digest, *schema.page_digests] if schema.page_digests else []
    if any(len(digest) != DIGEST_BYTES for digest in digests):
        raise _malformed("a digest is no SHA-256")
    if len({bool(schema.catalogue_digest), bool(schema.page_digests), schema.tags > 0}) > 1:
        raise _malformed("it has a catalogue without pages, or pages without a catalogue")


def check_page(schema: PublishedSchema, page: int, data: bytes) -> None:
    """Pass where ``data`` is that page of the catalogue; without any pages, the page 0 is empty.

    Raises:
        MalformedError: there is no such page, it is another one, or longer than pages are.
    """
    if not schema.page_digests and page == 0 and not data:
        return
    if page >= len(schema.page_digests) or not 0 < len(data) <= MOST_PAGE_BYTES:
        raise _malformed("there is no such page")
    if hashlib.sha256(data).digest() != schema.page_digests[page]:
        raise _malformed("a page is not the one that was signed")


def _check_column(column: PublishedColumn) -> None:
    try:
        check_text(column.name)
    except ExpressionError as error:
        raise _malformed(f"of the name of a column, {error.message}") from None
    bounds = [bound for bound in (column.low, column.high) if bound is not None]
    if not column.name.strip() or (bounds and column.type is not ColumnType.NUMBER):
        raise _malformed("a column has no name, or a range that it can't have")
    if not all(map(_BOUND.fullmatch, bounds)) or list(map(float, bounds)) != sorted(map(float, bounds)):
        raise _malformed("the range of a column is none")


def _malformed(fault: str) -> MalformedError:
    return MalformedError(f"a published schema that can't be: {fault}", hint="Let its owner publish it anew.")
