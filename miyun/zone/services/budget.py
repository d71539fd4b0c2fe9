"""BudgetService."""

import grpc

from miyun.privacy.statements import BudgetCharge, BudgetLease
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.peer import current_peer
from miyun.wire.v1 import budget_pb2 as wire
from miyun.wire.v1.budget_pb2_grpc import BudgetServiceServicer
from miyun.zone.core import Core
from miyun.zone.operations import leases


class BudgetService(BudgetServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def PutLease(self, request: wire.PutLeaseRequest, context: grpc.ServicerContext) -> wire.PutLeaseResponse:
        statement = from_wire(request.statement, BudgetLease)
        leases.put_lease(self._core, current_peer(context).name, statement, request.signature)
        return wire.PutLeaseResponse()

    def ListCharges(self, request: wire.ListChargesRequest, context: grpc.ServicerContext) -> wire.ListChargesResponse:
        account = leases.list_charges(
            self._core, current_peer(context).name, request.contract, after=request.after, newest=request.newest
        )
        return wire.ListChargesResponse(
            charges=[
                wire.SignedBudgetCharge(statement=to_wire(charge, wire.BudgetCharge), signature=signature)
                for charge, signature in account.charges
            ],
            leased_micro=account.leased_micro,
            spent_micro=account.spent_micro,
        )

    def PutCharges(self, request: wire.PutChargesRequest, context: grpc.ServicerContext) -> wire.PutChargesResponse:
        charges = [(from_wire(signed.statement, BudgetCharge), signed.signature) for signed in request.charges]
        taken = leases.put_charges(self._core, current_peer(context).name, request.contract, charges)
        return wire.PutChargesResponse(taken_over=taken)
