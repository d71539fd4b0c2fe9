"""Activations: requested once per idempotency key, sealed to the recipient, fetched and delivered by its agent."""

import hashlib
from dataclasses import dataclass, replace

from pyroaring import BitMap
from sqlalchemy import Connection

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import Job, JobKind
from miyun.contract.model import Contract
from miyun.contract.permissions import permit_activation
from miyun.errors import MalformedError, NotFoundError, NotPermittedError, ReplayError, StateError
from miyun.keys.sealing import SealingPublicKey
from miyun.segments.sealing_info import audience_info
from miyun.segments.statements import ActivationRequest, Delivery, SealedAudience
from miyun.zone.bitmaps import read_bitmap
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import (
    active_contract,
    contract_of_party,
    require_terms,
    verify_party,
)
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.operations.jobs import begin_job, finish_job, held_job, move_job, require_job
from miyun.zone.operations.segments import require_live, require_segment
from miyun.zone.operations.selections import ground_of, held_selection
from miyun.zone.operations.suppression import STEPS, ask_suppressions, follow_suppressions
from miyun.zone.store import activations as store
from miyun.zone.store.activations import Activation
from miyun.zone.store.jobs import signed_request
from miyun.zone.store.legs import erase_legs, leg_bits, legs_of

PAGE_BYTES = 2 << 20
LONGEST_KEY = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class AudiencePage:
    audience: SealedAudience
    signature: bytes
    sealed: bytes
    pages: int


def request_activation(
    core: Core, caller: str, request: ActivationRequest, signature: bytes
) -> tuple[Job, SignedReceipt]:
    """Begin to hand a segment's version to a party.

    Raises:
        NotPermittedError: a grant is missing, or the channel is not the contract's or the segment's.
        StateError: the segment or the version is gone or defined otherwise, or the key stands for another activation.
    """
    with core.changing() as change:
        contract = active_contract(change, request.contract, caller)
        verify_party(contract, caller, request.requester, request, signature)
        require_terms(contract, request.contract_digest, request)
        job = held_job(change, request, Event.ACTIVATION_REQUESTED, caller)
        if job is None:
            job = _begin(change, contract, request, signature)
            facts: dict[Fact, str | int] = {
                Fact.JOB: request.job,
                Fact.SEGMENT: request.segment,
                Fact.CHANNEL: request.channel,
                Fact.RECIPIENT: request.recipient,
            }
            record_statement(change, contract.id, Event.ACTIVATION_REQUESTED, caller, request, facts=facts)
        return job, receipt(core, change, contract.id, job.id, request)


def get_audience(core: Core, caller: str, contract: str, job: str, page: int) -> AudiencePage:
    """A page of the sealed audience, for its recipient.

    Raises:
        NotPermittedError: the caller is not the recipient.
        NotFoundError: there is none (yet), or no such page.
    """
    with core.reading() as connection:
        signed = contract_of_party(connection, contract, caller)
        signed.require_active(core.clock())
        activation = _activation(connection, contract, job)
        if activation.recipient != caller:
            raise NotPermittedError(
                f"this audience is for {activation.recipient}", hint="Let its agent fetch it.", clause="channels"
            )
        sealed = store.get_page(connection, contract, job, page)
        if activation.audience is None or sealed is None:
            raise NotFoundError("there is no such page of a sealed audience", hint="Look at the job.")
        return AudiencePage(
            audience=activation.audience,
            signature=activation.audience_signature,
            sealed=sealed,
            pages=store.count_pages(connection, contract, job),
        )


def put_delivery(core: Core, caller: str, statement: Delivery, signature: bytes) -> SignedReceipt:
    """Take the recipient's word that it delivered; the sealed audience is erased.

    Raises:
        ReplayError: it delivered another audience, or said otherwise before.
    """
    with core.changing() as change:
        contract = active_contract(change, statement.contract, caller)
        verify_party(contract, caller, statement.recipient, statement, signature)
        activation = _activation(change.connection, contract.id, statement.job)
        if activation.recipient != caller:
            raise NotPermittedError(
                f"this audience is for {activation.recipient}", hint="Let its agent deliver it.", clause="channels"
            )
        if activation.delivery is None:
            _deliver(change, contract, activation, statement)
        elif activation.delivery != statement:
            raise ReplayError("a delivery that differs from the one before", hint="Send what was sent before.")
        return receipt(core, change, contract.id, statement.job, statement)


def seal_audience(core: Core, contract: Contract, job: Job) -> bool:
    """Seal the audience of an activation, once its segment and both owners' opt-outs are there. False until then."""
    with core.reading() as connection:
        activation = _activation(connection, contract.id, job.id)
        if activation.audience is not None:
            return False
        handles = _audience(connection, contract, activation)
        request = ActivationRequest.from_canonical(signed_request(connection, contract.id, job.id).request)
    if handles is None:
        return False
    sealed = _seal(contract, request, activation, handles)
    with core.changing() as change:
        active_contract(change, contract.id, contract.parties[0].name)
        held = require_job(change.connection, contract.id, job.id)
        if _activation(change.connection, contract.id, job.id).audience is not None or held.state.ended:
            return False
        audience = SealedAudience(
            contract=contract.id,
            job=job.id,
            segment=request.segment,
            version=activation.version,
            epoch=activation.epoch,
            recipient=activation.recipient,
            channel=request.channel,
            request_digest=request.digest(),
            sealed_digest=hashlib.sha256(sealed).digest(),
            at=change.at,
        )
        pages = [sealed[start : start + PAGE_BYTES] for start in range(0, len(sealed), PAGE_BYTES)]
        store.put_audience(change.connection, audience, core.signing_key.sign(audience), pages)
        erase_legs(change.connection, contract.id, job.id)
        move_job(change, held, waiting_for=[activation.recipient], done=STEPS - 1, total=STEPS)
        facts: dict[Fact, str | int] = {
            Fact.JOB: job.id,
            Fact.SEGMENT: request.segment,
            Fact.VERSION: activation.version,
            Fact.RECIPIENT: activation.recipient,
            Fact.CHANNEL: request.channel,
        }
        record_statement(change, contract.id, Event.AUDIENCE_SEALED, core.name, audience, facts=facts)
    return True


