"""An error raised in the zone is the same error at the caller; a defect is a defect and says nothing."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from miyun.errors import ExpressionError, InternalError, MalformedError, MiyunError
from miyun.keys.home import Home
from miyun.transport.channel import connect
from miyun.transport.faults import ERROR_METADATA, LOCAL_ERRORS, from_call
from miyun.wire.v1 import job_pb2
from miyun.wire.v1.job_pb2_grpc import JobServiceServicer, JobServiceStub, add_JobServiceServicer_to_server

TEXTS = {"message": "合同不允许 — no", "hint": "Ask the tea shop’s operator.", "clause": "grants[3].recipient"}
SECRET = "13800138000"


def tree(kind: type[MiyunError]) -> Iterator[type[MiyunError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


KINDS = sorted(set(tree(MiyunError)) - {MiyunError}, key=lambda kind: kind.__name__)


class Failing(JobServiceServicer):
    error: Exception

    def GetJob(self, request: job_pb2.GetJobRequest, context: grpc.ServicerContext) -> job_pb2.Job:
        raise self.error


@pytest.fixture(scope="module")
def failing(zone: Any, party_home: Home) -> Iterator[Any]:
    from miyun.transport.server import Server

    servicer = Failing()
    server = Server(zone.home, zone.authority, "127.0.0.1:0", workers=2)
    server.add_service(add_JobServiceServicer_to_server, servicer)
    zone.admit(party_home, f"127.0.0.1:{server.start()}")
    with connect(party_home) as channel:

        def call(error: Exception) -> MiyunError:
            servicer.error = error
            with pytest.raises(MiyunError) as caught:
                JobServiceStub(channel).GetJob(job_pb2.GetJobRequest(), timeout=20)
            return caught.value

        yield call
    server.stop(0)


def test_the_tree_is_whole() -> None:
    assert len(KINDS) == len({kind.code for kind in KINDS}) >= 19


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not issubclass(kind, LOCAL_ERRORS)])
def test_an_error_arrives_as_itself(failing: Any, kind: type[MiyunError]) -> None:
    message, *others = TEXTS
    more = {"position": 17} if kind is ExpressionError else {}

    error = failing(kind(TEXTS[message], **{name: TEXTS[name] for name in others}, **more))

    assert type(error) is kind
    assert {name: getattr(error, name) for name in TEXTS} == TEXTS
    assert str(error) == TEXTS["message"]
    if isinstance(error, ExpressionError):
        assert error.position == 17


@pytest.mark.parametrize(
    "error",
    [ValueError(SECRET), KeyError(SECRET), *[kind(SECRET, hint=SECRET, clause=SECRET) for kind in LOCAL_ERRORS]],
    ids=repr,
)
def test_a_defect_or_an_error_about_the_zones_own_files_leaks_nothing(failing: Any, error: Exception) -> None:
    caught = failing(error)

    assert type(caught) is InternalError
    assert SECRET not in f"{caught.message}{caught.hint}{caught.clause}"


def test_the_log_of_a_defect_has_its_trace_and_no_local_variables(failing: Any) -> None:
    with capture_logs() as entries:
        failing(ValueError("broken"))

    (entry,) = [entry for entry in entries if entry["event"] == "call-failed"]
    assert "ValueError: broken" in entry["trace"]
    assert "raise self.error" in entry["trace"]
    assert "exc_info" not in entry


def test_a_defect_shows_nothing_to_a_plain_grpc_client_either(
    zone: Any, party_home: Home, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = Failing()
    failing.error = ValueError(SECRET)
    zone.admit(party_home, serve((add_JobServiceServicer_to_server, failing)))
    monkeypatch.setattr("miyun.transport.channel.with_errors", lambda channel: channel)

    with connect(party_home) as channel, pytest.raises(grpc.RpcError) as caught:
        JobServiceStub(channel).GetJob(job_pb2.GetJobRequest(), timeout=20)

    call: Any = caught.value
    assert (call.code(), call.details()) == (grpc.StatusCode.INTERNAL, "internal")
    assert not call.trailing_metadata()


def test_what_a_terminal_would_obey_does_not_arrive() -> None:
    carried = {"code": "state", "message": "\x1b[2Jgone\x9b1m \ud800", "hint": "a\u202eb\n", "clause": "\x07"}
    call = SimpleNamespace(trailing_metadata=lambda: ((ERROR_METADATA, json.dumps(carried).encode()),))
    error = from_call(call)
    assert (error.message, error.hint, error.clause) == ("�[2Jgone�1m �", "a�b\n", "�")


def test_very_long_texts_are_cut_and_still_arrive(failing: Any) -> None:
    error = failing(MalformedError("长" * 5000, hint="短" * 5000, clause="x" * 5000))

    assert type(error) is MalformedError
    assert set(error.message) == {"长"}
    assert len(error.message) >= 500


@pytest.mark.parametrize("carried", [b"", b"\xff", b"[]", b"{}", b'{"code": "no-such"}', b'{"code": ["x"]}'])
def test_an_unreadable_error_is_malformed(zone: Any, party_home: Home, serve: Any, carried: bytes) -> None:
    class Strange(JobServiceServicer):
        def GetJob(self, request: job_pb2.GetJobRequest, context: grpc.ServicerContext) -> job_pb2.Job:
            context.set_trailing_metadata(((ERROR_METADATA, carried),))
            context.abort(grpc.StatusCode.ABORTED, "strange")

    zone.admit(party_home, serve((add_JobServiceServicer_to_server, Strange())))

    with connect(party_home) as channel, pytest.raises(MalformedError):
        JobServiceStub(channel).GetJob(job_pb2.GetJobRequest(), timeout=20)


def test_metadata_nested_too_deeply_to_be_read() -> None:
    call = SimpleNamespace(trailing_metadata=lambda: ((ERROR_METADATA, b"[" * 30_000),))

    assert isinstance(from_call(call), MalformedError)
