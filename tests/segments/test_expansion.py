"""Definitions with the segments that they name written out."""

import pytest
from hypothesis import given, settings

from miyun.contract.model import MATCHED, Universe
from miyun.errors import ExpressionError
from miyun.segments.expansion import Meaning, expand
from miyun.segments.expression import Expression, SegmentRef
from miyun.segments.grammar import EXPRESSION_CHARACTERS
from miyun.segments.parser import parse
from miyun.segments.planning import plan
from tests.segments.strategies import expressions


def pairs(text: str) -> Meaning:
    return Meaning(universe=Universe.MATCHED, expression=parse(text))


def users(text: str) -> Meaning:
    return Meaning(universe=Universe.PLATFORM, expression=parse(text))


@pytest.mark.parametrize(
    ("text", "written_out"),
    [
        ("tea", "members.spend > 100 or tags.tea"),
        ("not tea", "not (members.spend > 100 or tags.tea)"),
        ("tea and tags.pets", "(members.spend > 100 or tags.tea) and tags.pets"),
        ("tea or tags.tea", "members.spend > 100 or tags.tea"),
        ("tea and not all", "(members.spend > 100 or tags.tea) and not matched"),
    ],
)
def test_names_are_replaced_by_definitions(text: str, written_out: str) -> None:
    meanings = {"tea": pairs("tags.tea or members.spend > 100"), "all": pairs("matched")}

    assert expand(parse(text), Universe.MATCHED, meanings) == pairs(written_out)


@pytest.mark.parametrize(
    ("text", "written_out"),
    [
        ("best and not seed", "not (matched and not members.vip) and tags.score > 3"),
        ("best or seed", "(matched and not members.vip) or tags.score > 3"),
        ("not all and not best", "not matched and not tags.score > 3"),
        ("seed and tags.tea", "matched and not members.vip and tags.tea"),
    ],
)
def test_among_the_platforms_rows_a_matched_segment_stands_for_the_rows_of_its_pairs(
    text: str, written_out: str
) -> None:
    meanings = {"best": users("tags.score > 3"), "seed": pairs("not members.vip"), "all": pairs("matched")}

    expanded = expand(parse(text), Universe.PLATFORM, meanings)

    assert expanded == users(written_out)
    assert plan(expanded.expression, expanded.universe).subjects >= {MATCHED}


@pytest.mark.parametrize(
    "text", ["curated", "members.vip or not curated", "members.vip and curated", "curated or matched"]
)
def test_among_pairs_a_segment_of_the_platforms_rows_has_to_be_within_matched(text: str) -> None:
    meanings = {"curated": users("tags.tea and not tags.pets")}

    with pytest.raises(ExpressionError, match="curated is a segment of the universe platform") as refused:
        expand(parse(text), Universe.MATCHED, meanings)
    assert "within matched" in refused.value.hint
    assert refused.value.position == text.index("curated")

    written_out = expand(parse(f"{text} within matched"), Universe.MATCHED, meanings)
    assert plan(written_out.expression).subjects >= {MATCHED, "tags.tea", "tags.pets"}


@settings(max_examples=50)
@given(expressions(), expressions())
def test_what_is_written_out_names_columns_only_and_needs_the_same_grants(inner: Expression, outer: Expression) -> None:
    columns = {name: pairs("members.vip") for name in plan(inner).segments | plan(outer).segments}
    meaning = expand(inner, Universe.MATCHED, columns)
    both = outer & SegmentRef(name="inner")

    for universe in Universe:
        expanded = expand(both, universe, columns | {"inner": meaning}).expression

        assert plan(expanded).segments == frozenset()
        assert plan(expanded).subjects >= plan(outer).subjects | plan(meaning.expression).subjects
        assert parse(expanded.text()) == expanded


def test_what_grows_too_long_is_refused() -> None:
    text = "(s and members.b) or (s and tags.b) or not s"
    meaning = pairs("members.a or tags.a")

    while len(meaning.expression.text()) < EXPRESSION_CHARACTERS / 2:
        meaning = expand(parse(text), Universe.MATCHED, {"s": meaning})

    with pytest.raises(ExpressionError, match="too long") as refused:
        expand(parse(text), Universe.MATCHED, {"s": meaning})

    assert refused.value.hint
