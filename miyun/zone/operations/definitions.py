"""Definitions of segments, as the zone reads them: what they need, and what they mean without names."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from miyun.contract.model import Contract, Universe
from miyun.errors import ExpressionError, NotFoundError, StateError
from miyun.segments.expansion import Meaning, expand
from miyun.segments.near import permit_distances
from miyun.segments.parser import parse
from miyun.segments.planning import Plan, leaves, plan
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

    def ends(self, contract: Contract) -> datetime:
        """When the first of what it is made of ends, or the contract."""
        return min((segment.expires for segment in self.references.values()), default=contract.expires)


def read_definition(connection: Connection, contract: Contract, definition: str, universe: Universe) -> Definition:
    """The definition of a segment that may be created.

    Raises:
        ExpressionError: it can't be read, is not in its canonical text, mixes universes, or is too long once it is
            written out.
        NotFoundError: it names a segment that isn't there.
        StateError: it names a segment that is closed.
        NotPermittedError: a distance in it is too short for the contract.
    """
    expression = parse(definition)
    if expression.text() != definition:
        raise ExpressionError(
            "the definition is not in its canonical text", hint=f"Sign this text instead: {expression.text()}"
        )
    permit_distances(contract, leaves(expression))
    planned = plan(expression, universe)
    references = {name: _reference(connection, contract, name) for name in sorted(planned.segments)}
    meanings = {
        name: Meaning(universe=segment.universe, expression=parse(segment.meaning))
        for name, segment in references.items()
    }
    meaning = expand(expression, universe, meanings)
    return Definition(
        plan=planned,
        references=references,
        subjects=plan(meaning.expression, meaning.universe).subjects,
        meaning=meaning,
    )


def require_outlived(definition: Definition, request: SegmentRequest) -> None:
    """Pass where the segment does not outlive those that it is made of.

    Raises:
        StateError: one of them ends sooner.
    """
    for name, segment in definition.references.items():
        if request.expires > segment.expires:
            raise StateError(
                f"{request.name} would outlive {name}, which it is made of and which ends on "
                f"{segment.expires:%Y-%m-%d}",
                hint=f"Let {request.name} expire by then.",
            )


def _reference(connection: Connection, contract: Contract, name: str) -> StoredSegment:
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
    return segment
