"""Plan, SQL and algebra together mean what the expression says, pair by pair."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from miyun.contract.model import MATCHED, Universe
from miyun.contract.schema import ColumnType
from miyun.errors import ExpressionError
from miyun.segments.algebra import Ground, Selection, evaluate
from miyun.segments.checking import check_types
from miyun.segments.expansion import Meaning, expand
from miyun.segments.expression import Best, Expression, Matched, conjunction
from miyun.segments.near import Near
from miyun.segments.parser import parse
from miyun.segments.planning import Leg, leaves, plan
from miyun.segments.predicates import plain_parts, rows_of
from miyun.segments.sql import to_sql
from tests.segments.strategies import SCHEMAS, SEGMENTS, TODAY, conditions, expressions, holds, over, tables

DUCKDB_TYPES = {
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.TEXT: "VARCHAR",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.LOCATION: "BOOLEAN",
}
CONNECTION = duckdb.connect()


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def answer(namespace: str, rows: list[dict[str, Any]], predicate: Expression) -> BitMap:
    """What an agent answers: the rows' positions stand for their handles."""
    plain = {part: handles_where(namespace, rows, part) for part in plain_parts(predicate)}
    return rows_of(
        predicate,
        len(rows),
        where=plain.__getitem__,
        best=lambda part: BitMap(handle for handle, row in enumerate(rows) if row[part.text().removeprefix("tags.")]),
    )


def handles_where(namespace: str, rows: list[dict[str, Any]], predicate: Expression) -> BitMap:
    schema = SCHEMAS[namespace]
    distances = {leaf.answered_as: leaf for leaf in leaves(predicate) if isinstance(leaf, Near)}
    columns = [f"{quoted(name)} {DUCKDB_TYPES[type_]}" for name, type_ in schema.items()]
    columns += [f"{quoted(name)} BOOLEAN" for name in distances]
    CONNECTION.execute(f"CREATE OR REPLACE TABLE rows (handle INTEGER, {', '.join(columns)})")
    places = ", ".join("?" for _ in range(len(columns) + 1))
    CONNECTION.executemany(
        f"INSERT INTO rows VALUES ({places})",
        [
            [
                handle,
                *(
                    row[name] if type_ is not ColumnType.LOCATION or row[name] is None else True
                    for name, type_ in schema.items()
                ),
                *(holds(leaf, {leaf.column.subject: row[leaf.column.name]}) for leaf in distances.values()),
            ]
            for handle, row in enumerate(rows)
        ],
    )
    condition, parameters = to_sql(predicate, now=TODAY)
    answers = CONNECTION.execute(f"SELECT handle, {condition} FROM rows", parameters).fetchall()
    assert {answer for _, answer in answers} <= {True, False}
    return BitMap(handle for handle, answer in answers if answer)


@dataclass
class Tables:
    """Both sides' rows, whose positions are their handles, and the pairs of them that match."""

    rows: dict[str, list[dict[str, Any]]]
    pairs: list[tuple[int, int]]

    def ground(self) -> Ground:
        """As the zone knows it."""
        handles = {
            name: np.array([pair[side] for pair in self.pairs], np.uint32) for side, name in enumerate(self.rows)
        }
        everything = {
            Universe.MATCHED: BitMap(range(len(self.pairs))),
            Universe.PLATFORM: BitMap(range(len(self.rows["tags"]))),
        }
        return Ground(everything=everything.__getitem__, handles=handles.__getitem__)

    def evaluated(self, meaning: Meaning, segments: Mapping[str, Selection]) -> Selection:
        """By plan, SQL and algebra."""
        made = plan(meaning.expression, meaning.universe)
        legs = {leg: answer(leg.namespace, self.rows[leg.namespace], leg.predicate) for leg in made.legs}
        return evaluate(made, self.ground(), legs, segments)

    def by_hand(self, meaning: Meaning, segments: Mapping[str, Container[int]]) -> set[int]:
        """In plain Python; ``segments`` are sets over the same universe."""
        return {
            number
            for number, row in enumerate(self.items(meaning.universe))
            if holds(meaning.expression, row | {name: number in found for name, found in segments.items()})
        }

    def items(self, universe: Universe) -> list[dict[str, Any]]:
        """What there is in a universe, with all columns; a row without a match has none of the other side."""
        member_of = {right: left for left, right in self.pairs}
        rights = [right for _, right in self.pairs] if universe is Universe.MATCHED else range(len(self.rows["tags"]))
        strangers = dict.fromkeys(SCHEMAS["members"])
        return [
            {f"tags.{name}": value for name, value in self.rows["tags"][right].items()}
            | {
                f"members.{name}": value
                for name, value in (self.rows["members"][member_of[right]] if right in member_of else strangers).items()
            }
            | {MATCHED: right in member_of}
            for right in rights
        ]

    def carried(self, found: set[int], source: Universe, target: Universe) -> set[int]:
        """By hand: the rows of pairs, or the pairs of rows."""
        if source is target:
            return found
        if target is Universe.PLATFORM:
            return {self.pairs[number][1] for number in found}
        return {number for number, (_, right) in enumerate(self.pairs) if right in found}