def _begin(change: Change, contract: Contract, request: ActivationRequest, signature: bytes) -> Job:
    _require_free_key(change, request)
    segment = require_segment(change.connection, contract.id, request.segment)
    require_live(segment, change.at)
    permit_activation(
        contract,
        request.requester,
        request.recipient,
        request.channel,
        segment.subjects,
        universe=segment.universe,
    )
    if (request.definition, request.universe) != (segment.meaning, segment.universe):
        raise StateError(
            f"segment {segment.name} is not what the request says that it is",
            hint=f"Look at it and ask again; in the universe {segment.universe} it is: {segment.meaning}",
        )
    channels = segment.channels
    if request.channel not in channels:
        raise NotPermittedError(
            f"segment {segment.name} is not meant for channel {request.channel}",
            hint="Create a segment for this channel, or use: " + (", ".join(channels) or "none, it has no channel"),
            clause="channels",
        )
    if request.version not in {0, segment.version}:
        raise StateError(
            f"version {request.version} of segment {segment.name} is not there, version {segment.version} is",
            hint="Activate the newest version.",
        )
    activation = Activation(
        contract=contract.id,
        job=request.job,
        requester=request.requester,
        idempotency_key=request.idempotency_key,
        segment_job=segment.job,
        version=segment.version,
        epoch=segment.epoch,
        recipient=request.recipient,
    )
    job = begin_job(
        change, request, signature, requester=request.requester, subject=f"{segment.name}@{segment.version}"
    )
    store.add_activation(change.connection, activation)
    ask_suppressions(change, contract, activation)
    return follow_suppressions(change, contract, job)


def _require_free_key(change: Change, request: ActivationRequest) -> None:
    if not 0 < len(request.idempotency_key) <= LONGEST_KEY:
        raise MalformedError(f"an idempotency key has 1 to {LONGEST_KEY} characters", hint="Choose another key.")
    held = store.activation_with_key(change.connection, request.contract, request.requester, request.idempotency_key)
    if held is not None:
        raise StateError(
            f"this idempotency key stands for job {held.job}", hint="Choose another key for another activation."
        )


def _activation(connection: Connection, contract: str, job: str) -> Activation:
    require_job(connection, contract, job, JobKind.ACTIVATE)
    activation = store.find_activation(connection, contract, job)
    if activation is None:
        raise NotFoundError(f"there is no activation {job[:80]}", hint="List the jobs.")
    return activation


def _audience(connection: Connection, contract: Contract, activation: Activation) -> BitMap | None:
    """The recipient's handles in the segment, but those that opted out, and those whose match did with its owner."""
    epoch = activation.epoch
    selection = held_selection(connection, contract, activation.segment_job, epoch)
    legs = legs_of(connection, contract.id, activation.job, epoch)
    if selection is None or not legs or not all(leg.received for leg in legs):
        return None
    ground = ground_of(connection, contract, epoch)
    kept = selection.numbers
    for leg in legs:
        opted_out = read_bitmap(leg_bits(connection, leg), leg.handles)
        kept = kept - ground.selected(contract.party(leg.party).kind.namespace, opted_out, selection.universe).numbers
    return ground.rows(contract.party(activation.recipient).kind.namespace, replace(selection, numbers=kept))


def _seal(contract: Contract, request: ActivationRequest, activation: Activation, handles: BitMap) -> bytes:
    info = audience_info(
        contract=contract.id,
        job=activation.job,
        segment=request.segment,
        version=activation.version,
        epoch=activation.epoch,
        recipient=activation.recipient,
    )
    key = SealingPublicKey(contract.party(activation.recipient).sealing_key)
    return key.seal(handles.serialize(), info)


def _deliver(change: Change, contract: Contract, activation: Activation, statement: Delivery) -> None:
    if activation.audience is None or statement.audience_digest != activation.audience.digest():
        raise ReplayError("a delivery of another audience than the one sealed", hint="Fetch the audience again.")
    job = require_job(change.connection, contract.id, statement.job)
    if job.state.ended:
        raise StateError(f"job {job.id} is {job.state}", hint="Look at the job.")
    store.put_delivery(change.connection, statement)
    store.erase_pages(change.connection, contract.id, statement.job)
    finish_job(change, job)
    facts: dict[Fact, str | int] = {Fact.JOB: statement.job}
    record_statement(change, contract.id, Event.AUDIENCE_DELIVERED, statement.recipient, statement, facts=facts)
