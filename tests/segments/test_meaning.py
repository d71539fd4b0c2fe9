"""Plan, SQL and algebra together mean what the expression says, pair by pair."""

from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from miyun.contract.schema import ColumnType
from miyun.segments.algebra import evaluate
from miyun.segments.checking import check_types
from miyun.segments.expression import Expression
from miyun.segments.parser import parse
from miyun.segments.planning import Leg, leaves, plan
from miyun.segments.sql import to_sql
from tests.segments.strategies import SCHEMAS, SEGMENTS, TODAY, expressions, holds, tables

DUCKDB_TYPES = {
    ColumnType.NUMBER: "DOUBLE",
    ColumnType.TEXT: "VARCHAR",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
}
CONNECTION = duckdb.connect()


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def handles_where(namespace: str, rows: list[dict[str, Any]], predicate: Expression) -> BitMap:
    """What an agent answers: the rows' positions stand for their handles."""
    schema = SCHEMAS[namespace]
    columns = ", ".join(f"{quoted(name)} {DUCKDB_TYPES[type_]}" for name, type_ in schema.items())
    CONNECTION.execute(f"CREATE OR REPLACE TABLE rows (handle INTEGER, {columns})")
    places = ", ".join("?" for _ in range(len(schema) + 1))
    CONNECTION.executemany(
        f"INSERT INTO rows VALUES ({places})",
        [[handle, *(row[name] for name in schema)] for handle, row in enumerate(rows)],
    )
    condition, parameters = to_sql(predicate, now=TODAY)
    answers = CONNECTION.execute(f"SELECT handle, {condition} FROM rows", parameters).fetchall()
    assert {answer for _, answer in answers} <= {True, False}
    return BitMap(handle for handle, answer in answers if answer)


@settings(max_examples=150, deadline=None)
@given(expression=expressions(), members=tables("members"), tags=tables("tags"), data=st.data())
def test_evaluation_agrees_with_plain_python(
    expression: Expression, members: list[dict[str, Any]], tags: list[dict[str, Any]], data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, min(len(members), len(tags))))
    left = data.draw(st.permutations(range(len(members))))[:count]
    right = data.draw(st.permutations(range(len(tags))))[:count]
    segments = {name: BitMap(data.draw(st.sets(st.integers(0, count)))) & BitMap(range(count)) for name in SEGMENTS}
    tables_of = {"members": members, "tags": tags}
    expected = [
        index
        for index in range(count)
        if holds(
            expression,
            {f"members.{name}": value for name, value in members[left[index]].items()}
            | {f"tags.{name}": value for name, value in tags[right[index]].items()}
            | {name: index in bits for name, bits in segments.items()},
        )
    ]

    made = plan(expression)
    pairs = {"members": np.array(left, dtype=np.uint32), "tags": np.array(right, dtype=np.uint32)}
    legs = {leg: handles_where(leg.namespace, tables_of[leg.namespace], leg.predicate) for leg in made.legs}
    assert list(evaluate(made.formula, count, pairs, legs, segments)) == expected


@settings(max_examples=100, deadline=None)
@given(expression=expressions())
def test_every_leg_has_one_owner_and_formula_holds_no_column(expression: Expression) -> None:
    made = plan(expression)
    for leg in made.legs:
        owners = {leaf.column.namespace for leaf in leaves(leg.predicate)}  # type: ignore[attr-defined]
        assert owners == {leg.namespace}
        assert parse(leg.predicate.text()) == leg.predicate
    assert {type(leaf).__name__ for leaf in leaves(made.formula)} <= {"Leg", "SegmentRef", "Matched"}
    assert {leaf for leaf in leaves(made.formula) if isinstance(leaf, Leg)} == set(made.legs)


@settings(max_examples=100, deadline=None)
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
        ("(members.a and tags.b) or (members.a and tags.c)", ["members.a", "tags.b", "tags.c"], None),
    ],
)
def test_plan_asks_for_the_fewest_legs(text: str, legs: list[str], subjects: set[str] | None) -> None:
    made = plan(parse(text))
    assert [leg.predicate.text() for leg in made.legs] == legs
    assert subjects is None or made.subjects == subjects


def test_plan_names_referenced_segments() -> None:
    assert plan(parse("vip and not (sleeping or members.a)")).segments == {"vip", "sleeping"}


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
