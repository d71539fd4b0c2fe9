"""Where people are is granted by name alone, never nearer than agreed, and said aloud."""

from dataclasses import replace

import pytest

from miyun.contract.leakage import leakage
from miyun.contract.model import Contract, Grant, Rung, Universe
from miyun.contract.permissions import permit_activation, permit_insight, permit_segment, permit_size
from miyun.errors import NotPermittedError
from miyun.segments.near import permit_distances
from miyun.segments.parser import parse
from miyun.segments.planning import leaves, plan


def test_a_circle_below_the_contracts_least_radius_is_refused(drafted: Contract) -> None:
    text = "members.a or not (tags.home within '{}m' of ((1, 2)) and tags.b)"
    permit_distances(drafted, leaves(parse(text.format(500))))
    with pytest.raises(NotPermittedError, match="at least 500 m") as refused:
        permit_distances(drafted, leaves(parse(text.format(499))))
    assert refused.value.clause == "location_radius_min"


def test_no_other_grant_covers_where_people_are(drafted: Contract) -> None:
    """Not that of the column, not of its catalogue, not another rung, not another column's."""

    def grant(subject: str, rung: Rung) -> Grant:
        return Grant(owner="feed", subject=subject, rung=rung, recipient="shop")

    subjects = plan(parse("tags.home within '1km' of ((1, 2))")).subjects
    others = [grant(subject, rung) for subject in ("tags.home", "tags.work.location", "matched") for rung in Rung]
    others += [grant("tags", Rung.INSIGHT)]
    checks = {
        Rung.USE: lambda contract: permit_segment(contract, "shop", subjects),
        Rung.SIZE: lambda contract: permit_size(contract, "shop", subjects),
        Rung.INSIGHT: lambda contract: permit_insight(contract, "shop", [], subjects),
        Rung.ACTIVATE: lambda contract: permit_activation(
            contract, "shop", "shop", contract.channels[0].name, subjects, universe=Universe.MATCHED
        ),
    }
    for rung, check in checks.items():
        lacking = [grant("tags.home.location", other) for other in Rung if other is not rung]
        with pytest.raises(NotPermittedError, match=r"grants shop no \S+ of tags\.home\.location"):
            check(replace(drafted, grants=(*others, *lacking)))
        check(replace(drafted, grants=(*others, grant("tags.home.location", rung))))


@pytest.mark.parametrize("rung", Rung)
def test_each_grant_of_a_location_is_said_aloud_and_as_what_it_is(drafted: Contract, rung: Rung) -> None:
    def line(subject: str, grid: int):
        granted = Grant(owner="feed", subject=subject, rung=rung, recipient="shop")
        contract = replace(drafted, grants=(granted,), location_grid=grid)
        return next(line for line in leakage(contract) if line.clause == "grants[0]")

    said, plain = line("tags.home.location", 250), line("tags.home", 250)
    assert said.loud
    assert "tags.home" in said.learns.en
    assert "tags.home" in said.learns.zh
    assert plain.learns != said.learns
    if rung is Rung.ACTIVATE:
        assert "square of about 250 m" in said.learns.en
        assert "as exactly as the owner knows it" in line("tags.home.location", 0).learns.en


def test_exact_places_are_said_aloud(drafted: Contract) -> None:
    for grid in (0, 250):
        [line] = [line for line in leakage(replace(drafted, location_grid=grid)) if line.clause == "location_grid"]
        assert line.loud is (grid == 0)
