"""What this party was answered, kept before it is shown: asking again costs nothing and gives the same."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Engine, select
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.aggregates.statements import InsightRequest, OverlapAnswer
from miyun.insight.totals import Tags
from miyun.party.schema import insight_answers, insight_tags, overlaps
from miyun.storage.database import reading

SegmentNumbers = Sequence[int]
"""The noised totals of one segment, in the order of the question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``at`` is when the answer was released. ``tags`` are the question's, if it is about any."""

    request: InsightRequest
    job: str
    epoch: int
    at: datetime
    tags: Tags | None
    totals: tuple[SegmentNumbers, ...]


class InsightAnswers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, contract: str, question: bytes) -> Answer | None:
        """The answer to a question, by its digest."""
        found = self._select(insight_answers.c.question == question, contract)
        return found[0] if found else None

    def of_tags(self, contract: str) -> tuple[Answer, ...]:
        """All answers about tags, oldest first."""
        return self._select(insight_answers.c.tags.is_not(None), contract)

    def put(self, answer: Answer) -> None:
        """Keep an answer, durably, before it is shown."""
        request = answer.request
        document = None if answer.tags is None else _written(answer.tags)
        digest = None if document is None else hashlib.sha256(document).digest()
        with self._engine.begin() as connection:
            if document is not None:
                connection.execute(
                    upsert(insight_tags).values(digest=digest, document=document).on_conflict_do_nothing()
                )
            connection.execute(
                upsert(insight_answers)
                .values(
                    contract=request.contract,
                    question=request.question_digest(),
                    job=answer.job,
                    epoch=answer.epoch,
                    at=answer.at.isoformat(),
                    request=request.canonical_bytes(),
                    tags=digest,
                    totals=json.dumps([list(numbers) for numbers in answer.totals]).encode(),
                )
                .on_conflict_do_nothing()
            )

    def overlap(self, contract: str, question: bytes) -> OverlapAnswer | None:
        """The answer about what segments share, by the question's digest."""
        query = select(overlaps.c.statement).where(overlaps.c.contract == contract, overlaps.c.question == question)
        with reading(self._engine) as connection:
            statement = connection.scalar(query)
        return None if statement is None else OverlapAnswer.from_canonical(statement)

    def overlaps(self, contract: str) -> tuple[OverlapAnswer, ...]:
        """All answers about what segments share, oldest first."""
        query = select(overlaps.c.statement).where(overlaps.c.contract == contract)
        with reading(self._engine) as connection:
            found = [OverlapAnswer.from_canonical(statement) for statement in connection.scalars(query)]
        return tuple(sorted(found, key=lambda answer: answer.at))

    def put_overlap(self, question: bytes, answer: OverlapAnswer, signature: bytes) -> None:
        """Keep an answer, which the caller has verified."""
        with self._engine.begin() as connection:
            connection.execute(
                upsert(overlaps)
                .values(
                    contract=answer.contract,
                    question=question,
                    statement=answer.canonical_bytes(),
                    signature=signature,
                )
                .on_conflict_do_nothing()
            )

    def _select(self, condition: ColumnElement[bool], contract: str) -> tuple[Answer, ...]:
        query = (
            select(insight_answers, insight_tags.c.document)
            .join(insight_tags, insight_tags.c.digest == insight_answers.c.tags, isouter=True)
            .where(insight_answers.c.contract == contract, condition)
            .order_by(insight_answers.c.at)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return tuple(
            Answer(
                request=InsightRequest.from_canonical(row.request),
                job=row.job,
                epoch=row.epoch,
                at=datetime.fromisoformat(row.at),
                tags=None if row.document is None else _read(row.document),
                totals=tuple(json.loads(row.totals)),
            )
            for row in rows
        )


def _written(tags: Tags) -> bytes:
    plain = [list(tags.ids), list(tags.names), list(tags.dimensions), tags.dimension_of.tolist()]
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()


def _read(document: bytes) -> Tags:
    plain: list[list[Any]] = json.loads(document)
    return Tags(
        ids=tuple(plain[0]),
        names=tuple(plain[1]),
        dimensions=tuple(plain[2]),
        dimension_of=np.array(plain[3], np.int64),
    )
