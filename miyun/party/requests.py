"""Signed requests that this party made, or that its guard let through."""

from typing import TypeVar

from sqlalchemy import ColumnElement, Engine, insert, select

from miyun.aggregates.lookalikes import LookalikeRelease
from miyun.aggregates.statements import InsightRequest
from miyun.errors import ReplayError
from miyun.party.schema import requests
from miyun.psi.intersection_sum.statements import IntersectionRequest
from miyun.psi.statements import FuseRequest
from miyun.segments.statements import ActivationRequest, SegmentRequest
from miyun.storage.database import reading

SignedRequest = (
    FuseRequest | SegmentRequest | ActivationRequest | InsightRequest | IntersectionRequest | LookalikeRelease
)

Request = TypeVar("Request", FuseRequest, SegmentRequest, ActivationRequest, InsightRequest, IntersectionRequest)


class Requests:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, request: SignedRequest, signature: bytes, *, subject: str) -> None:
        """Remember what was asked under a job's id.

        Raises:
            ReplayError: the id stood for something else before.
        """
        statement = request.canonical_bytes()
        with self._engine.begin() as connection:
            query = select(requests.c.kind, requests.c.statement).where(
                requests.c.contract == request.contract, requests.c.job == request.job
            )
            held = connection.execute(query).first()
            if held is None:
                connection.execute(
                    insert(requests).values(
                        contract=request.contract,
                        job=request.job,
                        kind=request.KIND,
                        subject=subject,
                        statement=statement,
                        signature=signature,
                    )
                )
            elif (held.kind, held.statement) != (request.KIND, statement):
                raise ReplayError(
                    f"job {request.job} stood for another request before",
                    hint="Ask anew, as a job of its own.",
                )

    def segments(self, contract: str) -> tuple[SegmentRequest, ...]:
        """The segment requests of a contract."""
        return tuple(request for request, _ in self._signed(SegmentRequest, requests.c.contract == contract))

    def segment(self, contract: str, job: str) -> SegmentRequest | None:
        """The segment request that a job's id stands for, if it is known."""
        found = self._of_job(SegmentRequest, contract, job)
        return None if found is None else found[0]

    def activation(self, contract: str, job: str) -> ActivationRequest | None:
        """The activation request that a job's id stands for, if it is known."""
        found = self._of_job(ActivationRequest, contract, job)
        return None if found is None else found[0]

    def fusion(self, contract: str, job: str) -> tuple[FuseRequest, bytes]:
        """The request of a fusion that this party takes part in, with its signature."""
        found = self._of_job(FuseRequest, contract, job)
        assert found is not None  # noqa: S101
        return found

    def intersection(self, contract: str, job: str) -> tuple[IntersectionRequest, bytes] | None:
        """The request that a job's id stands for, with its signature, if it is known."""
        return self._of_job(IntersectionRequest, contract, job)

    def insight(self, contract: str, job: str) -> tuple[InsightRequest, bytes] | None:
        """The question that a job's id stands for, with its signature, if it is known."""
        return self._of_job(InsightRequest, contract, job)

    def insights(self, contract: str, question: bytes) -> tuple[tuple[InsightRequest, bytes], ...]:
        """All requests that asked one question, by its digest."""
        return self._signed(InsightRequest, requests.c.contract == contract, requests.c.subject == question.hex())

    def _of_job(self, type_: type[Request], contract: str, job: str) -> tuple[Request, bytes] | None:
        found = self._signed(type_, requests.c.contract == contract, requests.c.job == job)
        return found[0] if found else None

    def _signed(self, type_: type[Request], *conditions: ColumnElement[bool]) -> tuple[tuple[Request, bytes], ...]:
        """Requests of one type, with their signatures."""
        query = select(requests.c.statement, requests.c.signature).where(*conditions, requests.c.kind == type_.KIND)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return tuple((type_.from_canonical(row.statement), row.signature) for row in rows)
