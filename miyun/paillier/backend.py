"""What computes on ciphertexts. Numbers are little-endian; batches are concatenations; results keep their order.

For a key of b bits, n and plaintexts have b / 8 bytes, ciphertexts and n-th powers b / 4. Every backend gives the same
bytes, except where it draws randomness, and refuses the same.
"""

from functools import lru_cache
from typing import Protocol

from miyun.errors import MalformedError
from miyun.kernels import kernels


class BaseKernel(Protocol):
    """Powers of one base to random short exponents."""

    def make_randomness(self, count: int) -> bytes: ...


class PublicKernel(Protocol):
    """What needs n alone.

    All methods raise InternalError for what is no batch, a plaintext not below n, an index of no ciphertext, and a
    ciphertext of 0 or not below n²: callers pass what :meth:`check` has seen.
    """

    name: str

    def make_randomness(self, count: int) -> bytes:
        """So many rⁿ mod n², of r uniform in Z*ₙ."""
        ...

    def raise_to_n(self, values: bytes) -> bytes:
        """xⁿ mod n of public x below n, of the bytes of n each."""
        ...

    def encrypt_with(self, values: bytes, size: int, randomness: bytes) -> bytes:
        """(1 + m n) · x mod n² for each plaintext m of ``size`` bytes, at most those of n, and each x."""
        ...

    def make_base(self) -> bytes:
        """(−x²)ⁿ mod n² of a uniform x in Z*ₙ."""
        ...

    def fixed_base(self, base: bytes, exponent_bits: int) -> BaseKernel:
        """Tables of powers of ``base``, for exponents uniform below 2^``exponent_bits``."""
        ...

    def add(self, left: bytes, right: bytes) -> bytes:
        """Products by pairs."""
        ...

    def rerandomise(self, ciphertexts: bytes) -> bytes:
        """Each times an rⁿ as :meth:`make_randomness` makes them."""
        ...

    def negate(self, ciphertexts: bytes) -> bytes:
        """Inverses."""
        ...

    def product(self, ciphertexts: bytes, offsets: bytes, indices: bytes) -> bytes:
        """For segment i the product of those that ``indices[offsets[i]:offsets[i + 1]]`` number, 1 for none.

        Offsets are ascending, of 64 bits each, from 0 to the number of indices; indices have 32 bits.
        """
        ...

    def power(self, ciphertexts: bytes, exponents: bytes, bits: int, *, signed: bool) -> bytes:
        """Each to its exponent of 64 bits, whose size is below 2^``bits``."""
        ...

    def pack(self, ciphertexts: bytes, slots: int, bits: int) -> bytes:
        """Of every ``slots`` one, with the first's plaintext in the lowest ``bits`` bits."""
        ...

    def check(self, ciphertexts: bytes) -> None:
        """That each is a unit below n².

        Raises:
            MalformedError: one is not; the message names the first position.
        """
        ...


@lru_cache(maxsize=16)
def public_kernel(n: bytes) -> PublicKernel:
    """The native one where the kernels run, else the portable one.

    Raises:
        ConfigError: as :func:`miyun.kernels.kernels`.
    """
    if kernels().native:
        from miyun.paillier.native import NativePublic

        return NativePublic(n)
    from miyun.paillier.portable import PortablePublic

    return PortablePublic(n)


def refused_ciphertext(position: int) -> MalformedError:
    """What every backend raises of the first ciphertext that it refuses."""
    return MalformedError(
        f"the ciphertext at position {position} is none under this key",
        hint="Ask the sender to check its installation: no correct one sends such a number.",
    )
