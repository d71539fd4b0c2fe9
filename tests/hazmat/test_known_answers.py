"""The group and its hash against published vectors, composed from the same batch functions that fusions use."""

import base64
import hashlib

import pytest

from miyun.errors import MalformedError
from miyun.hazmat.hashing import MessageExpander
from miyun.hazmat.ristretto import backend
from miyun.hazmat.scalars import ORDER, SecretScalar

from .model import decodes
from .vectors import load, offsets

pytestmark = pytest.mark.usefixtures("each_backend")

EXPANSION = load("rfc9380_expand_message_xmd_sha512")
GROUP = load("rfc9496_ristretto255")
OPRF = load("rfc9497_oprf_ristretto255_sha512")
PAIR = load("pair_encrypted_identifiers")
MULTIPLES = [bytes.fromhex(point) for point in GROUP["multiples_of_the_generator"]]
INVALID = [(reason, bytes.fromhex(point)) for reason, points in GROUP["invalid_encodings"].items() for point in points]


def scalar(value: int) -> SecretScalar:
    return SecretScalar.from_bytes(value.to_bytes(32, "little"))


@pytest.mark.parametrize("vector", EXPANSION["vectors"], ids=lambda v: f"{v['message'][:8]}-{v['length']}")
def test_messages_expand_as_rfc_9380_says(vector: dict[str, str | int]) -> None:
    expander = MessageExpander(EXPANSION["dst"].encode(), int(vector["length"]))
    assert expander.expand(str(vector["message"]).encode()).hex() == vector["uniform"]


def test_an_oversized_tag_is_hashed_first() -> None:
    long_tag = b"t" * 256
    short_tag = hashlib.sha512(b"H2C-OVERSIZE-DST-" + long_tag).digest()
    assert MessageExpander(long_tag, 64).expand(b"m") == MessageExpander(short_tag, 64).expand(b"m")


@pytest.mark.parametrize("factor", range(1, 16))
def test_multiples_of_the_generator_are_encoded_as_rfc_9496_says(factor: int) -> None:
    assert backend().multiply(MULTIPLES[1], scalar(factor)) == MULTIPLES[factor]


def test_the_generator_times_minus_one_undoes_itself() -> None:
    minus_one = scalar(ORDER - 1)
    assert backend().multiply(backend().multiply(MULTIPLES[1], minus_one), minus_one) == MULTIPLES[1]


@pytest.mark.parametrize(("reason", "point"), INVALID, ids=[f"{r}-{p.hex()[:8]}" for r, p in INVALID])
def test_invalid_encodings_are_refused_with_their_position(reason: str, point: bytes) -> None:
    with pytest.raises(MalformedError, match="position 2 "):
        backend().multiply(MULTIPLES[1] + MULTIPLES[2] + point + MULTIPLES[3], scalar(5))


def test_the_plaintext_model_agrees_with_rfc_9496() -> None:
    assert all(decodes(point) for point in MULTIPLES)
    assert not any(decodes(point) for _, point in INVALID)


def test_the_identity_is_refused() -> None:
    with pytest.raises(MalformedError, match="position 1 "):
        backend().multiply(MULTIPLES[1] + MULTIPLES[0], scalar(1))


def test_uniform_bytes_map_as_rfc_9496_says() -> None:
    pairs = GROUP["element_derivation"]
    uniform = b"".join(bytes.fromhex(pair["uniform"]) for pair in pairs)
    assert backend().map_to_group(uniform) == b"".join(bytes.fromhex(pair["point"]) for pair in pairs)


def test_blind_evaluate_finalize_as_rfc_9497_says() -> None:
    inputs = [bytes.fromhex(vector["input"]) for vector in OPRF["vectors"]]
    elements = backend().hash_to_group(b"".join(inputs), offsets(inputs), bytes.fromhex(OPRF["group_dst"]))
    key = SecretScalar.from_bytes(bytes.fromhex(OPRF["secret_key"]))
    for index, vector in enumerate(OPRF["vectors"]):
        blind = SecretScalar.from_bytes(bytes.fromhex(vector["blind"]))
        blinded = backend().multiply(elements[32 * index : 32 * index + 32], blind)
        assert blinded.hex() == vector["blinded_element"]
        evaluated = backend().multiply(blinded, key)
        assert evaluated.hex() == vector["evaluation_element"]
        unblinded = backend().multiply(evaluated, blind.inverse())
        parts = (inputs[index], unblinded)
        framed = b"".join(len(part).to_bytes(2, "big") + part for part in parts) + b"Finalize"
        assert hashlib.sha512(framed).hexdigest() == vector["output"]


def test_pair_identifiers_come_out_as_the_reference_package_makes_them() -> None:
    salt = bytes.fromhex(PAIR["salt"])
    identifier = hashlib.sha256(PAIR["email"].encode()).hexdigest().encode()
    point = backend().map_to_group(hashlib.sha512(hashlib.sha256(salt + identifier).digest()).digest())
    publisher = scalar(int.from_bytes(hashlib.sha512(b"publisher").digest(), "little") % ORDER)
    advertiser = scalar(int.from_bytes(hashlib.sha512(salt).digest(), "little") % ORDER)

    def encrypted(point: bytes, key: SecretScalar) -> str:
        return base64.b64encode(backend().multiply(point, key)).decode()

    assert encrypted(point, publisher) == PAIR["publisher"]
    assert encrypted(point, advertiser) == PAIR["advertiser"]
    assert encrypted(base64.b64decode(PAIR["advertiser"]), publisher) == PAIR["all"]
    assert encrypted(base64.b64decode(PAIR["publisher"]), advertiser) == PAIR["all"]
