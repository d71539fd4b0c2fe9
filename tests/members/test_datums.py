"""Chinese maps' coordinates: what others published of them, and there and back again."""

from functools import partial

import numpy as np
import pytest

from miyun.members.datums import Datum, bd09_to_gcj02, gcj02_to_bd09, gcj02_to_wgs84, to_wgs84, wgs84_to_gcj02
from tests.members.plain_globe import haversine

# (latitude, longitude) of WGS-84 and GCJ-02: the test values of github.com/googollee/eviltransform
CITIES = [
    ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
    ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
    ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
]


def moved(change, place):
    latitude, longitude = change(np.array([place[0]]), np.array([place[1]]))
    return float(latitude[0]), float(longitude[0])


@pytest.mark.parametrize(("wgs84", "gcj02"), CITIES)
def test_gcj02_of_cities(wgs84, gcj02):
    assert moved(wgs84_to_gcj02, wgs84) == pytest.approx(gcj02, abs=1e-9)
    assert moved(gcj02_to_wgs84, gcj02) == pytest.approx(wgs84, abs=1e-9)


def test_published_values():
    """Those that github.com/wandergis/coordtransform gives for 39.915, 116.404."""
    place = (39.915, 116.404)
    assert moved(wgs84_to_gcj02, place) == pytest.approx((39.91640428150164, 116.41024449916938), abs=1e-12)
    assert moved(gcj02_to_bd09, place) == pytest.approx((39.92133699351021, 116.41036949371029), abs=1e-12)
    assert moved(bd09_to_gcj02, place) == pytest.approx((39.90865673957631, 116.39762729119315), abs=1e-12)


def test_there_and_back():
    chance = np.random.default_rng(3)
    latitude, longitude = chance.uniform(3, 54, 5_000), chance.uniform(73, 136, 5_000)
    back = gcj02_to_wgs84(*wgs84_to_gcj02(latitude, longitude))
    assert np.abs(np.array(back) - (latitude, longitude)).max() < 1e-9
    baidu = gcj02_to_bd09(*wgs84_to_gcj02(latitude, longitude))
    north, east = to_wgs84(Datum.BD_09, *baidu)
    for before, after in zip(zip(latitude, longitude, strict=True), zip(north, east, strict=True), strict=True):
        assert haversine(before, after) < 1


@pytest.mark.parametrize(
    ("datum", "place"),
    [(Datum.WGS_84, (31.2, 121.5)), (Datum.GCJ_02, (48.8566, 2.3522)), (Datum.GCJ_02, (-33.9, 151.2))],
)
def test_wgs84_stays_and_so_do_places_outside_china(datum, place):
    assert moved(partial(to_wgs84, datum), place) == place
