"""Worlds with known truths, noised as owners noise them."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from miyun.insight.totals import NO_DIMENSION, Tags, TagTotals

NAMES = (
    "喜欢奶茶",
    "Coffee lovers ☕",
    "<b>bold</b> & $x_1$",
    "[red]markup[/red]",
    "مرحبا",
    "pdf\u202egnp.exe",
    "line\nbreak\ttab\x1b[31m",
    "",
    "Z̷̢̛̗̬̩̈́̄͋a̶l̴g̵o",
    "家庭 👨‍👩‍👧",
    "𓀀𓀁 hieroglyphs",
    "एक बहुत लंबा नाम जो किसी भी तालिका में नहीं समाता, " * 3,
)


def discrete_gaussian(rng: np.random.Generator, scale: float, shape: int | tuple[int, ...]) -> NDArray[np.int64]:
    """From the distribution's table, repeatable; 0 without a scale. From 100 on rounded normals are as good."""
    if scale >= 100:
        return np.rint(rng.normal(0, scale, shape)).astype(np.int64)
    reach = math.ceil(12 * scale)
    support = np.arange(-reach, reach + 1)
    weights = np.exp(-(support**2) / (2 * scale**2)) if scale else np.ones(1)
    return rng.choice(support, size=shape, p=weights / weights.sum())


def tags_of(count: int, names: Sequence[str] = ()) -> Tags:
    """Tags in two dimensions and in none, in turn."""
    return Tags(
        ids=tuple(f"tag-{place}" for place in range(count)),
        names=tuple(names) or tuple(f"标签 {place}" for place in range(count)),
        dimensions=("city", "interest"),
        dimension_of=np.asarray([(0, 1, NO_DIMENSION)[place % 3] for place in range(count)]),
    )


def drawn(
    rng: np.random.Generator,
    tags: Tags,
    *,
    people: int,
    shares: NDArray[np.float64],
    scale: float,
    name: str = "segment",
) -> TagTotals:
    """So many people who each carry a tag by chance; the dimensions are known for 80 % and 60 %."""
    known = np.asarray([people * 8 // 10, people * 6 // 10])
    counts = rng.binomial(np.append(known, people)[tags.dimension_of], shares)
    return TagTotals(
        name=name,
        tags=tags,
        counts=counts + discrete_gaussian(rng, scale, len(counts)),
        known=known + discrete_gaussian(rng, scale, 2),
        everybody=people + int(discrete_gaussian(rng, scale, 1)[0]),
        scale=scale,
    )
