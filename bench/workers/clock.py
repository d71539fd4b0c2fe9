"""Processor time of the process."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def per_element(count: int, call: Callable[[], T], rounds: int = 1) -> tuple[T, float]:
    """What the call gives, and seconds of processor time for one of its elements, over so many rounds of it."""
    before = time.process_time()
    for _ in range(rounds):
        result = call()
    return result, (time.process_time() - before) / count / rounds
