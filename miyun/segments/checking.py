"""Whether an expression fits the columns it names."""

from collections.abc import Mapping

from miyun.contract.schema import ColumnType
from miyun.segments.expression import Expression

Schemas = Mapping[str, Mapping[str, ColumnType]]


def check_types(expression: Expression, schemas: Schemas) -> None:
    """Check every column against the schema of its namespace; a namespace without a schema is not checked here.

    Raises:
        ExpressionError: an unknown column, or a value that doesn't go with the column's type.
    """
    raise NotImplementedError
