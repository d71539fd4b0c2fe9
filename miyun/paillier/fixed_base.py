"""Randomness from powers of one base with short exponents: tenfold cheaper than uniform rⁿ.

Damgård, Jurik, Nielsen: A generalization of Paillier's public-key system with applications to electronic voting
(International Journal of Information Security 9, 2010). With h = −x² mod n for a uniform x, a ciphertext is
(1 + n)ᵐ (hⁿ)ˢ mod n², where s is uniform of half the length of n.

*What it rests on*: decisional composite residuosity, and that hˢ with so short an s can't be told from one with a full
s. For exponents of half the length the latter follows from factoring (Goldreich, Rosen: On the Security of Modular
Exponentiation, Journal of Cryptology 16, 2003); shorter ones are refused. The primes are to be such that
p ≡ q ≡ 3 mod 4 and gcd(p − 1, q − 1) = 2, so that the squares are a cyclic group of odd order and −1 has Jacobi symbol
1: see :attr:`miyun.paillier.private.PrivateKey.admits_short_exponents`. Most keys made by ``phe`` do not comply.

*When it is allowed*: towards a receiver that lacks the private key. Its holder finds s: by a discrete logarithm modulo
the primes, which is easy where a malicious holder chose smooth p − 1 and q − 1. In a product the exponents add up, and
sums of short numbers, known one by one or not, tell which of them went into it. So what goes back to the holder is
rerandomised with a uniform rⁿ, which the types demand: see :mod:`miyun.paillier.ciphertexts`.

Whoever encrypts draws the base. One from the key's holder could hide a plaintext: (1 + n) hⁿ would put every s into the
totals.
"""

from functools import cached_property
from typing import Final

from miyun.paillier.backend import BaseKernel, public_kernel
from miyun.paillier.public import Kind, PublicKey


class FixedBase:
    """A base drawn here for one key, with its tables (47 MB at 3072 bits, by the native kernels). A Randomness.

    Whether the key admits it (the conditions on its primes) is what its owner said with the key.
    """

    kind: Final = Kind.SHORT

    def __init__(self, key: PublicKey) -> None:
        self.public_key = key

    def take(self, count: int) -> bytes:
        return self._base.make_randomness(count)

    @cached_property
    def _base(self) -> BaseKernel:
        kernel = public_kernel(self.public_key.to_bytes())
        return kernel.fixed_base(kernel.make_base(), self.public_key.bits // 2)
