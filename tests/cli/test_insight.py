"""Insights from the command line, with a stand-in for the party."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from miyun_cli.ranges import read_range

from miyun.aggregates.statements import NumberRange, ReaderKey
from miyun.errors import BudgetExceededError, ConfigError, InputError, NotFoundError
from miyun.insight.board import Board, Day
from miyun.insight.lift import Group, Lift
from miyun.insight.overlap import Overlap, Size
from miyun.insight.portrait import Portrait
from miyun.insight.sums import Sums
from miyun.insight.totals import NumberTotals, Tags, TagTotals
from miyun.members.catalogue_file import read_catalogue
from miyun.party.insights import DEFAULT_PER_PERSON
from miyun.party.progress import TaskStarted
from miyun.privacy.quotes import InsightQuote
from tests.cli import samples
from tests.cli.conftest import Miyun, Standin

CATALOGUE = "id,name,parent,type,options,range,sensitive\ninterest,Interests,,group,,,\n" + "".join(
    f"tag-{place},Tag {place},interest,flag,,,\n" for place in range(30)
)
TAGS = Tags(
    ids=tuple(f"tag-{place}" for place in range(30)),
    names=tuple(f"Interests/Tag {place}" for place in range(30)),
    dimensions=("Interests",),
    dimension_of=np.zeros(30, np.int64),
)
PORTRAIT = ("insight", "portrait", "spring", "--segment", "sleepers", "--catalogue", "tags.csv", "--rho", "50000")
SUMS = ("insight", "sums", "spring", "--segment", "sleepers", "--rho", "20000")
MEASURE = (
    *("insight", "measure", "spring", "--exposed", "reached", "--control", "left-out"),
    *("--converted", "bought", "--rho", "20000"),
)
SPEND = NumberRange(name="spend", low=0, high=500_000, step="0.01")


def tag_totals(name: str, people: int, each: int) -> TagTotals:
    return TagTotals(
        name=name,
        tags=TAGS,
        counts=np.full(30, each),
        known=np.array([people]),
        everybody=people,
        scale=5.0,
    )


def number_totals(name: str) -> NumberTotals:
    return NumberTotals(
        name=name, low=0, high=5_000, step=0.01, total=9_000_000, total_scale=9e5, known=1_000, known_scale=20.0
    )


def group(name: str) -> Group:
    return Group(
        name=name,
        people=1_000,
        people_scale=5.0,
        conversions=90,
        conversions_scale=5.0,
        revenue=number_totals(name),
    )


def a_portrait(name: str = "sleepers") -> Portrait:
    return Portrait(segment=tag_totals(name, 10_000, 4_000), base=tag_totals("matched", 90_000, 9_000), most_tags=16)


OVERLAP = Overlap(
    segments=("sleepers", "vip"),
    sizes={("sleepers",): Size.of(4_000), ("sleepers", "vip"): Size.of(1_000), ("vip",): Size.of(2_000)},
    scale=4.0,
)
BOARD = Board(
    name="sleepers",
    days=(Day(date=date(2026, 11, 22), version=1, totals=tag_totals("sleepers", 10_000, 4_000)),),
)


@pytest.fixture
def reader(party: Standin, tmp_path: Path) -> Standin:
    """A party that answers every question, with a catalogue at hand."""
    (tmp_path / "tags.csv").write_text(CATALOGUE)
    party.answers |= {
        "contracts.get": samples.info(),
        "insight.quote": InsightQuote(rho_micro=50_000, remaining_micro=1_250_000),
        "insight.portrait": (a_portrait(),),
        "insight.sums": (Sums(column="spend", whole=number_totals("sleepers")),),
        "insight.measure": Lift(exposed=group("reached"), control=group("left-out")),
        "insight.overlap": OVERLAP,
        "insight.board": BOARD,
    }
    return party


def asked(party: Standin, path: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    [(args, options)] = [call[1:] for call in party.calls if call[0] == path]
    return args, options


def test_a_portrait_is_asked_for_and_shown(reader: Standin, miyun: Miyun) -> None:
    outcome = miyun(*PORTRAIT, "--tag", "tag-3", "--branch", "interest", "--base", "members", "--per-person", "4")
    assert outcome.status == 0, outcome.err
    assert "Portrait of sleepers" in outcome.out
    args, options = asked(reader, "insight.portrait")
    assert args == ("spring", ("sleepers",))
    assert len(options.pop("catalogue")) == 31
    assert callable(options.pop("on_event"))
    assert options == {
        "base": "members",
        "tags": ("tag-3",),
        "branches": ("interest",),
        "per_person": 4,
        "rho_micro": 50_000,
    }


def test_the_cost_is_told_before_the_question(reader: Standin, miyun: Miyun) -> None:
    outcome = miyun(*PORTRAIT, "--all")
    assert "Costs ρ = 0.05, or nothing if it was asked before; ρ = 1.25 is left.\n" in outcome.err
    assert [path for path, *_ in reader.calls] == ["insight.quote", "insight.portrait"]


def test_the_whole_catalogue_and_as_many_tags_as_usual(reader: Standin, miyun: Miyun) -> None:
    miyun(*PORTRAIT, "--all", "--json")
    _, options = asked(reader, "insight.portrait")
    assert (options["branches"], options["tags"], options["base"]) == (("",), (), "matched")
    assert options["per_person"] == DEFAULT_PER_PERSON
    assert f"Else {DEFAULT_PER_PERSON}." in " ".join(miyun("insight", "portrait", "--help").out.split())


def test_the_catalogue_that_is_configured_will_do(reader: Standin, miyun: Miyun, tmp_path: Path) -> None:
    reader.answers["insight.catalogue"] = read_catalogue(tmp_path / "tags.csv")
    asking = ("insight", "portrait", "spring", "--segment", "sleepers", "--rho", "50000", "--all")
    assert miyun(*asking).status == 0
    assert asked(reader, "insight.portrait")[1]["catalogue"] is reader.answers["insight.catalogue"]
    assert asked(reader, "insight.catalogue")[0] == ("spring",)


def test_scripts_get_every_tag_and_nothing_beside(reader: Standin, miyun: Miyun) -> None:
    reader.answers["insight.portrait"] = (a_portrait("sleepers"), a_portrait("vip"))
    outcome = miyun(*PORTRAIT, "--segment", "vip", "--all", "--json", "--top", "3")
    assert outcome.err == ""
    assert [len(portrait["tags"]) for portrait in outcome.document] == [30, 30]
    assert outcome.document[0]["tags"][0]["tag"] == "tag-0"
    assert asked(reader, "insight.portrait")[0] == ("spring", ("sleepers", "vip"))


@pytest.mark.parametrize(("options", "rows"), [((), 20), (("--top", "3"), 3)])
def test_people_get_the_first_tags(options: tuple[str, ...], rows: int, reader: Standin, miyun: Miyun) -> None:
    assert miyun(*PORTRAIT, "--all", *options).out.count("Interests/Tag") == rows


def test_results_are_in_the_language_of_choice(reader: Standin, miyun: Miyun, tmp_path: Path) -> None:
    outcome = miyun(*PORTRAIT, "--all", "--lang", "zh", "--plot", "portrait.html")
    assert "sleepers 画像" in outcome.out
    assert '<html lang="zh">' in (tmp_path / "portrait.html").read_text()


def test_what_the_agent_does_meanwhile_is_told(reader: Standin, miyun: Miyun) -> None:
    def answer(*args: Any, on_event: Any, **options: Any) -> Any:
        on_event(TaskStarted(contract="spring", job="i-1", kind="insight"))
        return (a_portrait(),)

    reader.answers["insight.portrait"] = answer
    assert "spring: insight started (i-1)" in miyun(*PORTRAIT, "--all").err


@pytest.mark.parametrize("suffix", [".svg", ".png", ".html"])
def test_a_result_is_drawn(suffix: str, reader: Standin, miyun: Miyun, tmp_path: Path) -> None:
    outcome = miyun("insight", "board", "spring", "sleepers", "--plot", f"board{suffix}")
    assert f"Drew board{suffix}." in outcome.err
    assert (tmp_path / f"board{suffix}").stat().st_size > 1_000


def test_several_results_are_drawn_to_numbered_files(reader: Standin, miyun: Miyun, tmp_path: Path) -> None:
    reader.answers["insight.portrait"] = (a_portrait("sleepers"), a_portrait("vip"))
    assert miyun(*PORTRAIT, "--segment", "vip", "--all", "--plot", "p.html", "--json").err == ""
    assert sorted(path.name for path in tmp_path.glob("p*")) == ["p-1.html", "p-2.html"]
    assert "Portrait of vip" in (tmp_path / "p-2.html").read_text()


def test_a_drawing_that_fails_later_loses_nothing(reader: Standin, miyun: Miyun, tmp_path: Path) -> None:
    (tmp_path / "p-1.svg").mkdir()
    reader.answers["insight.portrait"] = (a_portrait("sleepers"), a_portrait("vip"))
    outcome = miyun(*PORTRAIT, "--segment", "vip", "--all", "--plot", "p.svg", "--json")
    assert outcome.status == 2
    assert outcome.error["message"] == "p-1.svg can't be written: Is a directory"
    assert "asking again costs nothing" in outcome.error["hint"]


@pytest.mark.parametrize(
    ("arguments", "words", "hint"),
    [
        (PORTRAIT, "no tags are asked for", "--all"),
        ((*PORTRAIT, "--all", "--plot", "portrait.pdf"), "portrait.pdf", ".svg, .png or .html"),
        ((*PORTRAIT, "--all", "--plot", "gone/p.svg"), "no folder gone", "Make the folder"),
        ((*PORTRAIT, "--all", "--catalogue", "gone.csv"), "no file gone.csv", "catalogue"),
        ((*PORTRAIT, "--all", "--rho", "0.05"), "--rho 0.05 is no whole number", "Write --rho 50000 for ρ = 0.05."),
        (("insight", "quote", "spring", "--rho", "much"), "--rho much", "--rho 50000"),
        (("insight", "quote", "spring", "--rho", "0"), "--rho 0 is no whole number", "--rho 50000"),
        (("insight", "quote", "spring", "--rho", "0.0"), "--rho 0.0 is no whole number", "--rho 50000"),
        ((*SUMS, "--number", "spend"), "the number spend can't be read", "spend:0:5000:0.01"),
        ((*MEASURE, "--revenue", "spend:5000:0"), "spend runs from 5000 to 0", "lowest value first"),
        (("insight", "overlap", "spring", "--segment", "vip"), "overlaps with nothing", "Name another"),
    ],
)
def test_nothing_is_asked_or_spent_where_something_is_wrong(
    arguments: tuple[str, ...], words: str, hint: str, reader: Standin, miyun: Miyun
) -> None:
    outcome = miyun(*arguments, "--json")
    assert outcome.status == 2
    assert words in outcome.error["message"]
    assert hint in outcome.error["hint"]
    assert reader.calls == []


def test_sums_over_parts(reader: Standin, miyun: Miyun) -> None:
    numbers = ("--number", "spend:0:5000:0.01", "--number", "members.visits:-1:30")
    outcome = miyun(*SUMS, *numbers, "--part", "gold", "--part", "silver")
    assert outcome.status == 0, outcome.err
    assert "spend of sleepers" in outcome.out
    args, options = asked(reader, "insight.sums")
    assert args == ("spring", ("sleepers",), (SPEND, NumberRange(name="members.visits", low=-1, high=30, step="1")))
    assert (options["parts"], options["rho_micro"]) == (("gold", "silver"), 20_000)
    [document] = miyun(*SUMS, *numbers, "--json").document
    assert document["sums"][0]["group"] == "sleepers"


def test_a_campaign_is_measured(reader: Standin, miyun: Miyun) -> None:
    outcome = miyun(*MEASURE, "--revenue", "spend:0:5000:0.01")
    assert "reached, 1,000 (990–1,010) people exposed, against the control group left-out" in outcome.out
    assert "exposed:" in outcome.out
    assert "control:" in outcome.out
    args, options = asked(reader, "insight.measure")
    assert args == ("spring", "reached", "left-out")
    assert options["converted"] == NumberRange(name="bought", low=0, high=1, step="1")
    assert options["revenue"] == SPEND
    assert miyun(*MEASURE, "--json").document["conversions"]
    assert reader.calls[-1][2]["revenue"] is None


def test_segments_overlap_at_the_cost_of_a_size(reader: Standin, miyun: Miyun) -> None:
    arguments = ("insight", "overlap", "spring", "--segment", "sleepers", "--segment", "vip@2")
    outcome = miyun(*arguments)
    assert "People in both" in outcome.out
    assert asked(reader, "insight.overlap") == (("spring", ("sleepers", "vip@2")), {})
    assert asked(reader, "insight.quote")[0] == ("spring", samples.contract().budget.size_rho_micro)
    assert miyun(*arguments, "--json").document["people"][0]["vip"]["value"] == 1_000


def test_a_board_asks_nothing(reader: Standin, miyun: Miyun) -> None:
    outcome = miyun("insight", "board", "spring", "sleepers", "--top", "5")
    assert "Board of sleepers" in outcome.out
    assert outcome.out.count("Interests/Tag") == 5
    assert reader.calls == [("insight.board", ("spring", "sleepers"), {})]
    reader.answers["insight.board"] = NotFoundError("nothing was reported of the segment vip")
    assert "nothing was reported" in miyun("insight", "board", "spring", "vip").err


def test_a_question_is_quoted(reader: Standin, miyun: Miyun) -> None:
    assert miyun("insight", "quote", "spring", "--rho", "50000").out == "cost  ρ = 0.05\nleft  ρ = 1.25\n"
    document = miyun("insight", "quote", "spring", "--rho", "50000", "--json").document
    assert document == {"rho_micro": 50_000, "remaining_micro": 1_250_000}


def test_a_refusal_is_told_as_it_is(reader: Standin, miyun: Miyun) -> None:
    reader.answers["insight.portrait"] = BudgetExceededError("the contract's budget is used up", hint="Agree on more.")
    outcome = miyun(*PORTRAIT, "--all", "--json")
    assert outcome.status == 5
    assert outcome.error["code"] == "budget-exceeded"


def test_the_key_is_made_and_named(party: Standin, miyun: Miyun) -> None:
    made = ReaderKey(
        contract="spring",
        contract_digest=b"d" * 32,
        party="shop",
        modulus=b"m" * 384,
        short_exponents=True,
        proof=b"p" * 32,
    )
    party.answers["insight.make_key"] = made
    assert "3,072" in (shown := miyun("insight", "key", "spring").out)
    assert made.digest().hex() in shown
    assert miyun("insight", "key", "spring", "--json").document["modulus"] == "6d" * 384


def test_a_pool_is_filled(party: Standin, miyun: Miyun) -> None:
    def fill(contract: str, rows: int, on_progress: Any) -> None:
        on_progress(0, rows)
        on_progress(rows, rows)

    party.answers["insight.fill_pool"] = fill
    assert miyun("insight", "fill-pool", "spring", "5000", "--json").document == {"contract": "spring", "rows": 5_000}
    assert "5,000" in miyun("insight", "fill-pool", "spring", "5000").out


def test_a_pool_that_can_not_be_kept_is_no_success(party: Standin, miyun: Miyun) -> None:
    def fail(contract: str, rows: int, on_progress: Any) -> None:
        raise ConfigError("no place", hint="Use another disk.")

    party.answers["insight.fill_pool"] = fail
    outcome = miyun("insight", "fill-pool", "spring", "5000", "--json")
    assert outcome.status == 2
    assert outcome.error["hint"] == "Use another disk."


@pytest.mark.parametrize(
    ("text", "low", "high", "step"),
    [
        ("spend:0:5000:0.01", 0, 500_000, "0.01"),
        ("spend:0:5000:0.010", 0, 500_000, "0.01"),
        ("spend:0:5000", 0, 5_000, "1"),
        ("spend:-2.5:+100:2.5", -1, 40, "2.5"),
        ("spend:0:5000:100", 0, 50, "100"),
        ("消费:0:1:1", 0, 1, "1"),
    ],
)
def test_ranges_are_values_that_become_steps(text: str, low: int, high: int, step: str) -> None:
    assert read_range(text) == NumberRange(name=text.partition(":")[0], low=low, high=high, step=step)


@pytest.mark.parametrize(
    "text",
    [
        *("", "spend", "spend:0", ":0:1", "spend:0:1:1:1", "spend:0:many", "spend:0:5,000", "spend:0:1e9", "spend:0:"),
        *("spend:0:1:0", "spend:0:1:-1", "spend:1:1", "spend:2:1", "spend:0:1:0.3", "spend:0.5:1", "spend:0:nan"),
    ],
)
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(InputError) as refused:
        read_range(text)
    assert refused.value.hint


def test_json_of_results_is_one_row_a_line(reader: Standin, miyun: Miyun) -> None:
    lines = miyun(*PORTRAIT, "--all", "--json").out.splitlines()
    assert sum(json.loads(line.rstrip(","))["tag"].startswith("tag-") for line in lines if '"tag"' in line) == 30
