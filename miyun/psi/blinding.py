"""The sender's side of a chunk: hash, blind, seal; and the receiver's first step, to open it.

Matching by commuting exponents (Meadows, IEEE S&P 1986; Huberman, Franklin, Hogg, EC 1999), with a zone between the
parties. With H a random oracle into a group of prime order in which DDH is hard, the points m·H(x) of distinct x are
indistinguishable from uniform elements, by a hybrid over the values: that is what the receiver sees, and why padding
with uniform elements can't be told from rows. Parties are semi-honest; what is malformed is refused all the same.

The receiver holds p and may compute p·H(x′) itself, but not m·H(x′): to test a guess x′ it has to have m applied to
it, which only the sender's evaluator does, a capped number of times (one-more Diffie-Hellman). The points are sealed
to the receiver with a post-quantum hybrid: whoever records them today holds neither factor of anything when discrete
logarithms fall.
"""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

import numpy as np

from miyun.contract.model import PartyTerms
from miyun.errors import MalformedError
from miyun.hazmat.ristretto import POINT_BYTES, UNIFORM_BYTES, backend
from miyun.hazmat.scalars import SecretScalar
from miyun.keys.sealing import SealingPublicKey
from miyun.keys.unsealing import SealingKey
from miyun.psi.chunks import check_sealed
from miyun.psi.context import FusionContext, HashDomain
from miyun.psi.statements import PointsChunk


def blind(domain: HashDomain, values: Sequence[bytes | None], scalar: SecretScalar) -> bytes:
    """The blinded points k·H(value), 32 bytes each, in order. None becomes a uniform element: padding."""
    real = np.fromiter((value is not None for value in values), bool, len(values))
    present = [value for value in values if value is not None]
    offsets = np.fromiter(accumulate(map(len, present), initial=0), "<u4", len(present) + 1)
    blinded = backend().blind(b"".join(present), offsets.tobytes(), domain.dst(), scalar)
    padding = backend().map_to_group(os.urandom(UNIFORM_BYTES * (len(values) - len(present))))
    points = np.empty((len(values), POINT_BYTES), np.uint8)
    points[real] = np.frombuffer(blinded, np.uint8).reshape(-1, POINT_BYTES)
    points[~real] = np.frombuffer(padding, np.uint8).reshape(-1, POINT_BYTES)
    return points.tobytes()


def make_points_chunk(
    context: FusionContext,
    points: bytes,
    *,
    contract: str,
    job: str,
    sender: str,
    receiver: PartyTerms,
    index: int,
    chunks: int,
) -> tuple[PointsChunk, bytes]:
    """Seal blinded points to ``receiver``; gives the statement for the sender to sign, and the sealed bytes."""
    header = PointsChunk(
        contract=contract,
        job=job,
        epoch=context.epoch,
        type=context.type,
        sender=sender,
        receiver=receiver.name,
        index=index,
        chunks=chunks,
        count=len(points) // POINT_BYTES,
        sealed_digest=b"",
    )
    sealed = SealingPublicKey(receiver.sealing_key).seal(points, context.seal_info(header))
    return replace(header, sealed_digest=hashlib.sha256(sealed).digest()), sealed


def open_chunk(context: FusionContext, chunk: PointsChunk, sealed: bytes, key: SealingKey) -> bytes:
    """The points of a chunk, 32 bytes each; not validated as group elements yet.

    Raises:
        MalformedError: other bytes than the statement's, sealed for another key or place, or another number of points.
    """
    check_sealed(chunk, sealed)
    points = key.open(sealed, context.seal_info(chunk))
    if len(points) != chunk.count * POINT_BYTES:
        raise MalformedError("a sealed chunk with another number of points than it says")
    return points
