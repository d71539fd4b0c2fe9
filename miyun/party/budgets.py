"""The party's own privacy ledger, for people."""

from dataclasses import dataclass

from miyun.party.session import Session
from miyun.privacy.accounting import epsilon


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetView:
    """Amounts in millionths of zCDP's rho; ``epsilon`` is what ``spent_micro`` comes to at δ = 10⁻ᵈ.

    ``limit_micro`` is the contract's, ``total_micro`` this party's own across all contracts, of which
    ``total_leased_micro`` is signed away.
    """

    contract: str
    limit_micro: int
    leased_micro: int
    spent_micro: int
    remaining_micro: int
    epsilon: float
    delta_exponent: int
    total_micro: int
    total_leased_micro: int


def budget_view(session: Session, contract: str) -> BudgetView:
    """The ledger of one contract as of the last time the agent spoke to the zone."""
    terms = session.accepted.get(contract).contract
    book = session.ledger.book(terms)
    return BudgetView(
        contract=contract,
        limit_micro=book.limit_micro,
        leased_micro=book.leased,
        spent_micro=book.spent,
        remaining_micro=book.remaining(session.now()),
        epsilon=epsilon(book.spent, terms.budget.delta_exponent),
        delta_exponent=terms.budget.delta_exponent,
        total_micro=session.config.privacy.total_rho_micro,
        total_leased_micro=session.ledger.leased_micro(),
    )
