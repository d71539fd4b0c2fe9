"""Secret scalars: range, inverse, and what they keep to themselves."""

import copy
import pickle

import pytest

from miyun.errors import KeyAccessError
from miyun.hazmat.scalars import ORDER, SecretScalar


@pytest.mark.parametrize("value", [0, ORDER, ORDER + 1, 2**255, 2**256 - 1])
def test_scalars_outside_the_field_are_refused(value: int) -> None:
    with pytest.raises(KeyAccessError):
        SecretScalar.from_bytes(value.to_bytes(32, "little"))


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_scalars_have_32_bytes(size: int) -> None:
    with pytest.raises(KeyAccessError):
        SecretScalar.from_bytes(b"\1" * size)


@pytest.mark.parametrize("value", [1, 2, 3, ORDER - 1, ORDER // 2])
def test_the_inverse_is_the_inverse(value: int) -> None:
    inverse = SecretScalar.from_bytes(value.to_bytes(32, "little")).inverse()
    assert int.from_bytes(inverse.to_bytes(), "little") * value % ORDER == 1


def test_random_scalars_differ() -> None:
    assert len({SecretScalar.random().to_bytes() for _ in range(50)}) == 50


def test_a_scalar_shows_nothing_and_stays() -> None:
    scalar = SecretScalar.random()
    assert scalar.to_bytes().hex() not in repr(scalar) + str(scalar) + f"{scalar}"
    for copying in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            copying(scalar)
