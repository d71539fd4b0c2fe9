"""Secret orders: which place a row takes, so that its place says nothing about it."""

import os

import numpy as np
import numpy.typing as npt

from miyun.kernels import kernels


def secret_permutation(count: int) -> npt.NDArray[np.uint32]:
    """A uniform permutation of 0 … count - 1, drawn from the operating system's generator."""
    if kernels().native:
        import miyun_native

        return np.frombuffer(miyun_native.permutation(count), "<u4").astype(np.uint32, copy=False)
    return portable_permutation(count)


def portable_permutation(count: int) -> npt.NDArray[np.uint32]:
    """By sorting random keys, which is uniform among distinct ones: those with a tie are drawn again."""
    while True:
        keys = np.frombuffer(os.urandom(8 * count), np.uint64)
        order = np.argsort(keys, kind="stable")
        ranked = keys[order]
        if not np.any(ranked[1:] == ranked[:-1]):
            return order.astype(np.uint32)
