"""A predicate over one owner's columns as a DuckDB condition."""

from collections.abc import Sequence
from datetime import date

from miyun.segments.expression import Expression

Parameter = str | float | date


def to_sql(predicate: Expression, *, now: date) -> tuple[str, Sequence[Parameter]]:
    """The condition, with column names quoted and every value a ``?`` parameter; it is never NULL.

    Columns are addressed by their bare name and have the DuckDB types DOUBLE or another numeric type, VARCHAR,
    BOOLEAN and DATE. ``now`` is the day from which ages count back.
    """
    raise NotImplementedError
