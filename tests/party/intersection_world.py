"""Two parties that intersect their rows, and a zone in memory that keeps what they send each other."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

from miyun.contract.model import MATCHED, Grant, Rung
from miyun.party.intersection_states import IntersectionState, Learned
from miyun.party.tasks.outcome import Outcome
from miyun.party.tasks.runner import TaskRunner
from miyun.privacy.statements import BudgetCharge
from miyun.psi.intersection_sum.statements import (
    IntersectionChunk,
    IntersectionEnd,
    IntersectionOpening,
    IntersectionRequest,
    SummedColumn,
)
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import agent_pb2, two_party_pb2
from tests.paillier.keys import private_key
from tests.party.insight_world import MUCH, InsightZone
from tests.party.world import MERCHANT, NOW, PLATFORM, World

SPEND = SummedColumn(name="spend", low=0, high=6, step="1")
BOTH_WAYS = tuple(
    Grant(owner=owner, subject=MATCHED, rung=rung, recipient=recipient)
    for owner, recipient in ((PLATFORM, MERCHANT), (MERCHANT, PLATFORM))
    for rung in (Rung.EXACT_SIZE, Rung.INSIGHT)
)
"""Of the match; sizes of it are granted by the draft."""


@dataclass
class IntersectionZone(InsightZone):
    openings: dict[str, Any] = field(default_factory=dict)
    letters: dict[tuple[str, int], Any] = field(default_factory=dict)
    ends: list[IntersectionEnd] = field(default_factory=list)

    def charge_owner(self, owner: str, request: IntersectionRequest, rho_micro: int) -> None:
        charges = self.charged[owner]
        charge = BudgetCharge(
            contract=self.contract.id,
            owner=owner,
            sequence=len(charges) + 1,
            release=request.digest().hex(),
            purpose="intersection",
            rho_micro=rho_micro,
            spent_micro=sum(charge.rho_micro for charge, _ in charges) + rho_micro,
            at=NOW,
        )
        charges.append((charge, self.key.sign(charge)))

    def charge_both_for(self, request: IntersectionRequest) -> None:
        """As the real one does when it is asked."""
        matcher = self.contract.counterparty(request.holder).name
        for owner, rho_micro in ((matcher, request.totals_rho_micro), (request.holder, request.size_rho_micro)):
            if rho_micro:
                self.charge_owner(owner, request, rho_micro)

    def on_PutOpening(self, caller: str, message: Any) -> Any:
        assert self.openings.setdefault(caller, message) == message
        return self.receipt(from_wire(message.statement, IntersectionOpening), message.statement.job)

    def on_GetOpening(self, caller: str, message: Any) -> Any:
        held = self.openings.get(self.contract.counterparty(caller).name)
        if held is None:
            return two_party_pb2.GetOpeningResponse()
        return two_party_pb2.GetOpeningResponse(statement=held.statement, signature=held.signature)

    def on_PutChunk(self, caller: str, message: Any) -> Any:
        place = message.statement.step, message.statement.index
        assert self.letters.setdefault(place, message) == message
        return self.receipt(from_wire(message.statement, IntersectionChunk), message.statement.job)

    def on_GetChunk(self, caller: str, message: Any) -> Any:
        held = self.letters.get((message.step, message.index))
        if held is None:
            return two_party_pb2.GetChunkResponse()
        return two_party_pb2.GetChunkResponse(statement=held.statement, signature=held.signature, sealed=held.sealed)

    def on_PutEnd(self, caller: str, message: Any) -> Any:
        end = from_wire(message.statement, IntersectionEnd)
        self.ends.append(end)
        return self.receipt(end, end.job)


def intersection_request(world: World, **changes: Any) -> IntersectionRequest:
    """The merchant sums what its members spend over the users of the platform, which learns the size."""
    columns = changes.get("columns", (SPEND,))
    request = IntersectionRequest(
        contract="spring",
        contract_digest=world.contract.digest(),
        job="intersect-1",
        requester=MERCHANT,
        holder=MERCHANT,
        type="phone",
        holder_rows="",
        matcher_rows="",
        columns=columns,
        totals_rho_micro=MUCH if columns else 0,
        size_rho_micro=MUCH,
        exact_for=(),
        at=NOW,
    )
    return replace(request, **changes)


def intersect_task(world: World, request: IntersectionRequest, *, by: str = "") -> agent_pb2.Task:
    signature = world.home(by or request.requester).signing_key.sign(request)
    task = agent_pb2.IntersectTask(request=to_wire(request, two_party_pb2.IntersectionRequest), signature=signature)
    return agent_pb2.Task(job=request.job, intersect=task)


def zone_of(world: World) -> IntersectionZone:
    assert isinstance(world.zone, IntersectionZone)
    return world.zone


def with_keys(world: World) -> World:
    """Making a key takes seconds."""
    for name in (MERCHANT, PLATFORM):
        world.home(name).vault.put("paillier/spring", private_key().to_bytes())
    return world


@dataclass
class Agents:
    """Both parties' agents, each with what it has in memory, until its process dies."""

    world: World
    task: agent_pb2.Task
    told: list[Any] = field(default_factory=list)
    runners: dict[str, TaskRunner] = field(default_factory=dict)

    def go_on(self, name: str) -> Outcome:
        if name not in self.runners:
            self.runners[name] = TaskRunner(self.world.session(name), Event(), self.told.append)
        return self.runners[name].run(self.task)

    def restart(self, name: str) -> None:
        self.runners.pop(name, None)
        self.world.restart(name)

    def play(self, most: int = 50, until: Callable[[], bool] = lambda: False) -> None:
        """In turn, until both have ended or given up."""
        for _ in range(most):
            for name in (MERCHANT, PLATFORM):
                if until():
                    return
                if self.state(name) in {None, IntersectionState.EXCHANGING, IntersectionState.ENDING}:
                    self.go_on(name)
            if all(self.state(name) is IntersectionState.FINISHED for name in (MERCHANT, PLATFORM)):
                return
            if zone_of(self.world).refusals:
                return
        raise AssertionError("it does not come to an end")

    def state(self, name: str) -> IntersectionState | None:
        held = self.world.session(name).intersections.get("spring", self.task.job)
        return None if held is None else held.state

    def learned(self, name: str) -> Learned:
        held = self.world.session(name).intersections.get("spring", self.task.job)
        assert held is not None
        assert held.learned is not None
        return held.learned
