"""Who carries which tag, against a plain model of the rules, and what a person's bound does."""

import csv
import hashlib
import os
import stat
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from miyun.contract.model import Consent, IdentifierTerms
from miyun.errors import ConfigError, InternalError, NotFoundError, SourceError, StateError
from miyun.members import tagged as tagged_module
from miyun.members import tagged_building, tagged_reading
from miyun.members.catalogue_file import load_catalogue
from miyun.members.config import load_members_config
from miyun.members.roster import Roster
from miyun.members.tagged import TaggedRows
from miyun.members.tagged_bounds import at_most

TABLE = """
[tags]
source = "csv"
path = "tags.csv"
id = "user"
tag = "tag"
value = "value"
catalogue = "catalogue.csv"
"""
CATALOGUE = """\
id,parent,type,options,range
profile,,group,,
gender,profile,option,男|女,
age,profile,number,,0..120
drinks,,group,,
tea,drinks,flag,,
coffee,drinks,flag,,
cola,drinks,flag,,
vip,,flag,,
"""
KEY = b"a key of sixteen"
PHONE = (IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=100),)
CONSENT = Consent(required=False, purposes=())


def people(*members):
    return [{"id": member, "mobile": str(13_000_000_000 + place)} for place, member in enumerate(members)]


class World:
    """A home with members, tags and a roster."""

    def __init__(self, write_table, folder, members, pairs, *, bucket=1, catalogue=CATALOGUE):
        self.folder = folder
        self.config = write_table(folder, people(*members), TABLE)
        (folder / "catalogue.csv").write_text(catalogue, encoding="utf-8")
        self.write(pairs)
        self.catalogue = load_catalogue(self.config.tags)
        self.roster = Roster.build(folder / "roster", self.config, identifiers=PHONE, consent=CONSENT, bucket=bucket)
        self.ids = {}
        for handle in range(self.roster.universe):
            for batch in self.roster.member_ids(BitMap([handle])):
                self.ids[handle] = batch[0]

    def write(self, pairs):
        with (self.folder / "tags.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("user", "tag", "value"), *pairs])

    def build(self, references=("",), *, per_person=100, key=KEY, on_progress=None):
        return TaggedRows.build(
            self.folder / "tagged",
            self.config,
            self.roster,
            self.catalogue,
            tags=self.catalogue.select(references),
            per_person=per_person,
            key=key,
            on_progress=on_progress,
        )

    def lists(self, chunks, places):
        """Member ids by place; every list ascends and lies inside its chunk."""
        found = {place: set() for place in places}
        for chunk in chunks:
            assert chunk.offsets.dtype == np.uint64
            assert chunk.handles.dtype == np.uint32
            assert len(chunk.offsets) == len(places) + 1
            for index, place in enumerate(places):
                handles = chunk.handles[chunk.offsets[index] : chunk.offsets[index + 1]].tolist()
                assert handles == sorted(set(handles))
                assert all(handle < chunk.high - chunk.low for handle in handles)
                found[place] |= {self.ids[handle + chunk.low] for handle in handles}
            assert chunk.offsets[-1] == len(chunk.handles)
        return found

    def carried(self, rows, size=100):
        return self.lists(rows.chunks(size), [self.catalogue.id_of(tag) for tag in rows.tags])

    def known(self, rows, size=100):
        names = [self.catalogue.id_of(tag) for tag in rows.dimensions]
        return self.lists(rows.dimension_chunks(size), [*names, "everybody"])


@pytest.fixture
def world(write_table, tmp_path):
    return lambda *arguments, **options: World(write_table, tmp_path, *arguments, **options)


def rank(kind, member, tag):
    """Written as the documentation says, for vectors of its own."""
    message = len(member.encode()).to_bytes(4, "big") + member.encode() + tag.encode()
    return int.from_bytes(hashlib.blake2b(message, key=KEY, digest_size=8, person=kind).digest(), "little")


def model(pairs, asked, members, per_person):
    """Carriers by tag and the known by dimension."""
    dimension = {"gender=男": "gender", "gender=女": "gender", "age": "profile", "vip": None}
    dimension |= dict.fromkeys(("tea", "coffee", "cola"), "drinks")
    asked_dimensions = {dimension[tag] for tag in asked} - {None}
    carries = defaultdict(set)
    for member, tag, value in pairs:
        if member in members:
            carries[member].add(f"gender={value}" if tag == "gender" else tag)
    carried, known = {tag: set() for tag in asked}, {name: set() for name in asked_dimensions}
    for member, tags in carries.items():
        kept = sorted(tags & asked, key=lambda tag: rank(b"tags", member, tag))[:per_person]
        of_kept = {dimension[tag] for tag in kept} - {None}
        others = ({dimension[tag] for tag in tags} & asked_dimensions) - of_kept
        filled = sorted(others, key=lambda name: rank(b"dimensions", member, name))
        for tag in kept:
            carried[tag].add(member)
        for name in [*of_kept, *filled][:per_person]:
            known[name].add(member)
    return carried, {**known, "everybody": set(members)}


TAGS = ("gender=男", "gender=女", "age", "tea", "coffee", "cola", "vip")
CELLS = [("gender", "男"), ("gender", "女"), ("age", "30"), ("tea", ""), ("coffee", "1"), ("cola", "是"), ("vip", "")]


@settings(max_examples=40)
@given(
    pairs=st.lists(st.tuples(st.sampled_from(["a", "b", "会员", "d e", "gone"]), st.sampled_from(CELLS)), max_size=30),
    asked=st.sets(st.sampled_from(TAGS), min_size=1),
    per_person=st.integers(1, 4),
    bucket=st.sampled_from([1, 7]),
    size=st.sampled_from([1, 3, 100]),
)
def test_tagged_rows_are_what_the_rules_say(write_table, pairs, asked, per_person, bucket, size):
    members = ["a", "b", "会员", "d e", "without"]
    rows = [(member, *cells) for member, cells in pairs]
    with tempfile.TemporaryDirectory() as name:
        world = World(write_table, Path(name), members, rows, bucket=bucket)
        with world.build(asked, per_person=per_person) as tagged:
            carried, known = model(rows, asked, members, per_person)
            assert world.carried(tagged, size) == carried
            assert world.known(tagged, size) == known
            assert tagged.report.carried == sum(map(len, carried.values()))
            everything = model(rows, asked, members, 100)[0]
            assert tagged.report.left_out == sum(map(len, everything.values())) - tagged.report.carried
        world.roster.close()


def test_ranges_of_handles_make_no_difference(world, monkeypatch):
    members = [f"m{number}" for number in range(30)]
    pairs = [(member, *cells) for at, member in enumerate(members) for cells in CELLS[at % 4 : at % 8]]
    made = world(members, pairs, bucket=8)
    with made.build(per_person=2) as rows:
        whole = made.carried(rows), made.known(rows)
    monkeypatch.setattr(tagged_building, "_RANGE_HANDLES", 4)
    with made.build(per_person=2) as rows:
        assert (made.carried(rows), made.known(rows)) == whole


def test_a_bounded_person_counts_the_same_whenever_and_whatever_else_is_there(world):
    tags = [f"t{number}" for number in range(40)]
    catalogue = "id,parent\nroot,\n" + "".join(f"{tag},root\n" for tag in tags)
    pairs = [("a", tag, "") for tag in tags]
    made = world(["a", "b"], pairs, catalogue=catalogue)
    with made.build(per_person=5) as rows:
        chosen = {tag for tag, carriers in made.carried(rows).items() if carriers}
    made.write([*reversed(pairs), ("b", "t1", ""), *pairs])
    with made.build(per_person=5) as rows:
        assert {tag for tag, carriers in made.carried(rows).items() if "a" in carriers} == chosen
        assert rows.report.repeated == len(pairs)
    lost = min(chosen)
    made.write([pair for pair in pairs if pair[1] != lost])
    with made.build(per_person=5) as rows:
        after = {tag for tag, carriers in made.carried(rows).items() if carriers}
        assert len(after) == 5
        assert after > chosen - {lost}
    with made.build(chosen, per_person=5) as rows:
        assert {tag for tag, carriers in made.carried(rows).items() if carriers} == chosen - {lost}
    made.write(pairs)
    with made.build(per_person=5, key=bytes(16)) as rows:
        assert {tag for tag, carriers in made.carried(rows).items() if carriers} != chosen


def test_every_tag_of_a_person_is_as_likely_to_count(world):
    """1,000 people with 10 tags of which 3 count: each tag 300 times, give or take 5 standard deviations of 14.5."""
    members = [f"m{number}" for number in range(1000)]
    catalogue = "id\n" + "".join(f"t{number}\n" for number in range(10))
    made = world(members, [(member, f"t{n}", "") for member in members for n in range(10)], catalogue=catalogue)
    with made.build(per_person=3) as rows:
        counts = Counter({tag: len(carriers) for tag, carriers in made.carried(rows, 1000).items()})
        assert counts.total() == 3000
        assert all(abs(count - 300) < 73 for count in counts.values())
        assert len(rows.dimensions) == 0
        assert made.known(rows) == {"everybody": set(members)}


def test_who_is_known_by_a_tag_that_was_not_asked_for(world):
    made = world(["a", "b", "c"], [("a", "tea", ""), ("b", "coffee", ""), ("c", "age", "3")])
    with made.build(["tea"]) as rows:
        assert made.carried(rows) == {"tea": {"a"}}
        assert made.known(rows) == {"drinks": {"a", "b"}, "everybody": {"a", "b", "c"}}


def test_values_mean_what_the_catalogue_says(world):
    pairs = [
        ("a", "gender", " 女 "),
        ("a", "gender=男", ""),
        ("b", "gender", "other"),
        ("b", "gender", ""),
        ("b", "age", "130"),
        ("b", "age", "old"),
        ("b", "age", "１２０"),
        ("b", "tea", "no"),
        ("b", "coffee", "perhaps"),
        ("b", "drinks", ""),
        ("b", "unknown", ""),
        ("b", "", ""),
        ("", "tea", ""),
        ("a", " tea ", "TRUE"),
        ("stranger", "tea", ""),
    ]
    made = world(["a", "b"], pairs)
    with made.build() as rows:
        carried = {tag: carriers for tag, carriers in made.carried(rows).items() if carriers}
        assert carried == {"gender=男": {"a"}, "gender=女": {"a"}, "age": {"b"}, "tea": {"a"}}
        report = rows.report
    assert (report.rows, report.absent, report.strangers, report.carried) == (15, 1, 1, 4)
    assert report.rejected == {
        "unknown-option": 1,
        "empty": 3,
        "out-of-range": 1,
        "no-number": 1,
        "no-boolean": 1,
        "unknown-tag": 2,
    }
    kept = list(csv.reader(Path(report.quarantine).read_text(encoding="utf-8").splitlines()))
    assert len(kept) == report.quarantined + 1 == 10
    assert kept[1][:3] == ["3", "tag", "unknown-option"]
    assert kept[1][4] == "gender | other"
    assert [line[1] for line in kept if line[0] == "13"] == ["user"]


def test_the_quarantine_is_limited_and_counts_are_not(world, monkeypatch):
    monkeypatch.setattr(tagged_reading, "MAX_QUARANTINED", 3)
    made = world(["a"], [("a", f"x{number}", "") for number in range(10)] + [("a", "tea", "")])
    with made.build() as rows:
        assert (rows.report.quarantined, rows.report.rejected) == (3, {"unknown-tag": 10})


def test_meanings_that_are_not_remembered_are_found_again(world, monkeypatch):
    monkeypatch.setattr(tagged_reading, "_MAX_REMEMBERED", 1)
    made = world(["a", "b"], [("a", "tea", ""), ("a", "gender", "男"), ("b", "gender", "男"), ("b", "cola", "")] * 2)
    with made.build() as rows:
        carried = made.carried(rows)
        assert (carried["tea"], carried["gender=男"], carried["cola"]) == ({"a"}, {"a", "b"}, {"b"})


def test_padding_carries_nothing_and_is_nobody(world):
    made = world(["a", "b", "c"], [(member, "tea", "") for member in "abc"], bucket=50)
    assert made.roster.universe == 50
    with made.build() as rows:
        assert sum(len(chunk.handles) for chunk in rows.chunks(7)) == 3
        everybody = [chunk.handles[chunk.offsets[-2] :] + chunk.low for chunk in rows.dimension_chunks(7)]
        assert sorted(np.concatenate(everybody).tolist()) == sorted(made.ids)
        assert rows.chunk_count(7) == len(list(rows.chunks(7))) == 8


def test_chunks_go_on_after_a_restart_when_the_source_has_changed(world):
    members = [f"m{number}" for number in range(20)]
    made = world(members, [(member, "tea", "") for member in members[:9]])
    with made.build() as rows:
        before = [chunk.handles.tolist() for chunk in rows.chunks(6)]
    made.write([])
    with TaggedRows.open(made.folder / "tagged") as again:
        assert [chunk.handles.tolist() for chunk in again.chunks(6, first=2)] == before[2:]
        assert [chunk.low for chunk in again.chunks(6, first=2)] == [12, 18]
        assert again.facts.catalogue == made.catalogue.digest()
        assert (again.universe, again.facts.per_person) == (20, 100)


def test_every_source_reads_alike(world, monkeypatch):
    pairs = [(f"{member}", 7 + tag, None) for member in range(100, 140) for tag in range(member % 5)]
    catalogue = "id\n" + "".join(f"{7 + number}\n" for number in range(5))
    made = world([str(member) for member in range(100, 140)], pairs, catalogue=catalogue)
    with made.build() as rows:
        expected = made.carried(rows)
    users, tags, _ = zip(*pairs, strict=True)
    table_ = pa.table({"user": pa.array(map(int, users)), "tag": pa.array(tags, pa.int32())})
    pq.write_table(table_, made.folder / "tags.parquet")
    import duckdb

    with duckdb.connect(made.folder / "warehouse.duckdb") as connection:
        connection.execute("CREATE TABLE pairs AS FROM table_")
    party = made.folder / "party.toml"
    text = party.read_text(encoding="utf-8").replace('value = "value"\n', "")
    for place in (
        '"parquet"\npath = "tags.parquet"',
        '"sql"\nurl = "duckdb:///warehouse.duckdb"\nquery = "FROM pairs"',
    ):
        party.write_text(text.replace('"csv"\npath = "tags.csv"', place), encoding="utf-8")
        made.config = load_members_config(party)
        seen = []
        with made.build(on_progress=lambda done, total, seen=seen: seen.append((done, total))) as rows:
            assert made.carried(rows) == expected
        assert seen[-1][0] == len(pairs)


def test_a_built_file_is_private_and_nothing_else_stays(world):
    made = world(["a"], [("a", "tea", "")])
    before = set(os.listdir(made.folder))
    made.build().close()
    assert set(os.listdir(made.folder)) - before == {"tagged"}
    assert stat.S_IMODE((made.folder / "tagged").stat().st_mode) == 0o600
    assert (made.folder / "quarantine" / "tags.csv").is_file()


def test_a_failed_build_leaves_the_older_file(world, monkeypatch):
    made = world(["a"], [("a", "tea", "")])
    made.build().close()

    def fail(*_, **__):
        raise SourceError("lost")

    monkeypatch.setattr(tagged_module, "gather", fail)
    with pytest.raises(SourceError, match="lost"):
        made.build()
    with TaggedRows.open(made.folder / "tagged") as rows:
        assert made.carried(rows)["tea"] == {"a"}
    assert not [name for name in os.listdir(made.folder) if "building" in name]


def test_what_can_not_be_asked(world):
    made = world(["a"], [("a", "tea", "")])
    for tags, per_person in ((np.array([0], np.uint32), 1), (made.catalogue.branch(), 0)):
        with pytest.raises(InternalError):
            TaggedRows.build(
                made.folder / "tagged",
                made.config,
                made.roster,
                made.catalogue,
                tags=tags,
                per_person=per_person,
                key=KEY,
            )
    with pytest.raises(NotFoundError):
        TaggedRows.open(made.folder / "tagged")
    (made.folder / "tagged").write_bytes(b"x" * 5000)
    with pytest.raises(StateError):
        TaggedRows.open(made.folder / "tagged")
    party = made.folder / "party.toml"
    party.write_text(party.read_text(encoding="utf-8").split("[tags]")[0], encoding="utf-8")
    made.config = load_members_config(party)
    with pytest.raises(ConfigError, match=r"\[tags\]"):
        made.build()


def test_at_most_asks_only_for_ranks_that_decide():
    handles = np.array([1, 2, 2, 2, 5, 5, 2**32 - 1], np.uint32)
    asked = []

    def ranks(places):
        asked.extend(places.tolist())
        return np.array([8, 7], np.uint64)

    first = np.array([0, 1, 0, 0, 0, 0, 0], np.bool_)
    assert at_most(2, handles, ranks, first).tolist() == [True, True, False, True, True, True, True]
    assert asked == [2, 3]
    assert at_most(1, handles[:4], ranks, first[:4]).tolist() == [True, True, False, False]
    assert asked == [2, 3]
    assert at_most(2, handles[:0], ranks, first[:0]).tolist() == []
