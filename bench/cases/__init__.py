"""The cases by name, in the order of the page. A new one is a file with a ``CASE``, named here."""

from typing import Any, Final

from bench.cases import blinding, fusion, join, paillier, scaling
from bench.cases.case import Case

CASES: Final[dict[str, Case[Any]]] = {
    module.CASE.name: module.CASE for module in (fusion, scaling, blinding, paillier, join)
}
