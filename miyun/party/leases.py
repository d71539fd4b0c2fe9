"""Keeping the zone supplied with leases, and the charges to them with this party."""

from collections.abc import Sequence
from dataclasses import replace

from miyun.audit.events import Event, Fact
from miyun.contract.model import Contract
from miyun.errors import StateError, WaitingError
from miyun.keys.signing import VerifyKey
from miyun.party.ledger import SignedCharge, SignedLease
from miyun.party.progress import OnEvent, Warned
from miyun.party.session import Session
from miyun.privacy.ledger import LeaseBook
from miyun.privacy.statements import BudgetCharge
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import budget_pb2 as wire
from miyun.wire.v1.budget_pb2_grpc import BudgetServiceStub

SIZES_AHEAD = 10


class Leases:
    """One contract's leases and charges, as seen from the owner."""

    def __init__(self, session: Session, contract: Contract, on_event: OnEvent) -> None:
        self._session = session
        self._contract = contract
        self._on_event = on_event
        self._stub = session.stub(BudgetServiceStub)

    def settle(self) -> None:
        """Take in new charges, give back what a restored zone lost, and lease room.

        That is for one report and ten sizes, and at least a whole lease: a question may cost as much as that. Safe for
        several threads.

        Raises:
            AuditError: the zone's charges don't follow from what it said before; nothing more is leased to it.
        """
        with self._session.ledger.settling:
            self._settle()

    def require_charged(self, *, release: str, purpose: str, rho_micro: int) -> None:
        """Pass where the zone has charged exactly this release, once, and the leases that this party signed hold it.

        Raises:
            BudgetExceededError: the contract's budget for this party's data is used up.
            WaitingError: the zone has not charged it yet.
            StateError: another amount was charged.
        """
        self.settle()
        book = self._session.ledger.book(self._contract)
        charged = [charge for charge in book.charges if (charge.release, charge.purpose) == (release, purpose)]
        if not charged:
            book.check(rho_micro, self._session.now())
            raise WaitingError(
                "the zone has not charged this to this party's leases", hint="Wait a moment, then look again."
            )
        if [charge.rho_micro for charge in charged] != [rho_micro]:
            raise StateError(
                "the zone charged another amount than the request says",
                hint="Run `miyun audit verify`, and talk to the zone's operator.",
            )

    def _settle(self) -> None:
        self._exchange_charges()
        self._send(self._session.ledger.leases(self._contract.id, unacknowledged_only=True))
        book = self._session.ledger.book(self._contract)
        while (rho_micro := self._next_lease(book)) > 0:
            now = self._session.now()
            lease = book.next_lease(
                contract_digest=self._contract.digest(), rho_micro=rho_micro, expires=self._contract.expires, at=now
            )
            signature = self._session.sign(lease)
            total_micro = self._session.config.privacy.total_rho_micro
            self._session.ledger.put_lease(lease, signature, total_micro=total_micro)
            self._send([(lease, signature)])
            book = self._session.ledger.book(self._contract)

    def _next_lease(self, book: LeaseBook) -> int:
        budget, now = self._contract.budget, self._session.now()
        room = book.remaining(now)
        wanted = max(budget.match_report_rho_micro + SIZES_AHEAD * budget.size_rho_micro, budget.lease_rho_micro)
        if room >= wanted or book.leasable(now) <= 0:
            return 0
        left = self._session.config.privacy.total_rho_micro - self._session.ledger.leased_micro()
        if left <= 0:
            self._warn(
                "this party's own limit across all contracts is used up",
                "Raise total_rho_micro under [privacy] in party.toml, if that is what you want.",
            )
        return min(budget.lease_rho_micro, book.leasable(now), left)

    def _send(self, signed: Sequence[SignedLease]) -> None:
        for lease, signature in signed:
            self._stub.PutLease(wire.PutLeaseRequest(statement=to_wire(lease, wire.BudgetLease), signature=signature))
            self._session.ledger.acknowledge(lease)
            facts: dict[Fact, str | int] = {Fact.RHO_MICRO: lease.rho_micro}
            self._session.audit_log.note(self._contract.id, Event.LEASE, self._session.name, lease, facts)

    def _exchange_charges(self) -> None:
        held = self._session.ledger.charges(self._contract.id)
        answer = self._check_in(held)
        self._take([(from_wire(signed.statement, BudgetCharge), signed.signature) for signed in answer.charges])
        book = self._session.ledger.book(self._contract)
        if answer.leased_micro < book.leased:
            self._send(self._session.ledger.leases(self._contract.id))
        if answer.spent_micro < book.spent:
            self._give_back(held)

    def _check_in(self, held: Sequence[SignedCharge]) -> wire.ListChargesResponse:
        newest = held[-1][0].digest() if held else b""
        return self._stub.ListCharges(
            wire.ListChargesRequest(contract=self._contract.id, after=len(held), newest=newest)
        )

    def _take(self, page: Sequence[SignedCharge]) -> None:
        zone = VerifyKey(self._contract.zone.signing_key)
        for charge, signature in page:
            zone.verify(charge, signature)
        book = self._session.ledger.book(self._contract)
        charges = (*book.charges, *(charge for charge, _ in page))
        replace(book, charges=charges)  # raises unless they follow and the leases have room for them
        for charge, signature in page:
            self._session.ledger.put_charge(charge, signature)

    def _give_back(self, held: Sequence[SignedCharge]) -> None:
        message = wire.PutChargesRequest(contract=self._contract.id)
        for charge, signature in held:
            message.charges.add(statement=to_wire(charge, wire.BudgetCharge), signature=signature)
        taken = self._stub.PutCharges(message).taken_over
        self._check_in(held)
        self._warn(
            f"the zone had lost {taken} charges to this party's budget and has taken them over again",
            "Ask the zone's operator whether it was restored from a backup.",
        )

    def _warn(self, message: str, hint: str) -> None:
        self._on_event(Warned(contract=self._contract.id, message=message, hint=hint))
