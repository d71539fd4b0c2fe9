"""The roster against a plain model of its rules, and what a reader of it may and may not get."""

import math
import stat
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from miyun.contract.model import Consent, IdentifierTerms
from miyun.errors import ConfigError, ExpressionError, MalformedError, NotFoundError, SourceError, StateError
from miyun.members import roster as roster_module
from miyun.members import today
from miyun.members.profiles import Normalised, normalise
from miyun.members.reading import MemberReader
from miyun.members.roster import Roster, encode_value
from miyun.members.today import Condition

TYPES = (
    IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=100),
    IdentifierTerms(type="email", profile="uid2", evaluation_cap=100),
)
FILES = ("roster.duckdb", "roster.duckdb.identifiers")
CONSENT = Consent(required=True, purposes=("marketing",))


def build(folder, config, *, bucket=1, identifiers=TYPES, consent=CONSENT, on_progress=None):
    return Roster.build(
        folder / "roster.duckdb",
        config,
        identifiers=identifiers,
        consent=consent,
        bucket=bucket,
        on_progress=on_progress,
    )


def points(roster, type_):
    """All points of a type as (handle, value), in upload order."""
    chunks = math.ceil(roster.points(type_) / roster_module.CHUNK_POINTS)
    read = [roster.chunk(type_, index) for index in range(chunks)]
    return [pair for chunk in read for pair in zip(chunk.handles.tolist(), chunk.values, strict=True)]


def everyone(roster):
    return BitMap(range(roster.universe))


def members_by_handle(roster):
    """Real handles and their member ids, by asking for each handle alone."""
    found = {
        handle: [id_ for batch in roster.member_ids(BitMap([handle])) for id_ in batch] for handle in everyone(roster)
    }
    return {handle: ids[0] for handle, ids in found.items() if ids}


def model(rows):
    """Value → member id per type, written as the rules read."""
    first = {}
    for row in rows:
        if row["id"].strip():
            first.setdefault(row["id"].strip(), row)
    sent = [id_ for id_, row in first.items() if row["consent"] == "yes"]
    owners = {}
    for type_, column, profile in (("phone", "mobile", "e164-cn"), ("email", "mail", "uid2")):
        holders = defaultdict(list)
        for id_ in sent:
            spelled = normalise(profile, first[id_][column])
            if isinstance(spelled, Normalised):
                holders[spelled.value].append(id_)
        owners[type_] = {
            value: min(ids, key=lambda id_: (len(id_.encode()), id_.encode())) for value, ids in holders.items()
        }
    return owners, first


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["1", "2", "10", "9", "a", "b", "会", " 2 ", "", "B10", "ab"]),
            "mobile": st.sampled_from(
                ["13800138000", "+86 138 0013 8000", "13900139000", "1.38E+10", "", "15000000001"]
            ),
            "mail": st.sampled_from(
                ["a@qq.com", "A@QQ.com ", "j.d@gmail.com", "jd+x@gmail.com", "bad", "", "c@163.com"]
            ),
            "consent": st.sampled_from(["yes", "yes", "yes", "no", ""]),
            "spend": st.sampled_from(["1", "2000", "", "much"]),
            "no ads": st.sampled_from(["是", "否", "", "perhaps"]),
        }
    ),
    min_size=1,
    max_size=14,
)


