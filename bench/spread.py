"""Median and spread of a few runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The middle one of several measurements, and the least and the greatest."""

    median: float
    least: float
    greatest: float
    count: int

    @classmethod
    def of(cls, measured: Sequence[float]) -> Self:
        """Raises: ValueError: nothing was measured."""
        if not measured:
            raise ValueError("nothing was measured")
        return cls(median=median(measured), least=min(measured), greatest=max(measured), count=len(measured))
