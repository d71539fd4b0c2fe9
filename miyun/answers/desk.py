"""Every question from whoever asks, in whatever form, to its answer or refusal. No sockets."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

import structlog

from miyun.answers import forms
from miyun.answers.answering import Answer, Answering
from miyun.answers.askers import Asker, Askers
from miyun.answers.bytedance import (
    ByteDanceQuestion,
    read_bytedance,
    write_bytedance,
    write_bytedance_refusal,
)
from miyun.answers.forms import Code
from miyun.answers.metrics import Form, Metrics, Outcome
from miyun.errors import MalformedError
from miyun.wire.v1.answer_pb2 import AskRequest, AskResponse

A = TypeVar("A")
BEARER: Final = "Bearer "

_log = structlog.get_logger(__name__)


class RefusedError(Exception):
    """Why a question has no answer. ``words`` repeat nothing of the question."""

    def __init__(self, outcome: Outcome, words: str) -> None:
        super().__init__(words)
        self.outcome = outcome
        self.words = words


_CODES: Final = {
    Outcome.MALFORMED: Code.MALFORMED,
    Outcome.NOT_KNOWN: Code.NOT_KNOWN,
    Outcome.TOO_OFTEN: Code.TOO_OFTEN,
    Outcome.FAILED: Code.FAILED,
}


class Desk:
    """Several threads may come at once. Nothing that is asked is logged or kept."""

    def __init__(self, answering: Answering, askers: Askers, metrics: Metrics) -> None:
        self.answering = answering
        self.askers = askers
        self.metrics = metrics

    def rta(self, token: str, body: bytes | None) -> tuple[bytes, bool]:
        """The RTA response, whatever happens, and whether the asker is known.

        ``body`` is None where it was too large to be taken.
        """
        begun, request = time.perf_counter(), ""

        def ask() -> tuple[bytes, Outcome]:
            nonlocal request
            if body is None:
                raise MalformedError("too large")
            question = forms.read_rta(body)
            request = question.request
            if question.ping:
                return forms.write_pong(request), Outcome.PING
            answer = self.answering.answer(asker, question.ids)
            milliseconds = int((time.perf_counter() - begun) * 1000)
            return forms.write_rta(request, answer, milliseconds), _outcome(answer)

        try:
            asker = self._admit(token, Form.RTA, begun)
            return self._answered(asker, Form.RTA, begun, ask), True
        except RefusedError as refused:
            known = refused.outcome is not Outcome.NOT_KNOWN
            return forms.write_rta_refusal(_CODES[refused.outcome], request), known

    def bytedance(self, token: str, body: bytes | None) -> tuple[bytes, bool]:
        """The same in ByteDance's layout."""
        begun = time.perf_counter()
        question: ByteDanceQuestion | None = None

        def ask() -> tuple[bytes, Outcome]:
            nonlocal question
            if body is None:
                raise MalformedError("too large")
            question = read_bytedance(body)
            answer = self.answering.answer(asker, question.ids)
            return write_bytedance(question, answer), _outcome(answer)

        try:
            asker = self._admit(token, Form.BYTEDANCE, begun)
            return self._answered(asker, Form.BYTEDANCE, begun, ask), True
        except RefusedError as refused:
            known = refused.outcome is not Outcome.NOT_KNOWN
            return write_bytedance_refusal(_CODES[refused.outcome], question), known

    def json(self, token: str, body: bytes) -> bytes:
        """The JSON answer. Raises: RefusedError: there is none."""
        begun = time.perf_counter()
        asker = self._admit(token, Form.JSON, begun)

        def ask() -> tuple[bytes, Outcome]:
            answer = self.answering.answer(asker, forms.read_json(body))
            return forms.write_json(answer), _outcome(answer)

        return self._answered(asker, Form.JSON, begun, ask)

    def grpc(self, token: str, message: AskRequest) -> AskResponse:
        """The answer for gRPC. Raises: RefusedError: there is none."""
        begun = time.perf_counter()
        asker = self._admit(token, Form.GRPC, begun)

        def ask() -> tuple[AskResponse, Outcome]:
            answer = self.answering.answer(asker, forms.read_grpc(message))
            return forms.write_grpc(answer), _outcome(answer)

        return self._answered(asker, Form.GRPC, begun, ask)

    def _admit(self, token: str, form: Form, begun: float) -> Asker:
        asker = self.askers.find(token) if token else None
        if asker is None:
            self.metrics.count("", form, Outcome.NOT_KNOWN, time.perf_counter() - begun)
            raise RefusedError(Outcome.NOT_KNOWN, "no token, or none that is good")
        if not asker.rate.take():
            self.metrics.count(asker.name, form, Outcome.TOO_OFTEN, time.perf_counter() - begun)
            raise RefusedError(Outcome.TOO_OFTEN, "more questions in a second than were agreed")
        return asker

    def _answered(self, asker: Asker, form: Form, begun: float, ask: Callable[[], tuple[A, Outcome]]) -> A:
        outcome = Outcome.FAILED
        try:
            answer, outcome = ask()
        except MalformedError as error:
            outcome = Outcome.MALFORMED
            raise RefusedError(outcome, error.message) from None
        except Exception as error:
            # Without the exception's text or values, among which there could be an id.
            _log.error("answer-failed", form=form.value, error=type(error).__name__)
            raise RefusedError(outcome, "this server failed") from None
        finally:
            self.metrics.count(asker.name, form, outcome, time.perf_counter() - begun)
        return answer


def bearer(header: str) -> str:
    """The token of an ``authorization`` header; empty where it has none."""
    return header.removeprefix(BEARER).strip() if header.startswith(BEARER) else ""


def _outcome(answer: Answer) -> Outcome:
    return Outcome.FOUND if answer.targets else Outcome.NOWHERE
