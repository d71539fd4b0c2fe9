"""Predicates over one party's own rows, for what two parties compute without the zone."""

from collections.abc import Mapping

from miyun.contract.model import Contract
from miyun.contract.permissions import require_party
from miyun.errors import ExpressionError
from miyun.segments.expression import Expression
from miyun.segments.near import permit_distances
from miyun.segments.parser import parse
from miyun.segments.planning import OF_A_COLUMN, leaves, plan


def read_predicate(contract: Contract, party: str, text: str) -> Expression | None:
    """What ``party`` is to cut its rows by; None: by nothing.

    Raises:
        ExpressionError: it can't be read, is not in its canonical text, or names anything but columns of ``party``.
        NotPermittedError: ``party`` is none of the contract, or a distance is too short for it.
    """
    namespace = require_party(contract, party).kind.namespace
    if not text:
        return None
    predicate = parse(text)
    permit_distances(contract, leaves(predicate))
    for leaf in leaves(predicate):
        if not isinstance(leaf, OF_A_COLUMN) or leaf.column.namespace != namespace:
            raise ExpressionError(
                f"{leaf.text()} is not a condition on {party}'s own columns",
                hint=f"Cut {party}'s rows by its columns alone, as {namespace}.NAME.",
            )
    if predicate.text() != text:
        raise ExpressionError(
            "the predicate is not in its canonical text", hint=f"Sign this text instead: {predicate.text()}"
        )
    return predicate


def cut_by(contract: Contract, rows: Mapping[str, str]) -> frozenset[str]:
    """The subjects that need grants where each party cuts its rows by the predicate of this text.

    Raises:
        ExpressionError, NotPermittedError: as ``read_predicate``.
    """
    predicates = [read_predicate(contract, party, text) for party, text in rows.items()]
    return frozenset[str]().union(*(plan(predicate).subjects for predicate in predicates if predicate is not None))
