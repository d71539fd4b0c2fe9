"""The party's own privacy ledger: the leases it signed, under whichever contract, and the charges it was told of."""

import threading

from sqlalchemy import Engine, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.contract.model import Contract
from miyun.errors import BudgetExceededError
from miyun.party.schema import charges, leases
from miyun.privacy.ledger import LeaseBook
from miyun.privacy.statements import BudgetCharge, BudgetLease
from miyun.storage.database import reading

SignedLease = tuple[BudgetLease, bytes]
SignedCharge = tuple[BudgetCharge, bytes]


class Ledger:
    """``owner`` is this party's name. ``settling`` is held while leases are made up, each after the one before."""

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine = engine
        self._owner = owner
        self.settling = threading.Lock()

    def book(self, contract: Contract) -> LeaseBook:
        """Leases and charges under one contract.

        Raises:
            AuditError: the zone charged more than was leased.
        """
        return LeaseBook(
            contract=contract.id,
            owner=self._owner,
            limit_micro=contract.budget.rho_micro,
            leases=tuple(lease for lease, _ in self.leases(contract.id)),
            charges=tuple(charge for charge, _ in self.charges(contract.id)),
        )

    def leases(self, contract: str, *, unacknowledged_only: bool = False) -> tuple[SignedLease, ...]:
        query = (
            select(leases.c.statement, leases.c.signature)
            .where(leases.c.contract == contract)
            .order_by(leases.c.sequence)
        )
        if unacknowledged_only:
            query = query.where(leases.c.acknowledged.is_(False))
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return tuple((BudgetLease.from_canonical(row.statement), row.signature) for row in rows)

    def leased_micro(self) -> int:
        """What was leased under all contracts together."""
        with reading(self._engine) as connection:
            return connection.scalar(select(func.sum(leases.c.rho_micro))) or 0

    def put_lease(self, lease: BudgetLease, signature: bytes, *, total_micro: int) -> None:
        """Charge a lease to this ledger, before the zone sees it.

        Raises:
            BudgetExceededError: all contracts together would pass ``total_micro``.
        """
        with self._engine.begin() as connection:
            leased = connection.scalar(select(func.sum(leases.c.rho_micro))) or 0
            if leased + lease.rho_micro > total_micro:
                raise BudgetExceededError(
                    f"all contracts together have {total_micro - leased} micro-rho left, and this lease wants "
                    f"{lease.rho_micro}",
                    hint="Raise total_rho_micro under [privacy] in party.toml, if that is what you want.",
                )
            connection.execute(
                insert(leases).values(
                    contract=lease.contract,
                    sequence=lease.sequence,
                    rho_micro=lease.rho_micro,
                    statement=lease.canonical_bytes(),
                    signature=signature,
                    acknowledged=False,
                )
            )

    def acknowledge(self, lease: BudgetLease) -> None:
        """The zone has this lease."""
        with self._engine.begin() as connection:
            connection.execute(
                update(leases)
                .where(leases.c.contract == lease.contract, leases.c.sequence == lease.sequence)
                .values(acknowledged=True)
            )

    def charges(self, contract: str) -> tuple[SignedCharge, ...]:
        query = (
            select(charges.c.statement, charges.c.signature)
            .where(charges.c.contract == contract)
            .order_by(charges.c.sequence)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return tuple((BudgetCharge.from_canonical(row.statement), row.signature) for row in rows)

    def put_charge(self, charge: BudgetCharge, signature: bytes) -> None:
        """Keep a charge, which the caller has verified."""
        with self._engine.begin() as connection:
            connection.execute(
                upsert(charges)
                .values(
                    contract=charge.contract,
                    sequence=charge.sequence,
                    statement=charge.canonical_bytes(),
                    signature=signature,
                )
                .on_conflict_do_nothing()
            )
