"""People who never were: a population in which everything about a person is a function of (seed, index).

Nothing is kept, so a population of any size costs no memory, and two tables drawn from the same indices overlap.
"""

from dataclasses import dataclass
from math import gcd
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.uint64]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

MOBILE_PREFIXES = (
    *(134, 135, 136, 137, 138, 139, 147, 150, 151, 152, 157, 158, 159, 178, 182, 183, 184, 187, 188, 198),
    *(130, 131, 132, 145, 155, 156, 166, 175, 176, 185, 186),
    *(133, 153, 173, 177, 180, 181, 189, 199),
)
"""Prefixes of mainland mobile numbers, by carrier; each holds 10⁸ numbers."""

NUMBERS_PER_PREFIX = 10**8

CITIES = (
    "上海",
    "北京",
    "广州",
    "深圳",
    "杭州",
    "成都",
    "武汉",
    "南京",
    "苏州",
    "重庆",
    "西安",
    "长沙",
    "青岛",
    "昆明",
)
SURNAMES = (
    "wang",
    "li",
    "zhang",
    "liu",
    "chen",
    "yang",
    "zhao",
    "huang",
    "zhou",
    "wu",
    "xu",
    "sun",
    "hu",
    "zhu",
    "gao",
    "lin",
    "he",
    "guo",
    "ma",
    "luo",
)
GIVEN_NAMES = (
    "wei",
    "fang",
    "na",
    "min",
    "jing",
    "li",
    "qiang",
    "lei",
    "jun",
    "yang",
    "yong",
    "jie",
    "juan",
    "tao",
    "ming",
    "chao",
    "xia",
    "ping",
    "yan",
    "hui",
)
FAMILY_NAMES = tuple("王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗")
MAIL_HOSTS = ("qq.com", "163.com", "126.com", "gmail.com", "outlook.com", "sina.com", "foxmail.com", "139.com")
MAIL_SHARES = (0.46, 0.22, 0.07, 0.06, 0.06, 0.04, 0.05, 0.04)


@dataclass(frozen=True, slots=True)
class Population:
    """``seed`` says which; every method takes person indices below 2³¹ and answers in their order."""

    seed: int

    def uniform(self, label: str, indices: Indices) -> Floats:
        """Numbers in [0, 1), one stream per seed and label (splitmix64 of the index)."""
        start = crc32(f"{self.seed} {label}".encode()) * 0xD1342543DE82EF95 % 2**64
        state = indices * np.uint64(0x9E3779B97F4A7C15) + np.uint64(start)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
        return np.asarray((state >> np.uint64(11)) / 2.0**53)

    def choice(self, label: str, indices: Indices, shares: tuple[float, ...]) -> Integers:
        """Which of the shares (they add up to 1) each person falls into."""
        bounds = np.cumsum(shares)[:-1]
        return np.searchsorted(bounds, self.uniform(label, indices), side="right")

    def pick(self, label: str, indices: Indices, count: int) -> Integers:
        """A number in [0, count) for each person."""
        return np.asarray(self.uniform(label, indices) * count, dtype=np.int64)

    def phones(self, indices: Indices) -> Integers:
        """Eleven-digit mobile numbers; different people have different ones."""
        space = len(MOBILE_PREFIXES) * NUMBERS_PER_PREFIX
        place = scramble(indices, space, self.seed)
        prefix = np.asarray(MOBILE_PREFIXES, dtype=np.int64)[place // NUMBERS_PER_PREFIX]
        return np.asarray(prefix * NUMBERS_PER_PREFIX + place % NUMBERS_PER_PREFIX)

    def emails(self, indices: Indices) -> list[str]:
        """Clean lower-case addresses; different people have different ones."""
        hosts = self.choice("mail host", indices, MAIL_SHARES)
        surnames = self.pick("surname", indices, len(SURNAMES))
        given = self.pick("given name", indices, len(GIVEN_NAMES))
        numbers = 10_000_000 + scramble(indices, 1_999_999_973, self.seed + 1)
        return [
            f"{number}@qq.com" if host == 0 else f"{SURNAMES[one]}{GIVEN_NAMES[two]}{number}@{MAIL_HOSTS[host]}"
            for host, one, two, number in zip(hosts, surnames, given, numbers.tolist(), strict=True)
        ]


def scramble(indices: Indices, size: int, seed: int) -> Integers:
    """A permutation of [0, size) at these places: i ↦ a·i + b mod size, with a and size coprime.

    Indices are below 2³¹ and so is a, so that nothing overflows.
    """
    step = int(size * 0.381966) % (2**31 - 1) or 1
    while gcd(step, size) != 1:
        step += 1
    shift = (seed * 2_654_435_761 + 97) % size
    return np.asarray((indices.astype(np.int64) * step + shift) % size)
