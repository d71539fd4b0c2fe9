"""What a platform reads in an RTA response: whoever is not found, and whatever fails, is rejected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miyun.answers import forms
from miyun.answers.answering import MOST_IDS, Answer, Answering
from miyun.answers.askers import Asker, Askers
from miyun.answers.desk import Desk
from miyun.answers.forms import Code
from miyun.answers.ids import AnswerId, md5_of
from miyun.answers.key import AnswerKey
from miyun.answers.metrics import Metrics
from miyun.answers.store import AudienceList, Generation
from miyun.errors import MalformedError
from miyun.wire.v1.answer_pb2 import AskedId, AskRequest
from miyun.wire.v1.rta_pb2 import RtaRequest, RtaResponse


class Broken(Answering):
    def answer(self, asker: Asker, ids: object) -> Answer:
        raise RuntimeError("13800138000")


class Everybody(Askers):
    def __init__(self) -> None:
        super().__init__({}, {})

    def find(self, token: str) -> Asker | None:
        return Asker("x", {"sleepers": "t-1"}, Unlimited())  # type: ignore[arg-type]


class Unlimited:
    def take(self) -> bool:
        return True


def desk(answering: type[Answering] = Answering) -> Desk:
    empty = Generation(listed=AudienceList(generation=0, audiences=()), audiences={})
    return Desk(answering(AnswerKey(bytes(32)), empty, 86_400), Everybody(), Metrics())


def response(data: bytes) -> RtaResponse:
    return RtaResponse.FromString(data)


REQUEST = RtaRequest(id="r-1", device=RtaRequest.Device(imei_md5sum=md5_of("a000002c9060f7")))


@given(st.binary(max_size=300) | st.binary(max_size=40).map(lambda tail: REQUEST.SerializeToString() + tail))
def test_no_bytes_make_a_platform_accept_everybody(body: bytes) -> None:
    data, known = desk().rta("token", body)
    said = response(data)
    ping = said.code == Code.TARGETS and forms.read_rta(body).ping
    assert known
    assert ping or (said.code != Code.TARGETS and not said.out_target_id)
    assert ping or 3_600 <= said.response_cache_time <= 7 * 86_400


@pytest.mark.parametrize("body", [REQUEST.SerializeToString(), b"\xff", None])
def test_a_server_that_fails_rejects(body: bytes | None, capsys: pytest.CaptureFixture[str]) -> None:
    said = response(desk(Broken).rta("token", body)[0])
    assert said.code in {Code.FAILED, Code.MALFORMED}
    assert said.response_cache_time == 3_600
    assert "13800138000" not in capsys.readouterr().out


def test_found_and_not_found_are_told_apart_by_the_code() -> None:
    found = response(forms.write_rta("r-1", Answer(("t-1", "t-2"), 7_200), 3))
    assert (found.request_id, found.code, found.response_cache_time, found.processing_time_ms) == ("r-1", 0, 7_200, 3)
    assert list(found.out_target_id) == ["t-1", "t-2"]
    nowhere = response(forms.write_rta("r-1", Answer((), 86_400), 0))
    assert (nowhere.code, nowhere.response_cache_time) == (Code.NOWHERE, 86_400)


def test_the_bytes_are_those_of_the_published_field_numbers() -> None:
    assert forms.write_rta("r", Answer(("t",), 3_600), 1) == bytes.fromhex("0a01721000200138901c520174")
    device = bytes.fromhex("1a20") + md5_of("a000002c9060f7").encode()
    assert forms.read_rta(bytes.fromhex("0a01722a22") + device) == forms.RtaQuestion(
        "r", (AnswerId("imei", md5_of("a000002c9060f7")),)
    )


def test_every_id_of_a_device_is_read_but_those_in_doubt() -> None:
    device = RtaRequest.Device(
        idfa_md5sum=md5_of("i"),
        imei_md5sum=md5_of("e"),
        android_id_md5sum=md5_of("a").upper(),
        oaid_md5sum=md5_of("o"),
        qaid_infos=[
            RtaRequest.Device.Caid(qaid="k3n1a5f6c8d9e0b1a2c3d4e5f60718z9"),
            RtaRequest.Device.Caid(qaid="ignored", qaid_md5sum=md5_of("c")),
        ],
        wx_openid=[RtaRequest.Device.OpenId(openid="oAbC-1"), RtaRequest.Device.OpenId(openid="")],
    )

    def families(*doubtful: int) -> list[str]:
        device.doubtful_ids_list[:] = doubtful
        return [id_.family for id_ in forms.read_rta(RtaRequest(device=device).SerializeToString()).ids]

    assert families() == ["idfa", "imei", "android-id", "oaid", "caid", "caid", "openid"]
    assert families(0, 1, 2, 4) == ["caid", "caid", "openid"]
    assert families(6) == ["idfa", "imei", "android-id", "oaid", "openid"]


def test_too_much_is_malformed() -> None:
    many = [RtaRequest.Device.OpenId(openid=f"o{n}") for n in range(MOST_IDS + 1)]
    for message in (RtaRequest(device=RtaRequest.Device(wx_openid=many)), RtaRequest(id="x" * 257)):
        with pytest.raises(MalformedError):
            forms.read_rta(message.SerializeToString())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"ids": []}',
        b'{"ids": [{"kind": "phone", "value": "secret"}]}',
        b'{"ids": [{"kind": "user", "value": 5}]}',
        b'{"ids": [{"kind": "user", "value": "x"}], "more": 1}',
        b'{"ids": [' + b",".join([b'{"kind": "user", "value": "x"}'] * 33) + b"]}",
        b'{"ids": [{"kind": "user", "value": "' + b"x" * 1025 + b'"}]}',
        b"[" * 16_000,
        b"\xff\xfe",
    ],
)
def test_json_of_another_form_is_malformed_and_not_repeated(body: bytes) -> None:
    with pytest.raises(MalformedError) as error:
        forms.read_json(body)
    assert "secret" not in str(error.value)


def test_json_and_grpc_say_the_same() -> None:
    body = b'{"ids": [{"kind": "user", "value": " u1 "}, {"kind": "imei-md5", "value": "broken"}]}'
    message = AskRequest(ids=[AskedId(kind="user", value=" u1 "), AskedId(kind="imei-md5", value="broken")])
    assert forms.read_json(body) == forms.read_grpc(message) == (AnswerId("user", "u1"),)
    assert forms.write_json(Answer(("t",), 5)) == b'{"targets": ["t"], "cache_seconds": 5}'
    assert forms.write_grpc(Answer(("t",), 5)).targets == ["t"]


@pytest.mark.parametrize("ids", [[], [AskedId(kind="phone", value="x")], [AskedId(kind="user", value="x")] * 33])
def test_grpc_of_another_form_is_malformed(ids: list[AskedId]) -> None:
    with pytest.raises(MalformedError):
        forms.read_grpc(AskRequest(ids=ids))
