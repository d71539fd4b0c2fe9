"""Answers that fit into one message: definitions that name many points are long."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from miyun.transport.limits import MESSAGE_BYTES

LARGEST_ANSWER_BYTES = MESSAGE_BYTES * 3 // 4

Item = TypeVar("Item")


def fitting(items: Iterable[Item], text: Callable[[Item], str]) -> tuple[Item, ...]:
    """The first items, as many as one answer holds by the length of their texts; one at least, if there is any."""
    taken: list[Item] = []
    left = LARGEST_ANSWER_BYTES
    for item in items:
        left -= len(text(item).encode())
        if taken and left < 0:
            break
        taken.append(item)
    return tuple(taken)
