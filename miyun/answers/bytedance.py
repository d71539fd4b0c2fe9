"""ByteDance's form of RTA: another layout, and an answer for each strategy that is asked about.

A target of such an asker is the number of a strategy (``rta_id``). The layout is that of an advertiser's published
server; ByteDance documents it to advertisers only, so compare it with what you were given before you rely on it. What
it leaves open is answered so that nobody is advertised to by mistake: every strategy that is asked about is named, with
a yes or a no, a failure says no to all of them, and where there is no yes the device is said to take no part.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from google.protobuf.message import DecodeError

from miyun.answers.answering import SHORTEST_CACHE, Answer
from miyun.answers.forms import MOST_REQUEST_CHARACTERS, Code, read_ids
from miyun.answers.ids import AnswerId, Kind
from miyun.errors import MalformedError
from miyun.wire.v1.rta_bytedance_pb2 import ByteDanceRequest, ByteDanceResponse

MOST_STRATEGIES: Final = 1_024

_TAKES_PART, _TAKES_NO_PART = 0, 1

_TYPES: Final = {
    ByteDanceRequest.IMEI: Kind.IMEI,
    ByteDanceRequest.IMEI_MD5: Kind.IMEI_MD5,
    ByteDanceRequest.ANDROID_ID: Kind.ANDROID_ID,
    ByteDanceRequest.ANDROID_ID_MD5: Kind.ANDROID_ID_MD5,
    ByteDanceRequest.IDFA: Kind.IDFA,
    ByteDanceRequest.IDFA_MD5: Kind.IDFA_MD5,
    ByteDanceRequest.OAID: Kind.OAID,
    ByteDanceRequest.OAID_MD5: Kind.OAID_MD5,
}


@dataclass(frozen=True, slots=True)
class ByteDanceQuestion:
    """``strategies`` are the numbers that are asked about."""

    request: str
    strategies: tuple[int, ...]
    ids: tuple[AnswerId, ...]


def read_bytedance(body: bytes) -> ByteDanceQuestion:
    """Read a request; ids that are none, and encrypted ones, are left out.

    Raises:
        MalformedError: it is none, or names too much.
    """
    try:
        message = ByteDanceRequest.FromString(body)
    except DecodeError:
        raise MalformedError("no RTA request") from None
    if len(message.req_id) > MOST_REQUEST_CHARACTERS or len(message.rta_ids) > MOST_STRATEGIES:
        raise MalformedError("the request's id is too long, or it asks about too many strategies")
    device = message.device
    given = [
        (_TYPES.get(message.did_type), message.did),
        (Kind.IMEI_MD5, device.imei_md5),
        (Kind.ANDROID_ID_MD5, device.android_id_md5),
        (Kind.OAID, device.oaid),
        (Kind.IDFA, device.idfa),
        (Kind.CAID, device.caid),
        (Kind.CAID, device.caid1),
        (Kind.CAID, device.caid2),
    ]
    ids = read_ids((kind, value) for kind, value in given if kind is not None and value)
    return ByteDanceQuestion(message.req_id, tuple(message.rta_ids), ids)


def write_bytedance(question: ByteDanceQuestion, answer: Answer) -> bytes:
    """The response to a question that was looked up."""
    wanted = [(one, str(one) in answer.targets) for one in question.strategies]
    return _response(Code.TARGETS, question.request, wanted, answer.cache_seconds)


def write_bytedance_refusal(code: Code, question: ByteDanceQuestion | None) -> bytes:
    """The response where nobody was looked up."""
    if question is None:
        return _response(code, "", (), SHORTEST_CACHE)
    return _response(code, question.request, [(one, False) for one in question.strategies], SHORTEST_CACHE)


def _response(code: Code, request: str, wanted: Iterable[tuple[int, bool]], seconds: int) -> bytes:
    infos = [ByteDanceResponse.UserInfo(rta_id=one, is_interested=yes) for one, yes in wanted]
    bid_type = _TAKES_PART if any(one.is_interested for one in infos) else _TAKES_NO_PART
    return ByteDanceResponse(
        status_code=code,
        req_id=request,
        user_infos=infos,
        bid_type=ByteDanceResponse.Int32Value(value=bid_type),
        cache_time_secs=seconds,
    ).SerializeToString()
