"""Lookalikes from the command line, with a stand-in for the party."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from miyun_cli.commands.lookalike import SeedChoice

from miyun.aggregates.lookalikes import Lookalike, LookalikeState
from miyun.aggregates.statements import SegmentVersion
from miyun.contract.jobs import JobKind
from miyun.errors import NotPermittedError
from miyun.insight.separation import Separation
from miyun.party.insights import DEFAULT_PER_PERSON
from miyun.party.lookalikes import LookalikeWeights, Seed
from miyun.privacy.quotes import InsightQuote
from tests.cli import samples
from tests.cli.conftest import Miyun, Standin

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
JOB = replace(samples.job(), kind=JobKind.LOOKALIKE, subject="kind")
RELEASE = ("lookalike", "release", "spring", "kind", "--seed", "payers", "--catalogue", "tags.csv", "--rho", "20000")
SEPARATION = Separation(
    name="kind",
    seed=(500, 300, 100, 50, 20, 10, 10, 5, 5, 0),
    seed_scale=5.0,
    base=(1_000,) * 10,
    base_scale=5.0,
)
LISTED = Lookalike(
    name="kind",
    party="shop",
    seed=SegmentVersion(name="payers", version=2),
    base=SegmentVersion(name="matched", version=4),
    rho_micro=20_000,
    state=LookalikeState.READY,
    job="lookalike-1",
    at=AT,
)


@pytest.fixture
def merchant(party: Standin, tmp_path: Path) -> Standin:
    """A party whose every call succeeds, with a catalogue at hand."""
    (tmp_path / "tags.csv").write_text("id,name\ntea,Tea\ncoffee,Coffee\n")
    party.answers |= {
        "insight.quote": InsightQuote(rho_micro=20_000, remaining_micro=80_000),
        "lookalike.release": LookalikeWeights(
            name="kind", job=JOB, tags=500, weights={"Drinks/Tea": 693, "Drinks/Coffee": -693}
        ),
        "lookalike.create": JOB,
        "lookalike.report": SEPARATION,
        "jobs.wait": JOB,
    }
    return party


def asked(party: Standin, path: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    [(args, options)] = [call[1:] for call in party.calls if call[0] == path]
    return args, options


def test_weights_are_released_with_the_cost_told_before(merchant: Standin, miyun: Miyun) -> None:
    outcome = miyun(*RELEASE, "--tag", "tea", "--base", "members", "--portrait-rho", "10000")
    assert outcome.status == 0, outcome.err
    args, options = asked(merchant, "lookalike.release")
    assert args == ("spring", "kind")
    assert len(options.pop("catalogue")) == 2
    assert callable(options.pop("on_event"))
    assert options == {
        "seed": "payers",
        "base": "members",
        "tags": ("tea",),
        "branches": (),
        "per_person": DEFAULT_PER_PERSON,
        "portrait_rho_micro": 10_000,
        "rho_micro": 20_000,
    }
    assert asked(merchant, "insight.quote")[0] == ("spring", 10_000)
    assert "own noise this party ρ = 0.02" in outcome.err
    assert "500" in outcome.out
    for line in (("Drinks/Tea", "2.00"), ("Drinks/Coffee", "0.50")):
        assert any(all(word in shown for word in line) for shown in outcome.out.splitlines())


def test_the_portrait_costs_as_much_unless_told(merchant: Standin, miyun: Miyun) -> None:
    outcome = miyun("--json", *RELEASE, "--all", "--per-person", "3")
    assert outcome.document["weights"] == {"Drinks/Tea": 693, "Drinks/Coffee": -693}
    _, options = asked(merchant, "lookalike.release")
    assert (options["portrait_rho_micro"], options["branches"], options["per_person"]) == (20_000, ("",), 3)
    assert outcome.err == ""


def test_nothing_is_asked_without_tags(merchant: Standin, miyun: Miyun) -> None:
    outcome = miyun("--json", *RELEASE)
    assert outcome.status != 0
    assert "--branch" in outcome.error["hint"]
    assert merchant.calls == []


@pytest.mark.parametrize("seed", Seed)
def test_an_audience_is_made_of_the_best(merchant: Standin, miyun: Miyun, seed: Seed) -> None:
    outcome = miyun(
        *("lookalike", "create", "spring", "prospects", "kind", "--count", "1000", "--seed", seed),
        *("--channel", "platform-ads", "--wait"),
    )
    assert outcome.status == 0, outcome.err
    args, options = asked(merchant, "lookalike.create")
    assert args == ("spring", "prospects", "kind")
    assert options == {"count": 1000, "seed": seed, "channels": ("platform-ads",), "expires": None}
    assert [choice.value for choice in SeedChoice] == [choice.value for choice in Seed]


def test_why_a_seed_is_not_disclosed_is_said(merchant: Standin, miyun: Miyun) -> None:
    merchant.answers["lookalike.create"] = NotPermittedError("would show", hint="Create it as-scored.", clause="grants")
    outcome = miyun("--json", "lookalike", "create", "spring", "prospects", "kind", "--count", "9", "--seed", "without")
    assert outcome.error["clause"] == "grants"
    assert "as-scored" in outcome.error["hint"]


def test_how_well_the_score_tells_is_shown_and_drawn(merchant: Standin, miyun: Miyun, tmp_path: Path) -> None:
    drawing = tmp_path / "kind.svg"
    outcome = miyun("lookalike", "report", "spring", "kind", "--rho", "5000", "--plot", str(drawing))
    assert outcome.status == 0, outcome.err
    assert "separation (AUC)" in outcome.out
    assert "1/10" in outcome.out
    assert drawing.read_text().startswith("<svg")
    assert asked(merchant, "lookalike.report")[1]["rho_micro"] == 5_000


def test_lookalikes_are_listed(merchant: Standin, miyun: Miyun) -> None:
    pages = [(LISTED,), ()]
    merchant.answers["lookalike.list"] = lambda *_args, **_options: pages.pop(0)
    outcome = miyun("lookalike", "list", "spring")
    assert outcome.status == 0, outcome.err
    for word in ("kind", "ready", "payers@2", "matched@4", "0.02", "2026-11-22"):
        assert word in outcome.out
