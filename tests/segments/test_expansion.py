"""Definitions with the segments that they name written out."""

import pytest
from hypothesis import given, settings

from miyun.errors import ExpressionError
from miyun.segments.expansion import expand
from miyun.segments.expression import Expression, SegmentRef
from miyun.segments.parser import EXPRESSION_CHARACTERS, parse
from miyun.segments.planning import plan
from tests.segments.strategies import expressions


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
    definitions = {"tea": parse("tags.tea or members.spend > 100"), "all": parse("matched")}

    assert expand(parse(text), definitions).text() == written_out


@settings(max_examples=50)
@given(expressions(), expressions())
def test_what_is_written_out_names_columns_only_and_needs_the_same_grants(inner: Expression, outer: Expression) -> None:
    columns = {name: parse("members.vip") for name in plan(inner).segments | plan(outer).segments}
    inner = expand(inner, columns)
    both = outer & SegmentRef(name="inner")

    expanded = expand(both, columns | {"inner": inner})

    assert plan(expanded).segments == frozenset()
    assert plan(expanded).subjects >= plan(outer).subjects | plan(inner).subjects
    assert parse(expanded.text()) == expanded


def test_what_grows_too_long_is_refused() -> None:
    definition = parse("members.a or tags.a")

    while len(definition.text()) < EXPRESSION_CHARACTERS / 2:
        definition = expand(parse("(s and members.b) or (s and tags.b) or not s"), {"s": definition})

    with pytest.raises(ExpressionError, match="too long") as refused:
        expand(parse("(s and members.b) or (s and tags.b) or not s"), {"s": definition})

    assert refused.value.hint
