"""Places as tables write them, what is no place, and files of points."""

import random

import numpy as np
import pytest

from miyun.contract.model import Consent, IdentifierTerms
from miyun.contract.schema import ColumnType
from miyun.errors import ConfigError, SourceError
from miyun.members.check import check_members
from miyun.members.datums import Datum
from miyun.members.distances import Discs, Places
from miyun.members.locations import Order, Position, Spelling, read_positions
from miyun.members.points_file import read_points
from miyun.members.reasons import Reason, Rejected
from miyun.members.roster import Roster
from tests.members.plain_globe import near

HANGZHOU = Position(30.25, 120.16)
GPS = Spelling(datum=Datum.WGS_84)


@pytest.mark.parametrize(
    ("latitude", "longitude", "found"),
    [
        ("30.25", "120.16", HANGZHOU),
        (" 30.25° N ", "E120.16", HANGZHOU),
        ("３０．２５", "１２０．１６度", HANGZHOU),
        ("S33.9", "151", Position(-33.9, 151.0)),
        ("+8", "-170.5", Position(8.0, -170.5)),
        ("0.5", "0", Position(0.5, 0.0)),
        (None, None, Reason.EMPTY),
        ("-", "NULL", Reason.EMPTY),
        ("30.25", "", Reason.INCOMPLETE),
        (None, "120.16", Reason.INCOMPLETE),
        ("30.25", "x", Reason.NO_COORDINATES),
        ("", "x", Reason.NO_COORDINATES),
        ("30,25", "120,16", Reason.NO_COORDINATES),
        ("30°15'0\"", "120°9'36\"", Reason.NO_COORDINATES),
        ("30.25E", "120.16", Reason.NO_COORDINATES),
        ("N30.25N", "120.16", Reason.NO_COORDINATES),
        ("1e400", "1", Reason.NO_COORDINATES),
        ("\udcff", "120.16", Reason.BAD_ENCODING),
        ("0", "0.0", Reason.ZERO_COORDINATES),
        ("4.9E-324", "4.9E-324", Reason.ZERO_COORDINATES),
        ("120.16", "30.25", Reason.EXCHANGED_COORDINATES),
        ("86.5", "43.8", Reason.EXCHANGED_COORDINATES),
        ("85", "120", Reason.OFF_THE_EARTH),
        ("30.25", "180.01", Reason.OFF_THE_EARTH),
        ("95", "200", Reason.OFF_THE_EARTH),
    ],
)
def test_two_columns(latitude, longitude, found):
    [read] = read_positions(GPS, [latitude], [longitude])
    assert read == (Rejected(found) if isinstance(found, Reason) else found)


@pytest.mark.parametrize(
    ("text", "order", "found"),
    [
        ("30.25,120.16", "lat-lon", HANGZHOU),
        ("120.16，30.25", "lon-lat", HANGZHOU),
        ("(30.25 120.16)", "lat-lon", HANGZHOU),
        ("[120.16, 30.25]", "lon-lat", HANGZHOU),
        ("POINT (120.16 30.25)", "lat-lon", HANGZHOU),
        ("30.25;120.16", "lat-lon", HANGZHOU),
        ("", "lat-lon", Reason.EMPTY),
        ("null", "lat-lon", Reason.EMPTY),
        ("30.25", "lat-lon", Reason.INCOMPLETE),
        ("30.25,120.16,8", "lat-lon", Reason.NO_COORDINATES),
        ("杭州", "lat-lon", Reason.NO_COORDINATES),
        ("30.25,120.16", "lon-lat", Reason.EXCHANGED_COORDINATES),
    ],
)
def test_one_column(text, order, found):
    [read] = read_positions(Spelling(datum=Datum.WGS_84, order=Order(order)), [text])
    assert read == (Rejected(found) if isinstance(found, Reason) else found)


def test_in_a_datum_of_china_a_place_outside_may_be_exchanged():
    """Kashgar's coordinates the wrong way round lie in the Barents Sea."""
    swapped, abroad = (["75.99"], ["39.47"]), (["48.85"], ["2.35"])
    assert read_positions(GPS, *swapped) == [Position(75.99, 39.47)]
    assert read_positions(Spelling(datum=Datum.GCJ_02), *swapped) == [Rejected(Reason.EXCHANGED_COORDINATES)]
    assert read_positions(Spelling(datum=Datum.GCJ_02), *abroad) == [Position(48.85, 2.35)]


def test_places_are_converted():
    [read] = read_positions(Spelling(datum=Datum.GCJ_02), ["31.17530398364597"], ["121.531541859215"])
    assert read == pytest.approx((31.1774276, 121.5272106), abs=1e-9)


HOME = '[members.attributes.home]\ntype = "location"\n'


