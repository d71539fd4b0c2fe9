"""Where values were sent, against a plain reading of the table and of what the roster sends."""

import stat
from collections import defaultdict
from pathlib import Path

import pytest

from miyun.contract.model import Consent, IdentifierTerms
from miyun.errors import StateError
from miyun.members.roster import Roster, encode_value, places_of
from miyun.members.roster_places import RosterPlaces, digest_of

TYPES = (
    IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=100),
    IdentifierTerms(type="email", profile="uid2", evaluation_cap=100),
)
KEY = "00" * 32
VALUES = {
    "7": ("+8613800138000", "a@qq.com"),
    "12": ("+8613800138000", "b@qq.com"),
    "会": ("+8613900139000", "a@qq.com"),
    "d": (None, "a@qq.com"),
    "e": ("+8615000000001", None),
}


@pytest.fixture
def roster(tmp_path, write_table):
    rows = [
        {"id": id_, "mobile": (phone or "").removeprefix("+86"), "mail": mail or "", "consent": "yes"}
        for id_, (phone, mail) in VALUES.items()
    ]
    path, consent = tmp_path / "roster.duckdb", Consent(required=True, purposes=("marketing",))
    with Roster.build(
        path, write_table(tmp_path, rows), identifiers=TYPES, consent=consent, bucket=4, least=3
    ) as roster:
        yield roster


@pytest.fixture
def places(roster):
    roster.keep_places(KEY)
    return RosterPlaces(places_of(roster.path), KEY, len(TYPES))


def claims(place):
    """Who has each value of a type, by the table."""
    found = defaultdict(set)
    for id_, values in VALUES.items():
        if values[place]:
            found[digest_of(KEY, values[place])].add(id_)
    return found


def test_values_and_members_are_found_where_the_roster_has_them(roster, places):
    handles = places.handles_of([*VALUES, "nobody"])
    assert handles.keys() == {"7", "12", "会", "e"}  # the others have nothing that is theirs alone
    assert places.members_of([*handles.values()]) == {handle: id_ for id_, handle in handles.items()}
    held = {
        id_: {place: digest_of(KEY, value) for place, value in enumerate(values) if value}
        for id_, values in VALUES.items()
    }
    assert places.digests_of([*VALUES, "nobody"]) == held
    for place, terms in enumerate(TYPES):
        chunk = roster.chunk(terms.type, 0)
        of = claims(place)
        sent = {
            digest_of(KEY, value): (position, handle)
            for position, (handle, point) in enumerate(zip(chunk.handles.tolist(), chunk.values, strict=True))
            for value in {values[place] for values in VALUES.values() if values[place]}
            if point == encode_value(terms.type, value)
        }
        assert places.points(place) == roster.points(terms.type)
        assert places.positions(place, [*of, digest_of(KEY, "other")]) == sent
        assert places.claimants(place, [*of, digest_of(KEY, "other")]) == of
        pads = {(position, chunk.handles[position]) for position, point in enumerate(chunk.values) if point is None}
        assert len(pads) >= 3
        assert {(pad["position"], pad["home"]) for pad in places.padding(place)} == pads
    assert set(places.some_handles(2)) <= set(handles.values())


def test_without_its_key_nothing_is_found(roster, places):
    other = RosterPlaces(places_of(roster.path), "11" * 32, len(TYPES))
    assert other.handles_of(VALUES) == {}
    assert other.claimants(0, [digest_of("11" * 32, "+8613800138000")]) == {}


def test_places_are_for_the_owner_alone_and_kept_anew_after_a_death(roster, places):
    folder = places_of(roster.path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
    (folder / "left").touch()
    roster.keep_places(KEY)
    assert not (folder / "left").exists()


def test_what_was_not_kept_is_said(tmp_path: Path):
    with pytest.raises(StateError, match="were not kept"):
        RosterPlaces(tmp_path / "none", KEY, 1)
