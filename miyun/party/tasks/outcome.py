"""How a task left off."""

from enum import StrEnum


class Outcome(StrEnum):
    """``MOVED`` and ``IDLE`` wait for somebody else, with and without anything done this time."""

    DONE = "done"
    MOVED = "moved"
    IDLE = "idle"
