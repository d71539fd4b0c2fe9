"""Every result, in every form, with names as catalogues have them."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from miyun.errors import InputError
from miyun.insight import plots
from miyun.insight.board import Board, Day
from miyun.insight.estimates import UNKNOWN, Estimate
from miyun.insight.formats import Measure, columns_of, readable, shortened, written
from miyun.insight.intersection import Intersection
from miyun.insight.lift import Group, Lift
from miyun.insight.origin import Audience, Charge, Origin
from miyun.insight.overlap import Overlap, Size
from miyun.insight.portrait import Portrait
from miyun.insight.result import Result
from miyun.insight.separation import Separation
from miyun.insight.sums import Sums
from miyun.insight.totals import NumberTotals
from miyun.words import Language
from tests.insight.worlds import NAMES, drawn, tags_of

CONTROLS = {chr(code) for code in range(32)} - {"\n"} | {"\u202e", "\x7f"}


def _portrait() -> Portrait:
    rng, tags = np.random.default_rng(1), tags_of(len(NAMES), NAMES)
    shares = rng.uniform(0.02, 0.2, len(NAMES))
    return Portrait(
        segment=drawn(rng, tags, people=5_000, shares=shares * 2.5, scale=22.4, name="sleepers 沉睡会员"),
        base=drawn(rng, tags, people=300_000, shares=shares, scale=22.4, name="all matched"),
        most_tags=20,
    )


def _numbers(name: str) -> NumberTotals:
    return NumberTotals(
        name=name, low=0, high=900, step=0.01, total=9_000_000, total_scale=9e5, known=1_000, known_scale=20.0
    )


def _group(name: str) -> Group:
    return Group(
        name=name,
        people=1_000,
        people_scale=20.0,
        conversions=90,
        conversions_scale=20.0,
        revenue=_numbers(name),
    )


PORTRAIT = _portrait()
RESULTS: list[Result] = [
    PORTRAIT,
    Sums(column="spend", whole=_numbers("all"), parts=(_numbers(NAMES[0]), _numbers(NAMES[2]))),
    Lift(exposed=_group("reached"), control=_group("对照组")),
    Overlap(
        segments=("tea", "payers"),
        sizes={("tea",): Size(at_least=500, below=1_000), ("payers",): Size.of(90), ("payers", "tea"): Size.of(7)},
        scale=22.4,
    ),
    Intersection(type="phone", cut=("members.vip",), size=812, scale=22.4, sums=(_numbers("消费"), _numbers("visits"))),
    Intersection(type="phone", size=-3, scale=0.0),
    Separation(name="payers", seed=(300, 20, 10), seed_scale=5.0, base=(900, 900, 900), base_scale=0.0),
    Board(
        name="members",
        days=(
            Day(date=date(2026, 8, 1), version=1, totals=PORTRAIT.segment),
            Day(date=date(2026, 9, 1), version=2, totals=PORTRAIT.base),
        ),
    ),
]
LANGUAGES: tuple[Language, Language] = ("en", "zh")
each_result = pytest.mark.parametrize("result", RESULTS, ids=lambda result: type(result).__name__)


def printed(result: Result, language: Language, width: int) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(result.table(language))
    return capture.get()


@each_result
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_table_fits_the_terminal_and_controls_nothing(result: Result, language: Language) -> None:
    for width in (60, 80, 200):
        text = printed(result, language, width)
        assert max(map(cell_len, text.splitlines())) <= width
        assert not CONTROLS & set(text)


@each_result
def test_a_narrow_terminal_loses_no_digit(result: Result) -> None:
    wide, narrow = ("".join(char for char in printed(result, "en", width) if char.isdigit()) for width in (300, 40))

    assert sorted(wide) == sorted(narrow)


@each_result
def test_json_is_whole_and_strict(result: Result) -> None:
    document = json.loads(result.to_json(), parse_constant=pytest.fail)

    assert document == result.to_plain()
    assert document["title"]
    for grid in result.grids():
        assert len(document[grid.key]) == len(grid.rows)


@each_result
def test_a_frame_has_every_interval(result: Result) -> None:
    frame, grid = result.to_frame(), result.grids()[0]

    assert len(frame) == len(grid.rows)
    for column in grid.columns:
        if column.measure is not None:
            assert (frame[f"{column.key}_low"] <= frame[f"{column.key}_high"]).all()


@each_result
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_notebook_shows_well_formed_html(result: Result, language: Language) -> None:
    root = ET.fromstring(f"<div>{result.to_html(language)}</div>")

    assert root.find("{http://www.w3.org/2000/svg}svg") is not None
    assert len(root.findall("table")) == len(result.grids())
    assert not root.findall(".//b")
    assert result._repr_html_() == result.to_html("en")


@each_result
@pytest.mark.parametrize("suffix", [".svg", ".png", ".html"])
def test_plots_are_written(result: Result, suffix: str, tmp_path: Path) -> None:
    path = result.plot(tmp_path / f"plot{suffix}", "zh")

    start = {".svg": b"<svg", ".png": b"\x89PNG", ".html": b"<!doctype html>"}[suffix]
    assert path.read_bytes().startswith(start)
    assert path.stat().st_size > 2_000


def test_a_table_without_rows_is_its_title_and_notes() -> None:
    empty = Portrait(segment=PORTRAIT.segment, base=PORTRAIT.segment, most_tags=20)

    text = printed(empty, "en", 200)

    tags, coverage = text.split("For how many the dimension is known")
    assert "No tag stands out." in tags
    assert "─" not in tags
    assert "─" in coverage


def test_other_kinds_of_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.pdf") as refusal:
        PORTRAIT.plot(tmp_path / "plot.pdf")
    assert ".svg" in refusal.value.hint
    assert not list(tmp_path.iterdir())


def test_a_drawing_keeps_its_text_and_is_the_same_each_time() -> None:
    first, second = (plots.svg(PORTRAIT.charts(), "zh") for _ in range(2))

    assert first == second
    assert "喜欢奶茶" in "".join(ET.fromstring(first).itertext())


def test_letters_that_no_font_has_are_replaced_by_the_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a server without Chinese fonts: ids instead of names, English instead of Chinese, no empty boxes."""
    drawn_texts: list[str] = []
    monkeypatch.setattr(plots, "_families", lambda: (plots.BASE_FONT,))
    plots._letters.cache_clear()

    def keep(text: str, instead: str) -> str:
        drawn_texts.append(plots._in_letters(text, instead))
        return drawn_texts[-1]

    try:
        with plots._style():
            plots._drawn(PORTRAIT.charts(), "en", keep)
        image = plots.png(PORTRAIT.charts(), "zh")
    finally:
        plots._letters.cache_clear()

    assert image.startswith(b"\x89PNG")
    assert "tag-0" in drawn_texts
    assert not any("喜" in text for text in drawn_texts)
    assert any("sleepers ????" in text for text in drawn_texts)


