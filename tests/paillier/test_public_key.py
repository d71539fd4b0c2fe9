"""Public keys as bytes."""

import pytest

from miyun.errors import MalformedError
from miyun.paillier.private import PrivateKey
from miyun.paillier.public import PublicKey


def test_canonical_bytes_are_n(key: PrivateKey) -> None:
    public = key.public_key
    assert public.to_bytes() == public.n.to_bytes(256, "little")
    assert PublicKey(public.to_bytes()) == public == PublicKey.from_number(public.n)
    assert hash(PublicKey(public.to_bytes())) == hash(public)
    assert PublicKey.from_number(public.n + 2) != public
    assert (public.bits, public.ciphertext_bytes) == (2048, 512)


@pytest.mark.parametrize("n", [0, 1, 2**1023 + 1, 2**2047 - 1, 2**2048 - 2, 2**2047, 2**2048 + 1, 2**3000 + 1])
def test_other_numbers_are_no_keys(n: int) -> None:
    with pytest.raises(MalformedError, match="not a Paillier key"):
        PublicKey.from_number(n)


@pytest.mark.parametrize("extend", [lambda raw: raw + b"\0", lambda raw: raw + bytes(128), lambda raw: raw[:-1]])
def test_other_widths_are_not_canonical(key: PrivateKey, extend: object) -> None:
    with pytest.raises(MalformedError):
        PublicKey(extend(key.public_key.to_bytes()))


def test_fingerprints_are_of_eight_groups(key: PrivateKey) -> None:
    public = key.public_key
    groups = public.fingerprint().split("-")
    assert [len(group) for group in groups] == [4] * 8
    assert public.fingerprint() in repr(public)
    assert PublicKey.from_number(public.n + 2).fingerprint() != public.fingerprint()
