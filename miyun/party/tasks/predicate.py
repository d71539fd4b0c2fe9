"""Which of this party's own rows satisfy a predicate today."""

from collections.abc import Collection

import numpy as np
from pyroaring import BitMap

from miyun.contract.model import Contract
from miyun.members.config import MembersConfig
from miyun.members.distances import Discs, Places
from miyun.members.roster import Roster
from miyun.members.today import Condition
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
    condition = _condition(session, contract, config, predicate)
    return roster.rows_where(config, condition.sql, condition.parameters, condition.discs)


def rows_where_each(
    session: Session, contract: Contract, config: MembersConfig, roster: Roster, predicates: Collection[Expression]
) -> dict[Expression, BitMap]:
    """The same for each predicate; the member table is read once for all of them."""
    conditions = [_condition(session, contract, config, predicate) for predicate in predicates]
    found = roster.rows_where_each(config, conditions) if conditions else []
    return dict(zip(predicates, found, strict=True))


def _condition(session: Session, contract: Contract, config: MembersConfig, predicate: Expression) -> Condition:
    check_types(predicate, {contract.party(session.name).kind.namespace: config.column_types})
    sql, parameters = to_sql(predicate, now=session.now().date())
    discs = {leaf.answered_as: _discs(contract, leaf) for leaf in leaves(predicate) if isinstance(leaf, Near)}
    return Condition(sql=sql, parameters=parameters, discs=discs)


def _discs(contract: Contract, condition: Near) -> Discs:
    """A condition by distance, answered from places on the contract's grid."""
    degrees = np.array([point.degrees for point in condition.points], np.float64)
    return Discs(
        attribute=condition.column.name,
        points=Places(latitude=degrees[:, 0], longitude=degrees[:, 1]),
        metres=condition.metres,
        grid=contract.location_grid,
    )
