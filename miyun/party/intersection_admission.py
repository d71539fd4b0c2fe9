"""What either party checks in a signed request for an intersection before it brings a row."""

from dataclasses import dataclass

from miyun.contract.model import Contract
from miyun.contract.permissions import require_party
from miyun.party.leases import Leases
from miyun.party.progress import OnEvent
from miyun.party.session import Session
from miyun.psi.intersection_sum.checks import check_request
from miyun.psi.intersection_sum.statements import IntersectionRequest
from miyun.segments.expression import Expression
from miyun.segments.own_rows import cut_by, read_predicate

INTERSECTION = "intersection"
"""The purpose of the charges for intersections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntersectWork:
    """``predicate`` cuts this party's own rows, None: by nothing; ``subjects`` are what either party's are cut by."""

    contract: Contract
    request: IntersectionRequest
    predicate: Expression | None
    subjects: frozenset[str]


def admit_intersection(
    session: Session, contract: Contract, request: IntersectionRequest, on_event: OnEvent
) -> IntersectWork:
    """The work that a request stands for; its signature was checked.

    Raises:
        ContractError, ExpressionError: it can't be computed.
        NotPermittedError: a grant is missing.
        BudgetExceededError: the contract's budget for this party's data is used up.
        WaitingError: the zone has not charged it to this party's leases yet.
        StateError: this party's database was restored without intersections that it took part in.
    """
    holder = require_party(contract, request.holder).name
    matcher = contract.counterparty(holder).name
    rows = {holder: request.holder_rows, matcher: request.matcher_rows}
    subjects = cut_by(contract, rows)
    check_request(contract, request, subjects=subjects)
    session.intersections.require_whole(contract.id)
    owed = request.size_rho_micro if session.name == holder else request.totals_rho_micro
    if owed and session.intersections.get(contract.id, request.job) is None:
        Leases(session, contract, on_event).require_charged(
            release=request.digest().hex(), purpose=INTERSECTION, rho_micro=owed
        )
    predicate = read_predicate(contract, session.name, rows[session.name])
    return IntersectWork(contract=contract, request=request, predicate=predicate, subjects=subjects)