@st.composite
def worlds(draw: st.DrawFn) -> Tables:
    members, tags = draw(tables("members")), draw(tables("tags"))
    count = draw(st.integers(0, min(len(members), len(tags))))
    left = draw(st.permutations(range(len(members))))[:count]
    right = draw(st.permutations(range(len(tags))))[:count]
    return Tables({"members": members, "tags": tags}, list(zip(left, right, strict=True)))


def meanings(leaves: st.SearchStrategy[Expression] | None = None) -> st.SearchStrategy[Meaning]:
    return st.builds(
        lambda universe, expression: Meaning(universe=universe, expression=over(universe, expression)),
        st.sampled_from(Universe),
        expressions(leaves),
    )


@settings(max_examples=250)
@given(
    world=worlds(),
    asked=meanings(),
    named=st.fixed_dictionaries(dict.fromkeys(SEGMENTS, meanings(conditions() | st.just(Matched())))),
)
def test_evaluation_agrees_with_plain_python(world: Tables, asked: Meaning, named: dict[str, Meaning]) -> None:
    """In both universes, over segments of both, by name and written out."""
    try:
        written_out = expand(asked.expression, asked.universe, named)
    except ExpressionError:
        asked = replace(asked, expression=conjunction((asked.expression, Matched())))
        written_out = expand(asked.expression, asked.universe, named)
    by_hand = {name: world.by_hand(meaning, {}) for name, meaning in named.items()}
    carried = {name: world.carried(by_hand[name], meaning.universe, asked.universe) for name, meaning in named.items()}
    expected = world.by_hand(asked, carried)

    selections = {name: world.evaluated(meaning, {}) for name, meaning in named.items()}
    assert {name: set(selection.numbers) for name, selection in selections.items()} == by_hand
    assert set(world.evaluated(asked, selections).numbers) == expected
    assert set(world.evaluated(written_out, {}).numbers) == expected


@settings(max_examples=50)
@given(world=worlds(), asked=meanings(conditions() | st.just(Matched())))
def test_rows_and_what_is_matched_with_them(world: Tables, asked: Meaning) -> None:
    ground, selection = world.ground(), world.evaluated(asked, {})
    members, users = ground.rows("members", selection), ground.rows("tags", selection)
    if asked.universe is Universe.MATCHED:
        assert [set(members), set(users)] == [{world.pairs[n][side] for n in selection.numbers} for side in (0, 1)]
        assert ground.selected("members", members, Universe.MATCHED) == selection
    assert set(members) == {left for left, right in world.pairs if right in users}
    assert ground.selected("tags", users, asked.universe) == selection


@pytest.mark.parametrize(
    "text",
    ["members.a", "not members.a", "tags.b and not members.a", "members.a or matched", "not (members.a or tags.b)"],
)
def test_a_merchants_column_among_the_platforms_rows_needs_the_match(text: str) -> None:
    with pytest.raises(ExpressionError, match="matched rows only") as refused:
        plan(parse(text), Universe.PLATFORM)
    assert "within matched" in refused.value.hint
    assert refused.value.position == text.index("members")
    assert plan(parse(f"{text} within matched"), Universe.PLATFORM).subjects >= {MATCHED, "members.a"}


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("tags.a and not tags.b", {"tags.a", "tags.b"}),
        ("tags.a and not matched", {"tags.a", MATCHED}),
        ("tags.a and not (members.b and matched)", {"tags.a", "members.b", MATCHED}),
    ],
)
def test_without_the_match_a_segment_of_the_platforms_rows_needs_no_grant_of_it(text: str, subjects: set[str]) -> None:
    assert plan(parse(text), Universe.PLATFORM).subjects == subjects
    assert plan(parse(text)).subjects == subjects | {MATCHED}


@settings(max_examples=100)
@given(expression=expressions())
def test_every_leg_has_one_owner_and_formula_holds_no_column(expression: Expression) -> None:
    made = plan(expression)
    for leg in made.legs:
        owners = {
            leaf.NAMESPACE if isinstance(leaf, Best) else leaf.column.namespace  # type: ignore[attr-defined]
            for leaf in leaves(leg.predicate)
        }
        assert owners == {leg.namespace}
        assert parse(leg.predicate.text()) == leg.predicate
    assert {type(leaf).__name__ for leaf in leaves(made.formula)} <= {"Leg", "SegmentRef", "Matched"}
    assert {leaf for leaf in leaves(made.formula) if isinstance(leaf, Leg)} == set(made.legs)


