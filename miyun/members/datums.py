"""Datums of coordinates: WGS-84, and those of Chinese maps, GCJ-02 (AMap, Tencent) and BD-09 (Baidu).

GCJ-02 displaces places in China by some hundred metres; its formula was never published, but is known from the maps'
own software: a sum of sines over degrees from 35° N, 105° E on the ellipsoid of Krasovsky (1940). It has no inverse in
closed form: the displacement is found by iteration, to far less than a millimetre. BD-09 displaces GCJ-02 once more,
and what is known of its inverse comes back within a metre.
"""

from enum import StrEnum

import numpy as np
import numpy.typing as npt

Degrees = npt.NDArray[np.float64]

_SEMI_MAJOR_AXIS = 6_378_245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_BD_FREQUENCY = np.pi * 3000 / 180
_ITERATIONS = 3
"""Each leaves a hundredth of the error."""


class Datum(StrEnum):
    WGS_84 = "wgs-84"
    GCJ_02 = "gcj-02"
    BD_09 = "bd-09"

    @property
    def is_of_china(self) -> bool:
        return self is not Datum.WGS_84


def to_wgs84(datum: Datum, latitude: Degrees, longitude: Degrees) -> tuple[Degrees, Degrees]:
    """Coordinates of ``datum`` as coordinates of WGS-84, in degrees."""
    if datum is Datum.BD_09:
        latitude, longitude = bd09_to_gcj02(latitude, longitude)
    return gcj02_to_wgs84(latitude, longitude) if datum.is_of_china else (latitude, longitude)


def in_china(latitude: Degrees, longitude: Degrees) -> npt.NDArray[np.bool_]:
    """Whether they lie in the rectangle within which GCJ-02 displaces."""
    inside: npt.NDArray[np.bool_] = (
        (latitude >= 0.8293) & (latitude <= 55.8271) & (longitude >= 72.004) & (longitude <= 137.8347)
    )
    return inside


def wgs84_to_gcj02(latitude: Degrees, longitude: Degrees) -> tuple[Degrees, Degrees]:
    north, east = _displacement(latitude, longitude)
    return latitude + north, longitude + east


def gcj02_to_wgs84(latitude: Degrees, longitude: Degrees) -> tuple[Degrees, Degrees]:
    displaced = in_china(latitude, longitude)
    north, east = _displacement(latitude, longitude)
    for _ in range(_ITERATIONS):
        north, east = _displacement(latitude - north, longitude - east, displaced)
    return latitude - north, longitude - east


def gcj02_to_bd09(latitude: Degrees, longitude: Degrees) -> tuple[Degrees, Degrees]:
    radius, angle = _turned(latitude, longitude, 1)
    return radius * np.sin(angle) + 0.006, radius * np.cos(angle) + 0.0065


def bd09_to_gcj02(latitude: Degrees, longitude: Degrees) -> tuple[Degrees, Degrees]:
    radius, angle = _turned(latitude - 0.006, longitude - 0.0065, -1)
    return radius * np.sin(angle), radius * np.cos(angle)


def _turned(latitude: Degrees, longitude: Degrees, direction: int) -> tuple[Degrees, Degrees]:
    """Polar coordinates, a little longer and turned a little."""
    radius = np.hypot(longitude, latitude) + direction * 0.00002 * np.sin(latitude * _BD_FREQUENCY)
    angle = np.arctan2(latitude, longitude) + direction * 0.000003 * np.cos(longitude * _BD_FREQUENCY)
    return radius, angle


def _displacement(
    latitude: Degrees, longitude: Degrees, displaced: npt.NDArray[np.bool_] | None = None
) -> tuple[Degrees, Degrees]:
    """Of a place of WGS-84, in degrees northwards and eastwards; none outside China."""
    x, y = longitude - 105, latitude - 35
    common = 0.1 * x * y + (20 * np.sin(6 * np.pi * x) + 20 * np.sin(2 * np.pi * x)) * 2 / 3
    root = np.sqrt(np.abs(x))
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.2 * root + common + _waves(y, (20, 1), (40, 3), (160, 12), (320, 30))
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * root + common + _waves(x, (20, 1), (40, 3), (150, 12), (300, 30))
    radians = np.radians(latitude)
    flattening = 1 - _ECCENTRICITY_SQUARED * np.sin(radians) ** 2
    of_meridian = _SEMI_MAJOR_AXIS * (1 - _ECCENTRICITY_SQUARED) / flattening**1.5
    of_parallel = _SEMI_MAJOR_AXIS / np.sqrt(flattening) * np.cos(radians)
    inside = in_china(latitude, longitude) if displaced is None else displaced
    return (
        np.where(inside, np.degrees(north / of_meridian), 0.0),
        np.where(inside, np.degrees(east / of_parallel), 0.0),
    )


def _waves(along: Degrees, *waves: tuple[int, int]) -> Degrees:
    """Amplitudes with what divides their frequency."""
    total: Degrees = np.sum([size * np.sin(along * np.pi / divisor) for size, divisor in waves], axis=0)
    return total * 2 / 3