def test_what_is_no_place_is_counted_and_set_aside(tmp_path, write_table):
    rows = [{"id": "m1", "mobile": "30.25", "mail": "120.16"}, {"id": "m2", "mobile": "120.16", "mail": "30.25"}]
    rows += [{"id": "m3"}, {"id": "m4", "mobile": "0", "mail": "0"}]
    more = HOME + 'latitude = "mobile"\nlongitude = "mail"\ndatum = "wgs-84"\n'
    config = write_table(tmp_path, rows, more)
    assert config.column_types["home"] is ColumnType.LOCATION
    report = check_members(config)
    [found] = [column for column in report.columns if column.name == "home"]
    assert (found.column, found.accepted, found.empty) == ("mobile | mail", 1, 1)
    assert found.rejected == {"exchanged-coordinates": 1, "zero-coordinates": 1}
    assert b"2,mobile | mail,exchanged-coordinates" in config.quarantine_path.read_bytes()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (HOME + 'latitude = "a"\nlongitude = "b"\n', "which datum"),
        (HOME + 'datum = "wgs-84"\n', "neither two columns"),
        (HOME + 'latitude = "a"\ndatum = "wgs-84"\n', "neither two columns"),
        (HOME + 'latitude = "a"\nlongitude = "b"\ncolumn = "c"\ndatum = "wgs-84"\n', "neither two columns"),
        (HOME + 'latitude = "a"\nlongitude = "b"\norder = "lat-lon"\ndatum = "wgs-84"\n', "neither two columns"),
        (HOME + 'latitude = "a"\nlongitude = "a"\ndatum = "wgs-84"\n', "neither two columns"),
        (HOME + 'order = "lat-lon"\ndatum = "mercator"\n', "datum"),
        ('[members.attributes.x]\ntype = "number"\ndatum = "wgs-84"\n', "only a location has"),
        (HOME + 'latitude = "a"\nlongitude = "spend"\ndatum = "wgs-84"\n', "'spend' as a location and as something"),
        (
            HOME + 'order = "lat-lon"\ndatum = "bd-09"\n[members.attributes.x]\ntype = "text"\ncolumn = "home"\n',
            "'home' as",
        ),
    ],
)
def test_a_location_says_what_it_is_and_nothing_else_tells_it(tmp_path, write_table, more, message):
    with pytest.raises(ConfigError, match=message):
        write_table(tmp_path, [{"id": "m1"}], more)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_files_of_points(tmp_path, encoding):
    file = tmp_path / "shops.csv"
    file.write_bytes('门店,经度,纬度\r\n西湖店,120.16,30.25\r\n\r\n"滨江,店", 120.2E ,30.2\r\n'.encode(encoding))
    assert read_points(file, Datum.WGS_84) == (HANGZHOU, Position(30.2, 120.2))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lat,lon\n30.25,120.16\n120.16,30.25\n,\n", "row 2: latitude and longitude are exchanged; row 3: no value"),
        ("lat,lon\n" + "x,y\n" * 5, "and 2 more"),
        ("lat,lon\n30.25,120.16,5\n", "more or fewer fields"),
        ("lat,lon\n", "no rows"),
        ("lat,x\n", "no columns called lon, lng"),
        ("lat,纬度,lon\n1,1,1\n", "2 columns called"),
    ],
)
def test_files_with_anything_but_places_are_refused(tmp_path, text, message):
    file = tmp_path / "shops.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError, match=message):
        read_points(file, Datum.WGS_84)
    with pytest.raises(SourceError, match="no file"):
        read_points(tmp_path / "none.csv", Datum.WGS_84)


def test_rows_are_found_by_where_they_are(tmp_path, write_table):
    """By the first row of each member, with what else is asked of it; whoever has no place is nowhere."""
    chance = random.Random(9)
    shops = [(30.25, 120.16), (30.27, 120.15)]
    homes = {f"m{n}": (30.2 + chance.random() / 10, 120.1 + chance.random() / 10) for n in range(60)}
    rows = [
        {"id": id_, "mobile": str(13_000_000_000 + n), "mail": f"{place[0]!r},{place[1]!r}", "spend": n}
        for n, (id_, place) in enumerate(homes.items())
    ]
    rows += [{**rows[0], "mail": "30.25,120.16"}, {"id": "lost", "mobile": "13100000000", "mail": "0,0", "spend": 99}]
    config = write_table(tmp_path, rows, HOME + 'column = "mail"\norder = "lat-lon"\ndatum = "wgs-84"\n')
    points = Places(latitude=np.array([shop[0] for shop in shops]), longitude=np.array([shop[1] for shop in shops]))
    phone = (IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=100),)
    consent = Consent(required=False, purposes=())
    with Roster.build(tmp_path / "roster", config, identifiers=phone, consent=consent, bucket=10) as roster:

        def found(sql, parameters, grid):
            discs = {"#near": Discs(attribute="home", points=points, metres=2_000, grid=grid)}
            bits = roster.rows_where(config, sql, parameters, discs)
            return {id_ for batch in roster.member_ids(bits) for id_ in batch}

        for grid in (0, 250, 2_000):
            there = {id_ for id_, place in homes.items() if near(place, shops, 2_000, grid)}
            assert 5 < len(there) < 55
            assert found('"#near"', [], grid) == there
            assert found('NOT coalesce("#near", false) AND "spend" >= ?', [30], grid) == {
                id_ for n, id_ in enumerate(homes) if n >= 30 and id_ not in there
            } | {"lost"}
        assert found('"home" IS NULL', [], 0) == {"lost"}
