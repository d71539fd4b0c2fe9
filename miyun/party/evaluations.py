"""What this party multiplied for others: the durable cap, the points of the epoch, and the answers.

Multiplying a point answers a guess. So a chunk is counted, its points are remembered and its answer is stored in one
transaction that is on disk before the answer goes anywhere; the count is never lowered, whatever becomes of the job.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import ColumnElement, Engine, delete, func, insert, select, update

from miyun.contract.model import Contract
from miyun.errors import ReplayError, StateError
from miyun.party.evaluation_counts import count_points, require_room
from miyun.party.schema import evaluation_counts, evaluations
from miyun.party.seen import PREFIX_BYTES, SeenPrefixes, contains_any, sorted_prefixes
from miyun.psi.chunks import make_tokens_chunk
from miyun.psi.evaluation import SeenPoints
from miyun.psi.statements import PointsChunk, TokensChunk
from miyun.storage.database import changing, reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    statement: TokensChunk
    tokens: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenFile:
    """The points of one type that a fusion's job had evaluated, in a file to look them up in."""

    job: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stream:
    """One counterparty, type and epoch: within it no point comes twice."""

    contract: str
    counterparty: str
    type: str
    epoch: int


class Evaluations:
    """Safe for several threads of the one process that holds the agent's lock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._seen: dict[_Stream, SeenPrefixes] = {}

    def answer(
        self,
        contract: Contract,
        chunk: PointsChunk,
        compute: Callable[[SeenPoints], bytes],
        seen: SeenFile | None = None,
    ) -> Answer:
        """The tokens of a chunk: those that are stored, or what ``compute`` gives, counted and stored.

        ``compute`` evaluates the points, and shows them to what it is given before it multiplies one. ``seen``: what
        `keep_seen` wrote of the fusion that a delta changes.

        Raises:
            CapExceededError: the contract's cap does not leave so many points.
            ReplayError: another chunk stood at this place before, or a point came before in this epoch.
        """
        stream = _Stream(contract=contract.id, counterparty=chunk.sender, type=chunk.type, epoch=chunk.epoch)
        with self._lock:
            stored = self._stored(stream, chunk)
            if stored is not None:
                return stored
            memory = self._memory(stream, seen)
            claim = _Claim(self, stream, contract, memory)
            tokens = compute(claim)
            answer = Answer(statement=make_tokens_chunk(chunk, tokens), tokens=tokens)
            with self._engine.begin() as connection:
                count_points(connection, contract, stream.counterparty, stream.type, chunk.count)
                connection.execute(
                    insert(evaluations).values(
                        contract=stream.contract,
                        counterparty=stream.counterparty,
                        type=stream.type,
                        epoch=stream.epoch,
                        job=chunk.job,
                        chunk=chunk.index,
                        points_digest=chunk.digest(),
                        statement=answer.statement.canonical_bytes(),
                        prefixes=claim.prefixes,
                        tokens=tokens,
                        acknowledged=False,
                    )
                )
            memory.add(claim.prefixes)
            return answer

    def keep_seen(self, contract: str, counterparty: str, type_: str, epoch: int, file: SeenFile) -> None:
        """Write down, for deltas, which points of an epoch were evaluated so far, all of one job."""
        stream = _Stream(contract=contract, counterparty=counterparty, type=type_, epoch=epoch)
        with self._lock:
            self._memory(stream, None).write(file.path)

    def unacknowledged(self, contract: str, job: str) -> tuple[Answer, ...]:
        """Answers that may have been released, in the order of their chunks: the zone may hold them or not."""
        query = (
            select(evaluations.c.statement, evaluations.c.tokens)
            .where(
                evaluations.c.contract == contract,
                evaluations.c.job == job,
                evaluations.c.acknowledged.is_(False),
                evaluations.c.tokens.is_not(None),
            )
            .order_by(evaluations.c.type, evaluations.c.chunk)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return tuple(Answer(statement=TokensChunk.from_canonical(row.statement), tokens=row.tokens) for row in rows)

    def acknowledge(self, statement: TokensChunk) -> None:
        """The zone has these tokens."""
        with changing(self._engine) as connection:
            connection.execute(
                update(evaluations)
                .where(
                    evaluations.c.contract == statement.contract,
                    evaluations.c.counterparty == statement.sender,
                    evaluations.c.type == statement.type,
                    evaluations.c.epoch == statement.epoch,
                    evaluations.c.job == statement.job,
                    evaluations.c.chunk == statement.index,
                )
                .values(acknowledged=True)
            )

    def acknowledged(self, contract: str, job: str) -> Mapping[str, int]:
        """How many chunks of each type the zone has the tokens of."""
        query = (
            select(evaluations.c.type, func.count().label("chunks"))
            .where(evaluations.c.contract == contract, evaluations.c.job == job, evaluations.c.acknowledged.is_(True))
            .group_by(evaluations.c.type)
        )
        with reading(self._engine) as connection:
            return {row.type: row.chunks for row in connection.execute(query)}

    def counts(self, contract: str, counterparty: str) -> Mapping[str, int]:
        """Points of each type that were ever evaluated."""
        query = select(evaluation_counts.c.type, evaluation_counts.c.evaluated).where(
            evaluation_counts.c.contract == contract, evaluation_counts.c.counterparty == counterparty
        )
        with reading(self._engine) as connection:
            return {row.type: row.evaluated for row in connection.execute(query)}

    def counts_before(self, contract: str, counterparty: str, job: str) -> Mapping[str, int]:
        """The same without those of one job."""
        size = func.sum(func.length(evaluations.c.prefixes)).label("size")
        query = (
            select(evaluations.c.type, size)
            .where(evaluations.c.contract == contract, evaluations.c.job == job)
            .group_by(evaluations.c.type)
        )
        with reading(self._engine) as connection:
            here = {row.type: row.size // PREFIX_BYTES for row in connection.execute(query)}
        return {type_: count - here.get(type_, 0) for type_, count in self.counts(contract, counterparty).items()}

    def forget_answers(self, contract: str, job: str) -> None:
        """Drop the tokens of a job that has ended."""
        with changing(self._engine) as connection:
            connection.execute(
                update(evaluations)
                .where(evaluations.c.contract == contract, evaluations.c.job == job)
                .values(tokens=None)
            )
        with self._lock:
            for stream in [held for held, seen in self._seen.items() if held.contract == contract and not seen.on_disk]:
                del self._seen[stream]

    def forget_points(self, contract: str, *, before_epoch: int) -> None:
        """Drop the points of epochs whose scalars are gone: nothing can be multiplied by them again."""
        with self._lock:
            with self._engine.begin() as connection:
                connection.execute(
                    delete(evaluations).where(evaluations.c.contract == contract, evaluations.c.epoch < before_epoch)
                )
            for stream in [held for held in self._seen if held.contract == contract and held.epoch < before_epoch]:
                del self._seen[stream]

    def _stored(self, stream: _Stream, chunk: PointsChunk) -> Answer | None:
        query = select(evaluations.c.points_digest, evaluations.c.statement, evaluations.c.tokens).where(
            *_of(stream), evaluations.c.job == chunk.job, evaluations.c.chunk == chunk.index
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        if row.points_digest != chunk.digest():
            raise ReplayError(
                "another chunk came at this place before", hint="Run `miyun audit verify`, then fuse again."
            )
        if row.tokens is None:
            raise StateError("this fusion has ended here", hint="Fuse again.")
        return Answer(statement=TokensChunk.from_canonical(row.statement), tokens=row.tokens)

    def _memory(self, stream: _Stream, file: SeenFile | None) -> SeenPrefixes:
        if stream not in self._seen:
            there = file if file is not None and file.path.is_file() else None
            seen = SeenPrefixes(None if there is None else there.path)
            query = select(evaluations.c.prefixes).where(*_of(stream))
            if there is not None:
                query = query.where(evaluations.c.job != there.job)
            with reading(self._engine) as connection:
                for prefixes in connection.scalars(query):
                    seen.add(prefixes)
            self._seen[stream] = seen
        return self._seen[stream]

    def _refuse_repeats(self, stream: _Stream, suspects: frozenset[bytes]) -> None:
        if not suspects:
            return
        with reading(self._engine) as connection:
            stored = connection.scalars(select(evaluations.c.prefixes).where(*_of(stream)))
            if any(contains_any(held, suspects) for held in stored):
                raise ReplayError(
                    "a point that came before in this epoch",
                    hint="Ask the sender to check its installation: no correct one sends a point twice.",
                )


class _Claim:
    """The points of one chunk, checked; they count when their answer is stored."""

    def __init__(self, store: Evaluations, stream: _Stream, contract: Contract, memory: SeenPrefixes) -> None:
        self._store = store
        self._memory = memory
        self._stream = stream
        self._contract = contract
        self.prefixes = b""

    def claim(self, points: bytes) -> None:
        """Check the points. Raises CapExceededError, ReplayError."""
        self.prefixes = sorted_prefixes(points)
        with reading(self._store._engine) as connection:
            stream, count = self._stream, len(self.prefixes) // PREFIX_BYTES
            require_room(connection, self._contract, stream.counterparty, stream.type, count)
        self._store._refuse_repeats(self._stream, self._memory.suspects(self.prefixes))


def _of(stream: _Stream) -> tuple[ColumnElement[bool], ...]:
    return (
        evaluations.c.contract == stream.contract,
        evaluations.c.counterparty == stream.counterparty,
        evaluations.c.type == stream.type,
        evaluations.c.epoch == stream.epoch,
    )
