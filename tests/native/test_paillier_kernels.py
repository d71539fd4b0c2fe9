"""The Paillier kernels speak with ``phe``: keys and ciphertexts are the same numbers."""

import secrets

import pytest
from phe import paillier

from miyun.kernels import kernels

pytestmark = pytest.mark.skipif(not kernels().native, reason="the kernels are not installed")
BITS = 2048
VALUES = [0, 1, 2, 255, 2**64, 2**200 + 7]


@pytest.fixture(scope="module")
def keys() -> tuple[paillier.PaillierPublicKey, paillier.PaillierPrivateKey]:
    public, private = paillier.generate_paillier_keypair(n_length=BITS)
    return public, private


def little(value: int, width: int) -> bytes:
    return value.to_bytes(width, "little")


def numbers(data: bytes, width: int) -> list[int]:
    return [int.from_bytes(data[at : at + width], "little") for at in range(0, len(data), width)]


def test_phe_opens_what_the_kernels_seal(keys) -> None:
    import miyun_native

    public, private = keys
    kernel = miyun_native.PaillierPublicKey(little(public.n, BITS // 8))
    sealed = kernel.encrypt(b"".join(little(value, kernel.value_bytes) for value in VALUES))
    assert [private.raw_decrypt(c) for c in numbers(sealed, kernel.ciphertext_bytes)] == VALUES


def test_the_kernels_open_and_add_what_phe_sealed(keys) -> None:
    import miyun_native

    public, private = keys
    half = BITS // 16
    opener = miyun_native.PaillierPrivateKey(little(private.p, half), little(private.q, half))
    kernel = opener.public_key
    width = kernel.ciphertext_bytes
    sealed = b"".join(little(public.raw_encrypt(value, secrets.randbelow(public.n - 1) + 1), width) for value in VALUES)
    assert numbers(opener.decrypt(sealed), kernel.value_bytes) == VALUES
    assert numbers(opener.decrypt(kernel.add(sealed, sealed)), kernel.value_bytes) == [2 * value for value in VALUES]
