"""A zone in memory that charges for weights and passes them on, and parties that release and receive them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from miyun.aggregates.lookalikes import Lookalike, LookalikeReceived, LookalikeRelease, LookalikeState
from miyun.contract.jobs import Job, JobKind, JobState
from miyun.contract.model import LOOKALIKE, MATCHED, Grant, Rung
from miyun.keys.signing import VerifyKey
from miyun.members.catalogue_file import read_catalogue
from miyun.party.jobs import JobsClient
from miyun.party.lookalikes import LookalikeClient, LookalikeWeights
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import agent_pb2, job_pb2, lookalike_pb2
from tests.party.insight_world import MUCH, AgentsInTurn, InsightZone, grants
from tests.party.world import MERCHANT, NOW, PLATFORM, World

SPENDERS = "members.spend in (4, 6, 8)"
GRANTS = (
    *grants(MATCHED, "tags"),
    Grant(owner=PLATFORM, subject=LOOKALIKE, rung=Rung.USE, recipient=MERCHANT),
    Grant(owner=PLATFORM, subject="tags.spend", rung=Rung.USE, recipient=MERCHANT),
    Grant(owner=MERCHANT, subject=MATCHED, rung=Rung.INSIGHT, recipient=PLATFORM),
    Grant(owner=MERCHANT, subject="members.spend", rung=Rung.INSIGHT, recipient=PLATFORM),
)


@dataclass
class LookalikeZone(InsightZone):
    """It charges the merchant for releases, as they come."""

    releases: dict[str, tuple[LookalikeRelease, bytes]] = field(default_factory=dict)
    sealed: dict[str, bytes] = field(default_factory=dict)
    received: dict[str, LookalikeReceived] = field(default_factory=dict)

    def on_ReleaseLookalike(self, caller: str, message: Any) -> Any:
        release = from_wire(message.statement, LookalikeRelease)
        VerifyKey(self.contract.party(caller).signing_key).verify(release, message.signature)
        if release.job not in self.releases:
            self.releases[release.job] = release, message.signature
            self.charge_owner(caller, release.digest().hex(), "lookalike", release.rho_micro)
        return lookalike_pb2.ReleaseLookalikeResponse(
            job=to_wire(self.view(release.job), job_pb2.Job), receipt=self.receipt(release, release.job)
        )

    def on_PutWeights(self, caller: str, message: Any) -> Any:
        self.sealed[message.job] = message.sealed
        return lookalike_pb2.PutWeightsResponse()

    def on_GetWeights(self, caller: str, message: Any) -> Any:
        return lookalike_pb2.GetWeightsResponse(sealed=self.sealed[message.job])

    def on_PutReceived(self, caller: str, message: Any) -> Any:
        statement = from_wire(message.statement, LookalikeReceived)
        VerifyKey(self.contract.party(caller).signing_key).verify(statement, message.signature)
        assert self.received.setdefault(statement.job, statement) == statement
        return self.receipt(statement, statement.job)

    def on_ListLookalikes(self, caller: str, message: Any) -> Any:
        found = [
            Lookalike(
                name=release.name,
                party=release.party,
                seed=release.seed,
                base=release.base,
                rho_micro=release.rho_micro,
                state=LookalikeState.READY,
                job=release.job,
                at=release.at,
            )
            for release, _ in self.releases.values()
            if release.name > message.after
        ]
        return lookalike_pb2.ListLookalikesResponse(lookalikes=[to_wire(one, lookalike_pb2.Lookalike) for one in found])

    def view(self, job: str) -> Job:
        if job not in self.releases:
            return super().view(job)
        return Job(
            id=job,
            contract=self.contract.id,
            kind=JobKind.LOOKALIKE,
            state=JobState.DONE
            if job in self.received
            else JobState.FAILED
            if job in self.refused
            else JobState.WAITING_FOR_PARTY,
            requester=MERCHANT,
            created=NOW,
            updated=NOW,
            error=self.refused.get(job, ""),
            subject=self.releases[job][0].name,
        )

    def open_tasks(self, party: str) -> list[agent_pb2.Task]:
        waiting = [
            job
            for job in self.releases
            if job not in self.received
            and job not in self.refused
            and party == (PLATFORM if job in self.sealed else MERCHANT)
        ]
        return [*super().open_tasks(party), *map(self.lookalike_task, waiting)]

    def lookalike_task(self, job: str) -> agent_pb2.Task:
        return lookalike_task(*self.releases[job])


def lookalike_task(release: LookalikeRelease, signature: bytes) -> agent_pb2.Task:
    request = to_wire(release, lookalike_pb2.LookalikeRelease)
    return agent_pb2.Task(job=release.job, lookalike=agent_pb2.LookalikeTask(request=request, signature=signature))


def client(world: World, name: str = MERCHANT) -> LookalikeClient:
    session = world.session(name)
    agents: Any = lambda on_event: AgentsInTurn(world)  # noqa: E731
    return LookalikeClient(session, JobsClient(session, agents), agents)


def release(
    world: World, name: str = "kind", branches: Sequence[str] = ("interest",), **choices: Any
) -> LookalikeWeights:
    chosen: dict[str, Any] = {"seed": "spenders", "portrait_rho_micro": MUCH, "rho_micro": MUCH, "per_person": 2}
    catalogue = read_catalogue(world.platform.path / "catalogue.csv")
    return client(world).release("spring", name, catalogue=catalogue, branches=branches, **(chosen | choices))


def lookalike_zone(world: World) -> LookalikeZone:
    assert isinstance(world.zone, LookalikeZone)
    return world.zone


def resigned(world: World, statement: LookalikeRelease, **changes: Any) -> agent_pb2.Task:
    """The release as the merchant would have signed it otherwise."""
    changed = replace(statement, **changes)
    signer = world.platform if changed.party == PLATFORM else world.merchant
    return lookalike_task(changed, signer.signing_key.sign(changed))
