"""Primes for keys."""

import math

from cryptography.hazmat.primitives.asymmetric import rsa

_EXPONENT = 65537


def draw_primes(bits: int) -> tuple[int, int]:
    """Two random primes whose product has ``bits`` bits and which admit short exponents.

    They are those of RSA keys: OpenSSL draws them uniformly, tests them, and keeps their difference large. One pair in
    six will do.
    """
    while True:
        numbers = rsa.generate_private_key(_EXPONENT, bits).private_numbers()
        if admit_short_exponents(numbers.p, numbers.q):
            return numbers.p, numbers.q


def admit_short_exponents(p: int, q: int) -> bool:
    """The conditions of Damgård, Jurik, Nielsen 2010 on p and q."""
    return p % 4 == q % 4 == 3 and math.gcd(p - 1, q - 1) == 2
