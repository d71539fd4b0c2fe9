"""Whether an expression fits the columns it names."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from difflib import get_close_matches

from miyun.contract.model import PartyKind
from miyun.contract.schema import ColumnType
from miyun.errors import ExpressionError
from miyun.segments.expression import Column, Comparison, Expression, Flag, Membership
from miyun.segments.near import Near
from miyun.segments.planning import OF_A_COLUMN, leaves
from miyun.segments.values import Age, Value, parse_day

Schemas = Mapping[str, Mapping[str, ColumnType]]

_EXAMPLES = {
    ColumnType.NUMBER: "> 1000",
    ColumnType.TEXT: "= 'gold'",
    ColumnType.BOOLEAN: "= true",
    ColumnType.DATE: "after '30d'",
    ColumnType.LOCATION: "within '500m' of ((30.25, 120.16), (30.27, 120.15))",
}


@contextmanager
def pointing_into(text: str) -> Iterator[None]:
    """Errors of the block are about places in this text."""
    try:
        yield
    except ExpressionError as error:
        error.text = text
        raise


def check_types(expression: Expression, schemas: Schemas, *, is_tag: Callable[[str], bool] = lambda _: False) -> None:
    """Check every column against the schema of its namespace; a namespace without a schema is not checked here.

    ``is_tag`` is asked about a name of the platform's that is no column: whether its catalogue has such a tag.

    Raises:
        ExpressionError: an unknown column, or a value that doesn't go with the column's type.
    """
    for leaf in leaves(expression):
        if isinstance(leaf, OF_A_COLUMN) and leaf.column.namespace in schemas:
            type_ = _type_of(leaf.column, schemas[leaf.column.namespace], is_tag)
            match leaf:
                case Flag() if type_ is not ColumnType.BOOLEAN:
                    _refuse(leaf.column, type_, leaf.column.position)
                case Near() if type_ is not ColumnType.LOCATION:
                    _refuse(leaf.column, type_, leaf.position)
                case Comparison() if not _fits(type_, leaf.value):
                    _refuse(leaf.column, type_, leaf.position)
                case Membership() if not all(_fits(type_, value) for value in leaf.values):
                    _refuse(leaf.column, type_, leaf.position)


def _type_of(column: Column, schema: Mapping[str, ColumnType], is_tag: Callable[[str], bool]) -> ColumnType:
    if column.name in schema:
        return schema[column.name]
    if column.namespace == PartyKind.PLATFORM.namespace and is_tag(column.name):
        raise ExpressionError(
            f"{column.text()} is a tag of the platform's catalogue, and no column",
            position=column.position,
            hint="Predicates name columns: miyun catalogue columns. Tags are asked about by miyun insight portrait.",
        )
    near = get_close_matches(column.name, schema, n=3)
    raise ExpressionError(
        f"there is no column {column.text()}",
        position=column.position,
        hint=f"Did you mean {' or '.join(f'{column.namespace}.{name}' for name in near)}?"
        if near
        else f"Name a column that the owner of {column.namespace} has configured.",
    )


def _fits(type_: ColumnType, value: Value) -> bool:
    match value:
        case bool():
            return type_ is ColumnType.BOOLEAN
        case Decimal():
            return type_ is ColumnType.NUMBER
        case Age() | date():
            return type_ is ColumnType.DATE
        case str():
            return type_ is ColumnType.TEXT or (type_ is ColumnType.DATE and parse_day(value) is not None)


def _refuse(column: Column, type_: ColumnType, position: int) -> None:
    raise ExpressionError(
        f"{column.text()} is a {type_} column",
        position=position,
        hint=f"Write for example {column.text()} {_EXAMPLES[type_]}.",
    )
