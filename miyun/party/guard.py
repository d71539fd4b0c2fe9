"""The only door from what the zone passes on to work: an agent acts on nothing unsigned.

Each method takes a task as the zone sent it and gives the work that it stands for, after it was checked that this party
signed the contract itself and that the contract is in force; that the request names exactly this contract and is signed
with the key that the contract pins for whoever asks; and that the contract lets them.
"""

from dataclasses import dataclass

from miyun.aggregates.lookalikes import LookalikeRelease
from miyun.aggregates.statements import InsightRequest
from miyun.contract.model import Contract
from miyun.contract.permissions import (
    permit_activation,
    permit_channels,
    permit_fusion,
    permit_lookalike,
    permit_segment,
)
from miyun.errors import ContractError, NotPermittedError, ReplayError, SignatureError, WaitingError
from miyun.keys.signing import VerifyKey
from miyun.names import check_name
from miyun.party.definitions import Definitions
from miyun.party.insight_admission import InsightAdmission, InsightWork, weighed_tags
from miyun.party.intersection_admission import IntersectWork, admit_intersection
from miyun.party.lookalike_store import ReleasedLookalike
from miyun.party.progress import OnEvent, ignore
from miyun.party.requests import SignedRequest
from miyun.party.session import Session
from miyun.psi.intersection_sum.statements import IntersectionRequest
from miyun.psi.statements import FuseRequest
from miyun.segments.expression import Expression
from miyun.segments.near import permit_distances
from miyun.segments.parser import parse
from miyun.segments.planning import Plan, leaves, plan
from miyun.segments.statements import ActivationRequest, SegmentRequest
from miyun.transport.codec import from_wire
from miyun.wire.v1 import agent_pb2 as wire


@dataclass(frozen=True, slots=True, kw_only=True)
class FuseWork:
    contract: Contract
    request: FuseRequest
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LegWork:
    contract: Contract
    request: SegmentRequest
    epoch: int
    generation: int
    predicate: Expression
    first: int
    handles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressWork:
    contract: Contract
    request: ActivationRequest
    epoch: int
    handles: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverWork:
    contract: Contract
    request: ActivationRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class SendWork:
    """Weights that this party gives away."""

    contract: Contract
    released: ReleasedLookalike


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiveWork:
    """Weights that this party is given; ``tags`` are what they weigh, by id, in the order of the question."""

    contract: Contract
    release: LookalikeRelease
    tags: tuple[str, ...]


Work = FuseWork | LegWork | SuppressWork | DeliverWork | InsightWork | IntersectWork | SendWork | ReceiveWork


