"""How many random points and row handles hide the true counts, and which padding handle carries which types.

Padding handles must not stand out, so each carries at least one point, at most one per type, and the counts are
functions of rounded numbers alone:

- There are n rows and pₜ values of type t, at most n; bucket b. Q handles are added: the least number with b | n + Q,
  and Q ≥ 2b - 2 if there are several types. So n + Q tells n to within one bucket.
- The first type gets the most points that the handles can carry, d₀ ≤ Q with b | p₀ + d₀. Fewer than b handles remain
  without one.
- The second type covers those: d₁ is the least number ≥ Q - d₀ with b | p₁ + d₁, at most (b - 1) + (b - 1) ≤ Q.
- Every further type gets the least dₜ with b | pₜ + dₜ, on random handles.

With one type n = p₀, so Q = d₀ < b.

Where an epoch may change, each type has ``least`` padding points beyond that, so that there are some to take out
among rows that are taken out: Q is larger by as many, d₀ ≥ Q - (b - 1) is at least that, and d₁ and dₜ are chosen so.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Padding:
    """``handles`` are added; ``carriers`` says per type which of them, counted from 0, carry a padding point."""

    handles: int
    carriers: tuple[tuple[int, ...], ...]


def plan_padding(rows: int, values: Sequence[int], bucket: int, *, least: int = 0) -> Padding:
    """``values`` are the real points per identifier type; each row has one of some type."""
    handles = _up_to(rows, bucket, at_least=least + (0 if len(values) == 1 else 2 * bucket - 2))
    first = handles - (values[0] + handles) % bucket
    carriers = [tuple(range(first))]
    for place, real in enumerate(values[1:]):
        if place == 0:
            count = _up_to(real, bucket, at_least=max(handles - first, least))
            carriers.append(tuple(range(handles - count, handles)))
        else:
            chosen = secrets.SystemRandom().sample(range(handles), _up_to(real, bucket, at_least=least))
            carriers.append(tuple(sorted(chosen)))
    return Padding(handles=handles, carriers=tuple(carriers))


def _up_to(count: int, bucket: int, *, at_least: int) -> int:
    """The least number, not below ``at_least``, that makes ``count`` a multiple of ``bucket``."""
    return at_least + -(count + at_least) % bucket
