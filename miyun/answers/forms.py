"""The forms that a question and its answer have: RTA, JSON and gRPC. Bytes in, bytes out; nobody is looked up here.

RTA (real-time audience answers) is what advertising platforms ask: protobuf over HTTP POST. Three of its conventions
decide what an answer must be:

- A response is always 200. What went wrong is in ``code``.
- Code 0 **without** targets accepts every campaign. So whoever is in no audience, and every failure, gets another code:
  nothing that goes wrong here can make a platform advertise to everybody.
- An answer may be used again, by device, for an hour at least. A failure says an hour.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated, Final

from google.protobuf.message import DecodeError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from miyun.answers.answering import MOST_IDS, SHORTEST_CACHE, Answer
from miyun.answers.ids import MAX_CHARACTERS, AnswerId, Kind, read_id
from miyun.errors import MalformedError
from miyun.members.reasons import Rejected
from miyun.wire.v1.answer_pb2 import AskRequest, AskResponse
from miyun.wire.v1.rta_pb2 import RtaRequest, RtaResponse

MOST_REQUEST_CHARACTERS: Final = 256
"""Of a request's own id in RTA, which is given back."""


class Code(IntEnum):
    """What an RTA response says. Every one but ``TARGETS`` rejects all campaigns."""

    TARGETS = 0
    NOWHERE = 1
    """In none of the audiences that this asker was given."""
    MALFORMED = 2
    NOT_KNOWN = 3
    """No token, or none that is good."""
    TOO_OFTEN = 4
    FAILED = 5


@dataclass(frozen=True, slots=True)
class RtaQuestion:
    """``ping`` measures the network and asks about nobody."""

    request: str
    ids: tuple[AnswerId, ...]
    ping: bool = False


def read_rta(body: bytes) -> RtaQuestion:
    """Read an RTA request; ids that the platform doubts or that are none are left out.

    Raises:
        MalformedError: it is none, or names too many ids.
    """
    try:
        message = RtaRequest.FromString(body)
    except DecodeError:
        raise MalformedError("no RTA request") from None
    if len(message.id) > MOST_REQUEST_CHARACTERS:
        raise MalformedError("the request's id is too long")
    if message.is_ping:
        return RtaQuestion(message.id, (), ping=True)
    device = message.device
    given = [
        (kind, value)
        for kind, value, doubt in (
            (Kind.IDFA_MD5, device.idfa_md5sum, device.IDFA_MD5_DOUBTFUL),
            (Kind.IMEI_MD5, device.imei_md5sum, device.IMEI_MD5_DOUBTFUL),
            (Kind.ANDROID_ID_MD5, device.android_id_md5sum, device.ANDROIDID_MD5_DOUBTFUL),
            (Kind.OAID_MD5, device.oaid_md5sum, device.OAID_MD5_DOUBTFUL),
        )
        if value and doubt not in device.doubtful_ids_list
    ]
    if device.QAID_DOUBTFUL not in device.doubtful_ids_list:
        given += [(Kind.CAID_MD5, one.qaid_md5sum) for one in device.qaid_infos if one.qaid_md5sum]
        given += [(Kind.CAID, one.qaid) for one in device.qaid_infos if one.qaid and not one.qaid_md5sum]
    given += [(Kind.OPENID, one.openid) for one in device.wx_openid if one.openid]
    return RtaQuestion(message.id, read_ids(given))


def write_rta(request: str, answer: Answer, milliseconds: int) -> bytes:
    """The response to a question that was looked up."""
    response = RtaResponse(
        request_id=request,
        code=Code.TARGETS if answer.targets else Code.NOWHERE,
        processing_time_ms=milliseconds,
        response_cache_time=answer.cache_seconds,
        out_target_id=answer.targets,
    )
    return response.SerializeToString()


def write_pong(request: str) -> bytes:
    """The response to a ping: nobody was asked about, so nothing is accepted by its code 0."""
    return RtaResponse(request_id=request, code=Code.TARGETS).SerializeToString()


def write_rta_refusal(code: Code, request: str = "") -> bytes:
    """The response where nobody was looked up."""
    return RtaResponse(request_id=request, code=code, response_cache_time=SHORTEST_CACHE).SerializeToString()


class _Asked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    value: Annotated[str, Field(max_length=MAX_CHARACTERS)]


class _Question(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: Annotated[tuple[_Asked, ...], Field(min_length=1, max_length=MOST_IDS)]


def read_json(body: bytes) -> tuple[AnswerId, ...]:
    """Read ``{"ids": [{"kind": "oaid", "value": "…"}, …]}``.

    Raises:
        MalformedError: it is something else, or names too many ids; the message repeats none of them.
    """
    try:
        question = _Question.model_validate_json(body)
    except ValidationError:
        raise MalformedError(
            'the question is not of the form {"ids": [{"kind": "oaid", "value": "…"}]}',
            hint=f"Give 1 to {MOST_IDS} ids; kinds are {', '.join(Kind)}.",
        ) from None
    return read_ids((one.kind, one.value) for one in question.ids)


def write_json(answer: Answer) -> bytes:
    """``{"targets": […], "cache_seconds": 86400}``"""
    return json.dumps({"targets": answer.targets, "cache_seconds": answer.cache_seconds}).encode()


def read_grpc(message: AskRequest) -> tuple[AnswerId, ...]:
    """Read what gRPC carried.

    Raises:
        MalformedError: no ids or too many, or a kind that is none.
    """
    if not 1 <= len(message.ids) <= MOST_IDS:
        raise MalformedError(f"a question has 1 to {MOST_IDS} ids")
    try:
        return read_ids((Kind(one.kind), one.value) for one in message.ids)
    except ValueError:
        raise MalformedError("a kind of id that is none", hint=f"Kinds are {', '.join(Kind)}.") from None


def write_grpc(answer: Answer) -> AskResponse:
    return AskResponse(targets=answer.targets, cache_seconds=answer.cache_seconds)


def read_ids(given: Iterable[tuple[Kind, str]]) -> tuple[AnswerId, ...]:
    """Those that are ids, in one spelling.

    Raises:
        MalformedError: there are too many of them.
    """
    read = [read_id(kind, value) for kind, value in given]
    if len(read) > MOST_IDS:
        raise MalformedError(f"more than {MOST_IDS} ids")
    return tuple(id_ for id_ in read if not isinstance(id_, Rejected))