@settings(max_examples=25)
@given(rows=ROWS, bucket=st.sampled_from([1, 2, 5]))
def test_a_roster_does_what_the_rules_say(write_table, rows, bucket):
    owners, first = model(rows)
    members = {id_ for ids in owners.values() for id_ in ids.values()}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = write_table(folder, rows)
        if not members:
            with pytest.raises(SourceError):
                build(folder, config, bucket=bucket)
            return
        with build(folder, config, bucket=bucket) as roster:
            ids = members_by_handle(roster)
            assert sorted(ids.values()) == sorted(members)
            assert [list(batch) for batch in roster.member_ids(everyone(roster))] == [[ids[key] for key in sorted(ids)]]
            assert roster.universe % bucket == 0
            assert len(members) <= roster.universe <= len(members) + 3 * (bucket - 1)
            carrying = set()
            for type_ in ("phone", "email"):
                found = points(roster, type_)
                handles = [handle for handle, _ in found]
                assert len(set(handles)) == len(handles) == roster.points(type_)
                assert roster.points(type_) % bucket == 0
                real = {value: ids[handle] for handle, value in found if value is not None}
                assert real == {encode_value(type_, value): id_ for value, id_ in owners[type_].items()}
                assert all(handle not in ids for handle, value in found if value is None)
                carrying.update(handles)
            assert carrying == set(everyone(roster))
            rich = {id_ for id_ in members if first[id_]["spend"] == "2000"}
            assert_copied(roster, ids, roster.rows_where(config, '"spend" > ?', [1000]), rich)
            objecting = {row["id"].strip() for row in rows if row["no ads"] in {"是", "perhaps"}}
            assert_copied(roster, ids, roster.suppressed(config), members & objecting)
            counted = roster.report
            assert counted.rows == len(rows)
            assert counted.members == len(members)
            consenting = [row for row in first.values() if row["consent"] == "yes"]
            assert counted.without_consent == len(first) - len(consenting)
            assert counted.without_identifier == len(consenting) - len(members)
            assert counted.duplicate_rows == sum(bool(row["id"].strip()) for row in rows) - len(first)


def assert_copied(roster, ids, bits, wanted):
    """The real rows are as wanted, and padding copies some of them only if there are any, all if all are."""
    assert {ids[handle] for handle in bits if handle in ids} == wanted
    pads = [handle for handle in bits if handle not in ids]
    if not wanted:
        assert not pads
    if wanted == set(ids.values()):
        assert len(pads) == roster.universe - len(ids)


def table(count, **columns):
    return [
        {"id": f"m{number}", "mobile": str(13_000_000_000 + number), "mail": f"u{number}@qq.com", **columns}
        for number in range(count)
    ]


def test_each_padding_handle_copies_exactly_one_real_row(tmp_path, write_table):
    rows = [{**row, "spend": number} for number, row in enumerate(table(7))]
    config = write_table(tmp_path, rows)
    with build(tmp_path, config, bucket=10) as roster:
        pads = everyone(roster) - BitMap(members_by_handle(roster))
        assert len(pads) == 23
        copies = [roster.rows_where(config, '"spend" = ?', [number]) & pads for number in range(7)]
        assert {len(copied) for copied in copies} == {3, 4}
        assert sum(map(len, copies)) == len(pads)
        assert BitMap.union(*copies) == pads
        assert roster.rows_where(config, '"spend" = ?', [3]) == roster.rows_where(config, '"spend" IN (?)', [3])


def test_conditions_that_are_asked_together_are_answered_as_each_alone_by_one_reading(
    tmp_path, write_table, monkeypatch
):
    rows = [{**row, "spend": number} for number, row in enumerate(table(7))]
    config = write_table(tmp_path, rows)
    readings = []

    class Counted(MemberReader):
        def batches(self):
            readings.append(self)
            return super().batches()

    with build(tmp_path, config, bucket=10) as roster:
        asked = [('"spend" > ?', [3]), ('"spend" IN (?, ?)', [1, 5]), ('"spend" IS NULL', [])]
        alone = [roster.rows_where(config, *condition) for condition in asked]
        monkeypatch.setattr(today, "MemberReader", Counted)
        conditions = [Condition(sql=sql, parameters=parameters, discs={}) for sql, parameters in asked]
        assert roster.rows_where_each(config, conditions) == alone
        assert [bool(rows) for rows in alone] == [True, True, False]
        assert len(readings) == 1


def test_one_type_is_padded_to_the_next_multiple_and_no_further(tmp_path, write_table):
    config = write_table(tmp_path, table(11))
    with build(tmp_path, config, bucket=10, identifiers=TYPES[:1]) as roster:
        assert (roster.universe, roster.points("phone")) == (20, 20)


