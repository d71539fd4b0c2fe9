"""Charts, drawn by Matplotlib: as SVG, whose text stays text for the viewer's own fonts, and as PNG."""

import io
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from miyun.insight.charts import Chart, Forest, Heat, Label, Trend
from miyun.insight.estimates import Estimate
from miyun.insight.formats import Measure, readable, shortened, written
from miyun.words import Language

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, QUIET, FAINT = "#24292f", "#6e7781", "#d0d7de"
LINES = ("#0969da", "#bc4c00", "#8250df", "#1a7f37", "#bf3989", "#9a6700", "#1b7c83", "#57606a")
BASE_FONT = "DejaVu Sans"  # comes with Matplotlib
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Arial Unicode MS",
    "Droid Sans Fallback",
)
LABEL_COLUMNS = 32
DATES_IN_FULL = 6
ROW, HEADROOM, WIDTH = 0.28, 1.15, 8.6  # inches
DOTS_PER_INCH = 160

Write = Callable[[str, str], str]
"""A text, and what to write where its letters can't be drawn."""


def svg(charts: Sequence[Chart], language: Language) -> str:
    """All charts below each other."""
    with _style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the viewer draws it
        figure = _drawn(charts, language, lambda text, _instead: text)
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue().decode()
    return text[text.index("<svg") :]


def png(charts: Sequence[Chart], language: Language) -> bytes:
    """All charts below each other; text that no installed font can draw is replaced."""
    spoken: Language = language if _drawable("中文") else "en"
    with _style():
        figure = _drawn(charts, spoken, _in_letters)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    return out.getvalue()


@contextmanager
def _style() -> Iterator[None]:
    import matplotlib as mpl

    rules: dict[Any, Any] = {
        "font.family": list(_families()),
        "font.size": 9,
        "svg.fonttype": "none",
        "svg.hashsalt": "miyun",
        "text.parse_math": False,
        "axes.unicode_minus": True,
        "axes.edgecolor": FAINT,
        "axes.labelcolor": QUIET,
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "axes.titlecolor": INK,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": FAINT,
        "grid.linewidth": 0.6,
        "xtick.color": QUIET,
        "ytick.color": QUIET,
        "ytick.labelcolor": INK,
        "legend.frameon": False,
        "date.converter": "concise",
    }
    with mpl.rc_context(rules):
        yield


@cache
def _families() -> tuple[str, ...]:
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return (BASE_FONT, *(name for name in CHINESE_FONTS if name in installed))


@cache
def _letters() -> frozenset[int]:
    from matplotlib.font_manager import findfont, get_font

    return frozenset(code for family in _families() for code in get_font(findfont(family)).get_charmap())


def _drawable(text: str) -> bool:
    return all(ord(letter) in _letters() or unicodedata.category(letter) in {"Zs", "Cf"} for letter in text)


def _in_letters(text: str, instead: str) -> str:
    if _drawable(text):
        return text
    return "".join(letter if _drawable(letter) else "?" for letter in instead)


def _drawn(charts: Sequence[Chart], language: Language, write: Write) -> "Figure":
    from matplotlib.figure import Figure

    heights = [_height(chart) for chart in charts]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    every = np.atleast_1d(figure.subplots(len(charts), 1, height_ratios=heights))
    for axes, chart in zip(every, charts, strict=True):
        axes.set_title(write(chart.title.in_language(language), chart.title.en))
        match chart:
            case Forest():
                _forest(axes, chart, language, write)
            case Trend():
                _trend(axes, chart, language, write)
            case Heat():
                _heat(axes, chart, language, write)
    return figure


def _height(chart: Chart) -> float:
    match chart:
        case Forest():
            return HEADROOM + ROW * max(1, len(chart.marks))
        case Trend():
            return 2.8
        case Heat():
            return HEADROOM + 0.55 * max(2, len(chart.labels))


