"""The exchange of a fusion: announcements, sealed points, tokens, each verified by the fusion's state machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from miyun.audit.events import Event, Fact, Facts
from miyun.chunking import CHUNK_POINTS, MOST_SENT_AT_ONCE
from miyun.contract.model import Contract
from miyun.errors import MalformedError, StateError
from miyun.keys.sealing import OVERHEAD_BYTES
from miyun.psi.chunks import SealedChunk
from miyun.psi.context import POINT_BYTES
from miyun.psi.statements import Announcement, PointsChunk, Rebinds, TokensChunk
from miyun.psi.zone_fusion import Verdict, ZoneFusionState
from miyun.records import Statement
from miyun.zone.core import Core
from miyun.zone.operations.access import active_contract, contract_of_party, require_caller
from miyun.zone.operations.fusion import HOLD_SECONDS, find_fusion, held_fusion
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.operations.jobs import move_job, require_job
from miyun.zone.operations.machines import MachineChange, Machines
from miyun.zone.store import fusions as store
from miyun.zone.store.bulk import Content, drop_values, get_values, put_values
from miyun.zone.store.fusions import ChunkPlace, Fusion, FusionState

SignedPoints = tuple[PointsChunk, bytes, bytes]
"""A chunk with its sender's signature, and the sealed points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedChunk:
    contract: str
    job: str
    type: str
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What the requester of a delta sends at once; ``values`` are the rebinds' own."""

    announcement: Announcement
    announcement_signature: bytes
    rebinds: Rebinds
    rebinds_signature: bytes
    values: bytes
    chunks: tuple[SealedChunk, ...]


def announce(core: Core, machines: Machines, caller: str, statement: Announcement, signature: bytes) -> SignedReceipt:
    """Take a party's counts."""
    with _exchanging(core, machines, caller, statement) as one:
        one.announcement(statement, signature)
        return one.receipt(statement)


def put_delta(core: Core, machines: Machines, caller: str, delta: Delta) -> list[SignedReceipt]:
    """Take what the requester of a delta announces, binds otherwise than before, and sends of its points: all or
    nothing. Gives a receipt for each, in this order.
    """
    receipts = []
    with _exchanging(core, machines, caller, delta.announcement) as one:
        one.announcement(delta.announcement, delta.announcement_signature)
        receipts.append(one.receipt(delta.announcement))
        one.rebinds(delta.rebinds, delta.rebinds_signature, delta.values)
        receipts.append(one.receipt(delta.rebinds))
        for chunk in delta.chunks:
            one.points(chunk)
            receipts.append(one.receipt(chunk.points))
    return receipts


def put_points(core: Core, machines: Machines, caller: str, chunk: SealedChunk) -> SignedReceipt:
    """Take a chunk of sealed points for the counterparty, and their row handles."""
    with _exchanging(core, machines, caller, chunk.points) as one:
        one.points(chunk)
        return one.receipt(chunk.points)


def put_tokens(
    core: Core, machines: Machines, caller: str, statement: TokensChunk, signature: bytes, *, tokens: bytes
) -> SignedReceipt:
    """Take the tokens of one chunk; its sealed points are of no more use then."""
    with _exchanging(core, machines, caller, statement) as one:
        one.tokens(statement, signature, tokens)
        return one.receipt(statement)


@contextmanager
def _exchanging(
    core: Core, machines: Machines, caller: str, first: Announcement | PointsChunk | TokensChunk
) -> "Iterator[_Exchanging]":
    """One transaction about the fusion of a statement."""
    with machines.changing(core) as taken:
        contract = active_contract(taken.change, first.contract, caller)
        fusion = held_fusion(taken.change.connection, contract, first.job)
        one = _Exchanging(core, taken, contract, fusion, caller)
        yield one
        one.end()


