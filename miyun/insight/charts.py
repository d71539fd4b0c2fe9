"""What a plot shows, apart from how it is drawn."""

from dataclasses import dataclass
from datetime import date

from miyun.insight.estimates import Estimate
from miyun.insight.formats import Measure
from miyun.words import Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A name, or words, and what to show where their letters can't be drawn."""

    text: str | Words
    instead: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """One estimate below the other, first on top; ``reference`` is where nothing would be remarkable."""

    title: Words
    axis: Words
    measure: Measure
    marks: tuple[tuple[Label, Estimate], ...]
    reference: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Estimates by date; each line has one for every date."""

    title: Words
    measure: Measure
    dates: tuple[date, ...]
    lines: tuple[tuple[Label, tuple[Estimate, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """A square of estimates; each row and column is about one of ``labels``."""

    title: Words
    measure: Measure
    labels: tuple[Label, ...]
    cells: tuple[tuple[Estimate, ...], ...]


Chart = Forest | Trend | Heat
