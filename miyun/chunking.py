"""How the points of one identifier type are cut into the chunks that travel."""

CHUNK_POINTS = 32_768
"""Points of a full chunk; only the last one of a type may hold fewer."""


def chunk_count(points: int) -> int:
    """How many chunks carry ``points`` points."""
    return -(-points // CHUNK_POINTS)


def chunk_points(points: int, index: int) -> int:
    """How many of ``points`` points chunk ``index`` carries."""
    return min(CHUNK_POINTS, points - index * CHUNK_POINTS)
