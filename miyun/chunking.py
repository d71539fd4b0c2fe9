"""How the points of one identifier type are cut into the chunks that travel."""

CHUNK_POINTS = 32_768
"""Points of a full chunk; only the last one of a type may hold fewer."""

MOST_SENT_AT_ONCE = 2 * CHUNK_POINTS
"""Points in the message that a delta begins with: the messages stay far below what a connection takes."""


def chunk_count(points: int) -> int:
    """How many chunks carry ``points`` points."""
    return -(-points // CHUNK_POINTS)


def chunk_points(points: int, index: int) -> int:
    """How many of ``points`` points chunk ``index`` carries."""
    return min(CHUNK_POINTS, points - index * CHUNK_POINTS)
