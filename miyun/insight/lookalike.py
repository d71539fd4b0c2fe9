"""Lookalike (人群扩展): weights from a seed's noisy portrait, and scores from weights.

The party that reads the portrait makes the weights and gives them to the owner of the tags. That owner knows its own
noise in the totals, so that noise hides nothing from it: `with_own_noise` comes first, and is charged to the reader's
rows. Everything after it is post-processing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from miyun.errors import InternalError, MalformedError
from miyun.insight.estimates import Floats
from miyun.insight.totals import Integers, TagTotals
from miyun.privacy.noise import discrete_gaussian, scale_for

Scores = NDArray[np.signedinteger]

PER_UNIT = 1000
"""Weights are whole thousandths, so that scores are the same on every machine."""

LARGEST_FACTOR = 50.0
"""No tag counts for more than such a ratio of odds."""

_WEIGHT_BYTES, _EDGE_BYTES = 2, 4
_LARGEST = round(PER_UNIT * math.log(LARGEST_FACTOR))
PARTS = 10
_MADE_UP = 20_000
_LEAST = 1e-9
_ROUNDS = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Weights:
    """By place of the question's tags, in thousandths of a natural logarithm of odds."""

    tags: tuple[str, ...]
    thousandths: Integers

    def heavy(self) -> dict[str, int]:
        """The weights that are not 0, by tag, the heaviest first."""
        order = np.argsort(-np.abs(self.thousandths), kind="stable")
        return {self.tags[place]: int(self.thousandths[place]) for place in order if self.thousandths[place]}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scoring:
    """What the owner of the tags is given: weights, and the `PARTS` - 1 edges between parts by score, descending."""

    weights: Weights
    edges: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """The weights in two bytes each, then the edges in four each: little-endian, in two's complement."""
        return self.weights.thousandths.astype("<i2").tobytes() + np.asarray(self.edges, dtype="<i4").tobytes()

    @classmethod
    def from_bytes(cls, tags: Sequence[str], data: bytes) -> Self:
        """Read what was given for ``tags``.

        Raises:
            MalformedError: for other tags, a weight larger than any can be, or edges that don't descend.
        """
        if len(data) != scoring_bytes(len(tags)):
            raise MalformedError("weights of other tags than were asked about", hint="Make them anew.")
        thousandths = np.frombuffer(data, "<i2", count=len(tags)).astype(np.int64)
        between = np.frombuffer(data, "<i4", offset=_WEIGHT_BYTES * len(tags)).astype(np.int64)
        if np.abs(thousandths).max(initial=0) > _LARGEST or np.any(np.diff(between) > 0):
            raise MalformedError("a weight larger than any can be, or edges that rise", hint="Make the weights anew.")
        return cls(weights=Weights(tags=tuple(tags), thousandths=thousandths), edges=tuple(between.tolist()))


def scoring_bytes(tags: int) -> int:
    """How long it is for so many tags."""
    return _WEIGHT_BYTES * tags + _EDGE_BYTES * (PARTS - 1)


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

    p is the seed's share, from 0 to 1 whatever the noise, drawn towards the base's p₀ by as much as chance and noise
    deserve, so that a hundred thousand tags of noise don't outvote ten that tell; see `_belief`. A tag whose p₀ is
    itself within two standard deviations of 0 or 1 weighs nothing.
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
        part = here.part[told]
        believed = _belief(part - expected, expected, expected * (1 - usual) + seed.scale**2)
        drawn = usual + believed * (np.clip(part, 0, known) - expected) / known
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


def best(scores: Scores, count: int) -> Integers:
    """The ``count`` places with the highest scores, in ascending order; of equal ones the first.

    Fewer where there are not as many.
    """
    if count >= len(scores):
        return np.arange(len(scores))
    if count <= 0:
        return np.empty(0, dtype=np.int64)
    least = np.partition(scores, len(scores) - count)[len(scores) - count]
    above = scores > least
    equal = np.flatnonzero(scores == least)[: count - int(np.count_nonzero(above))]
    above[equal] = True
    return np.flatnonzero(above)


def edges(weights: Weights, base: TagTotals) -> tuple[int, ...]:
    """`PARTS` - 1 scores, descending, that part people like those of ``base`` into about equal parts.

    Nobody's own score decides where they are: they come from people made up, who carry each tag with its share of the
    base, independently. So a person who comes or goes changes one part, and by one.
    """
    shares = np.clip(base.counts / max(base.everybody, 1), 0.0, 1.0)
    (telling,) = np.nonzero((weights.thousandths != 0) & (shares > 0))
    random = np.random.default_rng(0)
    scores = np.zeros(_MADE_UP, dtype=np.int64)
    for place in telling.tolist():
        carriers = random.choice(_MADE_UP, size=random.binomial(_MADE_UP, shares[place]), replace=False, shuffle=False)
        scores[carriers] += weights.thousandths[place]
    descending = np.sort(scores)[::-1]
    return tuple(descending[_MADE_UP * np.arange(1, PARTS) // PARTS - 1].tolist())


def parts(scores: Scores, edges: Sequence[int]) -> NDArray[np.uint8]:
    """The part of each score, 0 for the best; part i holds the scores from ``edges[i]`` to below the edge before."""
    return np.searchsorted(-np.asarray(edges, dtype=np.int64), -scores.astype(np.int64), side="left").astype(np.uint8)
