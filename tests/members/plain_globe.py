"""The globe in plain Python: distances by the haversine formula, and the squares that hide places."""

import math

RADIUS = 6_371_008.8
Place = tuple[float, float]


def haversine(one: Place, other: Place) -> float:
    """Metres along the great circle."""
    (north, east), (other_north, other_east) = (tuple(map(math.radians, place)) for place in (one, other))
    half = (
        math.sin((north - other_north) / 2) ** 2
        + math.cos(north) * math.cos(other_north) * math.sin((east - other_east) / 2) ** 2
    )
    return 2 * RADIUS * math.asin(math.sqrt(min(half, 1)))


def square(place: Place, metres: int) -> Place:
    """The middle of the square that a place is in."""
    if not metres:
        return place
    latitude, longitude = place
    rows = int(math.pi * RADIUS // metres)
    row = min(int((latitude + 90) / 180 * rows), rows - 1)
    middle = (row + 0.5) * 180 / rows - 90
    columns = max(1, int(2 * math.pi * RADIUS * math.cos(math.radians(middle)) / metres))
    column = int((longitude + 180) / 360 * columns) % columns
    return middle, (column + 0.5) * 360 / columns - 180


def near(place: Place | None, points: list[Place], metres: float, grid: int = 0) -> bool:
    """Whether a place, moved to the middle of its square, is within the distance of one of the points."""
    return place is not None and any(haversine(square(place, grid), point) <= metres for point in points)
