"""How dummies noise the size that the matcher sees.

Both parties derive the same *pool* of 2t dummies. The matcher brings them all. The holder brings D of them, which it
never tells, and 2t − D uniform elements, so that it sends the same number of points whatever D is. For the matcher a
dummy looks like a row, so of the size C of the intersection it sees C + D.

D = t + Z, where Z is discrete Gaussian of variance σ² = 1/(2ρ), drawn again until |Z| ≤ t.

**Theorem.** Let ρ be the charge, and neighbours differ in one row of the holder, present or replaced by padding. What a
matcher that follows the protocol sees of the holder's rows is, computationally, a function of C + D and of public
numbers of rows (see :mod:`miyun.psi.intersection_sum`). Its distribution is within a total variation of η = 2⁻⁶⁴ of one
that is ρ-zCDP. So for every (ε, δ) that ρ gives (:mod:`miyun.privacy.accounting`), it is (ε, δ + (1 + e^ε) η)-DP.

*Proof.* C differs by at most 1: after the owner's deduplication a value belongs to one row of a side, so a row is in at
most one pair. C + t + N_ℤ(0, σ²) is ρ-zCDP (Canonne, Kamath, Steinke 2020, Theorem 14; t is public). Conditioning on
|Z| ≤ t moves the distribution by P(|Z| > t) ≤ 2 exp(−t² / 2σ²) = 2 exp(−t² ρ) < 2⁻⁶⁴, as t² ρ ≥ 46 and the discrete
Gaussian is subgaussian. If M′ is within η of M on both neighbours, P(M′(x) ∈ S) ≤ P(M(x) ∈ S) + η
≤ e^ε P(M(y) ∈ S) + δ + η ≤ e^ε (P(M′(y) ∈ S) + η) + δ + η. ∎

One-sided padding needs a δ, since the true size is never above the visible one (Case, Honaker, Sierra: The
Privacy-preserving Padding Problem, 2021); with t at nine and a half standard deviations it is far below every δ in use,
for few dummies: 2t is 136 at ρ = 0.01 and 1,358 at ρ = 0.0001.

A matcher that cheats can leave its dummies out, and sees C itself. It can't learn more than C by that. Who does not
trust the counterparty to run this protocol as it is grants no size of the match.
"""

import math
from dataclasses import dataclass
from typing import Self

from miyun.privacy.noise import MICRO, discrete_gaussian, scale_for

_TAIL = 46
"""At least 65 ln 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DummyPool:
    """``tail`` is t; a pool without noise has none."""

    rho_micro: int
    tail: int

    @classmethod
    def of(cls, rho_micro: int) -> Self:
        """The pool that a charge buys, in whole numbers so that both parties get the same; a charge of 0: none."""
        tail = math.isqrt(_TAIL * MICRO // rho_micro) + 1 if rho_micro else 0
        return cls(rho_micro=rho_micro, tail=tail)

    @property
    def size(self) -> int:
        return 2 * self.tail

    @property
    def scale(self) -> float:
        """σ; 0 without noise."""
        return scale_for(self.rho_micro, 1) if self.rho_micro else 0.0

    def draw(self) -> int:
        """D: how many of the pool the holder brings."""
        if not self.rho_micro:
            return 0
        while True:
            (drawn,) = discrete_gaussian([0], self.scale)
            if abs(drawn) <= self.tail:
                return self.tail + drawn
