"""A catalogue in pages: the same catalogue comes back, and nothing else is taken for one."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miyun.errors import MalformedError, SourceError
from miyun.members.catalogue import Catalogue
from miyun.members.catalogue_pages import pages_of, read_pages
from miyun.members.catalogue_tree import CatalogueRow, TagType, catalogue_hasher

ROWS = (
    CatalogueRow(id="interest", name="兴趣", type=TagType.GROUP),
    CatalogueRow(id="tea", name="Tea / 茶", type=TagType.FLAG, parent="interest"),
    CatalogueRow(id="gender", name="Gender", type=TagType.OPTION, options=("f", "m")),
    CatalogueRow(id="age", name="Age", type=TagType.NUMBER, low=Decimal("0.5"), high=Decimal(120)),
    CatalogueRow(id="health", name="Health", type=TagType.FLAG, sensitive=True),
)


def pages(catalogue: Catalogue, page_bytes: int = 60) -> list[bytes]:
    return list(pages_of(catalogue, page_bytes=page_bytes, most_bytes=1000))


def lines(*cells: Any) -> bytes:
    return b"".join(json.dumps(cell, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for cell in cells)


def read(page: bytes, tags: int = 1) -> Catalogue:
    hasher = catalogue_hasher()
    hasher.update(page)
    return read_pages([page], digest=hasher.digest(), tags=tags)


TEA = ["tea", "Tea", "flag", None, [], None, None, False]

texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)
numbers = st.decimals(-(10**9), 10**9, places=3)


@st.composite
def rows(draw: st.DrawFn) -> list[CatalogueRow]:
    made: list[CatalogueRow] = []
    for number in range(draw(st.integers(1, 12))):
        type_ = draw(st.sampled_from([TagType.GROUP, TagType.FLAG, TagType.NUMBER]))
        above = [row.id for row in made if row.type is not TagType.NUMBER]
        bounds = sorted(draw(st.tuples(numbers, numbers))) if type_ is TagType.NUMBER else [None, None]
        made.append(
            CatalogueRow(
                id=f"{number} {draw(texts)}",
                name=draw(texts),
                type=type_,
                parent=draw(st.sampled_from([None, *above])),
                low=bounds[0],
                high=bounds[1],
                sensitive=draw(st.booleans()),
            )
        )
    return made


@given(rows(), st.integers(1, 200))
def test_a_catalogue_comes_back_from_its_pages(declared: list[CatalogueRow], page_bytes: int) -> None:
    catalogue = Catalogue(declared)
    sent = pages(catalogue, page_bytes)
    again = read_pages(sent, digest=catalogue.digest(), tags=len(catalogue.rows))
    assert again.rows == catalogue.rows
    assert again.digest() == catalogue.digest()
    assert pages(again, page_bytes) == sent


def test_every_kind_of_tag_comes_back() -> None:
    catalogue = Catalogue(ROWS)
    assert len(pages(catalogue)) > 2
    assert read_pages(pages(catalogue), digest=catalogue.digest(), tags=5).rows == catalogue.rows


def test_pages_in_another_order_are_another_catalogue() -> None:
    catalogue = Catalogue(ROWS)
    with pytest.raises(MalformedError):
        read_pages(pages(catalogue)[::-1], digest=catalogue.digest(), tags=5)


@pytest.mark.parametrize(
    "page",
    [
        b"no json\n",
        b"[" * 100_000 + b"\n",
        b"\xff\n",
        lines(TEA)[:-1],
        lines(TEA).replace(b",", b", "),
        lines({"id": "tea"}),
        lines(TEA[:-1]),
        lines([*TEA, 1]),
        lines(TEA, TEA),
        lines([1, *TEA[1:]]),
        lines(["te\x1ba", *TEA[1:]]),
        b'["te\\ud800a","Tea","flag",null,[],null,null,false]\n',
        lines(["t" * 257, *TEA[1:]]),
        lines(["", *TEA[1:]]),
        lines([*TEA[:2], "choice", *TEA[3:]]),
        lines([*TEA[:2], "secret", *TEA[3:]]),
        lines([*TEA[:3], "nowhere", *TEA[4:]]),
        lines([*TEA[:3], "tea", *TEA[4:]]),
        lines([*TEA[:4], [1], *TEA[5:]]),
        lines(["age", "Age", "number", None, [], "1e999999999", None, False]),
        lines(["age", "Age", "number", None, [], "9" * 41, None, False]),
        lines(["age", "Age", "number", None, [], "NaN", None, False]),
        lines(["age", "Age", "number", None, [], "1.2.3", None, False]),
        lines(["age", "Age", "number", None, [], "9", "1", False]),
        lines([*TEA[:7], 1]),
        lines(["green", "Green", "flag", "tea", [], None, None, False], TEA),
    ],
)
def test_what_is_no_catalogue_is_refused(page: bytes) -> None:
    with pytest.raises(MalformedError):
        read(page)


def test_the_number_of_tags_is_the_one_that_was_signed() -> None:
    assert len(read(lines(TEA))) == 1
    with pytest.raises(MalformedError):
        read(lines(TEA), tags=2)


@pytest.mark.parametrize(
    "row",
    [
        CatalogueRow(id="a\nb", name="x", type=TagType.FLAG),
        CatalogueRow(id="a", name="x" * 257, type=TagType.FLAG),
        CatalogueRow(id="a", name="x", type=TagType.NUMBER, low=Decimal("1e50")),
        CatalogueRow(id="a", name="x", type=TagType.OPTION, options=tuple(map(str, range(500)))),
    ],
)
def test_a_tag_that_can_not_be_sent_is_named(row: CatalogueRow) -> None:
    with pytest.raises(SourceError, match="a"):
        pages(Catalogue([row]))
