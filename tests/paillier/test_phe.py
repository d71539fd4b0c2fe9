"""Keys and ciphertexts are those of ``phe``, both ways, on either backend."""

import secrets

import pytest
from phe import paillier

from miyun.paillier.fixed_base import FixedBase
from miyun.paillier.private import PrivateKey
from miyun.paillier.public import PublicKey

from .keys import P, Q

VALUES = [0, 1, -1, 2**64, -(2**200) - 7]


@pytest.fixture(scope="module")
def theirs() -> paillier.PaillierPrivateKey:
    return paillier.PaillierPrivateKey(paillier.PaillierPublicKey(P * Q), P, Q)


def numbers(data: bytes, width: int) -> list[int]:
    return [int.from_bytes(data[at : at + width], "little") for at in range(0, len(data), width)]


def test_phe_opens_what_we_seal(each_key: PrivateKey, theirs: paillier.PaillierPrivateKey) -> None:
    public = each_key.public_key
    for sealed in (public.encrypt(VALUES), public.encrypt(VALUES, FixedBase(public)), each_key.encrypt(VALUES)):
        opened = [
            theirs.decrypt(paillier.EncryptedNumber(theirs.public_key, number))
            for number in numbers(sealed.data, public.ciphertext_bytes)
        ]
        assert opened == VALUES


def test_we_open_and_add_what_phe_sealed(each_key: PrivateKey, theirs: paillier.PaillierPrivateKey) -> None:
    public = each_key.public_key
    sealed = [theirs.public_key.encrypt(value).ciphertext() for value in VALUES]
    batch = public.read(b"".join(number.to_bytes(public.ciphertext_bytes, "little") for number in sealed))
    assert each_key.decrypt(batch.data) == VALUES
    assert each_key.decrypt(public.add(batch, public.encrypt(VALUES)).data) == [2 * value for value in VALUES]


def test_a_key_of_phe_becomes_ours(each_backend: None) -> None:
    public, private = paillier.generate_paillier_keypair(n_length=2048)
    key = PrivateKey(private.p, private.q)
    assert key.public_key == PublicKey.from_number(public.n)
    sealed = public.raw_encrypt(7, secrets.randbelow(public.n - 1) + 1)
    assert key.decrypt(sealed.to_bytes(512, "little")) == [7]
