"""Secret permutations of both backends: every number once, every order as likely as the next."""

from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from miyun.hazmat.permutation import portable_permutation, secret_permutation

DRAWS = 12_000
LIMIT = 55.0
"""Chi-square with 23 degrees of freedom passes this once in 5,000 runs of a fair draw."""


@pytest.mark.parametrize("draw", [secret_permutation, portable_permutation])
def test_every_number_stands_there_once(draw):
    for count in (0, 1, 2, 1000):
        assert np.array_equal(np.sort(draw(count)), np.arange(count))
        assert draw(count).dtype == np.uint32


@pytest.mark.parametrize("draw", [secret_permutation, portable_permutation])
def test_orders_are_equally_likely(draw):
    seen = Counter(tuple(draw(4).tolist()) for _ in range(DRAWS))
    expected = DRAWS / 24
    assert sum((seen[order] - expected) ** 2 / expected for order in permutations(range(4))) < LIMIT


def test_two_draws_differ():
    assert not np.array_equal(secret_permutation(50), secret_permutation(50))
