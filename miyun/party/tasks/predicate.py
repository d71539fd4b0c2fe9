"""Which of this party's own rows satisfy a predicate today."""

from pyroaring import BitMap

from miyun.contract.model import Contract
from miyun.members.config import MembersConfig
from miyun.members.roster import Roster
from miyun.party.session import Session
from miyun.segments.checking import check_types
from miyun.segments.expression import Expression
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
    return roster.rows_where(config, sql, parameters)
