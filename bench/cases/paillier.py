"""Paillier with 3072 bits, one processor's time for one number."""

import random
from dataclasses import dataclass
from functools import partial
from math import gcd
from pathlib import Path
from typing import Any, Final

from bench.cases.case import Case, Figure
from bench.cases.one_process import OneProcess
from bench.cases.own import require_native
from bench.environments import Environment, OwnEnvironment
from bench.failures import WrongResultError

BITS: Final = 3072
PLAINTEXT_BITS: Final = 62
SEED: Final = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Plaintexts, and a key of primes that allow short exponents (Damgård, Jurik and Nielsen)."""

    plaintexts: tuple[int, ...]
    p: int
    q: int

    @property
    def sums(self) -> list[int]:
        """Each plaintext and the next one, the last and the first."""
        return [
            one + other for one, other in zip(self.plaintexts, self.plaintexts[1:] + self.plaintexts[:1], strict=True)
        ]


def _lay(_: Path, count: int) -> Numbers:
    drawn = random.Random(SEED)
    p, q = _primes()
    return Numbers(plaintexts=tuple(drawn.getrandbits(PLAINTEXT_BITS) for _ in range(count)), p=p, q=q)


def _primes() -> tuple[int, int]:
    """p ≡ q ≡ 3 (mod 4), gcd(p − 1, q − 1) = 2."""
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    while True:
        drawn = generate_private_key(public_exponent=65537, key_size=BITS).private_numbers()
        if drawn.p % 4 == drawn.q % 4 == 3 and gcd(drawn.p - 1, drawn.q - 1) == 2:
            return drawn.p, drawn.q


def _task(ground: Numbers, _: Path) -> dict[str, Any]:
    return {"bits": BITS, "p": hex(ground.p), "q": hex(ground.q), "plaintexts": list(ground.plaintexts)}


def _check(ground: Numbers, _: Path, answer: dict[str, Any]) -> None:
    """``opened``: by way of encryption, what its ciphertexts decrypt to. ``sums``: what the added ones do."""
    for way, opened in answer["opened"].items():
        if opened != list(ground.plaintexts):
            raise WrongResultError(f"{way}: decrypted to other numbers than were encrypted")
    if answer["sums"] != ground.sums:
        raise WrongResultError("added ciphertexts decrypt to other numbers than the sums")


_contestant = partial(OneProcess[Numbers], task=_task, check=_check)

CASE = Case[Numbers](
    name="paillier",
    title=f"Paillier, {BITS} bits: one number, one processor",
    about="""\
Processor time for one number, with all threads held on one processor. *encrypt* is the fastest way that a library
offers to who has only the public key and nothing prepared: for Miyun fixed-base tables with short exponents (as in
Damgård, Jurik and Nielsen; so does sf-heu), for phe a uniform rⁿ. *warm* takes rⁿ from a pool that was filled before;
*fill* is what one of it costs, with the tables. *owner* is encryption by who has the key, by the Chinese remainders.
phe runs with gmpy2 on Miyun's key; sf-heu runs its array interface (Z-Paillier, its fastest here) on a key of its own,
as it can't read one.""",
    sized="numbers",
    small=(32,),
    full=(512,),
    figures=(
        Figure("encrypt", "encrypt"),
        Figure("uniform", "encrypt, uniform rⁿ"),
        Figure("owner", "encrypt, owner"),
        Figure("fill", "fill"),
        Figure("warm", "encrypt, warm"),
        Figure("add", "add"),
        Figure("decrypt", "decrypt"),
    ),
    contestants=(
        _contestant(
            name="Miyun native",
            environment=OwnEnvironment(),
            script="miyun_paillier",
            variables={"MIYUN_NATIVE_THREADS": "1"},
            requires=require_native,
        ),
        _contestant(name="phe", environment=Environment("phe"), script="phe_paillier"),
        _contestant(name="sf-heu", environment=Environment("heu"), script="heu_paillier"),
    ),
    lay=_lay,
    one_processor=True,
)
