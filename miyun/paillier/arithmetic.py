"""Modular powers of Python's integers, by GMP where ``gmpy2`` is installed."""

try:
    from gmpy2 import powmod as _powmod
except ImportError:
    _powmod = pow


def power(base: int, exponent: int, modulus: int) -> int:
    """``base`` to an exponent that is not negative, mod ``modulus``."""
    return int(_powmod(base, exponent, modulus))
