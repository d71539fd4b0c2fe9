"""Definitions of segments, as the zone reads them: what they need, and what they mean without names."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from miyun.contract.model import Contract
from miyun.errors import ExpressionError, NotFoundError, StateError
from miyun.segments.expansion import Meaning, expand
from miyun.segments.parser import parse
from miyun.segments.planning import Plan, plan
from miyun.segments.statements import SegmentRequest
from miyun.zone.store.segments import StoredSegment, segment_named


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """``references`` are the live segments that it names, by name; ``meaning`` has them written out.

    ``subjects`` are the things in that which need a grant.
    """

    plan: Plan
    references: Mapping[str, StoredSegment]
    subjects: frozenset[str]
    meaning: Meaning


def read_definition(connection: Connection, contract: Contract, request: SegmentRequest) -> Definition:
    """The definition of a segment that is about to be created.

    Raises:
        ExpressionError: it can't be read, is not in its canonical text, mixes universes, or is too long once it is
            written out.
        NotFoundError: it names a segment that isn't there.
        StateError: it names a segment that ends sooner, or that is closed.
    """
    expression = parse(request.definition)
    if expression.text() != request.definition:
        raise ExpressionError(
            "the definition is not in its canonical text", hint=f"Sign this text instead: {expression.text()}"
        )
    planned = plan(expression, request.universe)
    references = {name: _reference(connection, contract, request, name) for name in sorted(planned.segments)}
    meanings = {
        name: Meaning(universe=segment.universe, expression=parse(segment.meaning))
        for name, segment in references.items()
    }
    meaning = expand(expression, request.universe, meanings)
    return Definition(
        plan=planned,
        references=references,
        subjects=plan(meaning.expression, meaning.universe).subjects,
        meaning=meaning,
    )


def _reference(connection: Connection, contract: Contract, request: SegmentRequest, name: str) -> StoredSegment:
    segment = segment_named(connection, contract.id, name)
    if segment is None or not segment.state.is_live:
        raise NotFoundError(
            f"the definition names {name}, and there is no such segment",
            hint="Create it first, or write a column as members.… or tags.…",
        )
    if not segment.processable:
        raise StateError(
            f"{name} is closed: no segment may be made of it",
            hint=f"Let {segment.owner} open it: miyun segment change --processable",
        )
    if request.expires > segment.expires:
        raise StateError(
            f"{request.name} would outlive {name}, which it is made of and which ends on {segment.expires:%Y-%m-%d}",
            hint=f"Let {request.name} expire by then.",
        )
    return segment
