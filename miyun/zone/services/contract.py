"""ContractService."""

import grpc

from miyun.contract.lifecycle import SignedContract
from miyun.contract.statements import Delegation, Revocation
from miyun.transport.codec import from_wire, to_wire
from miyun.transport.peer import current_peer
from miyun.wire.v1 import contract_pb2 as wire
from miyun.wire.v1.contract_pb2_grpc import ContractServiceServicer
from miyun.zone.core import Core
from miyun.zone.operations import contracts


class ContractService(ContractServiceServicer):
    def __init__(self, core: Core) -> None:
        self._core = core

    def Propose(self, request: wire.ProposeRequest, context: grpc.ServicerContext) -> wire.ContractView:
        return self._view(contracts.propose(self._core, current_peer(context).name, request.document))

    def GetContract(self, request: wire.GetContractRequest, context: grpc.ServicerContext) -> wire.ContractView:
        return self._view(contracts.view(self._core, current_peer(context).name, request.contract))

    def ListContracts(
        self, request: wire.ListContractsRequest, context: grpc.ServicerContext
    ) -> wire.ListContractsResponse:
        signed = contracts.view_all(self._core, current_peer(context).name)
        return wire.ListContractsResponse(contracts=[self._view(contract) for contract in signed])

    def Sign(self, request: wire.SignContractRequest, context: grpc.ServicerContext) -> wire.ContractView:
        caller, given = current_peer(context).name, request.signature
        return self._view(contracts.sign(self._core, caller, request.contract, given.signer, given.signature))

    def Activate(self, request: wire.ActivateContractRequest, context: grpc.ServicerContext) -> wire.ContractView:
        return self._view(contracts.activate(self._core, current_peer(context).name, request.contract))

    def Revoke(self, request: wire.RevokeRequest, context: grpc.ServicerContext) -> wire.ContractView:
        statement = from_wire(request.statement, Revocation)
        return self._view(contracts.revoke(self._core, current_peer(context).name, statement, request.signature))

    def Delegate(self, request: wire.DelegateRequest, context: grpc.ServicerContext) -> wire.DelegateResponse:
        statement = from_wire(request.statement, Delegation)
        contracts.delegate(self._core, current_peer(context).name, statement, request.signature)
        return wire.DelegateResponse()

    def _view(self, signed: SignedContract) -> wire.ContractView:
        return wire.ContractView(
            document=signed.contract.canonical_bytes(),
            signatures=[
                wire.ContractSignature(signer=signer, signature=signature)
                for signer, signature in sorted(signed.signatures.items())
            ],
            state=signed.state(self._core.clock()),
            revocation=None if signed.revocation is None else to_wire(signed.revocation, wire.Revocation),
            revocation_signature=signed.revocation_signature,
        )
