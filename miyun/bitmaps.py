"""Sets of numbers below 2³² as roaring bitmaps and as arrays, without a step of Python for each number.

pyroaring iterates over a numpy array, ten times slower than it reads an ``array.array``.
"""

from array import array

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap


def to_bitmap(numbers: npt.NDArray[np.uint32]) -> BitMap:
    """The set of the numbers, which may come in any order."""
    words = array("I")
    words.frombytes(numbers.astype(np.uint32, copy=False).tobytes())
    return BitMap(words)


def to_numbers(bitmap: BitMap) -> npt.NDArray[np.uint32]:
    """The numbers of a set, ascending."""
    return np.frombuffer(bitmap.to_array(), np.uint32)


def to_mask(bitmap: BitMap, size: int) -> npt.NDArray[np.bool_]:
    """For each number below ``size``, whether it is in the set."""
    mask = np.zeros(size, np.bool_)
    numbers = to_numbers(bitmap)
    mask[numbers[: np.searchsorted(numbers, size)]] = True
    return mask
