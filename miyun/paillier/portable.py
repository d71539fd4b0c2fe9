"""The backend that runs everywhere, and the reference: Python's integers, or GMP's where ``gmpy2`` is installed.

Python's arithmetic takes a time that depends on its operands: whoever can measure a party's process closely may learn
something of plaintexts and exponents. The native kernels are there for that, too.
"""

import itertools
import math
import secrets
from collections.abc import Iterable

import numpy as np

from miyun.errors import InternalError
from miyun.paillier.arithmetic import power
from miyun.paillier.backend import refused_ciphertext

_DIGIT_BITS = 5


class PortablePublic:
    """See :class:`miyun.paillier.backend.PublicKernel`."""

    name = "portable"

    def __init__(self, n: bytes) -> None:
        self.n = int.from_bytes(n, "little")
        self._square = self.n * self.n
        self._value_bytes = len(n)
        self._width = 2 * len(n)

    def make_randomness(self, count: int) -> bytes:
        return self.write(power(self._unit(), self.n, self._square) for _ in range(count))

    def raise_to_n(self, values: bytes) -> bytes:
        size = self._value_bytes
        return b"".join(power(x, self.n, self.n).to_bytes(size, "little") for x in self._plain(values, size))

    def encrypt_with(self, values: bytes, size: int, randomness: bytes) -> bytes:
        plain = self._plain(values, size)
        factors = self._in_range(randomness)
        if len(plain) != len(factors):
            raise InternalError(f"{len(plain)} plaintexts and {len(factors)} random numbers")
        return self.write((1 + m * self.n) * x % self._square for m, x in zip(plain, factors, strict=True))

    def make_base(self) -> bytes:
        return self.write([power(-(self._unit() ** 2) % self.n, self.n, self._square)])

    def fixed_base(self, base: bytes, exponent_bits: int) -> "PortableBase":
        bits = self.n.bit_length()
        numbers = self._in_range(base)
        if len(numbers) != 1 or math.gcd(numbers[0], self.n) != 1 or not -(-bits // 2) <= exponent_bits <= bits:
            raise InternalError("the base is no unit, or its exponents are too short or too long")
        return PortableBase(self, numbers[0], exponent_bits)

    def add(self, left: bytes, right: bytes) -> bytes:
        if len(left) != len(right):
            raise InternalError("batches of different lengths can't be added")
        pairs = zip(self._in_range(left), self._in_range(right), strict=True)
        return self.write(a * b % self._square for a, b in pairs)

    def rerandomise(self, ciphertexts: bytes) -> bytes:
        return self.add(ciphertexts, self.make_randomness(len(ciphertexts) // self._width))

    def negate(self, ciphertexts: bytes) -> bytes:
        return self.write(self._inverse(number) for number in self._in_range(ciphertexts))

    def product(self, ciphertexts: bytes, offsets: bytes, indices: bytes) -> bytes:
        numbers = self._in_range(ciphertexts)
        if len(offsets) % 8 or len(indices) % 4:
            raise InternalError("the offsets do not fit the indices")
        bounds = np.frombuffer(offsets, "<u8").tolist()
        chosen = np.frombuffer(indices, "<u4").tolist()
        if not bounds or bounds[0] != 0 or bounds[-1] != len(chosen) or bounds != sorted(bounds):
            raise InternalError("the offsets do not fit the indices")
        if chosen and max(chosen) >= len(numbers):
            raise InternalError("an index is of no ciphertext")
        return self.write(
            self._product(numbers[index] for index in chosen[start:end]) for start, end in itertools.pairwise(bounds)
        )

    def power(self, ciphertexts: bytes, exponents: bytes, bits: int, *, signed: bool) -> bytes:
        numbers = self._in_range(ciphertexts)
        if len(exponents) != 8 * len(numbers) or not 0 <= bits <= 64:
            raise InternalError("the exponents do not fit the ciphertexts")
        powers = np.frombuffer(exponents, "<i8" if signed else "<u8").tolist()
        if any(abs(exponent) >> bits for exponent in powers):
            raise InternalError(f"an exponent has more than {bits} bits")
        pairs = zip(numbers, powers, strict=True)
        return self.write(power(self._inverse(c) if e < 0 else c, abs(e), self._square) for c, e in pairs)

    def pack(self, ciphertexts: bytes, slots: int, bits: int) -> bytes:
        numbers = self._in_range(ciphertexts)
        if slots < 1 or bits < 1 or slots * bits >= self.n.bit_length():
            raise InternalError(f"{slots} slots of {bits} bits have no room below n")
        groups = (numbers[start : start + slots] for start in range(0, len(numbers), slots))
        return self.write(self._packed(group, bits) for group in groups)

    def check(self, ciphertexts: bytes) -> None:
        for position, number in enumerate(self._read(ciphertexts)):
            if not self._is_in_range(number) or math.gcd(number, self.n) != 1:
                raise refused_ciphertext(position)

    def write(self, numbers: Iterable[int]) -> bytes:
        return b"".join(number.to_bytes(self._width, "little") for number in numbers)

    def _read(self, batch: bytes) -> list[int]:
        return _numbers(batch, self._width)

    def _is_in_range(self, number: int) -> bool:
        return 0 < number < self._square

    def _in_range(self, batch: bytes) -> list[int]:
        numbers = self._read(batch)
        if not all(map(self._is_in_range, numbers)):
            raise InternalError("a ciphertext is out of range")
        return numbers

    def _plain(self, values: bytes, size: int) -> list[int]:
        if not 0 < size <= self._value_bytes:
            raise InternalError(f"plaintexts have 1 to {self._value_bytes} bytes")
        numbers = _numbers(values, size)
        if any(number >= self.n for number in numbers):
            raise InternalError("a plaintext is not below n")
        return numbers

    def _unit(self) -> int:
        while math.gcd(unit := 1 + secrets.randbelow(self.n - 1), self.n) != 1:
            pass
        return unit

    def _inverse(self, number: int) -> int:
        try:
            return pow(number, -1, self._square)
        except ValueError:
            raise InternalError("a ciphertext has no inverse") from None

    def _product(self, numbers: Iterable[int]) -> int:
        product = 1
        for number in numbers:
            product = product * number % self._square
        return product

    def _packed(self, group: list[int], bits: int) -> int:
        packed = 1
        for number in reversed(group):
            packed = power(packed, 1 << bits, self._square) * number % self._square
        return packed


class PortableBase:
    """See :class:`miyun.paillier.backend.BaseKernel`. For each digit of an exponent the powers that it may ask for."""

    def __init__(self, key: PortablePublic, base: int, exponent_bits: int) -> None:
        self._key = key
        self._square = key.n * key.n
        self._exponent_bits = exponent_bits
        self._powers: list[list[int]] = []
        for _ in range(-(-exponent_bits // _DIGIT_BITS)):
            row = [1]
            for _ in range(1 << _DIGIT_BITS):
                row.append(row[-1] * base % self._square)
            base = row.pop()
            self._powers.append(row)

    def make_randomness(self, count: int) -> bytes:
        return self._key.write(self._power(secrets.randbits(self._exponent_bits)) for _ in range(count))

    def _power(self, exponent: int) -> int:
        product = 1
        for row in self._powers:
            product = product * row[exponent & (1 << _DIGIT_BITS) - 1] % self._square
            exponent >>= _DIGIT_BITS
        return product


def _numbers(batch: bytes, size: int) -> list[int]:
    if len(batch) % size:
        raise InternalError(f"a batch of {len(batch)} bytes is no multiple of {size}")
    return [int.from_bytes(batch[start : start + size], "little") for start in range(0, len(batch), size)]
