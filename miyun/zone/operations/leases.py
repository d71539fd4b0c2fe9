"""Leases that owners sign, and the charges that the zone shows them and takes back from them after a restore."""

from collections.abc import Sequence
from dataclasses import dataclass

from miyun.audit.events import Event, Fact
from miyun.contract.model import Contract
from miyun.errors import AuditError, BudgetExceededError, ContractError, MalformedError, ReplayError
from miyun.keys.signing import VerifyKey
from miyun.privacy.statements import BudgetCharge, BudgetLease
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import (
    active_contract,
    contract_of_party,
    require_terms,
    verify_party,
)
from miyun.zone.operations.history import record, record_statement
from miyun.zone.operations.releases import lease_book
from miyun.zone.operations.restoring import check_in
from miyun.zone.store import budget as store

PAGE_CHARGES = 1000

SignedCharge = tuple[BudgetCharge, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerAccount:
    charges: tuple[SignedCharge, ...]
    leased_micro: int
    spent_micro: int


def put_lease(core: Core, caller: str, statement: BudgetLease, signature: bytes) -> None:
    """Take an owner's next lease. The same one again changes nothing.

    Raises:
        BudgetExceededError: it is larger than one lease may be, or than what the contract has left.
        ReplayError: not the next one, or another than the one taken before.
    """
    with core.changing() as change:
        contract = active_contract(change, statement.contract, caller)
        verify_party(contract, caller, statement.owner, statement, signature)
        require_terms(contract, statement.contract_digest, statement)
        held = store.list_leases(change.connection, contract.id, caller)
        if 1 <= statement.sequence <= len(held):
            if held[statement.sequence - 1] != statement:
                raise ReplayError(
                    f"lease {statement.sequence} differs from the one given before", hint="Sign the next number."
                )
            return
        _check_lease(change, contract, statement, len(held) + 1)
        store.add_lease(change.connection, statement, signature)
        change.work_for.add(contract.id)
        facts: dict[Fact, str | int] = {
            Fact.RHO_MICRO: statement.rho_micro,
            Fact.EXPIRES: statement.expires.isoformat(),
        }
        record_statement(change, contract.id, Event.LEASE, caller, statement, facts=facts)


def list_charges(core: Core, caller: str, contract: str, *, after: int, newest: bytes) -> OwnerAccount:
    """What the caller's leases were charged, from the charge after ``after`` on, at most `PAGE_CHARGES` a page.

    The caller checks in: it holds ``after`` charges, and ``newest`` is the digest of the last.

    Raises:
        AuditError: the zone signed something else at that place.
    """
    with core.reading() as connection:
        signed = contract_of_party(connection, contract, caller)
        book = lease_book(connection, signed.contract, caller)
        charges = store.list_charges(connection, contract, caller, after=after, limit=PAGE_CHARGES)
    check_in(core, book, newest=after, digest=newest)
    return OwnerAccount(charges=charges, leased_micro=book.leased, spent_micro=book.spent)


def put_charges(core: Core, caller: str, contract: str, charges: Sequence[SignedCharge]) -> int:
    """Take over charges that this zone signed and no longer has; gives how many.

    Raises:
        SignatureError: not signed by this zone.
        AuditError: this zone signed something else at the same place, or the charges have gaps.
    """
    with core.changing() as change:
        terms = active_contract(change, contract, caller)
        zone_key = VerifyKey(terms.zone.signing_key)
        held = [charge for charge, _ in store.list_charges(change.connection, contract, caller)]
        before = len(held)
        for charge, signature in charges:
            zone_key.verify(charge, signature)
            if (charge.contract, charge.owner) != (contract, caller):
                raise MalformedError("a charge of another owner or contract", hint="Send the caller's own charges.")
            if _follows(held, charge):
                store.add_charge(change.connection, charge, signature)
                held.append(charge)
        taken = len(held) - before
        lease_book(change.connection, terms, caller)
        if taken:
            facts: dict[Fact, str | int] = {Fact.OWNER: caller, Fact.SPENT_MICRO: charges[-1][0].spent_micro}
            record(change, contract, Event.CHARGES_RESTORED, caller, facts)
        return taken


def _check_lease(change: Change, contract: Contract, lease: BudgetLease, sequence: int) -> None:
    if lease.sequence != sequence:
        raise ReplayError(f"lease {lease.sequence} is not the next one", hint=f"Sign lease {sequence} next.")
    if lease.rho_micro <= 0:
        raise MalformedError("a lease that allows nothing", hint="Sign a lease of at least one millionth of rho.")
    if lease.rho_micro > contract.budget.lease_rho_micro:
        raise BudgetExceededError(
            f"a lease of {lease.rho_micro} micro-rho is larger than one may be",
            hint=f"Sign at most {contract.budget.lease_rho_micro}.",
            clause="budget.lease_rho_micro",
        )
    if lease.expires > contract.expires:
        raise ContractError("a lease that outlives its contract", hint="Let it expire sooner.", clause="expires")
    leasable = lease_book(change.connection, contract, lease.owner).leasable(change.at)
    if lease.rho_micro > leasable:
        raise BudgetExceededError(
            f"contract {contract.id} leaves {leasable} micro-rho of {lease.owner}'s budget to lease",
            hint="Sign a smaller lease, or agree on a new contract.",
            clause="budget.rho_micro",
        )


def _follows(held: Sequence[BudgetCharge], charge: BudgetCharge) -> bool:
    """Whether the charge is the next one; False where it is held already."""
    if charge.sequence == len(held) + 1:
        return True
    if not 1 <= charge.sequence <= len(held):
        raise AuditError(f"charge {charge.sequence} comes after a gap", hint=f"Send charge {len(held) + 1} first.")
    if held[charge.sequence - 1] != charge:
        raise AuditError(
            f"this zone signed two different charges {charge.sequence} to {charge.owner}",
            hint="Keep both, and take it up with the zone's operator: the zone was restored and went on.",
        )
    return False
