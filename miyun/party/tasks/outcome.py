"""How a task left off."""

from enum import StrEnum


class Outcome(StrEnum):
    """``MOVED`` and ``IDLE`` wait for somebody else, with and without anything done this time.

    ``CHANGED`` is done like ``DONE``, with a change of rows: nothing was released, and no lease used.
    """

    DONE = "done"
    CHANGED = "changed"
    MOVED = "moved"
    IDLE = "idle"