def _forest(axes: "Axes", chart: Forest, language: Language, write: Write) -> None:
    places = np.arange(len(chart.marks))
    if chart.reference is not None:
        axes.axvline(chart.reference * chart.measure.factor, color=QUIET, linewidth=1, zorder=1)
    shown = [_shown(estimate, chart.measure) for _, estimate in chart.marks]
    low, high = _limits(shown, chart)
    for place, (value, left, right) in zip(places, shown, strict=True):
        axes.plot((max(left, low), min(right, high)), (place, place), color=LINES[0], linewidth=1.6, alpha=0.5)
        axes.plot((value,), (place,), "o", color=LINES[0], markersize=5)
    axes.set_xlim(low, high)
    axes.set_yticks(places, [_label(label, language, write) for label, _ in chart.marks])
    axes.set_ylim(len(chart.marks) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_formatter(_marks(chart.measure))
    axes.set_xlabel(write(chart.axis.in_language(language), chart.axis.en))


def _limits(shown: Sequence[tuple[float, float, float]], chart: Forest) -> tuple[float, float]:
    """Ends of the axis: room for all that is finite."""
    reference = () if chart.reference is None else (chart.reference * chart.measure.factor,)
    known = [number for numbers in (*shown, reference) for number in numbers if np.isfinite(number)] or [0.0, 1.0]
    low, high = min(known), max(known)
    room = 0.05 * (high - low) or 1.0
    return (low if low == 0 else low - room), high + room


def _trend(axes: "Axes", chart: Trend, language: Language, write: Write) -> None:
    days = np.asarray(chart.dates, dtype="datetime64[D]")
    for (label, estimates), colour in zip(chart.lines, _colours(len(chart.lines)), strict=True):
        value, low, high = zip(*(_shown(estimate, chart.measure) for estimate in estimates), strict=True)
        finite = np.nan_to_num(np.asarray([low, high]), nan=np.nan, posinf=np.nan, neginf=np.nan)
        axes.fill_between(days, *finite, color=colour, alpha=0.15, linewidth=0)
        if len(days) == 1:
            axes.vlines(days, *finite, color=colour, alpha=0.5, linewidth=1.6)
        name = _label(label, language, write)
        axes.plot(days, value, color=colour, marker="o", markersize=3.5, linewidth=1.6, label=name)
    if len(days) <= DATES_IN_FULL:
        axes.set_xticks(days, [day.isoformat() for day in chart.dates])
        axes.margins(x=0.1)
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(_marks(chart.measure))
    axes.tick_params(axis="y", length=0)
    if len(chart.lines) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _heat(axes: "Axes", chart: Heat, language: Language, write: Write) -> None:
    values = np.asarray([[cell.value for cell in row] for row in chart.cells], dtype=np.float64)
    values = values.reshape(len(chart.labels), len(chart.labels))
    axes.imshow(np.nan_to_num(values), cmap="Blues", vmin=0, vmax=max(1e-9, float(np.nanmax(values, initial=0))) * 1.6)
    axes.set_aspect("auto")
    names = [_label(label, language, write) for label in chart.labels]
    axes.set_yticks(range(len(names)), names)
    axes.set_xticks(range(len(names)), [shortened(name, 16) for name in names])
    axes.tick_params(length=0, labelcolor=INK)
    axes.grid(visible=False)
    for down, row in enumerate(chart.cells):
        for across, cell in enumerate(row):
            words = written(cell, chart.measure, language)
            lines = write(words, words).replace(" (", "\n(", 1)
            axes.text(across, down, lines, ha="center", va="center", fontsize=7.5, color=INK)


def _marks(measure: Measure) -> Callable[[float, float], str]:
    """How an axis writes its marks."""
    sign = "+" if measure.signed else ""
    return lambda mark, _place: f"{mark:{sign if mark else ''},.6g}{measure.unit}".replace("-", "−")


def _shown(estimate: Estimate, measure: Measure) -> tuple[float, float, float]:
    return (estimate.value * measure.factor, estimate.low * measure.factor, estimate.high * measure.factor)


def _label(label: Label, language: Language, write: Write) -> str:
    text = label.text if isinstance(label.text, str) else label.text.in_language(language)
    name = readable(text, label.instead)
    return shortened(write(name, readable(label.instead, "?")), LABEL_COLUMNS)


def _colours(count: int) -> list[str]:
    return [LINES[place % len(LINES)] for place in range(count)]
