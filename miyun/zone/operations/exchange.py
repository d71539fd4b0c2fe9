"""The exchange of a fusion: announcements, sealed points, tokens, each verified by the fusion's state machine."""

from dataclasses import dataclass
from functools import partial

from miyun.audit.events import Event, Fact
from miyun.chunking import CHUNK_POINTS
from miyun.errors import MalformedError, StateError
from miyun.keys.sealing import OVERHEAD_BYTES
from miyun.psi.chunks import SealedChunk
from miyun.psi.context import POINT_BYTES
from miyun.psi.statements import Announcement, PointsChunk, Rebinds, TokensChunk
from miyun.psi.zone_fusion import Verdict, ZoneFusion, ZoneFusionState
from miyun.zone.core import Core
from miyun.zone.operations.access import active_contract, contract_of_party, require_caller
from miyun.zone.operations.fusion import HOLD_SECONDS, find_fusion, held_fusion
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.operations.jobs import move_job, require_job
from miyun.zone.operations.machines import MachineChange, Machines
from miyun.zone.store import fusions as store
from miyun.zone.store.bulk import Content, drop_values, get_values, put_values
from miyun.zone.store.fusions import ChunkPlace, Fusion, FusionState


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedChunk:
    contract: str
    job: str
    type: str
    index: int


def announce(core: Core, machines: Machines, caller: str, statement: Announcement, signature: bytes) -> SignedReceipt:
    """Take a party's counts."""
    with machines.changing(core) as taken:
        change = taken.change
        contract = active_contract(change, statement.contract, caller)
        require_caller(contract, caller, statement.party, statement)
        fusion = held_fusion(change.connection, contract, statement.job)
        machine = taken.take(contract, fusion)
        if machine.accept_announcement(statement, signature) is Verdict.NEW:
            taken.moved = True
            _require_exchanging(fusion)
            store.add_announcement(change.connection, statement, signature)
            facts: dict[Fact, str | int] = {
                Fact.JOB: statement.job,
                Fact.EPOCH: statement.epoch,
                Fact.PADDED_COUNT: statement.handles,
            }
            record_statement(change, contract.id, Event.FUSION_ANNOUNCED, caller, statement, facts=facts)
            _moved(taken, fusion, machine)
        return receipt(core, change, contract.id, statement.job, statement)


def put_rebinds(
    core: Core, machines: Machines, caller: str, statement: Rebinds, signature: bytes, *, values: bytes
) -> SignedReceipt:
    """Take what the requester of a delta binds otherwise than before."""
    with machines.changing(core) as taken:
        change = taken.change
        contract = active_contract(change, statement.contract, caller)
        require_caller(contract, caller, statement.party, statement)
        fusion = held_fusion(change.connection, contract, statement.job)
        machine = taken.take(contract, fusion)
        if machine.accept_rebinds(statement, signature, values) is Verdict.NEW:
            taken.moved = True
            _require_exchanging(fusion)
            store.add_rebinds(change.connection, statement, values)
            facts: dict[Fact, str | int] = {Fact.JOB: statement.job, Fact.EPOCH: statement.epoch}
            record_statement(change, contract.id, Event.REBINDS_RECEIVED, caller, statement, facts=facts)
            _moved(taken, fusion, machine)
        return receipt(core, change, contract.id, statement.job, statement)


def put_points(core: Core, machines: Machines, caller: str, chunk: SealedChunk) -> SignedReceipt:
    """Take a chunk of sealed points for the counterparty, and their row handles."""
    points = chunk.points
    with machines.changing(core) as taken:
        change = taken.change
        contract = active_contract(change, points.contract, caller)
        require_caller(contract, caller, points.sender, points)
        _check_size(points, chunk.sealed)
        fusion = held_fusion(change.connection, contract, points.job)
        machine = taken.take(contract, fusion)
        verdict = machine.accept_points(
            points,
            chunk.points_signature,
            chunk.handles,
            chunk.handles_signature,
            sealed=chunk.sealed,
            handle_values=chunk.handle_values,
        )
        if verdict is Verdict.NEW:
            taken.moved = True
            _require_exchanging(fusion)
            store.add_points(change.connection, points, chunk.points_signature, chunk.handles, chunk.handles_signature)
            place = _place(points)
            put_values(change.connection, place, Content.SEALED, chunk.sealed)
            put_values(change.connection, place, Content.HANDLES, chunk.handle_values)
            facts = {**_chunk_facts(points), Fact.DIGEST: chunk.handles.digest().hex()}
            record_statement(change, contract.id, Event.POINTS_RECEIVED, caller, points, facts=facts)
            _moved(taken, fusion, machine)
        return receipt(core, change, contract.id, points.job, points)


