"""ByteDance's layout: each strategy that is asked about has a yes or a no, and whatever fails is a no."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miyun.answers.answering import Answer
from miyun.answers.bytedance import MOST_STRATEGIES, read_bytedance, write_bytedance
from miyun.answers.forms import Code
from miyun.answers.ids import AnswerId, md5_of
from miyun.answers.store import AnswerStore
from miyun.errors import MalformedError
from miyun.keys.home import Home
from miyun.wire.v1.rta_bytedance_pb2 import ByteDanceRequest, ByteDanceResponse
from tests.answers.conftest import put
from tests.answers.serving import serving
from tests.answers.test_forms import Broken, desk

IDFA = "FF1999CD-7177-4937-A474-74937A102630"
REQUEST = ByteDanceRequest(req_id="r-1", rta_ids=[17, 18], device=ByteDanceRequest.Device(oaid="oaid-0001"))


def wanted(data: bytes) -> dict[int, bool]:
    return {info.rta_id: info.is_interested for info in ByteDanceResponse.FromString(data).user_infos}


@given(st.binary(max_size=300) | st.binary(max_size=40).map(lambda tail: REQUEST.SerializeToString() + tail))
def test_no_bytes_get_a_yes_or_no_refusal(body: bytes) -> None:
    data, known = desk().bytedance("token", body)
    said = ByteDanceResponse.FromString(data)
    assert known
    assert not any(wanted(data).values())
    assert said.bid_type.value == 1
    assert said.status_code in {Code.TARGETS, Code.MALFORMED}


@pytest.mark.parametrize("body", [REQUEST.SerializeToString(), b"\xff", None])
def test_a_server_that_fails_says_no_to_everything_that_was_asked(body: bytes | None) -> None:
    data, _ = desk(Broken).bytedance("token", body)
    said = ByteDanceResponse.FromString(data)
    assert said.status_code in {Code.FAILED, Code.MALFORMED}
    assert (said.bid_type.value, said.cache_time_secs) == (1, 3_600)
    assert wanted(data) == ({17: False, 18: False} if said.status_code == Code.FAILED else {})


def test_the_bytes_are_those_of_the_field_numbers() -> None:
    question = read_bytedance(REQUEST.SerializeToString())
    assert (question.request, question.strategies) == ("r-1", (17, 18))
    assert question.ids == (AnswerId("oaid", md5_of("oaid-0001")),)
    said = write_bytedance(question, Answer(("18", "99"), 3_600))
    assert said == bytes.fromhex("3203722d31" + "3a021811" + "3a0408011812" + "4a00" + "50901c")
    nowhere = write_bytedance(question, Answer((), 3_600))
    assert nowhere == bytes.fromhex("3203722d31" + "3a021811" + "3a021812" + "4a020801" + "50901c")


def test_every_id_of_a_device_is_read() -> None:
    device = ByteDanceRequest.Device(
        imei_md5=md5_of("e"),
        android_id_md5=md5_of("a").upper(),
        oaid="oaid-0001",
        idfa=IDFA.lower(),
        caid="k3n1a5f6c8d9e0b1a2c3d4e5f60718z9",
        caid1="no caid",
    )
    message = ByteDanceRequest(did=IDFA, did_type=ByteDanceRequest.IDFA, device=device)
    ids = read_bytedance(message.SerializeToString()).ids
    assert [one.family for one in ids] == ["idfa", "imei", "android-id", "oaid", "idfa", "caid"]
    assert ids[0] == ids[4] == AnswerId("idfa", md5_of(IDFA))
    for did_type in (ByteDanceRequest.GAID, ByteDanceRequest.GAID_MD5, 77):
        message = ByteDanceRequest(did="a000002c9060f7", did_type=did_type)  # type: ignore[arg-type]
        assert read_bytedance(message.SerializeToString()).ids == ()


@pytest.mark.parametrize(
    "message", [ByteDanceRequest(rta_ids=range(MOST_STRATEGIES + 1)), ByteDanceRequest(req_id="x" * 257)]
)
def test_too_much_is_malformed(message: ByteDanceRequest) -> None:
    with pytest.raises(MalformedError):
        read_bytedance(message.SerializeToString())


def test_it_is_asked_on_a_path_of_its_own(store: AnswerStore, home: Home) -> None:
    put(store, "sleepers", [])
    with store.building("sleepers") as builder:
        builder.add([store.key.digest(AnswerId("oaid", md5_of("oaid-0001")))])
        listed = store.listed().audiences[0]
        store.put("sleepers", builder, now=listed.built, expires=listed.expires)
    asker = {"targets": {"sleepers": "17"}}
    with serving(home, askers={"ad-platform": asker}) as running:
        body = REQUEST.SerializeToString()
        for reply in (
            running.ask("/rta-bytedance", body),
            running.ask(f"/rta-bytedance/{running.token}", body, ""),
        ):
            assert (reply.status, reply.headers["content-type"]) == (200, "application/x-protobuf")
            assert wanted(reply.body) == {17: True, 18: False}
            assert ByteDanceResponse.FromString(reply.body).bid_type.value == 0
        refused = running.ask("/rta-bytedance", body, "wrong")
        assert (refused.status, refused.headers["connection"]) == (200, "close")
        assert ByteDanceResponse.FromString(refused.body).status_code == Code.NOT_KNOWN
        assert wanted(refused.body) == {}
        metrics = running.get("/metrics", running.server.status_address).body.decode()
        assert 'form="rta-bytedance",outcome="found"} 2' in metrics
