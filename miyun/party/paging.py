"""Everything that a zone lists, a page at a time."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from miyun.errors import ReplayError


class Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


def paged(page_after: Callable[[str], Sequence[T]], *, after: str = "") -> Iterator[T]:
    """All pages, each asked for by the last name of the one before, the first by ``after``; a page when it is wanted.

    Raises:
        ReplayError: the zone gives a page again.
    """
    last = after
    seen = set[str]()
    while page := page_after(last):
        last = page[-1].name
        if last in seen:
            raise ReplayError("the zone lists the same over and over", hint="Talk to the zone's operator.")
        seen.add(last)
        yield from page
