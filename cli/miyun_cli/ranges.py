"""Numbers and their ranges, as people write them: ``spend:0:5000:0.01``."""

import re
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from miyun.errors import InputError

if TYPE_CHECKING:
    from miyun.aggregates.statements import NumberRange

_DECIMAL = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,12})?").fullmatch


def read_range(text: str) -> "NumberRange":
    """``name:low:high:step``, or without a step for whole numbers. Low and high are values, not steps.

    The step takes one form, so that a question has one: ``0.010`` is ``0.01``.

    Raises:
        InputError: it is written otherwise, or is no range.
    """
    from miyun.aggregates.statements import NumberRange

    name, *ends = text.split(":")
    if len(ends) not in (2, 3) or not name or not all(map(_DECIMAL, ends)):
        raise InputError(
            f"the number {text} can't be read",
            hint="Write name, lowest and highest value, and the step: spend:0:5000:0.01",
        )
    low, high, step = map(Fraction, (*ends, "1")[:3])
    if step <= 0:
        raise InputError(f"{name} has no step above 0", hint="Write the smallest difference that counts: 0.01, or 1.")
    if low >= high:
        raise InputError(
            f"{name} runs from {ends[0]} to {ends[1]}", hint="Write the lowest value first, then the highest."
        )
    if low % step or high % step:
        raise InputError(
            f"the ends of {name} are not whole steps of {ends[2] if len(ends) > 2 else 1}",
            hint="Round them to the step, or give a smaller step.",
        )
    written = f"{Decimal((*ends, '1')[2]).normalize():f}"
    return NumberRange(name=name, low=int(low / step), high=int(high / step), step=written)


def yes_or_no(name: str) -> "NumberRange":
    """A number that is 1 or 0."""
    from miyun.aggregates.statements import NumberRange

    return NumberRange(name=name, low=0, high=1, step="1")
