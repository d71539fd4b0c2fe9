"""Discs around points are what the haversine formula says, everywhere on the globe and exactly at the border."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miyun.members.distances import EARTH_RADIUS_METRES, Discs, Places, distance, on_grid
from tests.members.plain_globe import Place, haversine, near, square

METRES = st.sampled_from([1, 30, 500, 3_000, 50_000, 1_000_000])
ANYWHERE = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
CORNERS = st.sampled_from(
    [(90.0, 0.0), (-90.0, 77.0), (0.0, 180.0), (0.0, -180.0), (30.25, 120.16), (89.9999, -179.9999), (0.0, 0.0)]
)


def places(found: list[Place | None]) -> Places:
    pairs = np.array([place or (np.nan, np.nan) for place in found], np.float64).reshape(-1, 2)
    return Places(latitude=pairs[:, 0], longitude=pairs[:, 1])


def discs(points: list[Place], metres: float, grid: int = 0) -> Discs:
    return Discs(attribute="home", points=places([*points]), metres=metres, grid=grid)


def beside(place: Place, metres: float, bearing: float) -> Place:
    """The place that lies so far from another one in a direction."""
    north, east = map(math.radians, place)
    angle = metres / EARTH_RADIUS_METRES
    latitude = math.asin(
        max(-1, min(1, math.sin(north) * math.cos(angle) + math.cos(north) * math.sin(angle) * math.cos(bearing)))
    )
    longitude = east + math.atan2(
        math.sin(bearing) * math.sin(angle) * math.cos(north), math.cos(angle) - math.sin(north) * math.sin(latitude)
    )
    return math.degrees(latitude), (math.degrees(longitude) + 180) % 360 - 180


@st.composite
def crowds(draw: st.DrawFn) -> tuple[list[Place], list[Place | None], float]:
    """Points, and people of whom many are about as far from one as matters, some within millimetres of it."""
    points = draw(st.lists(ANYWHERE | CORNERS, min_size=1, max_size=6))
    metres = draw(METRES)
    factors = st.sampled_from([0, 0.5, 0.999, 1, 1 + 1e-9, 1 - 1e-9, 1 + 1e-12, 1.001, 1.5])
    beside_one = st.builds(
        lambda point, factor, bearing: beside(point, metres * factor, bearing),
        st.sampled_from(points),
        factors,
        st.floats(0, 2 * math.pi),
    )
    people = draw(st.lists(st.none() | ANYWHERE | CORNERS | beside_one, max_size=30))
    return points, people, metres


@settings(max_examples=400)
@given(crowd=crowds(), grid=st.sampled_from([0, 1, 250, 10_000]))
def test_discs_hold_whom_the_haversine_formula_says(
    crowd: tuple[list[Place], list[Place | None], float], grid: int
) -> None:
    points, people, metres = crowd
    moved = [None if person is None else square(person, grid) for person in people]
    expected = [near(person, points, metres) for person in moved]
    held = discs(points, metres, grid).hold(places(people)).tolist()
    undecided = [  # what two libraries' sines may round differently
        person is not None and any(abs(haversine(person, point) - metres) < 1e-6 for point in points)
        for person in moved
    ]
    assert [a for a, u in zip(held, undecided, strict=True) if not u] == [
        b for b, u in zip(expected, undecided, strict=True) if not u
    ]


def test_the_border_belongs_to_the_disc() -> None:
    point, person = (30.25, 120.16), (30.2537, 120.1643)
    metres = float(distance(places([person]), places([point]))[0])
    assert discs([point], metres).hold(places([person])).tolist() == [True]
    assert discs([point], math.nextafter(metres, 0)).hold(places([person])).tolist() == [False]


def test_a_crowd_over_many_chunks_is_held_as_one_by_one() -> None:
    chance = np.random.default_rng(5)
    people = Places(latitude=chance.uniform(29, 31, 20_000), longitude=chance.uniform(179, 181, 20_000))
    people = Places(latitude=people.latitude, longitude=(people.longitude + 180) % 360 - 180)
    points = [(latitude, 180 - 2 * chance.random()) for latitude in chance.uniform(29, 31, 50)]
    expected = np.min([distance(people, places([point])) for point in points], axis=0) <= 4_000
    assert 100 < expected.sum() < 10_000
    assert (discs(points, 4_000).hold(people) == expected).all()


@settings(max_examples=200)
@given(place=ANYWHERE | CORNERS, metres=st.sampled_from([1, 100, 250, 1_000, 30_000]))
def test_squares_hide_where_in_them_a_place_is(place: Place, metres: int) -> None:
    middle = on_grid(places([place]), metres)
    found = (float(middle.latitude[0]), float(middle.longitude[0]))
    assert found == pytest.approx(square(place, metres), abs=1e-12)
    again = on_grid(middle, metres)
    assert (again.latitude, again.longitude) == (middle.latitude, middle.longitude)
    if abs(place[0]) < 60:
        assert haversine(place, found) < 0.72 * metres


@settings(max_examples=100)
@given(
    place=st.tuples(st.floats(-80, 80), st.floats(-180, 179)),
    asked=st.lists(st.tuples(ANYWHERE, METRES), min_size=1, max_size=5),
    step=st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)),
)
def test_no_discs_tell_two_places_of_one_square_apart(
    place: Place, asked: list[tuple[Place, float]], step: tuple[float, float]
) -> None:
    middle = square(place, 250)
    metres_of_a_degree = math.pi * EARTH_RADIUS_METRES / 180
    elsewhere = (
        middle[0] + step[0] * 250 / metres_of_a_degree,
        middle[1] + step[1] * 250 / metres_of_a_degree / math.cos(math.radians(middle[0])),
    )
    for point, metres in [*asked, (place, 500), (beside(place, 500, 1), 500)]:
        held = discs([point], metres, grid=250).hold(places([place, elsewhere]))
        assert held[0] == held[1]
