"""What this party brings to an intersection: the rows that a fusion by one identifier type would send, as of now."""

import numpy as np
from pyroaring import BitMap

from miyun.chunking import chunk_count
from miyun.members.config import load_members_config
from miyun.members.numbers import NumberRows
from miyun.members.reading import Progress
from miyun.members.roster import Roster
from miyun.party.catalogues import own_catalogue
from miyun.party.intersection_admission import IntersectWork
from miyun.party.intersection_files import Brought
from miyun.party.session import Session
from miyun.party.tasks.predicate import rows_where
from miyun.psi.intersection_sum.points import OwnPoints, holder_points, matcher_points
from miyun.psi.intersection_sum.totals import ColumnValues
from miyun.psi.scalars import SecretScalar

Values = list[bytes | None]


def bring(session: Session, work: IntersectWork, scalar: SecretScalar, on_progress: Progress) -> Brought:
    """Read the sources, choose rows, draw padding and dummies, and blind.

    A row that the predicate leaves out is replaced by padding, so that how many points there are depends on the number
    of all rows alone, rounded up to the contract's bucket.

    Raises:
        ConfigError: the configuration lacks the identifier type, consent, or a column to sum.
        ExpressionError: the predicate doesn't fit this party's columns.
        SourceError: a source can't be read, or no row may be sent.
    """
    contract, request = work.contract, work.request
    config = load_members_config(session.config_path)
    path = session.intersection_files.path(contract.id, request.job, "roster.duckdb")
    numbers: tuple[ColumnValues, ...] = ()
    with Roster.build(
        path,
        config,
        identifiers=(contract.identifier(request.type),),
        consent=contract.consent,
        bucket=1,
        on_progress=on_progress,
    ) as roster:
        chosen = BitMap(range(roster.universe))
        if work.predicate is not None:
            chosen = rows_where(session, contract, config, roster, work.predicate)
        values = _values(roster, request.type, chosen)
        if session.name == request.holder and request.columns:
            file = session.intersection_files.path(contract.id, request.job, "numbers.duckdb")
            catalogue = None if config.tags is None else own_catalogue(config)
            with NumberRows.build(
                file, config, roster, request.columns, catalogue=catalogue, on_progress=on_progress
            ) as rows:
                (chunk,) = rows.chunks(roster.universe)
                numbers = tuple(ColumnValues(values=column.values, known=column.known) for column in chunk)
    session.intersection_files.drop(contract.id, request.job)
    bucket = contract.padding_bucket
    values += [None] * (max(bucket, -(-len(values) // bucket) * bucket) - len(values))
    return Brought(own=_blinded(session, work, values, scalar), numbers=numbers)


def _values(roster: Roster, type_: str, chosen: BitMap) -> Values:
    """By row handle; None where the row is left out."""
    values: Values = [None] * roster.universe
    wanted = np.zeros(roster.universe, np.bool_)
    wanted[np.array(chosen, np.int64)] = True
    for index in range(chunk_count(roster.points(type_))):
        chunk = roster.chunk(type_, index)
        for handle, value in zip(chunk.handles.tolist(), chunk.values, strict=True):
            values[handle] = value if wanted[handle] else None
    return values


def _blinded(session: Session, work: IntersectWork, values: Values, scalar: SecretScalar) -> OwnPoints:
    draw = holder_points if session.name == work.request.holder else matcher_points
    return draw(work.request, values, scalar)