def test_chunks_follow_each_other(tmp_path, write_table, monkeypatch):
    monkeypatch.setattr(roster_module, "CHUNK_POINTS", 4)
    config = write_table(tmp_path, table(10))
    with build(tmp_path, config) as roster:
        assert [len(roster.chunk("email", index).values) for index in range(3)] == [4, 4, 2]
        assert len({value for _, value in points(roster, "email")}) == 10
        assert roster.chunk("email", 0).values == roster.chunk("email", 0).values
        for type_, index in (("email", 3), ("email", -1), ("openid", 0)):
            with pytest.raises(NotFoundError):
                roster.chunk(type_, index)


def test_values_of_different_types_or_lengths_never_collide():
    values = [("a", "bc"), ("ab", "c"), ("a", "b"), ("", "abc"), ("phone", "4:wang,3:wei,")]
    assert len({encode_value(*value) for value in values}) == len(values)
    assert encode_value("a", "王") == b"\0\0\0\1a\0\0\0\3\xe7\x8e\x8b"


def test_forgetting_keeps_members_and_leaves_no_identifier_in_the_folder(tmp_path, write_table):
    config = write_table(tmp_path, table(50))
    with build(tmp_path, config, bucket=8) as roster:
        before = members_by_handle(roster)
        universe, copies = roster.universe, roster.rows_where(config, '"spend" IS NULL', [])
        roster.forget_values()
        roster.forget_values()
        with pytest.raises(StateError):
            roster.chunk("phone", 0)
    with Roster.open(tmp_path / "roster.duckdb") as again:
        assert members_by_handle(again) == before
        assert (again.universe, again.points("phone")) == (universe, roster.points("phone"))
        assert again.rows_where(config, '"spend" IS NULL', []) == copies == everyone(again)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert set(kept) == {"members.csv", "party.toml", "roster.duckdb"}
    assert b"+86130" not in kept["roster.duckdb"]
    assert b"qq.com" not in kept["roster.duckdb"]


def test_a_built_roster_is_private_and_nothing_else_stays(tmp_path, write_table):
    config = write_table(tmp_path, table(20))
    build(tmp_path, config).close()
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in FILES} == {0o600}
    assert stat.S_IMODE(config.quarantine_path.stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"members.csv", "party.toml", "quarantine", *FILES}


def test_a_failed_build_leaves_the_older_roster(tmp_path, write_table, monkeypatch):
    config = write_table(tmp_path, table(5))
    with build(tmp_path, config) as roster:
        before = points(roster, "phone")

    def fail(*_):
        raise SourceError("lost")

    monkeypatch.setattr(roster_module, "draw", fail)
    with pytest.raises(SourceError, match="lost"):
        build(tmp_path, config)
    with Roster.open(tmp_path / "roster.duckdb") as roster:
        assert points(roster, "phone") == before
    assert {path.name for path in tmp_path.iterdir()} == {"members.csv", "party.toml", "quarantine", *FILES}


def test_building_again_draws_again(tmp_path, write_table):
    config = write_table(tmp_path, table(30))
    with build(tmp_path, config) as roster:
        before = members_by_handle(roster), [value for _, value in points(roster, "phone")]
    with build(tmp_path, config) as roster:
        after = members_by_handle(roster), [value for _, value in points(roster, "phone")]
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert sorted(before[1]) == sorted(after[1])


def test_rosters_of_one_process_do_not_mix(tmp_path, write_table):
    """DuckDB would hand out the older database of the same path again while it is open."""
    with build(tmp_path, write_table(tmp_path, table(3))) as older:
        with build(tmp_path, write_table(tmp_path, table(5))) as newer:
            assert (older.universe, newer.universe) == (3, 5)
            assert (len(points(older, "phone")), len(points(newer, "phone"))) == (3, 5)
        with Roster.open(tmp_path / "roster.duckdb", memory_mib=300) as again:
            again.forget_values()
            assert len(members_by_handle(again)) == 5
        assert len(members_by_handle(older)) == 3


