"""What computes with the primes. Conventions are those of :mod:`miyun.paillier.backend`."""

from typing import Protocol

from miyun.kernels import kernels


class PrivateKernel(Protocol):
    name: str

    def make_randomness(self, count: int) -> bytes:
        """So many rⁿ mod n², of r uniform in Z*ₙ, by way of p² and q²."""
        ...

    def decrypt(self, ciphertexts: bytes) -> bytes:
        """The plaintexts, below n, of b / 8 bytes each.

        Raises:
            MalformedError: one is no unit below n²; the message names the first position.
        """
        ...


def private_kernel(p: bytes, q: bytes) -> PrivateKernel:
    """The native one where the kernels run, else the portable one, of two primes of b / 16 bytes each."""
    if kernels().native:
        from miyun.paillier.private.native import NativePrivate

        return NativePrivate(p, q)
    from miyun.paillier.private.portable import PortablePrivate

    return PortablePrivate(p, q)
