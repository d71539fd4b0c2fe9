"""Two sides whose rows change within an epoch, and the plaintext model of what is matched then."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from miyun.contract.model import Contract
from miyun.psi.chunks import write_rebinds
from miyun.psi.rematch import NONE
from miyun.psi.statements import FuseRequest, Rebinds
from miyun.transport.codec import to_wire
from miyun.wire.v1 import fusion_pb2
from tests.zone.matching import Row, Side, exchange, fuse_request
from tests.zone.members import TYPES, Member, World

Points = Mapping[str, Sequence[tuple[str, int]]]
Bindings = Mapping[str, Mapping[int, int]]


@dataclass
class Party:
    """What one side has sent in an epoch: per type its points in order, and the handle each is bound to, or NONE."""

    member: Member
    handles: int = 0
    values: dict[str, list[str]] = field(default_factory=lambda: {type_: [] for type_ in TYPES})
    bound: dict[str, dict[int, int]] = field(default_factory=lambda: {type_: {} for type_ in TYPES})

    def sent(self, points: Points) -> None:
        for type_, added in points.items():
            for value, handle in added:
                self.bound[type_][len(self.values[type_])] = handle
                self.values[type_].append(value)

    def live(self, type_: str) -> dict[str, int]:
        held = self.bound[type_].items()
        return {self.values[type_][position]: handle for position, handle in held if handle != NONE}


@dataclass
class Changing:
    """A fused contract with deltas."""

    world: World
    contract: Contract
    parties: dict[str, Party]
    sequence: int = 0

    def request(self, requester: str, **changes: object) -> FuseRequest:
        self.sequence += 1
        request = fuse_request(self.contract, requester, 1, f"delta-{self.sequence}")
        return replace(request, **{"sequence": self.sequence, **changes})  # type: ignore[arg-type]

    def begin(self, request: FuseRequest) -> None:
        member = self.parties[request.requester].member
        member.fusions.RequestFusion(
            fusion_pb2.RequestFusionRequest(
                statement=to_wire(request, fusion_pb2.FuseRequest), signature=member.sign(request)
            )
        )

    def sides(self, request: FuseRequest, handles: int, points: Points) -> tuple[Side, Side]:
        """The requester's side of a delta, and the other's, which brings nothing."""
        own = self._side(request.requester, request, handles, points)
        other = self.contract.counterparty(request.requester).name
        return own, self._side(other, request, 0, dict.fromkeys(TYPES, ()))

    def put(
        self,
        own: Side,
        request: FuseRequest,
        bindings: Bindings,
        points: Sequence[fusion_pb2.PutPointsRequest] = (),
    ) -> fusion_pb2.PutDeltaResponse:
        """Announce and rebind at once, and send these points with it."""
        rebinds = self.rebinds(request, bindings)
        message = fusion_pb2.PutDeltaRequest(announcement=own.announcement_message(), rebinds=rebinds, points=points)
        return own.member.fusions.PutDelta(message)

    def rebinds(self, request: FuseRequest, bindings: Bindings) -> fusion_pb2.SignedRebinds:
        member = self.parties[request.requester].member
        types = [sorted(bindings[type_].items()) for type_ in TYPES]
        values = write_rebinds(
            [
                (np.array([at for at, _ in part], np.uint32), np.array([handle for _, handle in part], np.uint32))
                for part in types
            ]
        )
        statement = Rebinds(
            contract=self.contract.id,
            job=request.job,
            epoch=1,
            party=request.requester,
            counts=tuple(len(part) for part in types),
            rebinds_digest=hashlib.sha256(values).digest(),
        )
        return fusion_pb2.SignedRebinds(
            statement=to_wire(statement, fusion_pb2.Rebinds), signature=member.sign(statement), values=values
        )

    def change(self, requester: str, handles: int, points: Points, bindings: Bindings) -> str:
        """A whole delta; gives how its job ended."""
        request = self.request(requester)
        self.begin(request)
        own, other = self.sides(request, handles, points)
        self.put(own, request, bindings)
        exchange(own, other)
        state = self.world.finished(self.contract, request.job).state
        if state == "done":
            party = self.parties[requester]
            for type_, changed in bindings.items():
                party.bound[type_].update(changed)
            party.sent(points)
            party.handles += handles
        return state

    def model(self) -> set[tuple[int, int]]:
        """The pairs of handles that match, by priority."""
        left, right = (self.parties[party.name] for party in self.contract.parties)
        ends: tuple[set[int], set[int]] = (set(), set())
        pairs = set()
        for type_ in TYPES:
            there = right.live(type_)
            found = {(one, there[value]) for value, one in left.live(type_).items() if value in there}
            free = {pair for pair in found if pair[0] not in ends[0] and pair[1] not in ends[1]}
            for place in range(2):
                ends[place].update(pair[place] for pair in free)
            pairs |= free
        return pairs

    def _side(self, name: str, request: FuseRequest, handles: int, points: Points) -> Side:
        side = Side(self.parties[name].member, self.contract, request, [{}] * handles, seed=request.sequence)
        side._points = {type_: list(points[type_]) for type_ in TYPES}
        return side


def begin(world: World, contract: Contract, left: Sequence[Row], right: Sequence[Row]) -> Changing:
    """Fuse, so that rows can change."""
    changing = Changing(world, contract, {})
    request = fuse_request(contract, contract.parties[0].name, 1)
    sides = []
    for member, rows in ((world.merchant, left), (world.platform, right)):
        side = Side(member, contract, request, rows)
        party = Party(member, handles=len(rows))
        party.sent(side._points)
        changing.parties[member.name] = party
        sides.append(side)
    changing.begin(request)
    exchange(sides[0], sides[1])
    assert world.finished(contract, request.job).state == "done"
    return changing


def drawn(changing: Changing, requester: str, chance: random.Random, bucket: int) -> tuple[int, Points, Bindings]:
    """A random change: values come anew, go, come back and move to other handles."""
    party = changing.parties[requester]
    handles = bucket * chance.randrange(1, 3)
    points: dict[str, list[tuple[str, int]]] = {}
    bindings: dict[str, dict[int, int]] = {}
    for type_ in TYPES:
        positions = chance.sample(range(len(party.values[type_])), bucket * chance.randrange(1, 4))
        taken = {handle for at, handle in party.bound[type_].items() if at not in positions and handle != NONE}
        free = [handle for handle in range(party.handles + handles) if handle not in taken]
        chance.shuffle(free)
        bindings[type_] = {at: free.pop() if chance.random() < 0.5 else NONE for at in positions}
        unused = [f"{type_}-{number}" for number in range(200)]
        values = chance.sample([value for value in unused if value not in party.values[type_]], bucket)
        points[type_] = [(value, free.pop()) for value in values]
    return handles, points, bindings