def test_attributes_are_those_of_today_and_handles_those_of_the_epoch(tmp_path, write_table):
    rows = table(6, spend="10")
    config = write_table(tmp_path, rows)
    with build(tmp_path, config) as roster:
        ids = members_by_handle(roster)
        rows[2]["spend"], rows[4]["spend"] = "5,000", "unknown"
        write_table(tmp_path, [{"id": "new", "mobile": "13912345678", "spend": "9000"}, *reversed(rows[:5])])
        assert {ids[handle] for handle in roster.rows_where(config, '"spend" > ?', [1000])} == {"m2"}
        assert {ids[handle] for handle in roster.rows_where(config, 'NOT coalesce("spend" > ?, false)', [1000])} == {
            "m0",
            "m1",
            "m3",
            "m4",
        }
        with pytest.raises(ExpressionError):
            roster.rows_where(config, '"spend" > "nothing"', [])


def test_who_left_withdrew_or_objected_is_suppressed(tmp_path, write_table):
    rows = table(8)
    (tmp_path / "opt-outs.csv").write_text(
        "phone,id,comment\n+86 130-0000-0004,,by phone\n,m5,\n1.3E+10,,\n,,\n", encoding="utf-8"
    )
    more = 'file = "opt-outs.csv"\n'
    config = write_table(tmp_path, rows, more)
    with build(tmp_path, config) as roster:
        ids = members_by_handle(roster)
        rows[1]["consent"] = "no"
        rows[2]["no ads"] = "是"
        rows[3]["no ads"] = "stop"
        write_table(tmp_path, [*rows[:6], rows[7], {"id": "m7", "no ads": "yes"}], more)
        roster.forget_values()
        assert {ids[handle] for handle in roster.suppressed(config)} == {"m1", "m2", "m3", "m4", "m5", "m6", "m7"}


def test_without_a_consent_requirement_consent_is_not_asked(tmp_path, write_table):
    config = write_table(tmp_path, table(3, consent="no"))
    with build(tmp_path, config, consent=Consent(required=False, purposes=())) as roster:
        assert roster.report.members == 3
        assert not roster.suppressed(config)
    with pytest.raises(SourceError, match="no row"):
        build(tmp_path, config)


@pytest.mark.parametrize(
    ("identifiers", "consent", "message"),
    [
        ((IdentifierTerms(type="openid", profile="openid", evaluation_cap=1),), CONSENT, "lacks"),
        ((IdentifierTerms(type="email", profile="pair", evaluation_cap=1),), CONSENT, "'pair'"),
        ((IdentifierTerms(type="email", profile="mac", evaluation_cap=1),), CONSENT, "no profile"),
    ],
)
def test_a_configuration_that_does_not_meet_the_contract(tmp_path, write_table, identifiers, consent, message):
    config = write_table(tmp_path, table(3))
    with pytest.raises(ConfigError, match=message):
        build(tmp_path, config, identifiers=identifiers, consent=consent)


def test_handles_beyond_the_universe_are_refused(tmp_path, write_table):
    with build(tmp_path, write_table(tmp_path, table(3))) as roster, pytest.raises(MalformedError):
        list(roster.member_ids(BitMap([3])))


def test_a_roster_that_is_missing_or_damaged(tmp_path):
    with pytest.raises(NotFoundError):
        Roster.open(tmp_path / "roster.duckdb")
    (tmp_path / "roster.duckdb").write_bytes(b"x" * 5000)
    with pytest.raises(StateError):
        Roster.open(tmp_path / "roster.duckdb")


def test_progress_counts_rows(tmp_path, write_table):
    seen = []
    build(tmp_path, write_table(tmp_path, table(4)), on_progress=lambda done, total: seen.append((done, total))).close()
    assert seen == [(4, None)]
