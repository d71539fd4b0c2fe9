"""Encrypted selections from the zone, each stretch of rows fetched and checked while the one before is counted."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import Self

from miyun.aggregates.chunks import CHUNK_HANDLES, chunk_count, read_chunk
from miyun.aggregates.encrypted import EncryptedRows, join_rows
from miyun.aggregates.job import InsightJob
from miyun.aggregates.statements import SelectionChunk
from miyun.errors import ReplayError, WaitingError
from miyun.party.session import Session
from miyun.transport.codec import from_wire
from miyun.wire.v1 import insight_pb2 as wire
from miyun.wire.v1.insight_pb2_grpc import InsightServiceStub

MOST_CALLS = 400
"""For one chunk. A zone works for some twenty seconds in each; without native kernels a chunk takes minutes."""

PAUSE_SECONDS = 0.25


class Selections:
    """Stretches of ``chunks`` chunks each: few large products cost less than many small ones."""

    def __init__(self, session: Session, job: InsightJob, chunks: int, stop: Event) -> None:
        self._stub = session.stub(InsightServiceStub)
        self._job = job
        self._chunks = chunks
        self._stop = stop
        self._over = False
        self._aside = ThreadPoolExecutor(1)
        self._ahead: dict[int, Future[EncryptedRows]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over = True
        self._aside.shutdown(cancel_futures=True)

    @property
    def handles(self) -> int:
        """Rows of a full stretch."""
        return self._chunks * CHUNK_HANDLES

    def stretch(self, index: int) -> EncryptedRows:
        """The rows of a stretch; the next one is on its way when this returns.

        Raises:
            SignatureError, MalformedError, ReplayError: not what the zone is to give for this job.
            WaitingError: the zone has not made it yet, or this agent is to stop.
        """
        begun = self._ahead.pop(index, None) or self._aside.submit(self._fetch, index)
        rows = begun.result()
        if rows.high < self._job.layout.handles:
            self._ahead[index + 1] = self._aside.submit(self._fetch, index + 1)
        return rows

    def _fetch(self, index: int) -> EncryptedRows:
        first, all_chunks = index * self._chunks, chunk_count(self._job.layout.handles)
        return join_rows(map(self._chunk, range(first, min(first + self._chunks, all_chunks))))

    def _chunk(self, index: int) -> EncryptedRows:
        answer = self._answer(index)
        chunk = from_wire(answer.statement, SelectionChunk)
        if chunk.index != index:
            raise ReplayError("the zone gave another chunk of a selection than was asked for", hint="Ask again.")
        return read_chunk(self._job, chunk, answer.signature, answer.ciphertexts)

    def _answer(self, index: int) -> wire.GetSelectionResponse:
        """A chunk, asked for until the zone has made it."""
        request = wire.GetSelectionRequest(contract=self._job.request.contract, job=self._job.request.job, index=index)
        for _ in range(MOST_CALLS):
            answer: wire.GetSelectionResponse = self._stub.GetSelection(request)
            if answer.HasField("statement"):
                return answer
            if self._over or self._stop.wait(PAUSE_SECONDS):
                break
        raise WaitingError("the zone is still encrypting the selection", hint="Wait until it has.")
