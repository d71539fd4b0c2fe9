"""Intersections from the command line, with a stand-in for the party."""

from typing import Any

import pytest

from miyun.aggregates.statements import NumberRange
from miyun.errors import NotFoundError, NotPermittedError
from miyun.insight.intersection import Intersection
from miyun.insight.totals import NumberTotals
from miyun.privacy.quotes import InsightQuote
from miyun.psi.intersection_sum.statements import IntersectionRequest, SummedColumn
from tests.cli import samples
from tests.cli.conftest import Miyun, Standin

ASK = ("intersect", "spring", "--sum", "spend:0:5000:0.01", "--rho", "50000")
SUMS = Intersection(
    type="phone",
    cut=("members.vip",),
    sums=(
        NumberTotals(
            name="spend", low=0, high=5_000, step=0.01, total=9_000_000, total_scale=9e5, known=1_000, known_scale=20.0
        ),
    ),
)
REQUEST = IntersectionRequest(
    contract="spring",
    contract_digest=bytes(32),
    job="j-1",
    requester="shop",
    holder="shop",
    type="phone",
    holder_rows="members.vip",
    matcher_rows="",
    columns=(SummedColumn(name="spend", low=0, high=500_000, step="0.01"),),
    totals_rho_micro=50_000,
    size_rho_micro=1_000,
    exact_for=(),
    at=samples.AT,
)


@pytest.fixture
def asker(party: Standin) -> Standin:
    party.answers = {
        "contracts.get": samples.info(),
        "insight.quote": InsightQuote(rho_micro=51_000, remaining_micro=1_250_000),
        "intersections.prepare": REQUEST,
        "intersections.request": samples.job("intersect", subject="phone"),
        "intersections.result": SUMS,
        "intersections.list": (REQUEST,),
        "jobs.wait": samples.job("intersect", subject="phone"),
    }
    return party


def asked(party: Standin, path: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    [(args, options)] = [call[1:] for call in party.calls if call[0] == path]
    return args, options


def test_what_is_asked_and_what_it_says(asker: Standin, miyun: Miyun) -> None:
    outcome = miyun(*ASK, "--rows", "members.vip", "--type", "phone", "--size-rho", "2000", "--key", "once", "--wait")
    assert outcome.status == 0, outcome.err
    assert "Costs ρ = 0.05 of square's budget and ρ = 0.001 of shop's budget; ρ = 1.25 is left." in outcome.err
    for part in ("Intersection by phone", "spend", "90,000", "members.vip", "95 % intervals"):
        assert part in outcome.out
    args, options = asked(asker, "intersections.prepare")
    assert args == ("spring",)
    assert options == {
        "sums": (NumberRange(name="spend", low=0, high=500_000, step="0.01"),),
        "type": "phone",
        "holder": "",
        "rows": "members.vip",
        "their_rows": "",
        "totals_rho_micro": 50_000,
        "size_rho_micro": 2_000,
        "exact": (),
        "key": "once",
    }
    assert [path for path, *_ in asker.calls].index("insight.quote") < [path for path, *_ in asker.calls].index(
        "intersections.request"
    )


def test_a_quote_asks_for_nothing(asker: Standin, miyun: Miyun) -> None:
    outcome = miyun(*ASK, "--quote", "--json")
    assert outcome.document == {"costs": {"square": 50_000, "shop": 1_000}, "remaining_micro": 1_250_000}
    assert "intersections.request" not in [path for path, *_ in asker.calls]


def test_without_columns_or_a_price_the_contract_s_price_of_a_size_is_left_to_the_party(
    asker: Standin, miyun: Miyun
) -> None:
    asker.answers["intersections.result"] = Intersection(type="phone", size=812)
    outcome = miyun("intersect", "spring", "--exact", "shop", "--wait", "--lang", "zh")
    assert "该人数为确切值" in "".join(outcome.out.split())
    _, options = asked(asker, "intersections.prepare")
    assert (options["sums"], options["size_rho_micro"], options["exact"]) == ((), None, ("shop",))


def test_who_learns_nothing_is_shown_the_job(asker: Standin, miyun: Miyun) -> None:
    asker.answers["intersections.result"] = NotFoundError("nothing", hint="Wait.")
    outcome = miyun(*ASK, "--wait")
    assert "intersect" in outcome.out
    assert "done" in outcome.out


def test_results_are_listed_read_and_drawn(asker: Standin, miyun: Miyun, tmp_path: Any) -> None:
    assert "members.vip" in miyun("intersections", "spring").out
    assert miyun("intersections", "spring", "--json").document[0]["job"] == "j-1"
    outcome = miyun("intersections", "spring", "j-1", "--plot", str(tmp_path / "sums.svg"), "--json")
    assert outcome.document["sums"][0]["number"] == "spend"
    assert outcome.document["sums"][0]["sum"]["value"] == 90_000
    assert (tmp_path / "sums.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_refusal_is_told_before_any_cost(asker: Standin, miyun: Miyun) -> None:
    asker.answers["intersections.prepare"] = NotPermittedError("no grant", hint="Agree on one.", clause="grants")
    outcome = miyun(*ASK)
    assert (outcome.status, "Costs" in outcome.err) == (4, False)
    outcome = miyun("intersect", "spring", "--sum", "spend:0:10", "--rho", "0.05")
    assert "Write --rho 50000 for ρ = 0.05" in outcome.err
    outcome = miyun(*ASK, "--size-rho", "much")
    assert "--size-rho much" in outcome.err
