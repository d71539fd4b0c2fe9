"""The backend that is fast. Import it only where ``miyun.kernels`` says that the kernels run."""

from collections.abc import Iterator
from contextlib import contextmanager

import miyun_native

from miyun.errors import InternalError
from miyun.paillier.backend import refused_ciphertext


class NativePublic:
    """See :class:`miyun.paillier.backend.PublicKernel`."""

    name = "native"

    def __init__(self, n: bytes) -> None:
        self._n = int.from_bytes(n, "little")
        with as_errors():
            self._key = miyun_native.PaillierPublicKey(n)

    def make_randomness(self, count: int) -> bytes:
        with as_errors():
            return self._key.make_randomness(count)

    def raise_to_n(self, values: bytes) -> bytes:
        with as_errors():
            powers = self._key.raise_to_n(values)
        n, width, size = self._n, self._key.ciphertext_bytes, self._key.value_bytes
        numbers = (int.from_bytes(powers[at : at + width], "little") for at in range(0, len(powers), width))
        return b"".join((number % n).to_bytes(size, "little") for number in numbers)

    def encrypt_with(self, values: bytes, size: int, randomness: bytes) -> bytes:
        with as_errors():
            return self._key.encrypt_with(values, randomness, size)

    def make_base(self) -> bytes:
        with as_errors():
            return self._key.make_base()

    def fixed_base(self, base: bytes, exponent_bits: int) -> miyun_native.PaillierFixedBase:
        with as_errors():
            return self._key.fixed_base(base, exponent_bits)

    def add(self, left: bytes, right: bytes) -> bytes:
        with as_errors():
            return self._key.add(left, right)

    def rerandomise(self, ciphertexts: bytes) -> bytes:
        with as_errors():
            return self._key.rerandomise(ciphertexts)

    def negate(self, ciphertexts: bytes) -> bytes:
        with as_errors():
            return self._key.negate(ciphertexts)

    def product(self, ciphertexts: bytes, offsets: bytes, indices: bytes) -> bytes:
        with as_errors():
            return self._key.product(ciphertexts, offsets, indices)

    def power(self, ciphertexts: bytes, exponents: bytes, bits: int, *, signed: bool) -> bytes:
        with as_errors():
            return self._key.power(ciphertexts, exponents, bits=bits, signed=signed)

    def pack(self, ciphertexts: bytes, slots: int, bits: int) -> bytes:
        with as_errors():
            return self._key.pack(ciphertexts, slots, bits)

    def check(self, ciphertexts: bytes) -> None:
        with as_errors(of_a_peer=True):
            self._key.check(ciphertexts)


@contextmanager
def as_errors(*, of_a_peer: bool = False) -> Iterator[None]:
    """A number refused is what a peer sent, or a defect of the caller's."""
    try:
        yield
    except miyun_native.PaillierRefused as refused:
        if of_a_peer:
            raise refused_ciphertext(refused.position) from None
        raise InternalError(str(refused)) from refused
    except miyun_native.PaillierError as error:
        raise InternalError(str(error)) from error
