"""The cases by name, in the order of the page. A new one is a file with a ``CASE``, named here."""

from typing import Any, Final

from bench.cases import (
    algebra,
    answers,
    blinding,
    delta,
    few_tags,
    fusion,
    intersection,
    join,
    paillier,
    portrait,
    scaling,
    segment,
)
from bench.cases.case import Case

_MODULES: Final = (
    fusion,
    scaling,
    delta,
    segment,
    algebra,
    portrait,
    few_tags,
    intersection,
    blinding,
    paillier,
    join,
    answers,
)

CASES: Final[dict[str, Case[Any]]] = {module.CASE.name: module.CASE for module in _MODULES}
