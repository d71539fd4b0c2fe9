"""What keys compute under encryption is what the plaintexts say, on either backend."""

import numpy as np
import pytest

from miyun.errors import InternalError, MalformedError
from miyun.paillier.ciphertexts import Ciphertexts, join
from miyun.paillier.fixed_base import FixedBase
from miyun.paillier.private import PrivateKey
from miyun.paillier.public import PublicKey
from miyun.paillier.slots import SlotLayout

from .keys import P, Q

OTHER = PublicKey.from_number(P * Q + 2)
HALF = (P * Q - 1) // 2
VALUES = [0, 1, -1, 255, 256, 2**64 - 1, 2**64, -(2**64), 2**900 + 7, HALF, -HALF]


def test_values_come_back_with_their_signs(each_key: PrivateKey) -> None:
    assert each_key.decrypt(each_key.public_key.encrypt(VALUES).data) == VALUES
    assert each_key.decrypt(each_key.encrypt(VALUES).data) == VALUES


@pytest.mark.parametrize(
    ("values", "plain"),
    [
        (np.array([True, False, True]), [1, 0, 1]),
        (np.array([0, 255], np.uint8), [0, 255]),
        (np.array([7, 2**64 - 1], np.uint64), [7, 2**64 - 1]),
        (np.array([1, 258], ">u2"), [1, 258]),
        (np.array([-3, 4], np.int32), [-3, 4]),
        ([], []),
    ],
)
def test_arrays_and_nothing_are_batches_too(each_key: PrivateKey, values: object, plain: list[int]) -> None:
    assert each_key.decrypt(each_key.encrypt(values).data) == plain


def test_equal_values_look_different(each_key: PrivateKey) -> None:
    public = each_key.public_key
    batches = [public.encrypt([5, 5]), public.encrypt([5, 5], FixedBase(public)), each_key.encrypt([5, 5])]
    parts = [batch.part(place, place + 1).data for batch in batches for place in (0, 1)]
    assert len(set(parts)) == len(parts)


def test_short_exponents_hide_what_uniform_randomness_does(each_key: PrivateKey) -> None:
    assert each_key.admits_short_exponents
    base = FixedBase(each_key.public_key)
    assert each_key.decrypt(each_key.public_key.encrypt(VALUES, base).data) == VALUES
    assert each_key.decrypt(base.take(3)) == [0, 0, 0]


def test_sums_differences_and_multiples(each_key: PrivateKey) -> None:
    public = each_key.public_key
    left, right = [1, -7, 2**70, 0], [5, 7, -(2**80), -9]
    a, b = each_key.encrypt(left), each_key.encrypt(right)

    assert each_key.decrypt(public.add(a, b).data) == [x + y for x, y in zip(left, right, strict=True)]
    assert each_key.decrypt(public.add_values(a, right).data) == [x + y for x, y in zip(left, right, strict=True)]
    assert each_key.decrypt(public.negate(a).data) == [-x for x in left]
    assert each_key.decrypt(public.power(a, [3, 0, 7, 8], bits=4).data) == [3, 0, 7 * 2**70, 0]
    signed = public.power(b, [-3, 2, -(2**40), 1], bits=41, signed=True)
    assert each_key.decrypt(signed.data) == [-15, 14, 2**120, -9]


def test_segments_are_summed(each_key: PrivateKey) -> None:
    public = each_key.public_key
    values = [1, 10, 100, -1000]
    segments = [[], [0], [3, 1, 1], [0, 1, 2, 3], [], [2]]
    offsets = np.cumsum([0] + [len(segment) for segment in segments])
    indices = np.array([index for segment in segments for index in segment])

    totals = public.product(each_key.encrypt(values), offsets, indices)

    assert each_key.decrypt(totals.data) == [sum(values[index] for index in segment) for segment in segments]


def test_packed_totals_are_unpacked(each_key: PrivateKey) -> None:
    public = each_key.public_key
    layout = SlotLayout(key_bits=2048, bits=200, slots=10)
    edge = 2**199
    totals = [-edge, edge - 1, 0, -1, 1, -edge, -edge, edge - 1, 5, -edge, edge - 1, -3, 0]

    packed = public.pack(each_key.encrypt(totals), layout)

    assert len(packed) == 2
    assert layout.unpack(each_key.decrypt(packed.data), len(totals)) == totals


def test_a_batch_from_a_peer_is_looked_at(each_key: PrivateKey) -> None:
    public = each_key.public_key
    data = each_key.encrypt(range(40)).data
    width = public.ciphertext_bytes
    assert public.read(data).data == data
    for bad in (0, public.n**2, public.n**2 + 1, P, 3 * Q, public.n, 256**width - 1):
        for place in (0, 17, 39):
            changed = data[: place * width] + bad.to_bytes(width, "little") + data[(place + 1) * width :]
            for look in (public.read, each_key.decrypt):
                with pytest.raises(MalformedError, match=f"at position {place} "):
                    look(changed)
    with pytest.raises(MalformedError, match="whole number"):
        public.read(data[:-1])
    with pytest.raises(MalformedError, match="whole number"):
        each_key.decrypt(data[:-1])


def test_keys_are_not_mixed(each_key: PrivateKey) -> None:
    public = each_key.public_key
    batch = public.encrypt([1])
    for mix in (
        lambda: OTHER.add(batch, batch),
        lambda: OTHER.negate(batch),
        lambda: OTHER.encrypt([1], each_key),
        lambda: OTHER.pack(batch, SlotLayout(key_bits=2048, bits=8, slots=2)),
        lambda: join([batch, OTHER.encrypt([1])]),
        lambda: public.pack(batch, SlotLayout(key_bits=3072, bits=8, slots=2)),
    ):
        with pytest.raises(InternalError):
            mix()


def test_what_does_not_fit_is_a_defect_of_the_callers(each_key: PrivateKey) -> None:
    public = each_key.public_key
    batch = each_key.encrypt([1, 2])
    for call in (
        lambda: public.encrypt([HALF + 1]),
        lambda: public.add(batch, batch.part(0, 1)),
        lambda: public.product(batch, np.array([0, 2]), np.array([0, 2])),
        lambda: public.product(batch, np.array([0, 1]), np.array([0, 1])),
        lambda: public.power(batch, [1, 16], bits=4),
        lambda: public.power(batch, [1], bits=4),
        lambda: public.power(batch, [1, 1], bits=65),
        lambda: Ciphertexts(public.to_bytes(), b"x"),
    ):
        with pytest.raises(InternalError):
            call()


def test_batches_are_cut_and_joined(key: PrivateKey) -> None:
    batch = key.encrypt(range(5))
    assert join([batch.part(0, 2), batch.part(2, 2), batch.part(2, 9)]) == batch
    assert len(batch.part(1, 4)) == 3
    assert batch.data.hex()[:20] not in repr(batch)
