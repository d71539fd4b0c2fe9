"""Lookalike (人群扩展): weights from a seed's noisy portrait, and scores from weights.

The party that reads the portrait makes the weights and gives them to the owner of the tags. That owner knows its own
noise in the totals, so that noise hides nothing from it: `with_own_noise` comes first, and is charged to the reader's
rows. Everything after it is post-processing.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from miyun.errors import InternalError
from miyun.insight.estimates import Floats
from miyun.insight.totals import Integers, TagTotals
from miyun.privacy.noise import discrete_gaussian, scale_for

PER_UNIT = 1000
"""Weights are whole thousandths, so that scores are the same on every machine."""

LARGEST_FACTOR = 50.0
"""No tag counts for more than such a ratio of odds."""

_LEAST = 1e-9
_ROUNDS = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """By place of the question's tags, in thousandths of a natural logarithm of odds."""

    tags: tuple[str, ...]
    thousandths: Integers

    def score(self, offsets: NDArray[np.unsignedinteger], handles: NDArray[np.unsignedinteger], rows: int) -> Integers:
        """The score of each of ``rows`` rows: the sum of the weights of its tags.

        Tag number i is carried by ``handles[offsets[i]:offsets[i + 1]]``, counted from the chunk's first row. The work
        is in proportion to the pairs of row and tag.
        """
        if len(offsets) != len(self.tags) + 1 or int(offsets[-1]) != len(handles):
            raise InternalError("tags that do not belong to these weights")
        carried = np.repeat(self.thousandths, (offsets[1:] - offsets[:-1]).astype(np.int64))
        # Sums of whole numbers far below 2⁵³: exact in doubles.
        scores = np.bincount(handles, weights=carried, minlength=rows)
        if len(scores) != rows:
            raise InternalError("a tag on a row beyond its chunk")
        return scores.astype(np.int64)


def with_own_noise(totals: TagTotals, *, rho_micro: int, sensitivity: float) -> TagTotals:
    """The totals with the reader's own discrete Gaussian noise on top, worth ``rho_micro`` of its rows' budget.

    ``sensitivity`` is Δ₂ of all the totals of this question together. Drawn anew at each call: keep the result, and
    never make a second one for the same charge.
    """
    own = scale_for(rho_micro, sensitivity)
    exact = [*totals.counts.tolist(), *totals.known.tolist(), totals.everybody]
    noised = np.asarray(discrete_gaussian(exact, own), dtype=np.int64)
    tags = len(totals.counts)
    return replace(
        totals,
        counts=noised[:tags],
        known=noised[tags:-1],
        everybody=int(noised[-1]),
        scale=math.hypot(totals.scale, own),
    )


def weigh(seed: TagTotals, base: TagTotals) -> Weights:
    """Smoothed log-odds of each tag in the seed against the base: ln(p/(1−p)) − ln(p₀/(1−p₀)).

    p is the seed's share drawn towards the base's p₀ by as much as chance and noise deserve, so that a hundred thousand
    tags of noise don't outvote ten that tell; see `_belief`. A tag whose p₀ is itself within two standard deviations of
    0 or 1 weighs nothing.
    """
    if seed.tags.ids != base.tags.ids:
        raise InternalError("a seed and its base are compared tag by tag")
    here, there = seed.tagged(), base.tagged()
    known, base_known = np.maximum(here.whole, 1.0), np.maximum(there.whole, 1.0)
    usual = np.clip(there.part / base_known, 0.0, 1.0)
    chance = np.sqrt(usual * (1 - usual) / base_known + (base.scale / base_known) ** 2)
    told = (here.whole > 0) & (there.whole > 0) & (usual > 2 * chance) & (usual < 1 - 2 * chance)
    thousandths = np.zeros(len(usual), dtype=np.int64)
    if told.any():
        usual, known = usual[told], known[told]
        expected = usual * known
        more = here.part[told] - expected
        drawn = usual + _belief(more, expected, expected * (1 - usual) + seed.scale**2) * more / known
        share = np.clip(drawn, _LEAST, 1 - _LEAST)
        odds = np.log(share / (1 - share)) - np.log(usual / (1 - usual))
        bounded = np.clip(odds, -math.log(LARGEST_FACTOR), math.log(LARGEST_FACTOR))
        thousandths[told] = np.rint(bounded * PER_UNIT).astype(np.int64)
    return Weights(tags=seed.tags.ids, thousandths=thousandths)


def _belief(more: Floats, expected: Floats, variance: Floats) -> Floats:
    """Which part, 0 to 1, of ``more`` people than ``expected`` is to be believed, read with that ``variance``.

    Two groups of tags (Efron, 2008): a share π of them differs from the base, by a factor of itself with standard
    deviation τ, so that ``more`` has variance τ²·expected² + variance; the others have the latter alone. π and τ are
    fitted to all tags by expectation and maximisation, τ² by its moments and at most 1, as else it would explain noise.
    Believed is the chance that the tag is one of the first times what noise leaves of it there.
    """
    share, spread = 0.1, 0.5
    precision = expected**2 / variance
    for _ in range(_ROUNDS):
        whole = spread * expected**2 + variance
        differs = math.log(share) - np.log(whole) / 2 - more**2 / (2 * whole)
        alike = math.log(1 - share) - np.log(variance) / 2 - more**2 / (2 * variance)
        chance = 1 / (1 + np.exp(np.clip(alike - differs, -50, 50)))
        share = float(np.clip(chance.mean(), 1e-3, 1 - 1e-3))
        weight = chance * precision**2
        excess = float(weight @ ((more**2 - variance) / expected**2)) / max(float(weight.sum()), _LEAST)
        spread = min(max(excess, 1e-3), 1.0)
    return np.asarray(chance * spread * precision / (spread * precision + 1))


def best(scores: Integers, count: int, *, eligible: NDArray[np.bool_] | None = None) -> Integers:
    """The ``count`` rows with the highest scores, in ascending order; of equal ones the first.

    ``eligible`` leaves rows out. Fewer where there are not as many.
    """
    places = np.arange(len(scores)) if eligible is None else np.flatnonzero(eligible)
    order = np.argsort(-scores[places], kind="stable")
    return np.sort(places[order[: max(0, count)]])


def tenths(scores: Integers, parts: int = 10) -> NDArray[np.uint8]:
    """Into which of so many equal parts of the base each score falls, 0 for the best; equal scores fall together."""
    if not 2 <= parts <= 100:
        raise InternalError("scores are shown in 2 to 100 parts")
    descending = -np.sort(-scores)
    last = np.maximum(0, len(scores) * np.arange(1, parts) // parts - 1)
    edges = descending[last] if len(scores) else descending
    return np.searchsorted(-edges, -scores, side="left").astype(np.uint8)
