"""One owner's privacy budget under one contract: the leases it signed and the charges against them.

All amounts are exact integers, in millionths of zCDP's ρ, which add up under composition (Bun–Steinke 2016, Lemma 1.7).
A lease that expired gives no room any more, and what was not charged to it may be leased again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from miyun.errors import AuditError, BudgetExceededError, WaitingError
from miyun.privacy.statements import BudgetCharge, BudgetLease


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseBook:
    """Leases and charges of ``owner`` under ``contract``; ``limit_micro`` is the contract's ``budget.rho_micro``.

    Raises:
        AuditError: the records don't follow one another, or a charge had no room in any lease.
    """

    contract: str
    owner: str
    limit_micro: int
    leases: Sequence[BudgetLease] = ()
    charges: Sequence[BudgetCharge] = ()

    def __post_init__(self) -> None:
        _check_leases(self)
        _check_charges(self)
        self._rooms()

    @property
    def leased(self) -> int:
        """The sum of all leases, expired ones included."""
        return sum(lease.rho_micro for lease in self.leases)

    @property
    def spent(self) -> int:
        """The sum of all charges."""
        return sum(charge.rho_micro for charge in self.charges)

    def remaining(self, now: datetime) -> int:
        """What leases in force at ``now`` still allow, within the contract's limit."""
        room = sum(room for lease, room in zip(self.leases, self._rooms(), strict=True) if now < lease.expires)
        return max(0, min(room, self.limit_micro - self.spent))

    def leasable(self, now: datetime) -> int:
        """The most that a new lease at ``now`` may allow: the limit less charges less room in leases in force."""
        return max(0, self.limit_micro - self.spent - self.remaining(now))

    def check(self, rho_micro: int, now: datetime) -> None:
        """Pass where a charge of ``rho_micro`` fits at ``now``.

        Raises:
            BudgetExceededError: the contract's budget doesn't hold it.
            WaitingError: the budget does, the owner's leases don't.
        """
        if self.spent + rho_micro > self.limit_micro:
            raise BudgetExceededError(
                f"the privacy budget of {self.owner}'s data under contract {self.contract} is used up: "
                f"{self.limit_micro - self.spent} of {self.limit_micro} micro-rho are left and this costs {rho_micro}",
                hint="Use answers that were given before, or agree on a new contract.",
                clause="budget.rho_micro",
            )
        if rho_micro > self.remaining(now):
            raise WaitingError(
                f"the budget leases of {self.owner} under contract {self.contract} have no room for this",
                hint=f"Wait until {self.owner}'s agent has run: it signs the next lease.",
                clause="budget.lease_rho_micro",
            )

    def next_charge(self, *, release: str, purpose: str, rho_micro: int, at: datetime) -> BudgetCharge:
        """The record of the next charge. Raises as ``check``."""
        self.check(rho_micro, at)
        return BudgetCharge(
            contract=self.contract,
            owner=self.owner,
            sequence=len(self.charges) + 1,
            release=release,
            purpose=purpose,
            rho_micro=rho_micro,
            spent_micro=self.spent + rho_micro,
            at=at,
        )

    def next_lease(self, *, contract_digest: bytes, rho_micro: int, expires: datetime, at: datetime) -> BudgetLease:
        """The record of the next lease.

        Raises:
            BudgetExceededError: the contract's budget doesn't hold it.
        """
        if rho_micro > self.leasable(at):
            raise BudgetExceededError(
                f"contract {self.contract} leaves {self.leasable(at)} micro-rho of {self.owner}'s budget to lease",
                hint="Sign a smaller lease, or agree on a new contract.",
                clause="budget.rho_micro",
            )
        return BudgetLease(
            contract=self.contract,
            contract_digest=contract_digest,
            owner=self.owner,
            sequence=len(self.leases) + 1,
            rho_micro=rho_micro,
            expires=expires,
            at=at,
        )

    def _rooms(self) -> list[int]:
        """What is left of each lease: a charge draws on the leases in force at its time, in order."""
        rooms = [lease.rho_micro for lease in self.leases]
        for charge in self.charges:
            due = charge.rho_micro
            for index, lease in enumerate(self.leases):
                if charge.at < lease.expires:
                    drawn = min(due, rooms[index])
                    rooms[index] -= drawn
                    due -= drawn
            if due:
                raise AuditError(
                    f"charge {charge.sequence} to {self.owner} under contract {self.contract} exceeds its leases",
                    hint="Compare both sides' charges with `miyun audit verify`.",
                )
        return rooms


def _check_leases(book: LeaseBook) -> None:
    for sequence, lease in enumerate(book.leases, start=1):
        if (lease.contract, lease.owner, lease.sequence) != (book.contract, book.owner, sequence):
            raise AuditError(f"lease {sequence} of {book.owner} under contract {book.contract} is out of order")
        if lease.rho_micro <= 0:
            raise AuditError(f"lease {sequence} of {book.owner} under contract {book.contract} allows nothing")


def _check_charges(book: LeaseBook) -> None:
    spent = 0
    for sequence, charge in enumerate(book.charges, start=1):
        spent += charge.rho_micro
        if (charge.contract, charge.owner, charge.sequence) != (book.contract, book.owner, sequence):
            raise AuditError(f"charge {sequence} to {book.owner} under contract {book.contract} is out of order")
        if charge.rho_micro <= 0 or charge.spent_micro != spent:
            raise AuditError(f"charge {sequence} to {book.owner} under contract {book.contract} doesn't add up")
