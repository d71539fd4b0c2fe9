"""Ed25519 as RFC 8032 has it, with the keys refused that accept signatures nobody made."""

import copy
import pickle
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from miyun.errors import MalformedError, SignatureError
from miyun.keys.fingerprint import key_fingerprint
from miyun.keys.identity import Identity
from miyun.keys.signing import SigningKey, VerifyKey
from miyun.records import Statement

# RFC 8032, 7.1, TEST 3
SEED = bytes.fromhex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
PUBLIC = bytes.fromhex("fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025")
MESSAGE = bytes.fromhex("af82")
SIGNATURE = bytes.fromhex(
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)

P = 2**255 - 19
# The y of the eight points of small order (RFC 7748's curve, Edwards form), and the two that also fit above the prime.
SMALL_ORDER_Y = [
    0,
    1,
    P - 1,
    P,
    P + 1,
    int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"),
    int.from_bytes(bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"),
]
IDENTITY = Identity(name="lab", role="analyst", organisation="Lab", signing_key=PUBLIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bare(Statement):
    """A statement whose signing bytes are a test vector's message."""

    KIND: ClassVar[str] = "bare"

    def signing_bytes(self) -> bytes:
        return MESSAGE


def test_the_vector_of_rfc_8032() -> None:
    key = SigningKey.from_bytes(SEED)

    assert key.to_bytes() == SEED
    assert key.verify_key.to_bytes() == PUBLIC
    assert key.sign(Bare()) == SIGNATURE
    VerifyKey(PUBLIC).verify(Bare(), SIGNATURE)


@pytest.mark.parametrize("y", SMALL_ORDER_Y)
@pytest.mark.parametrize("sign", [0, 1])
def test_keys_of_small_order_are_refused(y: int, sign: int) -> None:
    with pytest.raises(MalformedError):
        VerifyKey((y | sign << 255).to_bytes(32, "little"))


def test_a_key_of_small_order_would_accept_a_signature_that_nobody_made() -> None:
    """Why they are refused: with the identity as the key, R = identity and S = 0 sign everything."""
    identity_point = (1).to_bytes(32, "little")

    Ed25519PublicKey.from_public_bytes(identity_point).verify(identity_point + bytes(32), b"anything")


def test_keys_out_of_range_or_off_the_curve_are_refused() -> None:
    for y in (P + 3, 2**255 - 1, 2, 7):  # 2 and 7 are the y of no point
        with pytest.raises(MalformedError):
            VerifyKey(y.to_bytes(32, "little"))


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_keys_of_another_length_are_refused(length: int) -> None:
    with pytest.raises(MalformedError):
        VerifyKey(bytes(length))
    with pytest.raises(MalformedError):
        SigningKey.from_bytes(bytes(length))


@given(st.binary(min_size=32, max_size=32))
def test_every_generated_key_is_accepted(seed: bytes) -> None:
    SigningKey.from_bytes(seed).verify_key  # noqa: B018 - raises if it is not


@pytest.mark.parametrize("change", [{"name": "lab2"}, {"kind": "merchant"}, {"organisation": "lab"}])
def test_a_changed_statement_is_refused(change: dict[str, str]) -> None:
    key = SigningKey.from_bytes(SEED)
    signature = key.sign(IDENTITY)

    key.verify_key.verify(IDENTITY, signature)
    with pytest.raises(SignatureError) as caught:
        key.verify_key.verify(replace(IDENTITY, **change), signature)  # type: ignore[arg-type]
    assert caught.value.hint


def test_a_signature_of_another_key_another_length_or_with_s_above_the_order_is_refused() -> None:
    key = SigningKey.from_bytes(SEED)
    signature = key.sign(IDENTITY)
    order = 2**252 + 27742317777372353535851937790883648493
    malleable = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")

    for other in (SigningKey.generate().sign(IDENTITY), b"", signature[:-1], signature + b"\0", malleable):
        with pytest.raises(SignatureError):
            key.verify_key.verify(IDENTITY, other)


def test_a_signature_for_one_kind_does_not_fit_another() -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class First(Statement):
        KIND: ClassVar[str] = "first"
        text: str

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Second(Statement):
        KIND: ClassVar[str] = "second"
        text: str

    key = SigningKey.generate()
    with pytest.raises(SignatureError):
        key.verify_key.verify(Second(text="same"), key.sign(First(text="same")))


def test_a_private_key_shows_nothing_and_stays_in_its_process() -> None:
    key = SigningKey.from_bytes(SEED)

    assert SEED.hex() not in repr(key) + str(key)
    for leave in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            leave(key)


def test_a_fingerprint_is_eight_groups_of_four_and_depends_on_both_keys() -> None:
    fingerprint = key_fingerprint(PUBLIC, b"sealing")

    # SHA-256("miyun/v1/fingerprint" ‖ 0 ‖ PUBLIC ‖ "sealing"), 20 bytes, base32
    assert fingerprint == "6LXI-QEHD-65UP-R3ZG-LIGH-2PP4-GSZO-TFQM"
    assert fingerprint not in {key_fingerprint(PUBLIC, None), key_fingerprint(SEED, b"sealing")}
