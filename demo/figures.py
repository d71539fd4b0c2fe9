"""The report's drawings: inline SVG that takes its colours from the page, light or dark."""

from base64 import b64encode
from collections.abc import Sequence
from math import exp, log10

from markupsafe import Markup, escape

from demo.brute_force import BruteForce
from demo.insight_results import Estimated
from demo.results import Process, SizeResult, Step, TypeResult

WIDTH = 960


def wires(processes: Sequence[Process]) -> Markup:
    """Who talks to whom, each arrow with the bytes that the process behind it received."""
    by_role = {process.role: process for process in processes}
    parts: list[str] = []
    boxes = (("merchant", 20, "商户"), ("zone", 370, "融合区"), ("platform", 720, "平台"))
    for role, x, chinese in boxes:
        if role in by_role:
            name = by_role[role].name
            parts.append(f'<rect class="box {role}" x="{x}" y="30" width="220" height="92" rx="6"/>')
            parts.append(_text(x + 110, 70, f"{role} {chinese}", "strong middle"))
            parts.append(_text(x + 110, 94, name, "quiet middle"))
    for role, x, left in (("merchant", 240, True), ("platform", 590, False)):
        if role in by_role:
            parts += _pair_of_arrows(x, 130, by_role[role], left)
    if "analyst" in by_role:
        analyst = by_role["analyst"]
        parts.append('<rect class="box analyst" x="370" y="204" width="220" height="62" rx="6"/>')
        parts.append(_text(480, 232, "analyst 分析师", "strong middle"))
        parts.append(_text(480, 252, analyst.name, "quiet middle"))
        parts.append('<path class="arrow" d="M 480 202 V 128" marker-end="url(#tip)" marker-start="url(#tip)"/>')
        parts.append(_text(492, 160, f"receives {size_of(analyst.received)}", "small"))
        parts.append(_text(492, 178, "bands of sizes, nothing else", "small quiet"))
    return _svg(280, parts, "Who sends how much to whom")


def _pair_of_arrows(x: int, width: int, process: Process, left: bool) -> list[str]:
    near, far = (x + 4, x + width - 4) if left else (x + width - 4, x + 4)
    return [
        f'<path class="arrow" d="M {near} 62 H {far}" marker-end="url(#tip)"/>',
        _text(x + width / 2, 53, size_of(process.sent), "small middle"),
        f'<path class="arrow" d="M {far} 94 H {near}" marker-end="url(#tip)"/>',
        _text(x + width / 2, 112, size_of(process.received), "small middle"),
    ]


def noise_curves(report: Sequence[TypeResult]) -> Markup:
    """For each type the noise's density, the truth in its middle and where the report fell."""
    parts: list[str] = []
    span = WIDTH / max(2, len(report))
    for place, one in enumerate(report):
        middle, scale, base = span * (place + 0.5), span * 0.38 / 4, 118
        steps = [step / 10 for step in range(-40, 41)]
        curve = " L ".join(f"{middle + step * scale:.1f} {base - 84 * exp(-step * step / 2):.1f}" for step in steps)
        drawn = max(-4.0, min(4.0, (one.reported - one.truth) / one.noise)) if one.noise else 0.0
        x = middle + drawn * scale
        parts += [
            f'<path class="bell" d="M {curve}"/>',
            f'<path class="axis" d="M {middle - 4 * scale:.1f} {base} H {middle + 4 * scale:.1f}"/>',
            f'<path class="truth" d="M {middle:.1f} {base} V 26"/>',
            f'<circle class="reported" cx="{x:.1f}" cy="{base}" r="6"/>',
            _text(middle, 16, f"{one.type}: in truth {one.truth:,}", "strong middle small"),
            _text(x, base + 24, f"reported {one.reported:,}", "middle accent small"),
            _text(middle, base + 44, f"σ = {one.noise:,.1f}", "middle quiet small"),
        ]
    return _svg(170, parts, "Noise of the match report")