class _Exchanging:
    """What one party says in one fusion, taken in as its state machine allows."""

    def __init__(self, core: Core, taken: MachineChange, contract: Contract, fusion: Fusion, caller: str) -> None:
        self._core = core
        self._taken = taken
        self._change = taken.change
        self._connection = taken.change.connection
        self._contract = contract
        self._fusion = fusion
        self._caller = caller
        self._machine = taken.take(contract, fusion)

    def announcement(self, statement: Announcement, signature: bytes) -> None:
        require_caller(self._contract, self._caller, statement.party, statement)
        if self._machine.accept_announcement(statement, signature) is not Verdict.NEW:
            return
        self._is_new()
        store.add_announcement(self._connection, statement, signature)
        self._note(
            Event.FUSION_ANNOUNCED,
            statement,
            {Fact.JOB: statement.job, Fact.EPOCH: statement.epoch, Fact.PADDED_COUNT: statement.handles},
        )

    def rebinds(self, statement: Rebinds, signature: bytes, values: bytes) -> None:
        require_caller(self._contract, self._caller, statement.party, statement)
        if self._machine.accept_rebinds(statement, signature, values) is not Verdict.NEW:
            return
        self._is_new()
        store.add_rebinds(self._connection, statement, values)
        self._note(Event.REBINDS_RECEIVED, statement, {Fact.JOB: statement.job, Fact.EPOCH: statement.epoch})

    def points(self, chunk: SealedChunk) -> None:
        points = chunk.points
        require_caller(self._contract, self._caller, points.sender, points)
        _check_size(points, chunk.sealed)
        verdict = self._machine.accept_points(
            points,
            chunk.points_signature,
            chunk.handles,
            chunk.handles_signature,
            sealed=chunk.sealed,
            handle_values=chunk.handle_values,
        )
        if verdict is not Verdict.NEW:
            return
        self._is_new()
        store.add_points(self._connection, points, chunk.points_signature, chunk.handles, chunk.handles_signature)
        place = _place(points)
        put_values(self._connection, place, Content.SEALED, chunk.sealed)
        put_values(self._connection, place, Content.HANDLES, chunk.handle_values)
        facts = {**_chunk_facts(points), Fact.DIGEST: chunk.handles.digest().hex()}
        self._note(Event.POINTS_RECEIVED, points, facts)

    def tokens(self, statement: TokensChunk, signature: bytes, tokens: bytes) -> None:
        require_caller(self._contract, self._caller, statement.evaluator, statement)
        if self._machine.accept_tokens(statement, signature, tokens) is not Verdict.NEW:
            return
        self._is_new()
        store.add_tokens(self._connection, statement, signature)
        place = _place(statement)
        put_values(self._connection, place, Content.TOKENS, tokens)
        drop_values(self._connection, place, Content.SEALED)
        self._note(Event.TOKENS_RECEIVED, statement, _chunk_facts(statement))

    def receipt(self, statement: Statement) -> SignedReceipt:
        return receipt(self._core, self._change, self._contract.id, self._fusion.job, statement)

    def _is_new(self) -> None:
        self._taken.moved = True
        _require_exchanging(self._fusion)

    def _note(self, event: Event, statement: Statement, facts: Facts) -> None:
        record_statement(self._change, self._contract.id, event, self._caller, statement, facts=facts)

    def end(self) -> None:
        """Carry the machine's new state over to the job."""
        if not self._taken.moved:
            return
        done, total = self._machine.progress()
        move_job(
            self._change,
            require_job(self._connection, self._contract.id, self._fusion.job),
            waiting_for=self._machine.waiting_for(),
            blocked=self._machine.state is ZoneFusionState.WAITING_FOR_PARTY,
            done=done,
            total=total,
        )
        if self._machine.complete:
            store.set_state(self._connection, self._fusion, FusionState.JOINING)
            self._taken.drop(self._fusion)
            self._change.work_for.add(self._contract.id)


def get_points(core: Core, caller: str, wanted: WantedChunk) -> SignedPoints | None:
    """The counterparty's sealed chunk with its signature; None where it is not there after a while.

    Raises:
        StateError: the fusion is over, or the chunk was evaluated before and is gone.
    """
    return core.bell.hold(caller, partial(_find_points, core, caller, wanted), HOLD_SECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What a party announced; of a delta with the first chunk of each type that is to be evaluated, as many as there
    are and as have room in one message.
    """

    statement: Announcement
    signature: bytes
    points: tuple[SignedPoints, ...]


def get_announcement(core: Core, caller: str, contract: str, job: str, party: str) -> Announced | None:
    """What a party announced; None where it has not after a while."""
    return core.bell.hold(caller, partial(_find_announcement, core, caller, contract, job, party), HOLD_SECONDS)


def _find_announcement(core: Core, caller: str, contract: str, job: str, party: str) -> Announced | None:
    with core.reading() as connection:
        signed = contract_of_party(connection, contract, caller)
        fusion = held_fusion(connection, signed.contract, job)
        found = store.list_announcements(connection, contract, fusion.job).get(party)
        if found is None:
            return None
        brought = fusion.sequence and fusion.state is FusionState.EXCHANGING and party != caller
        points = tuple(_first_points(connection, fusion, found[0])) if brought else ()
    return Announced(statement=found[0], signature=found[1], points=points)


def _first_points(connection: Connection, delta: Fusion, announced: Announcement) -> Iterator[SignedPoints]:
    left = MOST_SENT_AT_ONCE
    for count in announced.counts:
        place = ChunkPlace(contract=delta.contract, job=delta.job, type=count.type, sender=announced.party, index=0)
        held = store.find_points(connection, place)
        sealed = None if held is None or held[0].count > left else get_values(connection, place, Content.SEALED)
        if held is not None and sealed is not None:
            left -= held[0].count
            yield *held, sealed


def _find_points(core: Core, caller: str, wanted: WantedChunk) -> SignedPoints | None:
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
