"""Numbers in steps, by row handle."""

import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from miyun.contract.model import Consent, IdentifierTerms
from miyun.errors import ConfigError, InputError, NotFoundError, StateError
from miyun.members.catalogue_file import load_catalogue
from miyun.members.numbers import NumberRows, steps
from miyun.members.roster import Roster

TABLE = """
[members.attributes.home]
type = "location"
latitude = "mail"
longitude = "consent"
datum = "wgs-84"

[tags]
source = "csv"
path = "tags.csv"
id = "id"
tag = "tag"
value = "value"
catalogue = "catalogue.csv"
"""


@dataclass(frozen=True, kw_only=True)
class Column:
    name: str
    low: int
    high: int
    step: str


SPEND = Column(name="spend", low=-1000, high=10_000, step="0.01")
AGE = Column(name="age", low=0, high=20, step="5")


def row(member, spend, place):
    return {"id": member, "mobile": str(13_000_000_000 + place), "spend": spend}


@pytest.fixture
def world(write_table, tmp_path):
    rows = [row("a", "12.345", 0), row("b", "-99.999", 1), row("c", "", 2), row("d", "much", 3), row("e", "1e300", 4)]
    rows += [row("a", "77", 0), row("c", "5", 2)]
    config = write_table(tmp_path, rows, TABLE)
    (tmp_path / "catalogue.csv").write_text("id,range\nage,0..120\nspend,0..1\ntea,\n", encoding="utf-8")
    pairs = ["a,age,42.6", "b,age,121", "b,age,119", "c,tea,", "c,age,7", "c,age,100", "gone,age,3"]
    (tmp_path / "tags.csv").write_text("\n".join(["id,tag,value", *pairs]) + "\n", encoding="utf-8")
    phone = [IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=1)]
    consent = Consent(required=False, purposes=())
    roster = Roster.build(tmp_path / "roster", config, identifiers=phone, consent=consent, bucket=8)
    return config, roster


def by_member(roster, numbers, size, columns):
    """Per column the steps of each member, None where they are not known; padding is known nowhere."""
    found = [{} for _ in range(columns)]
    for chunks in numbers.chunks(size):
        for column, chunk in zip(found, chunks, strict=True):
            assert (chunk.values.dtype, chunk.known.dtype) == (np.int64, np.bool_)
            assert len(chunk.values) == len(chunk.known) == chunk.high - chunk.low
            assert not chunk.values[~chunk.known].any()
            for place, (value, known) in enumerate(zip(chunk.values.tolist(), chunk.known.tolist(), strict=True)):
                ids = [id_ for batch in roster.member_ids(BitMap([chunk.low + place])) for id_ in batch]
                if not ids:
                    assert not known
                else:
                    column[ids[0]] = value if known else None
    return found


def build(world, *columns, catalogue=True):
    config, roster = world
    return NumberRows.build(
        config.folder / "numbers",
        config,
        roster,
        columns,
        catalogue=load_catalogue(config.tags) if catalogue else None,
    )


@pytest.mark.parametrize("size", [3, 100])
def test_attributes_are_clipped_and_the_first_row_counts(world, size):
    with build(world, SPEND, catalogue=False) as numbers:
        assert numbers.universe == world[1].universe
        [spend] = by_member(world[1], numbers, size, 1)
    assert spend == {"a": 1234, "b": -1000, "c": None, "d": None, "e": 10_000}


def test_tags_are_numbers_too_in_the_order_asked_for(world):
    (world[0].folder / "catalogue.csv").write_text("id,range\nage,0..120\ntea,\n", encoding="utf-8")
    other = Column(name="spend", low=0, high=1, step="10")
    with build(world, AGE, other) as numbers:
        age, spend = by_member(world[1], numbers, 4, 2)
        low = [chunks[0].low for chunks in numbers.chunks(4, first=1)]
    assert age == {"a": 9, "b": 20, "c": 1, "d": None, "e": None}
    assert spend == {"a": 1, "b": 0, "c": None, "d": None, "e": 1}
    assert low == list(range(4, world[1].universe, 4))


def test_numbers_are_kept_as_they_were(world):
    build(world, AGE).close()
    path = world[0].folder / "numbers"
    (world[0].folder / "tags.csv").unlink()
    with NumberRows.open(path) as again:
        assert by_member(world[1], again, 5, 1)[0]["a"] == 9
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list(world[0].folder.glob("*.building"))


@pytest.mark.parametrize(
    ("column", "catalogue", "message"),
    [
        (SPEND, True, "both"),
        (AGE, False, "neither"),
        (Column(name="tea", low=0, high=1, step="1"), True, "neither"),
        (Column(name="opted_out", low=0, high=1, step="1"), True, "neither"),
        (Column(name="home", low=0, high=1, step="1"), True, "neither"),
        (Column(name="age", low=1, high=1, step="1"), True, "no range"),
        (Column(name="age", low=0, high=1, step="0"), True, "no range"),
        (Column(name="age", low=0, high=1, step="x"), True, "no range"),
        (Column(name="age", low=0, high=1, step="inf"), True, "no range"),
    ],
)
def test_columns_that_can_not_be_asked_for(world, column, catalogue, message):
    with pytest.raises((ConfigError, InputError), match=message) as caught:
        build(world, column, catalogue=catalogue)
    assert caught.value.hint
    assert not list(world[0].folder.glob("*.building"))


def test_a_file_that_is_missing_or_damaged(tmp_path):
    with pytest.raises(NotFoundError):
        NumberRows.open(Path(tmp_path / "numbers"))
    (tmp_path / "numbers").write_bytes(b"x" * 5000)
    with pytest.raises(StateError):
        NumberRows.open(tmp_path / "numbers")


@given(
    numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1),
    low=st.integers(-(1 << 40), 0),
    width=st.integers(1, 1 << 40),
    step=st.sampled_from(["0.001", "1", "1e-300", "3", "250.5"]),
)
def test_steps_stay_in_their_range_and_near_the_number(numbers, low, width, step):
    column = Column(name="x", low=low, high=low + width, step=step)
    found = steps(column, np.array(numbers)).tolist()
    for number, whole in zip(numbers, found, strict=True):
        assert column.low <= whole <= column.high
        if column.low < whole < column.high:
            assert abs(number / float(step) - whole) <= 0.5
