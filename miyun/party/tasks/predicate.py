"""Which of this party's own rows satisfy a predicate today."""

import numpy as np
from pyroaring import BitMap

from miyun.contract.model import Contract
from miyun.members.config import MembersConfig
from miyun.members.distances import Discs, Places
from miyun.members.roster import Roster
from miyun.party.session import Session
from miyun.segments.checking import check_types
from miyun.segments.expression import Expression
from miyun.segments.near import Near
from miyun.segments.planning import leaves
from miyun.segments.sql import to_sql


def rows_where(
    session: Session, contract: Contract, config: MembersConfig, roster: Roster, predicate: Expression
) -> BitMap:
    """Their row handles, with those of the padding that copies them.

    Raises:
        ExpressionError: the predicate doesn't fit this party's columns.
        SourceError: the member table can't be read.
    """
    check_types(predicate, {contract.party(session.name).kind.namespace: config.column_types})
    sql, parameters = to_sql(predicate, now=session.now().date())
    discs = {leaf.answered_as: _discs(contract, leaf) for leaf in leaves(predicate) if isinstance(leaf, Near)}
    return roster.rows_where(config, sql, parameters, discs)


def _discs(contract: Contract, condition: Near) -> Discs:
    """A condition by distance, answered from places on the contract's grid."""
    degrees = np.array([point.degrees for point in condition.points], np.float64)
    return Discs(
        attribute=condition.column.name,
        points=Places(latitude=degrees[:, 0], longitude=degrees[:, 1]),
        metres=condition.metres,
        grid=contract.location_grid,
    )