class Guard:
    """Every method raises ContractError (NotPermittedError, …), SignatureError, MalformedError or ReplayError.

    And InputError for a job or a segment that is not called by a name: here they name files; BudgetExceededError and
    WaitingError for a question that nobody has paid for.

    ``clause`` of the error names the part of the contract that stands against it.
    """

    def __init__(self, session: Session, on_event: OnEvent = ignore) -> None:
        self._session = session
        self._definitions = Definitions(session)
        self._on_event = on_event

    def admit(self, task: wire.Task) -> Work:  # noqa: PLR0911
        """The work that a task stands for."""
        match task.WhichOneof("work"):
            case "fuse":
                return self.fuse(task.fuse)
            case "leg":
                return self.leg(task.leg)
            case "suppress":
                return self.suppress(task.suppress)
            case "deliver":
                return self.deliver(task.deliver)
            case "insight":
                return self.insight(task.insight)
            case "intersect":
                return self.intersect(task.intersect)
            case "lookalike":
                return self.lookalike(task.lookalike)
        raise ContractError("the zone asks for work that this version does not know", hint="Update this agent.")

    def fuse(self, task: wire.FuseTask) -> FuseWork:
        request = from_wire(task.request, FuseRequest)
        contract = self._signed(request, request.requester, task.signature)
        permit_fusion(contract, request.requester)
        finished = self._session.fusions.newest_epoch(contract.id)
        if request.epoch < finished and self._session.fusions.get(contract.id, request.job) is None:
            raise ReplayError(f"epoch {request.epoch} was fused before; the newest is {finished}", hint="Ask anew.")
        if request.sequence and self._session.fusions.get(contract.id, request.job) is None:
            self._require_next_delta(contract, request)
        self._session.requests.keep(request, task.signature, subject=str(request.epoch))
        return FuseWork(contract=contract, request=request, signature=task.signature)

    def _require_next_delta(self, contract: Contract, request: FuseRequest) -> None:
        if not contract.delta_bucket:
            raise NotPermittedError(
                "the contract has no deltas: an epoch stays as it is", hint="Fuse anew.", clause="delta_bucket"
            )
        self._require_epoch(contract, request.epoch, oldest=0)
        if request.sequence <= self._session.fusions.newest_delta(contract.id, request.epoch):
            raise ReplayError("a delta that comes before one that is in", hint="Ask for the delta again.")

    def leg(self, task: wire.LegTask) -> LegWork:
        request = from_wire(task.request, SegmentRequest)
        contract = self._signed(request, request.owner, task.signature)
        if self._session.now() >= request.expires:
            raise ContractError(f"the segment “{request.name}” expired", hint="Create it anew.")
        check_name(request.name)
        expression = parse(request.definition)
        permit_channels(contract, request.channels)
        meaning = self._definitions.expanded(contract, expression, request.universe)
        permit_segment(contract, request.owner, plan(meaning.expression, meaning.universe).subjects)
        predicate = self._own_predicate(contract, request, task.predicate)
        permit_distances(contract, leaves(predicate))
        self._require_epoch(contract, task.epoch, oldest=0)
        self._require_handles(contract, task.epoch, task.first, task.handles)
        self._require_generation(contract, task.epoch, task.generation)
        self._session.requests.keep(request, task.signature, subject=request.name)
        return LegWork(
            contract=contract,
            request=request,
            epoch=task.epoch,
            generation=task.generation,
            predicate=predicate,
            first=task.first,
            handles=task.handles,
        )

    def suppress(self, task: wire.SuppressTask) -> SuppressWork:
        request = from_wire(task.request, ActivationRequest)
        contract = self._activation(request, task.signature)
        self._require_epoch(contract, task.epoch, oldest=-1)
        self._require_handles(contract, task.epoch, 0, task.handles)
        return SuppressWork(contract=contract, request=request, epoch=task.epoch, handles=task.handles)

    def deliver(self, task: wire.DeliverTask) -> DeliverWork:
        request = from_wire(task.request, ActivationRequest)
        contract = self._activation(request, task.signature)
        if request.recipient != self._session.name:
            raise NotPermittedError(
                f"this audience is for {request.recipient}, not for {self._session.name}",
                hint="Talk to the zone's operator.",
                clause="channels",
            )
        return DeliverWork(contract=contract, request=request)

    def insight(self, task: wire.InsightTask) -> InsightWork:
        request = from_wire(task.request, InsightRequest)
        contract = self._signed(request, request.requester, task.signature)
        self._require_epoch(contract, task.epoch, oldest=0)
        work = InsightAdmission(self._session, contract, self._on_event).admit(task, request)
        self._session.requests.keep(request, task.signature, subject=request.question_digest().hex())
        return work

    def intersect(self, task: wire.IntersectTask) -> IntersectWork:
        request = from_wire(task.request, IntersectionRequest)
        contract = self._signed(request, request.requester, task.signature)
        work = admit_intersection(self._session, contract, request, self._on_event)
        self._session.requests.keep(request, task.signature, subject=request.type)
        return work

    def lookalike(self, task: wire.LookalikeTask) -> SendWork | ReceiveWork:
        release = from_wire(task.request, LookalikeRelease)
        contract = self._signed(release, release.party, task.signature)
        check_name(release.name)
        segments = (segment.name for segment in (release.seed, release.base))
        permit_lookalike(contract, release.party, self._definitions.counted(contract, segments))
        if release.party == self._session.name:
            return SendWork(contract=contract, released=self._own_release(release))
        held = self._session.lookalikes.received(contract.id, release.name)
        if held is not None and held.release != release:
            raise ReplayError(
                f"lookalike {release.name} stood for other weights before", hint="Release by another name."
            )
        tags = weighed_tags(self._session, release)
        self._session.requests.keep(release, task.signature, subject=release.name)
        return ReceiveWork(contract=contract, release=release, tags=tags)

    def _own_release(self, release: LookalikeRelease) -> ReleasedLookalike:
        released = self._session.lookalikes.released(release.contract, release.name)
        if released is None or released.statement != release:
            raise ReplayError(
                f"this home knows nothing of the release of lookalike {release.name}",
                hint="Restore the home's newest backup, or release by another name.",
            )
        return released

    def _activation(self, request: ActivationRequest, signature: bytes) -> Contract:
        contract = self._signed(request, request.requester, signature)
        check_name(request.segment)
        disclosed = _written_out(request)
        permit_activation(
            contract,
            request.requester,
            request.recipient,
            request.channel,
            disclosed.subjects,
            universe=request.universe,
        )
        self._session.requests.keep(request, signature, subject=request.segment)
        return contract

    def _signed(self, request: SignedRequest, signer: str, signature: bytes) -> Contract:
        check_name(request.job)
        contract = self._session.accepted.active(request.contract, self._session.now())
        if request.contract_digest != contract.digest():
            raise ContractError(
                f"this {request.KIND} is about another document than the “{contract.id}” that was signed here",
                hint="Compare the contracts' fingerprints on both sides.",
                clause="id",
            )
        for index, party in enumerate(contract.parties):
            if party.name == signer:
                _verify(party.signing_key, request, signature, clause=f"parties[{index}].signing_key")
                return contract
        raise NotPermittedError(
            f"“{signer}” is no party of the contract “{contract.id}”", hint="Ask as a party.", clause="parties"
        )

    def _own_predicate(self, contract: Contract, request: SegmentRequest, text: str) -> Expression:
        own = contract.party(self._session.name).kind.namespace
        for leg in plan(parse(request.definition), request.universe).legs:
            if leg.namespace == own and leg.predicate.text() == text:
                return leg.predicate
        raise NotPermittedError(
            f"the zone asks for a predicate that the signed definition of “{request.name}” does not need",
            hint="Run `miyun audit verify`, and talk to the zone's operator.",
            clause="grants",
        )

    def _require_handles(self, contract: Contract, epoch: int, first: int, handles: int) -> None:
        """Pass for handles that this party announced."""
        about_to_finish = self._session.fusions.under_way(contract.id, epoch)
        announced = self._session.fusions.handles(contract.id, epoch)
        if 0 <= first < handles <= announced:
            return
        if about_to_finish:
            raise WaitingError("this party is about to finish a delta", hint="Wait a moment.")
        raise ReplayError(
            f"the zone asks about {handles:,} row handles; this party has {announced:,}", hint="Fuse again, then ask."
        )

    def _require_generation(self, contract: Contract, epoch: int, generation: int) -> None:
        """Pass for the data that this party has told the zone about."""
        about_to_begin = self._is_about_to_begin(contract, epoch, generation)
        current = self._session.generations.current(contract.id, epoch)
        if generation == current:
            return
        if generation < current or about_to_begin:
            raise WaitingError("this party's data was refreshed, and the zone is about to ask anew", hint="Wait.")
        raise ReplayError(
            f"the zone asks about generation {generation} of this party's data; the newest one here is {current}",
            hint="Fuse anew, then ask.",
        )

    def _is_about_to_begin(self, contract: Contract, epoch: int, generation: int) -> bool:
        pending = self._session.generations.pending(contract.id)
        if pending is not None and (pending.statement.epoch, pending.statement.generation) == (epoch, generation):
            return True
        return self._session.fusions.under_way(contract.id, epoch)

    def _require_epoch(self, contract: Contract, epoch: int, *, oldest: int) -> None:
        """Pass for the newest finished epoch, or as many before it as ``oldest`` says."""
        about_to_finish = self._session.fusions.under_way(contract.id, epoch)
        newest = self._session.fusions.newest_epoch(contract.id)
        if newest + oldest <= epoch <= newest and epoch > 0:
            return
        if about_to_finish:
            raise WaitingError(f"this party is about to finish epoch {epoch}", hint="Wait a moment.")
        raise ReplayError(
            f"the zone asks about epoch {epoch}; the newest one here is {newest}", hint="Fuse again, then ask."
        )


def _written_out(request: ActivationRequest) -> Plan:
    """What the signed definition discloses; no other segment's definition is taken on the zone's word."""
    expression = parse(request.definition)
    planned = plan(expression, request.universe)
    if planned.segments or expression.text() != request.definition:
        raise ContractError(
            f"the request to activate “{request.segment}” does not say in full what it discloses",
            hint="Ask again; the segments that a definition names have to be written out.",
        )
    return planned


def _verify(key: bytes, request: SignedRequest, signature: bytes, *, clause: str) -> None:
    try:
        VerifyKey(key).verify(request, signature)
    except SignatureError as error:
        raise SignatureError(error.message, hint=error.hint, clause=clause) from None
