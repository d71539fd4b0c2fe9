"""Private keys: how they are made, kept and shown."""

import copy
import math
import pickle

import pytest

from miyun.errors import InternalError, KeyAccessError
from miyun.paillier.private import PrivateKey
from miyun.paillier.private.primes import admit_short_exponents, draw_primes

from .keys import P, Q


@pytest.mark.parametrize("bits", [2048, 3072])
def test_new_primes_are_as_short_exponents_ask(bits: int) -> None:
    p, q = draw_primes(bits)
    n = p * q
    assert p != q
    assert n.bit_length() == bits
    assert p % 4 == q % 4 == 3
    assert math.gcd(p - 1, q - 1) == 2
    assert math.gcd(n, (p - 1) * (q - 1)) == 1
    assert all(pow(base, prime - 1, prime) == 1 for base in (2, 3, 5) for prime in (p, q))


@pytest.mark.parametrize(("p", "q"), [(7, 13), (13, 7), (5, 13), (31, 7), (43, 19)])
def test_other_primes_are_not(p: int, q: int) -> None:
    assert not admit_short_exponents(p, q)


def test_new_keys_decrypt() -> None:
    key = PrivateKey.generate(2048)
    assert key.public_key.bits == 2048
    assert key.admits_short_exponents
    assert key.decrypt(key.public_key.encrypt([-1, 5]).data) == [-1, 5]


def test_odd_lengths_are_not_made() -> None:
    with pytest.raises(InternalError, match="1024"):
        PrivateKey.generate(1024)


def test_bytes_for_the_vault(key: PrivateKey) -> None:
    again = PrivateKey.from_bytes(key.to_bytes())
    assert again.public_key == key.public_key
    assert again.to_bytes() == key.to_bytes()
    assert PrivateKey(Q, P).to_bytes() == key.to_bytes()


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: b"",
        lambda raw: raw[:-2],
        lambda raw: bytes(len(raw)),
        lambda raw: raw[:128] * 2,
        lambda raw: bytes([raw[0] ^ 2]) + raw[1:],
        lambda raw: raw[:-1] + bytes([raw[-1] ^ 128]),
        lambda raw: raw + bytes(256),
    ],
)
def test_damaged_bytes_are_refused(key: PrivateKey, damage: object) -> None:
    with pytest.raises(KeyAccessError, match="damaged"):
        PrivateKey.from_bytes(damage(key.to_bytes()))


def test_keys_show_nothing_and_stay_where_they_are(key: PrivateKey) -> None:
    shown = repr(key) + str(key)
    assert str(P)[:10] not in shown
    assert "redacted" in shown
    for move in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            move(key)
