"""Totals are signed once and travel in pages, each of which is refused where it is not the one that was signed."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from miyun.aggregates import pages as subject
from miyun.aggregates.layout import AggregateLayout
from miyun.aggregates.noise import Noise
from miyun.aggregates.pages import check_totals, make_totals, read_page
from miyun.aggregates.reading import read_totals
from miyun.aggregates.release import release
from miyun.aggregates.statements import Totals
from miyun.errors import MalformedError, ReplayError, SignatureError

from .circuits import computed, flat
from .world import MERCHANT, NOW, PLATFORM, Noiseless, World, make_job, reader, sign, two_slots

HANDLES = 10
JOB = make_job(handles=HANDLES)
WORLD = World.random(JOB, 1)
WIDTH = JOB.key.ciphertext_bytes
PAGE = 2
ELSEWHERE: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"contract": "autumn"}, ReplayError),
    ({"job": "portrait-2"}, ReplayError),
    ({"epoch": 3}, ReplayError),
    ({"request_digest": bytes(32)}, ReplayError),
    ({"owner": MERCHANT}, MalformedError),
    ({"reader": PLATFORM}, MalformedError),
    ({"key_digest": bytes(32)}, MalformedError),
    ({"handles": HANDLES + 1}, MalformedError),
    ({"slot_bits": 9}, MalformedError),
    ({"count": 1}, MalformedError),
    ({"page_digests": ()}, MalformedError),
    ({"page_digests": (bytes(32),) * 9}, MalformedError),
]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "PAGE_CIPHERTEXTS", PAGE)
    monkeypatch.setattr(AggregateLayout, "stride", two_slots())


@pytest.fixture
def totals() -> tuple[Totals, tuple[bytes, ...]]:
    return make_totals(release(computed(WORLD), Noise(JOB.question)), NOW)


def signed(totals: Totals) -> bytes:
    return sign(PLATFORM, totals)


def test_pages_come_to_what_was_computed() -> None:
    statement, pages = make_totals(release(computed(WORLD), Noiseless(JOB.question)), NOW)
    assert [len(page) for page in pages[:-1]] == [PAGE * WIDTH] * (len(pages) - 1)
    assert len(pages) > 2
    segments = read_totals(JOB, statement, signed(statement), iter(pages), reader())
    assert [flat(segment) for segment in segments] == WORLD.expected()


def test_totals_are_taken(totals: tuple[Totals, tuple[bytes, ...]]) -> None:
    statement, pages = totals
    check_totals(JOB, statement, signed(statement))
    assert sum(len(read_page(JOB, statement, index, page)) for index, page in enumerate(pages)) == statement.count


@pytest.mark.parametrize(("change", "error"), ELSEWHERE, ids=str)
def test_totals_of_elsewhere_are_refused(
    totals: tuple[Totals, tuple[bytes, ...]], change: dict[str, Any], error: type[Exception]
) -> None:
    other = replace(totals[0], **change)
    with pytest.raises(error):
        check_totals(JOB, other, signed(other))


def test_totals_that_another_signed_are_refused(totals: tuple[Totals, tuple[bytes, ...]]) -> None:
    with pytest.raises(SignatureError):
        check_totals(JOB, totals[0], sign(MERCHANT, totals[0]))


def test_other_pages_are_refused(totals: tuple[Totals, tuple[bytes, ...]]) -> None:
    statement, pages = totals
    for index, page in ((0, pages[1]), (1, pages[0]), (len(pages), pages[0]), (-1, pages[-1]), (0, pages[0][:-1])):
        with pytest.raises(MalformedError):
            read_page(JOB, statement, index, page)
    nothing = bytes(PAGE * WIDTH)
    forged = replace(statement, page_digests=(hashlib.sha256(nothing).digest(), *statement.page_digests[1:]))
    with pytest.raises(MalformedError):
        read_page(JOB, forged, 0, nothing)


def test_a_page_less_or_more_is_refused(totals: tuple[Totals, tuple[bytes, ...]]) -> None:
    statement, pages = totals
    for other in (pages[:-1], (*pages, pages[0])):
        with pytest.raises(MalformedError):
            read_totals(JOB, statement, signed(statement), other, reader())