def test_a_heat_map_is_written_in_letters_that_there_are() -> None:
    written_texts: list[str] = []
    (heat,) = RESULTS[3].charts()

    def keep(text: str, instead: str) -> str:
        written_texts.append(plots._in_letters(text, instead))
        return written_texts[-1]

    with plots._style():
        plots._drawn([heat], "en", keep)

    assert "8 % (0–100)" in written_texts
    assert not any("?" in text for text in written_texts)


def test_a_lift_names_its_groups() -> None:
    lift = Lift(exposed=_group("reached"), control=_group("left-out"))

    for grid in lift.grids():
        heads = [column.head for column in grid.columns[:2]]
        assert [head.en for head in heads] == ["exposed: reached", "control: left-out"]
        assert [head.zh for head in heads] == ["曝光组 reached", "对照组 left-out"]
    assert lift.title().en.startswith("reached, 1,000 (961–1,039) people exposed, against")
    assert lift.to_plain()["control_people"] == {"value": 1_000, "low": 961, "high": 1_039}
    drawing = {language: plots.svg(lift.charts(), language) for language in LANGUAGES}
    assert "转化" in drawing["zh"]
    assert "转化" not in drawing["en"]


def test_json_and_frames_say_where_they_come_from() -> None:
    origin = Origin(
        contract="spring",
        question="ab" * 32,
        job="insight-1",
        epoch=3,
        at=datetime(2026, 11, 22, 8, tzinfo=UTC),
        audiences={"segment": Audience(name="sleepers", version=2), "parts": (Audience(name="vip", version=1),)},
        asked={"per_person": 4},
        charge=Charge(rho_micro=50_000, epsilon=1.88, delta=1e-6),
    )
    told = {
        "segment": {"name": "sleepers", "version": 2},
        "parts": [{"name": "vip", "version": 1}],
        "contract": "spring",
        "epoch": 3,
        "at": "2026-11-22T08:00:00Z",
        "question": {"digest": "ab" * 32, "job": "insight-1", "per_person": 4},
        "charge": {"rho": 0.05, "rho_micro": 50_000, "epsilon": 1.88, "delta": 1e-6},
    }
    for result in RESULTS[:4]:
        asked = replace(result, origin=origin)  # type: ignore[type-var]
        document = json.loads(asked.to_json())
        assert {key: document[key] for key in told} == told
        assert document == asked.to_plain()
        attributes = asked.to_frame().attrs
        assert {key: attributes[key] for key in told} == told
        assert "charge" not in result.to_plain()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("喜欢奶茶", "喜欢奶茶"),
        ("pdf\u202egnp.exe", "pdfgnp.exe"),
        ("line\nbreak\ttab\x1b[31m", "line break tab [31m"),
        ("", "id"),
        ("\u200b\u200d \u2066", "id"),
        ("家庭 👨‍👩‍👧", "家庭 👨‍👩‍👧"),
        ("\ud800 half", "half"),
        ("e\u0301", "é"),
        ("a" + "\u0301" * 40, "á" + "\u0301" * 4),
        ("नहीं", "नहीं"),
    ],
)
def test_names_are_shown_as_they_are_but_harmless(name: str, shown: str) -> None:
    assert readable(name, "id") == shown


