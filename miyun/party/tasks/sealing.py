"""Own chunks of a fusion, blinded and sealed one ahead of the one that is due."""

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Protocol, Self

from miyun.contract.model import Contract
from miyun.members.roster import RosterChunk
from miyun.party.blinding_scalars import BlindingScalars
from miyun.party.fusion_states import Fusion
from miyun.party.session import Session
from miyun.psi.blinding import blind, make_points_chunk
from miyun.psi.chunks import SealedChunk, make_handles_chunk
from miyun.psi.context import FusionContext


class ChunkRows(Protocol):
    def chunk(self, type_: str, index: int) -> RosterChunk:
        """The points of a chunk, in upload order."""
        ...


class Sealer:
    """Every chunk is stored before it is given out: whoever asks again gets the same bytes."""

    def __init__(
        self, session: Session, contract: Contract, fusion: Fusion, rows: ChunkRows, scalars: BlindingScalars
    ) -> None:
        self._session = session
        self._contract = contract
        self._fusion = fusion
        self._rows = rows
        self._scalars = scalars
        self._aside = ThreadPoolExecutor(1)
        self._ahead: dict[tuple[str, int], Future[SealedChunk]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._aside.shutdown(cancel_futures=True)

    def chunk(self, type_: str, index: int) -> SealedChunk:
        """The chunk at this place."""
        begun = self._ahead.pop((type_, index), None)
        return self._stored(type_, index) if begun is None else begun.result()

    def begin(self, type_: str, index: int) -> None:
        """Seal the chunk at this place meanwhile: it is the next one."""
        self._ahead[type_, index] = self._aside.submit(self._stored, type_, index)

    def _stored(self, type_: str, index: int) -> SealedChunk:
        outbox = self._session.outbox
        chunk = outbox.get(self._contract.id, self._fusion.job, type_, index)
        if chunk is None:
            chunk = self._seal(type_, index)
            outbox.put(chunk)
        return chunk

    def _seal(self, type_: str, index: int) -> SealedChunk:
        contract, session = self._contract, self._session
        rows = self._rows.chunk(type_, index)
        context = FusionContext.of(contract, self._fusion.epoch, type_)
        chunks = next(count.chunks for count in self._fusion.announcement.counts if count.type == type_)
        points, sealed = make_points_chunk(
            context,
            blind(context, rows.values, self._scalars.get(type_)),
            contract=contract.id,
            job=self._fusion.job,
            sender=session.name,
            receiver=contract.counterparty(session.name),
            index=index,
            chunks=chunks,
        )
        handles, handle_values = make_handles_chunk(points, rows.handles)
        return SealedChunk(
            points=points,
            points_signature=session.sign(points),
            sealed=sealed,
            handles=handles,
            handles_signature=session.sign(handles),
            handle_values=handle_values,
        )
