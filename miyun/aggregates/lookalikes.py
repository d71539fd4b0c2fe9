"""What is signed about lookalikes: weights of tags, given by the reader of a portrait to the owner of the tags.

They are sealed to that owner: the zone passes them on, and sees how many there are, as it does in the question.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

import rfc8785

from miyun.aggregates.statements import SegmentVersion
from miyun.records import Record, Statement

SCORE = "lookalike:"
"""Before a lookalike's name: what a person's part by score goes by in questions, whatever the catalogue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookalikeRelease(Statement):
    """``party`` gives weights away: of the tags of a question that it was answered, for ``seed`` against ``base``.

    ``question`` is the question's digest, `InsightRequest.question_digest`. ``rho_micro`` is what the party's own noise
    is worth, which is charged to its own rows. No digest of the weights is in here: the zone could guess few of them.
    """

    KIND: ClassVar[str] = "lookalike-release"

    contract: str
    contract_digest: bytes
    job: str
    name: str
    party: str
    question: bytes
    seed: SegmentVersion
    base: SegmentVersion
    rho_micro: int
    sealed_digest: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LookalikeReceived(Statement):
    """The word of ``party``, which owns the tags, that it has the weights of a release."""

    KIND: ClassVar[str] = "lookalike-received"

    contract: str
    job: str
    party: str
    release_digest: bytes
    at: datetime


class LookalikeState(StrEnum):
    RELEASED = "released"
    """On its way to the owner of the tags."""
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookalike(Record):
    """What parties see of a lookalike; the same fields as on the wire."""

    name: str
    party: str
    seed: SegmentVersion
    base: SegmentVersion
    rho_micro: int
    state: LookalikeState
    job: str
    at: datetime


def weights_info(*, contract: str, job: str, name: str, party: str, recipient: str, question: bytes) -> bytes:
    """HPKE's ``info`` for sealed weights: they open for this release and this recipient only."""
    header = {
        "contract": contract,
        "job": job,
        "name": name,
        "party": party,
        "recipient": recipient,
        "question": question.hex(),
    }
    return b"miyun/v1/lookalike\0" + rfc8785.dumps(header)