def test_long_names_are_cut_by_width() -> None:
    assert shortened("喜欢奶茶", 8) == "喜欢奶茶"
    assert columns_of(shortened("喜欢奶茶" * 9, 20)) <= 20
    assert shortened("coffee lovers", 7) == "coffee…"


@pytest.mark.parametrize(
    ("estimate", "measure", "english", "chinese"),
    [
        (Estimate(4_767, 4_724, 4_810), Measure.COUNT, "4,767 (4,724–4,810)", "4,767 (4,724–4,810)"),
        (Estimate(0.12345, 0.114, 0.1321), Measure.SHARE, "12.3 % (11.4–13.2)", "12.3 % (11.4–13.2)"),
        (Estimate(0.00041, 0.00036, 0.00046), Measure.SHARE, "0.041 % (0.036–0.046)", "0.041 % (0.036–0.046)"),
        (Estimate(0.1, 0.1, 0.1), Measure.SHARE, "10.0 %", "10.0 %"),
        (Estimate(80, -19, 141), Measure.MORE_PEOPLE, "+80 (−19 to +141)", "+80 (−19 至 +141)"),
        (Estimate(-0.004, -0.02, 0.012), Measure.MORE_POINTS, "−0.4 pp (−2.0 to +1.2)", "−0.4 pp (−2.0 至 +1.2)"),
        (Estimate(340, 120, float("inf")), Measure.INDEX, "340 (at least 120)", "340 (至少 120)"),
        (Estimate(float("nan"), 120, float("inf")), Measure.INDEX, "unknown (at least 120)", "未知 (至少 120)"),
        (UNKNOWN, Measure.AMOUNT, "unknown", "未知"),
        (Estimate(-0.0, -0.4, 0.3), Measure.AMOUNT, "0.00 (−0.40 to 0.30)", "0.00 (−0.40 至 0.30)"),
    ],
)
def test_numbers_in_words(estimate: Estimate, measure: Measure, english: str, chinese: str) -> None:
    assert written(estimate, measure) == english
    assert written(estimate, measure, "zh") == chinese


def test_thirty_thousand_tags() -> None:
    """What people see stays short; programs get it all."""
    rng, tags = np.random.default_rng(2), tags_of(30_000)
    shares = rng.uniform(0.0001, 0.02, 30_000)
    portrait = Portrait(
        segment=drawn(rng, tags, people=50_000, shares=shares * 1.5, scale=63.2),
        base=drawn(rng, tags, people=1_000_000, shares=shares, scale=0.0, name="base"),
        most_tags=20,
    )

    assert len(portrait.top()) == 20
    assert len(portrait.to_frame()) == 30_000
    assert len(portrait.to_html()) < 60_000
