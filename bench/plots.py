"""The page's drawings: SVG files that are readable on light and on dark."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log2, log10

from bench.spread import Spread
from bench.words import time

WIDTH, LEFT, RIGHT, BAR, LABEL = 860, 220, 130, 26, 16
STYLE = """\
text{font:13px system-ui,sans-serif;fill:#24292f}.quiet{fill:#6e7781}.end{text-anchor:end}.middle{text-anchor:middle}
.bar{fill:#8c959f}.ours{fill:#0969da}.grid{stroke:#d0d7de;stroke-width:1}.range{stroke:#24292f;stroke-width:1.5}
.line{fill:none;stroke-width:2}.a{stroke:#0969da}.b{stroke:#bc4c00}.c{stroke:#8250df}.d{stroke:#1a7f37}
.dot{stroke:none}.dot.a{fill:#0969da}.dot.b{fill:#bc4c00}.dot.c{fill:#8250df}.dot.d{fill:#1a7f37}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.bar{fill:#6e7681}.ours{fill:#4493f8}
.grid{stroke:#3d444d}.range{stroke:#e6edf3}.a{stroke:#4493f8}.b{stroke:#f0883e}.c{stroke:#ab7df8}.d{stroke:#3fb950}
.dot.a{fill:#4493f8}.dot.b{fill:#f0883e}.dot.c{fill:#ab7df8}.dot.d{fill:#3fb950}}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """In seconds; ``ours`` stands out."""

    label: str
    spread: Spread
    ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Values by size."""

    label: str
    points: dict[int, float]


@dataclass(frozen=True, slots=True)
class Axis:
    """Where a value lies, from 0 to 1, and which values are marked."""

    place: Callable[[float], float]
    marks: tuple[float, ...]


def decades(values: Iterable[float]) -> Axis:
    """A logarithmic axis around the values, marked at powers of ten."""
    known = list(values)
    low, high = floor(log10(min(known)) - 0.2), ceil(log10(max(known)) + 1e-9)
    return Axis(
        lambda value: (log10(value) - low) / max(1, high - low), tuple(10.0**power for power in range(low, high + 1))
    )


def from_zero(values: Iterable[float]) -> Axis:
    """A linear axis from nothing to the greatest value, marked at multiples of a power of two."""
    greatest = max(values)
    step = 2.0 ** (ceil(log2(greatest)) - 2)
    count = ceil(greatest / step)
    return Axis(lambda value: value / (step * count), tuple(step * place for place in range(count + 1)))


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Medians on a logarithmic axis, with a line from the least to the greatest."""
    axis = decades(value for row in rows for value in (row.spread.least, row.spread.greatest))
    bottom = BAR * len(rows) + 34

    def at(seconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * axis.place(seconds)

    parts = [_text(0, 16, title)]
    for mark in axis.marks:
        parts.append(f'<path class="grid" d="M{at(mark):.1f} 28V{bottom}"/>')
        parts.append(_text(at(mark), bottom + 16, _mark(time(mark)), "quiet middle"))
    for place, row in enumerate(rows):
        y = 34 + BAR * place
        width = at(row.spread.median) - LEFT
        parts += [
            _text(LEFT - 10, y + 16, row.label, "end"),
            f'<rect class="{"ours" if row.ours else "bar"}" x="{LEFT}" y="{y + 3}" width="{width:.1f}" height="17"'
            ' rx="2"/>',
            f'<path class="range" d="M{at(row.spread.least):.1f} {y + 11}H{at(row.spread.greatest):.1f}"/>',
            _text(at(row.spread.greatest) + 6, y + 16, time(row.spread.median)),
        ]
    return _svg(bottom + 26, parts, title)


def curves(title: str, lines: Sequence[Curve], axis: Axis, words: Callable[[float], str]) -> str:
    """Values over sizes, which are on a logarithmic axis."""
    sizes = sorted({size for line in lines for size in line.points})
    top, bottom, left, right = 34.0, 274.0, 90.0, float(WIDTH - 170)
    first, last = log10(sizes[0]), log10(sizes[-1])

    def x(size: int) -> float:
        return left + (right - left) * (log10(size) - first) / max(0.1, last - first)

    def y(value: float) -> float:
        return bottom - (bottom - top) * axis.place(value)

    parts = [_text(0, 16, title)]
    for value in axis.marks:
        parts.append(f'<path class="grid" d="M{left} {y(value):.1f}H{right}"/>')
        parts.append(_text(left - 8, y(value) + 4, _mark(words(value)), "quiet end"))
    parts += [_text(x(size), bottom + 20, f"{size:,}", "quiet middle") for size in sizes]
    paths = {line.label: [(x(size), y(value)) for size, value in sorted(line.points.items())] for line in lines}
    labels = _spaced({label: path[-1][1] for label, path in paths.items()})
    for (label, path), colour in zip(paths.items(), "abcd", strict=False):
        parts.append(f'<path class="line {colour}" d="M{_path(path)}"/>')
        parts += [f'<circle class="dot {colour}" cx="{across:.1f}" cy="{down:.1f}" r="4"/>' for across, down in path]
        parts.append(_text(path[-1][0] + 10, labels[label] + 4, label))
    return _svg(bottom + 32, parts, title)


def _mark(words: str) -> str:
    """10 ms rather than 10.0 ms."""
    return re.sub(r"\.0+\b", "", words)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "L".join(f"{across:.1f} {down:.1f}" for across, down in points)


def _spaced(heights: dict[str, float]) -> dict[str, float]:
    """The heights of labels, moved apart where they would overlap."""
    spaced: dict[str, float] = {}
    lowest = float("-inf")
    for label, height in sorted(heights.items(), key=lambda item: item[1]):
        lowest = max(height, lowest + LABEL)
        spaced[label] = lowest
    return spaced


def _text(x: float, y: float, words: str, classes: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}">{escape(words)}</text>'


def _svg(height: float, parts: Sequence[str], label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img"'
        f' aria-label="{escape(label)}"><style>{STYLE}</style>{"".join(parts)}</svg>\n'
    )
