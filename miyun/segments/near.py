"""Conditions by distance: ``tags.home within '500m' of ((30.25, 120.16), (30.27, 120.15))``.

Points are latitude and longitude in degrees of WGS-84, rounded to five decimals (a metre), sorted and distinct. Within
is at most this distance along the great circle, on a sphere of the earth's mean radius.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from hashlib import sha256
from types import MappingProxyType
from typing import NamedTuple

from miyun.contract.model import LOCATION, Contract
from miyun.errors import ExpressionError, NotPermittedError
from miyun.segments.expression import Column, Expression

MOST_POINTS = 2000
"""Of one condition."""
MOST_METRES = 1_000_000
_UNITS = 100_000
_DISTANCE = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?) ?(m|km|米|公里|千米)")
_METRES = {"m": 1, "米": 1, "km": 1000, "公里": 1000, "千米": 1000}

Degrees = int | float | Decimal | str
Places = Mapping[str, Sequence[tuple[Degrees, Degrees]]]
"""Lists of points (latitude, longitude) by the names that ``points('shops')`` calls them by."""


NO_PLACES: Places = MappingProxyType({})


class Point(NamedTuple):
    """In hundred-thousandths of a degree. A longitude lies from -180° to below 180°, and is 0 at a pole."""

    latitude: int
    longitude: int

    @property
    def degrees(self) -> tuple[float, float]:
        return self.latitude / _UNITS, self.longitude / _UNITS

    def text(self) -> str:
        return f"({_degrees(self.latitude)}, {_degrees(self.longitude)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Near(Expression):
    """A column with a place within ``metres`` of one of the points; false where it has none. Built by :func:`near`."""

    column: Column
    metres: int
    points: tuple[Point, ...]
    position: int = field(default=0, compare=False, repr=False)

    def text(self) -> str:
        points = ", ".join(point.text() for point in self.points)
        return f"{self.column.text()} within '{self.metres}m' of ({points})"

    @property
    def subject(self) -> str:
        """What a grant calls it: ``tags.home.location``."""
        return self.column.subject + LOCATION

    @property
    def answered_as(self) -> str:
        """The name of the boolean column that the owner's rows have for it, while they are asked; no attribute's."""
        return f"#{sha256(self.text().encode()).hexdigest()}"


def near(
    column: Column, distance: str | Degrees, points: Iterable[tuple[Degrees, Degrees]], position: int = 0
) -> Expression:
    """A condition by distance, in normal form. ``distance`` is metres, or a text as ``500m`` or ``1.5km``.

    Raises:
        ExpressionError: it is no distance, there are no points or too many, or one is not on the earth.
    """
    kept = {_point(latitude, longitude, position) for latitude, longitude in points}
    if not 1 <= len(kept) <= MOST_POINTS:
        raise ExpressionError(
            f"{len(kept):,} points; a condition by distance names from 1 to {MOST_POINTS:,}",
            position=position,
            hint="Make one segment for each part of them.",
        )
    return Near(column=column, metres=_metres(distance, position), points=tuple(sorted(kept)), position=position)


def permit_distances(contract: Contract, conditions: Iterable[Expression]) -> None:
    """Pass where every condition by distance among these reaches as far as the contract wants.

    Raises:
        NotPermittedError: one reaches less far.
    """
    for condition in conditions:
        if isinstance(condition, Near) and condition.metres < contract.location_radius_min:
            raise NotPermittedError(
                f"{condition.column.text()} within '{condition.metres}m'; contract {contract.id} wants at least "
                f"{contract.location_radius_min} m",
                hint=f"Ask for {contract.location_radius_min}m or more.",
                clause="location_radius_min",
            )


def _point(latitude: Degrees, longitude: Degrees, position: int) -> Point:
    try:
        north, east = _rounded(latitude), _rounded(longitude)
    except (InvalidOperation, ValueError, OverflowError):
        north, east = 181 * _UNITS, 181 * _UNITS
    if abs(north) > 90 * _UNITS or abs(east) > 180 * _UNITS:
        hint = "Write latitude and longitude in degrees, as (30.25, 120.16)."
        if abs(east) <= 90 * _UNITS < abs(north) <= 180 * _UNITS:
            hint = f"Latitude comes first: ({longitude}, {latitude})?"
        raise ExpressionError(f"({latitude}, {longitude}) is no place on the earth", position=position, hint=hint)
    if abs(north) == 90 * _UNITS:
        return Point(north, 0)
    return Point(north, -east if east == 180 * _UNITS else east)


def _rounded(degrees: Degrees) -> int:
    exact = Decimal(str(degrees))
    if not abs(exact) <= 360:
        raise InvalidOperation
    return int((exact * _UNITS).to_integral_value(ROUND_HALF_EVEN))


def _degrees(units: int) -> str:
    whole, part = divmod(abs(units), _UNITS)
    decimals = f"{part:05}".rstrip("0")
    return f"{'-' if units < 0 else ''}{whole}{'.' if decimals else ''}{decimals}"


def _metres(distance: str | Degrees, position: int) -> int:
    found = _DISTANCE.fullmatch(distance if isinstance(distance, str) else f"{distance}m")
    metres = Decimal(found[1]) * _METRES[found[2]] if found else Decimal(0)
    if not 1 <= metres <= MOST_METRES or metres % 1:
        raise ExpressionError(
            f"'{distance}' is no distance",
            position=position,
            hint=f"Write whole metres, from '1m' to '{MOST_METRES // 1000}km', as '500m' or '1.5km'.",
        )
    return int(metres)
