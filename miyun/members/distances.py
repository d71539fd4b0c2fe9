"""Which places lie within a distance of points, on a sphere of the earth's mean radius; and the grid that hides places.

A place is a unit vector, and two are within a distance where their product is at least the cosine of its angle: that
knows no antimeridian and no poles. What rounding could decide is decided by the haversine formula.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

EARTH_RADIUS_METRES = 6_371_008.8
"""The mean radius (2a + b) / 3 of the ellipsoid of WGS-84 (IUGG's R₁)."""

_CHUNK = 1024
_DOUBT = 1e-14
"""More than the rounding of a product of unit vectors; at 500 m, a millimetre."""
_LATITUDE_DOUBT = 1e-9

Degrees = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Latitudes and longitudes, parallel; NaN where there is none."""

    latitude: Degrees
    longitude: Degrees

    def __getitem__(self, which: Any) -> "Places":
        return Places(latitude=self.latitude[which], longitude=self.longitude[which])

    def __len__(self) -> int:
        return len(self.latitude)

    def vectors(self) -> Degrees:
        """On the unit sphere, a row each."""
        north, east = np.radians(self.latitude), np.radians(self.longitude)
        return np.column_stack((np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)))


@dataclass(frozen=True, kw_only=True)
class Discs:
    """All within ``metres`` of one of the points.

    Asked about places of the attribute, after these were moved to the middles of a grid of ``grid`` metres, if not 0.
    """

    attribute: str
    points: Places
    metres: float
    grid: int = 0

    def hold(self, places: Places) -> Mask:
        """Whether each of the places lies in one of the discs; one that is missing doesn't."""
        held = np.zeros(len(places), np.bool_)
        moved = on_grid(places, self.grid) if self.grid else places
        order = np.argsort(moved.latitude)[: np.count_nonzero(~np.isnan(moved.latitude))]
        for start in range(0, len(order), _CHUNK):
            chunk = order[start : start + _CHUNK]
            held[chunk] = self._hold(moved[chunk])
        return held

    def _hold(self, places: Places) -> Mask:
        """For places by latitude: no point farther north or south than the distance can be near."""
        reach = np.degrees(self.metres / EARTH_RADIUS_METRES) + _LATITUDE_DOUBT
        points = self._by_latitude
        first = np.searchsorted(points.latitude, places.latitude[0] - reach)
        last = np.searchsorted(points.latitude, places.latitude[-1] + reach, side="right")
        if first == last:
            return np.zeros(len(places), np.bool_)
        nearest: Degrees = (places.vectors() @ self._vectors[first:last].T).max(axis=1)
        least = np.cos(self.metres / EARTH_RADIUS_METRES)
        held: Mask = nearest > least + _DOUBT
        for place in np.flatnonzero(np.abs(nearest - least) <= _DOUBT).tolist():
            held[place] = (distance(places[place : place + 1], points[first:last]) <= self.metres).any()
        return held

    @cached_property
    def _by_latitude(self) -> Places:
        return self.points[np.argsort(self.points.latitude)]

    @cached_property
    def _vectors(self) -> Degrees:
        return self._by_latitude.vectors()


def distance(ones: Places, others: Places) -> Degrees:
    """Great-circle distances in metres by the haversine formula; one against many, or pair by pair."""
    north, other_north = np.radians(ones.latitude), np.radians(others.latitude)
    half = np.sin((north - other_north) / 2) ** 2
    half = half + np.cos(north) * np.cos(other_north) * np.sin(np.radians(ones.longitude - others.longitude) / 2) ** 2
    metres: Degrees = 2 * EARTH_RADIUS_METRES * np.arcsin(np.sqrt(np.minimum(half, 1)))
    return metres


def on_grid(places: Places, metres: int) -> Places:
    """Each place moved to the middle of its square.

    The sphere is cut into rows of equal height, and each row into squares of equal width, so that both are at least
    ``metres`` in the middle; whole numbers of them go around.
    """
    rows = max(1, int(np.pi * EARTH_RADIUS_METRES // metres))
    row = np.clip(np.floor((places.latitude + 90) / 180 * rows), 0, rows - 1)
    latitude = (row + 0.5) * 180 / rows - 90
    columns = np.maximum(1, np.floor(2 * np.pi * EARTH_RADIUS_METRES * np.cos(np.radians(latitude)) / metres))
    column = np.mod(np.floor((places.longitude + 180) / 360 * columns), columns)
    return Places(latitude=latitude, longitude=(column + 0.5) * 360 / columns - 180)