@settings(max_examples=100)
@given(expression=expressions())
def test_expressions_that_fit_their_schemas_pass_the_check(expression: Expression) -> None:
    check_types(expression, SCHEMAS)


@pytest.mark.parametrize(
    ("text", "legs", "subjects"),
    [
        ("matched", [], {"matched"}),
        (
            "members.spend_90d > 1000 and not members.opted_out",
            ["members.spend_90d > 1000 and not members.opted_out"],
            {"matched", "members.spend_90d", "members.opted_out"},
        ),
        ("not members.a", ["members.a"], {"matched", "members.a"}),
        (
            "members.a and tags.b and members.c and vip",
            ["members.a and members.c", "tags.b"],
            {"matched", "members.a", "members.c", "tags.b"},
        ),
        (
            "members.a and (members.b or tags.c) and not (members.a or members.d)",
            ["members.a and not (members.a or members.d)", "members.b", "tags.c"],
            {"matched", "members.a", "members.b", "members.d", "tags.c"},
        ),
        ("members.a and not (members.b or tags.c)", ["members.a and not members.b", "tags.c"], None),
        (
            "tags.best(5, 'tea') and tags.b and not members.a",
            ["members.a", "tags.b and tags.best(5, 'tea')"],
            {"matched", "members.a", "tags.b", "tags.best()"},
        ),
        ("(members.a and tags.b) or (members.a and tags.c)", ["members.a", "tags.b", "tags.c"], None),
        (
            "tags.b and members.a and tags.home within '1km' of ((3, 4))",
            ["members.a", "tags.b and tags.home within '1000m' of ((3, 4))"],
            {"matched", "members.a", "tags.b", "tags.home.location"},
        ),
    ],
)
def test_plan_asks_for_the_fewest_legs(text: str, legs: list[str], subjects: set[str] | None) -> None:
    made = plan(parse(text))
    assert [leg.predicate.text() for leg in made.legs] == legs
    assert subjects is None or made.subjects == subjects


def test_plan_names_referenced_segments() -> None:
    assert plan(parse("vip and not (sleeping or members.a)")).segments == {"vip", "sleeping"}


def test_plan_names_what_it_scores_by() -> None:
    made = plan(parse("tags.best(5, 'tea') or members.a and not tags.best(7, 'coffee')"))
    assert {(part.count, part.lookalike) for part in made.best} == {(5, "tea"), (7, "coffee")}


def test_columns_beside_scores_are_read_at_once() -> None:
    asked: list[str] = []

    def where(part: Expression) -> BitMap:
        asked.append(part.text())
        return BitMap([1, 2, 3])

    predicate = parse("tags.a and tags.b and not (tags.best(2, 'tea') or tags.c or tags.d)")
    assert rows_of(predicate, 5, where=where, best=lambda _: BitMap([3, 4])) == BitMap()
    assert asked == ["tags.c or tags.d", "tags.a and tags.b"]


def test_nan_is_neither_above_nor_below() -> None:
    for text in ("members.x > 1", "members.x <= 1", "members.x != 1", "members.x in (1, 2)"):
        condition, parameters = to_sql(parse(text), now=TODAY)
        query = f"SELECT {condition} FROM (SELECT 'nan'::DOUBLE AS x)"
        assert CONNECTION.execute(query, parameters).fetchall() == [(False,)]


@pytest.mark.parametrize("type_", ["BIGINT", "INTEGER", "DECIMAL(10, 2)", "FLOAT", "UTINYINT", "HUGEINT"])
def test_numbers_compare_with_every_numeric_type(type_: str) -> None:
    condition, parameters = to_sql(parse("members.x >= 99.5 and members.x < 123456789012345"), now=TODAY)
    query = f"SELECT {condition} FROM (SELECT unnest([99, 100, NULL])::{type_} AS x)"
    assert CONNECTION.execute(query, parameters).fetchall() == [(False,), (True,), (False,)]


def test_values_and_names_never_become_sql() -> None:
    hostile = "members.\"x\"\"; DROP TABLE t; --\" = 'a''; DROP TABLE t; --'"
    condition, parameters = to_sql(parse(hostile), now=TODAY)
    assert condition == 'coalesce(CAST("x""; DROP TABLE t; --" AS VARCHAR) = ?, false)'
    assert parameters == ["a'; DROP TABLE t; --"]
