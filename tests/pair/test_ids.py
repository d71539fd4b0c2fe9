"""Ids against the plain model and the published vector, on both backends; what is no id is refused."""

import base64
import copy
import pickle
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.errors import KeyAccessError, MalformedError
from miyun.keys.secret import Secret
from miyun.pair.ids import (
    AdvertiserIds,
    PairIds,
    PublisherIds,
    advertiser_ids,
    join_advertiser,
    join_publisher,
    leave_advertiser,
    match_key,
    publisher_ids,
)
from miyun.pair.secrets import AdvertiserKey, PublisherKey, Salt
from tests.hazmat.vectors import load
from tests.pair import model

pytestmark = pytest.mark.usefixtures("each_backend")

salts = st.binary(min_size=32, max_size=32)
scalars = st.integers(1, model.ORDER - 1)
people = st.lists(st.text(max_size=12).map(match_key), min_size=1, max_size=4)


def as_bytes(scalar: int) -> bytes:
    return scalar.to_bytes(32, "little")


def test_the_plain_model_maps_as_rfc_9496_says() -> None:
    for pair in load("rfc9496_ristretto255")["element_derivation"]:
        assert model.one_way_map(bytes.fromhex(pair["uniform"])).encode().hex() == pair["point"]


def test_the_specifications_example_of_a_match_key() -> None:
    assert match_key("user@example.com") == "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514"


@given(salts, scalars, scalars, people)
@settings(max_examples=15)
def test_every_step_is_the_plain_models(salt: bytes, kp: int, ka: int, keys: list[str]) -> None:
    publisher, advertiser = PublisherKey.from_bytes(as_bytes(kp)), AdvertiserKey.from_bytes(as_bytes(ka))
    own, theirs = publisher_ids(keys, Salt(salt), publisher), advertiser_ids(keys, Salt(salt), advertiser)
    assert own.encode() == [model.encrypt(salt, kp, key) for key in keys]
    assert theirs.encode() == [model.encrypt(salt, ka, key) for key in keys]
    both = join_advertiser(own, advertiser)
    assert both.encode() == [model.reencrypt(ka, id_) for id_ in own.encode()]
    assert both == join_publisher(theirs, publisher)
    assert leave_advertiser(both, advertiser) == own


def test_the_three_kinds_of_ids_are_never_equal() -> None:
    points = publisher_ids([match_key("a")], Salt(bytes(32)), PublisherKey.from_bytes(as_bytes(1))).points
    assert len({PublisherIds(points), AdvertiserIds(points), PairIds(points)}) == 3


@given(salts, scalars, people)
@settings(max_examples=10)
def test_what_was_encoded_is_read_back(salt: bytes, key: int, keys: list[str]) -> None:
    ids = publisher_ids(keys, Salt(salt), PublisherKey.from_bytes(as_bytes(key)))
    assert PublisherIds.decode(ids.encode()) == ids
    assert len(ids) == len(keys)


@given(st.binary(min_size=32, max_size=32))
@settings(max_examples=100)
def test_an_id_is_refused_or_has_this_one_spelling(raw: bytes) -> None:
    text = base64.b64encode(raw).decode()
    try:
        assert PublisherIds.decode([text]).encode() == [text]
    except MalformedError:
        from tests.hazmat.model import decodes

        assert not decodes(raw) or raw == bytes(32)


@given(st.text(max_size=60))
@settings(max_examples=200)
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(MalformedError, match="position 0 "):
        PublisherIds.decode([text])


def test_the_first_bad_position_is_named() -> None:
    good = model.encrypt(bytes(32), 5, match_key("a"))
    with pytest.raises(MalformedError, match="position 2 "):
        PublisherIds.decode([good, good, "x", good, "y"])
    with pytest.raises(MalformedError, match="position 1 "):
        PublisherIds.decode([good, base64.b64encode(bytes(32)).decode(), good])


@pytest.mark.parametrize(
    "key", ["", "user@example.com", match_key("a").upper(), match_key("a")[:-1], "ä" * 64, " " * 64]
)
def test_only_match_keys_become_ids(key: str) -> None:
    with pytest.raises(MalformedError, match="position 1 "):
        publisher_ids([match_key("a"), key], Salt.random(), PublisherKey.random())


def test_nobody_has_no_ids() -> None:
    assert publisher_ids([], Salt.random(), PublisherKey.random()).encode() == []
    assert PublisherIds.decode([]).points == b""


@pytest.mark.parametrize("make", [Salt.random, PublisherKey.random, AdvertiserKey.random])
def test_secrets_show_nothing_and_stay_in_their_process(make: Callable[[], Secret]) -> None:
    secret = make()
    assert secret.to_bytes().hex() not in repr(secret)  # type: ignore[attr-defined]
    assert "redacted" in repr(secret)
    for leave in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="can't be"):
            leave(secret)


@pytest.mark.parametrize("raw", [b"", bytes(31), bytes(32), as_bytes(model.ORDER), b"\xff" * 32])
def test_what_is_no_key_is_refused(raw: bytes) -> None:
    with pytest.raises(KeyAccessError, match="PAIR key is damaged"):
        PublisherKey.from_bytes(raw)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_what_is_no_salt_is_refused(length: int) -> None:
    with pytest.raises(KeyAccessError, match="PAIR salt is damaged"):
        Salt(bytes(length))


def test_drawn_secrets_differ() -> None:
    assert Salt.random().to_bytes() != Salt.random().to_bytes()
    assert PublisherKey.random().to_bytes() != PublisherKey.random().to_bytes()
