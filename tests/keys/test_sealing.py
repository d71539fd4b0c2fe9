"""HPKE with ML-KEM-768 ‖ X25519: what is sealed opens with the right key in the right place, and nowhere else."""

import copy
import hashlib
import json
import pickle
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.errors import MalformedError
from miyun.keys.sealing import OVERHEAD_BYTES, PUBLIC_KEY_BYTES, SealingPublicKey
from miyun.keys.unsealing import SECRET_BYTES, SealingKey

KEY = SealingKey.generate()
RAW = KEY.public_key.to_bytes()


@settings(max_examples=30)
@given(plaintext=st.binary(max_size=300), info=st.binary(max_size=60))
def test_what_is_sealed_opens(plaintext: bytes, info: bytes) -> None:
    sealed = SealingPublicKey(RAW).seal(plaintext, info)

    assert len(sealed) == len(plaintext) + OVERHEAD_BYTES
    assert KEY.open(sealed, info) == plaintext


def vector() -> dict[str, bytes]:
    text = (Path(__file__).parent / "vectors" / "hpke_mlkem768_x25519_shake256.json").read_text()
    return {name: bytes.fromhex(value) for name, value in json.loads(text).items() if name != "source"}


def one_stage_key_schedule(shared_secret: bytes, info: bytes, aead: int) -> tuple[bytes, bytes]:
    """Key and base nonce in base mode, for a 32-byte key (draft-ietf-hpke-hpke, CombineSecrets_OneStage)."""

    def prefixed(data: bytes) -> bytes:
        return len(data).to_bytes(2, "big") + data

    length = 32 + 12 + 64
    suite = b"HPKE" + b"".join(part.to_bytes(2, "big") for part in (0x647A, 0x0011, aead))
    label = b"HPKE-v1" + suite + prefixed(b"secret") + length.to_bytes(2, "big")
    context = b"\0" + prefixed(b"") + prefixed(info)
    output = hashlib.shake_256(prefixed(b"") + prefixed(shared_secret) + label + context).digest(length)
    return output[:32], output[32:44]


def test_the_key_schedule_here_is_that_of_the_vector() -> None:
    known = vector()

    assert one_stage_key_schedule(known["shared_secret"], known["info"], 3) == (known["key"], known["base_nonce"])


def test_a_key_of_the_vector_opens_what_another_implementation_would_seal() -> None:
    """The vector's encapsulation; its AEAD is ChaCha20-Poly1305, so AES-256-GCM is sealed here by hand."""
    known = vector()
    private = SealingKey.from_bytes(hashlib.shake_256(known["skRm"]).digest(SECRET_BYTES))
    key, nonce = one_stage_key_schedule(known["shared_secret"], known["info"], 2)
    sealed = known["enc"] + AESGCM(key).encrypt(nonce, b"points", None)

    assert private.public_key.to_bytes() == known["pkRm"]
    assert private.open(sealed, known["info"]) == b"points"


def test_sealing_the_same_twice_looks_different() -> None:
    assert KEY.public_key.seal(b"same", b"") != KEY.public_key.seal(b"same", b"")


def test_a_key_comes_back_from_its_bytes() -> None:
    again = SealingKey.from_bytes(KEY.to_bytes())

    assert len(KEY.to_bytes()) == SECRET_BYTES
    assert len(RAW) == PUBLIC_KEY_BYTES == 1216
    assert again.public_key == KEY.public_key
    assert again.open(KEY.public_key.seal(b"x", b"i"), b"i") == b"x"


@pytest.mark.parametrize("place", [0, 1087, 1088, 1119, 1120, -1])
def test_a_change_anywhere_is_noticed(place: int) -> None:
    """In the ML-KEM ciphertext, the X25519 share, the content and the tag."""
    sealed = bytearray(KEY.public_key.seal(b"points", b"place"))
    sealed[place] ^= 1

    with pytest.raises(MalformedError):
        KEY.open(bytes(sealed), b"place")


def test_another_key_another_place_or_a_short_message_does_not_open() -> None:
    sealed = KEY.public_key.seal(b"points", b"place")

    with pytest.raises(MalformedError):
        SealingKey.generate().open(sealed, b"place")
    for wrong in ((sealed, b"elsewhere"), (sealed[:-1], b"place"), (b"", b"place"), (sealed + b"\0", b"place")):
        with pytest.raises(MalformedError):
            KEY.open(*wrong)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        RAW[:-1],
        RAW + b"\0",
        b"\xff" * 1184 + RAW[1184:],  # coefficients above the modulus (FIPS 203, 7.2)
        RAW[:1184] + bytes(32),  # X25519 points of small order (RFC 7748, 6.1)
        RAW[:1184] + b"\1" + bytes(31),
        RAW[:1184] + bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    ],
)
def test_unusable_public_keys_are_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        SealingPublicKey(raw)


def test_private_bytes_of_another_length_are_refused() -> None:
    with pytest.raises(MalformedError):
        SealingKey.from_bytes(KEY.to_bytes()[:-1])


def test_a_private_key_shows_nothing_and_stays_in_its_process() -> None:
    assert KEY.to_bytes().hex() not in repr(KEY)
    for leave in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            leave(KEY)