def put_tokens(
    core: Core, machines: Machines, caller: str, statement: TokensChunk, signature: bytes, *, tokens: bytes
) -> SignedReceipt:
    """Take the tokens of one chunk; its sealed points are of no more use then."""
    with machines.changing(core) as taken:
        change = taken.change
        contract = active_contract(change, statement.contract, caller)
        require_caller(contract, caller, statement.evaluator, statement)
        fusion = held_fusion(change.connection, contract, statement.job)
        machine = taken.take(contract, fusion)
        if machine.accept_tokens(statement, signature, tokens) is Verdict.NEW:
            taken.moved = True
            _require_exchanging(fusion)
            store.add_tokens(change.connection, statement, signature)
            place = _place(statement)
            put_values(change.connection, place, Content.TOKENS, tokens)
            drop_values(change.connection, place, Content.SEALED)
            record_statement(
                change, contract.id, Event.TOKENS_RECEIVED, caller, statement, facts=_chunk_facts(statement)
            )
            _moved(taken, fusion, machine)
        return receipt(core, change, contract.id, statement.job, statement)


def get_points(core: Core, caller: str, wanted: WantedChunk) -> tuple[PointsChunk, bytes, bytes] | None:
    """The counterparty's sealed chunk with its signature; None where it is not there after a while.

    Raises:
        StateError: the fusion is over, or the chunk was evaluated before and is gone.
    """
    return core.bell.hold(caller, partial(_find_points, core, caller, wanted), HOLD_SECONDS)


def get_announcement(core: Core, caller: str, contract: str, job: str, party: str) -> tuple[Announcement, bytes] | None:
    """What a party announced, and its signature; None where it has not after a while."""
    return core.bell.hold(caller, partial(_find_announcement, core, caller, contract, job, party), HOLD_SECONDS)


def _find_announcement(
    core: Core, caller: str, contract: str, job: str, party: str
) -> tuple[Announcement, bytes] | None:
    with core.reading() as connection:
        signed = contract_of_party(connection, contract, caller)
        fusion = held_fusion(connection, signed.contract, job)
        return store.list_announcements(connection, contract, fusion.job).get(party)


def _find_points(core: Core, caller: str, wanted: WantedChunk) -> tuple[PointsChunk, bytes, bytes] | None:
    with core.reading() as connection:
        signed = contract_of_party(connection, wanted.contract, caller)
        fusion = find_fusion(connection, signed.contract, wanted.job)
        _require_exchanging(fusion)
        place = ChunkPlace(
            contract=wanted.contract,
            job=fusion.job,
            type=wanted.type,
            sender=signed.contract.counterparty(caller).name,
            index=wanted.index,
        )
        held = store.find_points(connection, place)
        if held is None:
            return None
        sealed = get_values(connection, place, Content.SEALED)
    if sealed is None:
        raise StateError("this chunk was evaluated before", hint="Go on with the next chunk.")
    return *held, sealed


def _require_exchanging(fusion: Fusion) -> None:
    if fusion.state is not FusionState.EXCHANGING:
        raise StateError(
            f"the fusion of epoch {fusion.epoch} is {fusion.state} and takes nothing new", hint="Look at its job."
        )


def _moved(taken: MachineChange, fusion: Fusion, machine: ZoneFusion) -> None:
    """Carry the machine's new state over to the job."""
    change = taken.change
    done, total = machine.progress()
    move_job(
        change,
        require_job(change.connection, fusion.contract, fusion.job),
        waiting_for=machine.waiting_for(),
        blocked=machine.state is ZoneFusionState.WAITING_FOR_PARTY,
        done=done,
        total=total,
    )
    if machine.complete:
        store.set_state(change.connection, fusion, FusionState.JOINING)
        taken.drop(fusion)
        change.work_for.add(fusion.contract)


def _check_size(points: PointsChunk, sealed: bytes) -> None:
    if not 0 < points.count <= CHUNK_POINTS or len(sealed) != points.count * POINT_BYTES + OVERHEAD_BYTES:
        raise MalformedError(
            f"{len(sealed):,} sealed bytes can't be a chunk of {points.count:,} points", hint="Send the chunk again."
        )


def _place(chunk: PointsChunk | TokensChunk) -> ChunkPlace:
    return ChunkPlace(contract=chunk.contract, job=chunk.job, type=chunk.type, sender=chunk.sender, index=chunk.index)


def _chunk_facts(chunk: PointsChunk | TokensChunk) -> dict[Fact, str | int]:
    return {
        Fact.JOB: chunk.job,
        Fact.EPOCH: chunk.epoch,
        Fact.TYPE: chunk.type,
        Fact.CHUNK: chunk.index,
        Fact.CHUNKS: chunk.chunks,
    }
