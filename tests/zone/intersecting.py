"""Two parties that intersect their rows through a zone, with the machines that their agents drive."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from miyun.contract.jobs import Job
from miyun.contract.model import MATCHED, Contract, Grant, Rung
from miyun.hazmat.scalars import SecretScalar
from miyun.keys.unsealing import sealing_key
from miyun.paillier.fixed_base import FixedBase
from miyun.psi.intersection_sum.exchange import Await, AwaitOpening, Finished, Open, Send
from miyun.psi.intersection_sum.holder import Holder
from miyun.psi.intersection_sum.matcher import Matcher
from miyun.psi.intersection_sum.points import holder_points, matcher_points
from miyun.psi.intersection_sum.statements import (
    IntersectionChunk,
    IntersectionEnd,
    IntersectionOpening,
    IntersectionRequest,
    Step,
    SummedColumn,
)
from miyun.segments.own_rows import cut_by
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import agent_pb2
from miyun.wire.v1 import two_party_pb2 as wire
from miyun.wire.v1.two_party_pb2_grpc import IntersectionServiceStub
from tests.paillier.keys import private_key
from tests.psi.intersection_world import Data, no_noise
from tests.psi.world import SeenInMemory
from tests.zone.members import MERCHANT, NOW, PLATFORM, Member, World
from tests.zone.test_segments import in_force

KEY = private_key()
SPEND = SummedColumn(name="spend", low=-500, high=1000, step="0.01")
RHO = 1_000_000

GRANTS = tuple(
    Grant(owner=owner, subject=MATCHED, rung=rung, recipient=recipient)
    for owner, recipient in ((PLATFORM, MERCHANT), (MERCHANT, PLATFORM))
    for rung in (Rung.EXACT_SIZE, Rung.INSIGHT)
)


def agree(world: World, id_: str, **choices: Any) -> Contract:
    """A contract in force that grants both parties what intersections tell, with leases."""
    contract = world.draft(id_, **choices)
    contract = replace(contract, grants=(*contract.grants, *GRANTS))
    return in_force(world, contract)


def service(member: Member) -> IntersectionServiceStub:
    return IntersectionServiceStub(member.channel)


def make_request(contract: Contract, **changes: Any) -> IntersectionRequest:
    """The merchant sums its own column over the users of the platform, which learns the size."""
    request = IntersectionRequest(
        contract=contract.id,
        contract_digest=contract.digest(),
        job="intersect-1",
        requester=MERCHANT,
        holder=MERCHANT,
        type="phone",
        holder_rows="",
        matcher_rows="",
        columns=(SPEND,),
        totals_rho_micro=RHO,
        size_rho_micro=RHO // 2,
        exact_for=(),
        at=NOW,
    )
    return replace(request, **changes)


def ask(member: Member, request: IntersectionRequest, signer: Member | None = None) -> Job:
    answer = service(member).RequestIntersection(
        wire.RequestIntersectionRequest(
            statement=to_wire(request, wire.IntersectionRequest), signature=(signer or member).sign(request)
        )
    )
    return from_wire(answer.job, Job)


def put_opening(member: Member, opening: IntersectionOpening, signer: Member | None = None) -> None:
    service(member).PutOpening(
        wire.PutOpeningRequest(
            statement=to_wire(opening, wire.IntersectionOpening), signature=(signer or member).sign(opening)
        )
    )


def get_opening(member: Member, contract: Contract, job: str) -> wire.GetOpeningResponse:
    return service(member).GetOpening(wire.GetOpeningRequest(contract=contract.id, job=job))


def put_chunk(member: Member, chunk: IntersectionChunk, sealed: bytes, signer: Member | None = None) -> None:
    service(member).PutChunk(
        wire.PutChunkRequest(
            statement=to_wire(chunk, wire.IntersectionChunk), signature=(signer or member).sign(chunk), sealed=sealed
        )
    )


def get_chunk(member: Member, contract: Contract, job: str, step: str, index: int) -> wire.GetChunkResponse:
    return service(member).GetChunk(wire.GetChunkRequest(contract=contract.id, job=job, step=step, index=index))


def put_end(member: Member, request: IntersectionRequest, signer: Member | None = None, **changes: Any) -> None:
    end = IntersectionEnd(
        contract=request.contract, job=request.job, request_digest=request.digest(), party=member.name
    )
    end = replace(end, **changes)
    service(member).PutEnd(
        wire.PutEndRequest(statement=to_wire(end, wire.IntersectionEnd), signature=(signer or member).sign(end))
    )


def intersect_tasks(member: Member, contract: Contract) -> list[agent_pb2.IntersectTask]:
    return [
        task.intersect
        for task in member.tasks()
        if task.WhichOneof("work") == "intersect" and task.intersect.request.contract == contract.id
    ]


@dataclass
class Side:
    """One party, which keeps what it sent."""

    member: Member
    contract: Contract
    request: IntersectionRequest
    machine: Holder | Matcher
    sent: dict[tuple[Step, int], tuple[IntersectionChunk, bytes]] = field(default_factory=dict)

    def step(self) -> bool:
        """Do what is due; whether anything came of it."""
        exchange = self.machine.exchange
        match exchange.next_action():
            case Open(opening):
                put_opening(self.member, opening)
                exchange.on_opened()
            case AwaitOpening():
                answer = get_opening(self.member, self.contract, self.request.job)
                if not answer.HasField("statement"):
                    return False
                self.machine.on_opening(from_wire(answer.statement, IntersectionOpening), answer.signature)
            case Send(step, index):
                put_chunk(self.member, *self.sent.setdefault((step, index), self.machine.message(step, index)))
                exchange.on_sent(step, index)
            case Await(step, index):
                answer = get_chunk(self.member, self.contract, self.request.job, step, index)
                if not answer.HasField("statement"):
                    return False
                chunk = from_wire(answer.statement, IntersectionChunk)
                self.machine.take(chunk, answer.signature, answer.sealed, SeenInMemory())
            case Finished():
                return False
        return True


def make_sides(world: World, contract: Contract, request: IntersectionRequest, data: Data) -> tuple[Side, Side]:
    """The holder and the matcher. Their noise is none, as only a test can have it."""
    members = {member.name: member for member in world.parties}
    holder, matcher = members[request.holder], members[contract.counterparty(request.holder).name]
    subjects = cut_by(contract, {holder.name: request.holder_rows, matcher.name: request.matcher_rows})
    scalars = SecretScalar.random(), SecretScalar.random()
    summed = bool(request.columns)
    holding = Holder(
        contract,
        request,
        holder_points(request, data.holder, scalars[0]),
        scalars[0],
        sealing_key(holder.home),
        subjects=subjects,
        numbers=data.numbers,
        reader=KEY if summed else None,
        randomness=FixedBase(KEY.public_key) if summed else None,
    )
    matching = Matcher(
        contract,
        request,
        matcher_points(request, data.matcher, scalars[1]),
        scalars[1],
        sealing_key(matcher.home),
        subjects=subjects,
        noise=no_noise,
    )
    return Side(holder, contract, request, holding), Side(matcher, contract, request, matching)


def play(sides: Sequence[Side], until: Callable[[], bool] = lambda: False) -> None:
    """Both in turn, to the end or until it is so."""
    moved = True
    while moved:
        moved = False
        for side in sides:
            if until():
                return
            moved |= side.step()
