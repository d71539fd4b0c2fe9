"""Bands on the series 1, 2, 5, 10, 20, 50, …: how a noised count is shown. Post-processing: nothing exact enters."""

from bisect import bisect_right

_DECADES = 10
_SERIES = (*(step * 10**decade for decade in range(_DECADES) for step in (1, 2, 5)), 10**_DECADES)


def band(noised: int, suppress_below: int) -> tuple[int, int | None]:
    """The band ``(at least, below)`` that holds a noised count.

    Everything under ``suppress_below`` is one band from 0. From 10¹⁰ on there is no upper end (None). A larger noised
    count never gets a lower band.
    """
    edges = (0, *(edge for edge in (suppress_below,) if edge > 0), *(edge for edge in _SERIES if edge > suppress_below))
    place = bisect_right(edges, max(0, noised)) - 1
    return edges[place], edges[place + 1] if place + 1 < len(edges) else None
