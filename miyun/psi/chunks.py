"""The bulk bytes of a chunk, beside its statements: sealed points, row handles and tokens, as all ends read them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from miyun.errors import MalformedError
from miyun.psi.context import HANDLE_BYTES, TOKEN_BYTES
from miyun.psi.rematch import NONE
from miyun.psi.statements import HandlesChunk, PointsChunk, Rebinds, TokensChunk

_RETRY = "Send the chunk again, exactly as it was."


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedChunk:
    """A chunk as its sender hands it in: points sealed to the counterparty, and their row handles for the zone."""

    points: PointsChunk
    points_signature: bytes
    sealed: bytes
    handles: HandlesChunk
    handles_signature: bytes
    handle_values: bytes


def make_handles_chunk(points: PointsChunk, handles: npt.NDArray[np.uint32]) -> tuple[HandlesChunk, bytes]:
    """The row handle at each position of ``points``, for the zone alone, with its statement."""
    data = handles.astype("<u4").tobytes()
    statement = HandlesChunk(
        contract=points.contract,
        job=points.job,
        epoch=points.epoch,
        type=points.type,
        party=points.sender,
        index=points.index,
        chunks=points.chunks,
        count=points.count,
        handles_digest=hashlib.sha256(data).digest(),
    )
    return statement, data


def read_handles(statement: HandlesChunk, data: bytes, universe: int) -> npt.NDArray[np.uint32]:
    """The handles of a chunk, each below ``universe`` and none twice.

    Raises:
        MalformedError: the bytes are not what the statement says, or no such handles.
    """
    _check_bytes(data, statement.count * HANDLE_BYTES, statement.handles_digest, "row handles")
    handles = np.frombuffer(data, "<u4").astype(np.uint32)
    if handles.size and int(handles.max()) >= universe:
        raise MalformedError("a row handle that was not announced", hint=_RETRY)
    if np.unique(handles).size != handles.size:
        raise MalformedError("a row handle twice in one chunk", hint=_RETRY)
    return handles


Rebound = tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]
"""Positions of points in ascending order, and the handle that each is bound to now, or `NONE`."""


def write_rebinds(types: Sequence[Rebound]) -> bytes:
    """Rebinds of all types, one type after the other, as they travel."""
    return b"".join(np.stack(rebound, axis=1).astype("<u4").tobytes() for rebound in types)


def read_rebinds(statement: Rebinds, data: bytes) -> tuple[Rebound, ...]:
    """The rebinds of each type, each position once and in ascending order, no handle twice.

    Raises:
        MalformedError: the bytes are not what the statement says, or not in this form.
    """
    _check_bytes(data, sum(statement.counts) * 2 * HANDLE_BYTES, statement.rebinds_digest, "rebinds")
    rows = np.frombuffer(data, "<u4").astype(np.uint32).reshape(-1, 2)
    types = []
    for part in np.split(rows, np.cumsum(statement.counts)[:-1]):
        positions, handles = part[:, 0], part[:, 1]
        bound = handles[handles != NONE]
        if np.any(positions[1:] <= positions[:-1]) or np.unique(bound).size != bound.size:
            raise MalformedError("rebinds that contradict each other", hint=_RETRY)
        types.append((positions, handles))
    return tuple(types)


def make_tokens_chunk(points: PointsChunk, tokens: bytes) -> TokensChunk:
    """The statement of the receiver of ``points`` about the tokens that it derived from them."""
    return TokensChunk(
        contract=points.contract,
        job=points.job,
        epoch=points.epoch,
        type=points.type,
        evaluator=points.receiver,
        sender=points.sender,
        index=points.index,
        chunks=points.chunks,
        count=points.count,
        points_digest=points.digest(),
        tokens_digest=hashlib.sha256(tokens).digest(),
    )


def check_tokens(statement: TokensChunk, tokens: bytes) -> None:
    """Refuse tokens that are not what the statement says: MalformedError."""
    _check_bytes(tokens, statement.count * TOKEN_BYTES, statement.tokens_digest, "tokens")


def check_sealed(statement: PointsChunk, sealed: bytes) -> None:
    """Refuse sealed points that are not what the statement says: MalformedError."""
    if hashlib.sha256(sealed).digest() != statement.sealed_digest:
        raise MalformedError("sealed points that are not the ones that were signed", hint=_RETRY)


def _check_bytes(data: bytes, size: int, digest: bytes, what: str) -> None:
    if len(data) != size:
        raise MalformedError(f"{len(data):,} bytes of {what} instead of {size:,}", hint=_RETRY)
    if hashlib.sha256(data).digest() != digest:
        raise MalformedError(f"{what} that are not the ones that were signed", hint=_RETRY)
