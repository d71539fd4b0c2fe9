"""What a change of a roster writes into the party's database."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from miyun.members.changing import PADDING, PaddingPoints, RosterChange, TypeChange

NOBODY = ""
"""In the place of a member: that a value was somebody's."""


@dataclass(frozen=True, slots=True)
class TypeRows:
    """Of one identifier type; ``digests`` are of the values whose ``claims`` these are."""

    points: list[tuple[Any, ...]]
    pads: PaddingPoints
    digests: list[bytes]
    claims: list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class RosterRows:
    """What a change writes into the tables."""

    members: list[tuple[Any, ...]]
    padding: list[tuple[Any, ...]]
    types: list[TypeRows]


def rows_of(change: RosterChange, contract: str, epoch: int) -> RosterRows:
    """The rows of a change, values in the order of the tables' columns."""
    key = contract, epoch
    return RosterRows(
        members=[(*key, each.member, each.handle, each.live) for each in change.members],
        padding=[(*key, pad.handle, pad.copied) for pad in change.padding],
        types=[_type_rows((*key, place), each) for place, each in enumerate(change.types)],
    )


def _type_rows(of_type: tuple[Any, ...], change: TypeChange) -> TypeRows:
    sent = [*enumerate(change.points, start=change.first)]
    bound = [
        *((rebind.position, rebind.value_digest, rebind.handle) for rebind in change.rebinds),
        *((position, point.value_digest, point.handle) for position, point in sent),
    ]
    pads = [
        *((pad.position, pad.home, pad.handle is not None) for pad in change.rebinds if pad.home is not None),
        *((position, point.handle, True) for position, point in sent if not point.value_digest),
    ]
    digests = [bytes.fromhex(claim.value_digest) for claim in change.claims]
    claims = zip(digests, (claim.members or (NOBODY,) for claim in change.claims), strict=True)
    return TypeRows(
        points=[(*of_type, at, bytes.fromhex(digest), handle) for at, digest, handle in bound if digest],
        pads=np.array(pads, PADDING),
        digests=digests,
        claims=[(*of_type, digest, member) for digest, members in claims for member in members],
    )