def bands(sizes: Sequence[SizeResult]) -> Markup:
    """Each answered band on a logarithmic axis, the true size as a ring."""
    top = max((max(one.truth, one.below or one.at_least * 2) for one in sizes), default=100)
    left, right, decades = 250, WIDTH - 60, log10(max(top, 100) * 1.3 / 10)

    def at(value: float) -> float:
        return left + (right - left) * log10(max(value, 10) / 10) / decades

    bottom = 34 * len(sizes) + 20
    parts = []
    for tick in (count * 10**power for power in range(1, 9) for count in (1, 2, 5)):
        if tick <= top * 1.3:
            parts.append(f'<path class="grid" d="M {at(tick):.1f} 8 V {bottom}"/>')
            parts.append(_text(at(tick), bottom + 18, f"{tick:,}", "small quiet middle"))
    for place, one in enumerate(sizes):
        y, end = 34 * place + 28, at(one.below) if one.below else right
        parts += [
            _text(0, y + 4, one.segment, "small strong"),
            _text(left - 14, y + 4, f"for {one.asker}", "small quiet end"),
            f'<rect class="band" x="{at(one.at_least):.1f}" y="{y - 7}" width="{end - at(one.at_least):.1f}"'
            ' height="14" rx="2"/>',
            f'<circle class="ring" cx="{at(one.truth):.1f}" cy="{y}" r="5"/>',
        ]
    return _svg(bottom + 30, parts, "Answered bands and true sizes")


def cracking_times(found: BruteForce) -> Markup:
    """How long all phone numbers take, on a logarithmic axis of time."""
    marks = ((1.0, "1 s"), (60.0, "1 min"), (3600.0, "1 h"), (86400.0, "1 day"), (2_592_000.0, "1 month"))
    left, right = 30, WIDTH - 30
    low, high = -1.0, 6.6

    def at(seconds: float) -> float:
        return left + (right - left) * (log10(seconds) - low) / (high - low)

    parts = [f'<path class="axis" d="M {left} 96 H {right}"/>']
    for seconds, label in marks:
        parts.append(f'<path class="axis" d="M {at(seconds):.1f} 91 V 101"/>')
        parts.append(_text(at(seconds), 120, label, "small quiet middle"))
    for seconds, title, note in (
        (found.seconds_on_a_graphics_card, "one graphics card", "published rate"),
        (found.seconds_for_all, f"this machine, Python, {found.processes} cores", "measured rate"),
    ):
        parts.append(f'<circle class="danger" cx="{at(seconds):.1f}" cy="96" r="6"/>')
        parts.append(_text(at(seconds), 46, title, "middle strong small"))
        parts.append(_text(at(seconds), 66, f"{duration(seconds)}, {note}", "middle danger-text small"))
        parts.append(f'<path class="stem" d="M {at(seconds):.1f} 74 V 88"/>')
    return _svg(130, parts, "Time to try every phone number")


def waterfall(steps: Sequence[Step]) -> Markup:
    """The steps along the seconds they took."""
    total = max((step.started + step.seconds for step in steps), default=1.0) or 1.0
    left, right = 330, WIDTH - 60
    parts = []
    for place, step in enumerate(steps):
        y = 26 * place + 18
        x = left + (right - left) * step.started / total
        width = max(2.0, (right - left) * step.seconds / total)
        parts += [
            _text(0, y + 4, f"{step.title} {step.chinese}", "small"),
            f'<path class="grid" d="M {left} {y} H {right}"/>',
            f'<rect class="bar" x="{x:.1f}" y="{y - 6}" width="{width:.1f}" height="12" rx="2"/>',
            _text(x + width + 6, y + 4, f"{step.seconds:.1f} s", "small quiet halo"),
        ]
    return _svg(26 * len(steps) + 14, parts, "Seconds that each step took")


def size_of(count: int) -> str:
    """Bytes as people read them."""
    for unit, size in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count:,} bytes"


def duration(seconds: float) -> str:
    """Seconds as people read them."""
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}" if seconds >= 10 * size else f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.0f} seconds" if seconds >= 10 else f"{seconds:.1f} seconds"


def written(value: float | None, factor: float = 1.0, decimals: int = 0) -> str:
    """A number that may be open, or unknown."""
    return "–" if value is None else f"{value * factor:,.{decimals}f}"


def interval(estimated: Estimated, factor: float = 1.0, decimals: int = 0) -> str:
    """A noised value and where the truth may be: ``196 (150–240)``."""
    low, value, high = (written(one, factor, decimals) for one in (estimated.low, estimated.value, estimated.high))
    return f"{value} ({low}–{high})"


def picture(svg: str) -> str:
    """A drawing as an address that needs no file, apart from the page's own styles."""
    return "data:image/svg+xml;base64," + b64encode(svg.encode()).decode()


def _text(x: float, y: float, words: str, classes: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{classes}">{escape(words)}</text>'


def _svg(height: float, parts: Sequence[str], label: str) -> Markup:
    tip = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"'
        ' orient="auto-start-reverse"><path class="tip" d="M 0 0.5 L 7.5 4 L 0 7.5 z"/></marker></defs>'
        if label.startswith("Who")
        else ""
    )
    return Markup(
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{label}">{tip}{"".join(parts)}</svg>'
    )
