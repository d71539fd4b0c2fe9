"""Lists of a zone, page by page."""

from collections.abc import Sequence
from itertools import islice
from types import SimpleNamespace
from typing import Any

import pytest

from miyun.errors import ReplayError
from miyun.party.paging import paged


def names(*given: str) -> Sequence[Any]:
    return [SimpleNamespace(name=name) for name in given]


def test_every_page_is_asked_for_by_the_last_name_of_the_one_before() -> None:
    pages = {"": names("a", "b"), "b": names("c"), "c": names()}
    assert [one.name for one in paged(pages.__getitem__)] == ["a", "b", "c"]


def test_pages_can_begin_later_and_are_asked_for_when_they_are_wanted() -> None:
    pages = {"b": names("c"), "c": names("d")}
    assert [one.name for one in islice(paged(pages.__getitem__, after="b"), 2)] == ["c", "d"]


def test_a_page_that_comes_again_is_refused() -> None:
    pages = {"": names("a", "b"), "b": names("a", "c"), "c": names("a", "b")}
    with pytest.raises(ReplayError, match="over and over"):
        list(paged(pages.__getitem__))
