"""Every source reads alike, in batches, and a bad row never fails the others."""

import csv
import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from miyun.errors import ConfigError, SourceError
from miyun.members import csv_source, parquet_source, sql_source
from miyun.members.cells import as_text
from miyun.members.config import Encoding, MembersConfig, SourceKind
from miyun.members.reasons import Reason
from miyun.members.sources import open_source

ROWS = [("m1", "王小明", "13800138000"), ("m2", 'said "hi", left\nthen came back', None), ("m3", "", "x")]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    for module in (csv_source, parquet_source, sql_source):
        monkeypatch.setattr(module, "BATCH_ROWS", 2)


def csv_config(tmp_path, content, **settings):
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "members.csv").write_bytes(data)
    return MembersConfig(folder=tmp_path, source=SourceKind.CSV, path=Path("members.csv"), id="id", **settings)


def parquet_config(tmp_path):
    return MembersConfig(folder=tmp_path, source=SourceKind.PARQUET, path=Path("members.parquet"), id="id")


def read(config, *columns):
    """The rows as (number, cells…), and the bad rows."""
    rows, bad = [], []
    for batch in open_source(config, columns).batches:
        assert len(batch.rows) <= 2
        rows += zip(batch.rows, *(batch.columns[name] for name in columns), strict=True)
        bad += batch.bad
    return rows, bad


def test_csv_keeps_quotes_delimiters_and_line_breaks_in_cells(tmp_path):
    with (tmp_path / "source.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "note", "phone"), *ROWS])
    content = (tmp_path / "source.csv").read_bytes()
    rows, bad = read(csv_config(tmp_path, content), "id", "note", "phone")
    assert rows == [(1, "m1", "王小明", "13800138000"), (2, *ROWS[1][:2], ""), (3, "m3", "", "x")]
    assert not bad


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [
        ("utf-8", Encoding.AUTO),
        ("utf-8-sig", Encoding.AUTO),
        ("utf-8-sig", Encoding.UTF_8),
        ("gb18030", Encoding.AUTO),
        ("gb18030", Encoding.GB18030),
    ],
)
def test_csv_in_either_encoding(tmp_path, codec, encoding):
    text = "id,姓名\r\nm1,王小明\r\nm2,欧阳㐀\r\n"
    rows, _ = read(csv_config(tmp_path, text.encode(codec), encoding=encoding), "id", "姓名")
    assert rows == [(1, "m1", "王小明"), (2, "m2", "欧阳㐀")]


def test_a_long_ascii_beginning_does_not_hide_gb18030(tmp_path):
    text = "id,name\n" + "m1,plain ascii\n" * 120_000 + "m2,王小明\n"
    rows, _ = read(csv_config(tmp_path, text.encode("gb18030")), "id", "name")
    assert rows[-1] == (120_001, "m2", "王小明")


def test_a_damaged_byte_leaves_the_file_utf8_and_marks_its_cell(tmp_path):
    text = "id,name\n" + "m1,王小明\n" * 20
    rows, _ = read(csv_config(tmp_path, text.encode() + b"m2,\xff\nm3,ok\n"), "id", "name")
    assert rows[0][2] == "王小明"
    assert rows[20:] == [(21, "m2", "\udcff"), (22, "m3", "ok")]


def test_utf16_is_refused_with_a_hint(tmp_path):
    with pytest.raises(SourceError) as caught:
        read(csv_config(tmp_path, "id,name\nm1,王\n".encode("utf-16")), "id")
    assert "UTF-8" in caught.value.hint


def test_csv_with_another_delimiter_and_blank_lines(tmp_path):
    rows, bad = read(csv_config(tmp_path, "id;name\n\nm1;a,b\n\n\nm2;c\n", delimiter=";"), "id", "name")
    assert rows == [(1, "m1", "a,b"), (2, "m2", "c")]
    assert not bad


def test_ragged_and_badly_quoted_rows_are_set_aside_and_reading_goes_on(tmp_path):
    content = 'id,name\nm1,a\nm2\nm3,b,c\nm4,"open\nm5,d\nm6,"x"y\nm7,e\nm8,"never closed\nm9,f\n'
    rows, bad = read(csv_config(tmp_path, content), "id", "name")
    assert [(row[0], row[1]) for row in rows] == [(1, "m1"), (5, "m5"), (7, "m7"), (9, "m9")]
    assert [(row.row, row.reason, row.raw) for row in bad] == [
        (2, Reason.RAGGED, "m2"),
        (3, Reason.RAGGED, "m3,b,c"),
        (4, Reason.BAD_QUOTING, 'm4,"open'),
        (6, Reason.BAD_QUOTING, 'm6,"x"y'),
        (8, Reason.BAD_QUOTING, 'm8,"never closed'),
    ]


@given(
    st.lists(
        st.sampled_from(["m1,a,1", "m2,b", 'm3,"x,y",2', 'm4,"two\nlines",3', 'm5,"open,4', "", 'm6,"a"b,5']),
        max_size=12,
    ),
    st.integers(1, 5),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_are_the_same_however_lines_are_cut_into_blocks(tmp_path, monkeypatch, lines, block):
    config = csv_config(tmp_path, "\n".join(["id,note,n", *lines]))
    by_lines = {}
    for size in (block, 50):
        monkeypatch.setattr(csv_source, "_BLOCK_LINES", size)
        monkeypatch.setattr(csv_source, "BATCH_ROWS", size)
        batches = list(open_source(config, ("id", "note", "n")).batches)
        by_lines[size] = (
            [row for batch in batches for row in zip(batch.rows, *batch.columns.values(), strict=True)],
            [bad for batch in batches for bad in batch.bad],
        )
    assert by_lines[block] == by_lines[50]


def test_an_open_quote_swallows_no_more_than_its_own_row(tmp_path):
    content = 'id,name\nm0,"open\n' + "".join(f"m{number},{'x' * 100}\n" for number in range(1, 4_000))
    rows, bad = read(csv_config(tmp_path, content), "id")
    assert len(rows) == 3_999
    assert [row.row for row in bad] == [1]


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "empty"), ("id,name\n", "no column 'phone'"), ("id,phone,phone\n", "twice"), ('id,"phone\n', "quotes")],
)
def test_a_csv_that_is_unusable_as_a_whole(tmp_path, content, message):
    with pytest.raises(SourceError, match=message):
        read(csv_config(tmp_path, content), "id", "phone")


def test_a_missing_file(tmp_path):
    with pytest.raises(SourceError, match=r"there is no file members\.parquet"):
        open_source(
            MembersConfig(folder=tmp_path, source=SourceKind.PARQUET, path=Path("members.parquet"), id="id"), ["id"]
        )


def test_parquet_types_become_text(tmp_path):
    table = pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int64()),
            "phone": pa.array([13800138000.0, None, 1.5]),
            "tier": pa.array(["金", "银", None]).dictionary_encode(),
            "spent": pa.array([Decimal("12.50"), None, Decimal("0.10")]),
            "seen": pa.array([datetime(2026, 1, 31, 10), None, None], pa.timestamp("us")),
            "born": pa.array([date(1980, 1, 31), None, None]),
            "out": pa.array([True, False, None]),
            "raw": pa.array([b"abc", b"\xff", None]),
        }
    )
    pq.write_table(table, tmp_path / "members.parquet", row_group_size=2)
    config = parquet_config(tmp_path)
    assert open_source(config, ["id"]).total == 3
    rows, _ = read(config, *table.column_names)
    assert rows == [
        (1, "1", "13800138000", "金", "12.50", "2026-01-31 10:00:00", "1980-01-31", "true", "abc"),
        (2, "2", None, "银", None, None, None, "false", "\udcff"),
        (3, "3", "1.5", None, "0.10", None, None, None, None),
    ]


def test_what_is_no_parquet(tmp_path):
    (tmp_path / "members.parquet").write_text("id\n1\n")
    with pytest.raises(SourceError, match="no readable Parquet"):
        open_source(
            MembersConfig(folder=tmp_path, source=SourceKind.PARQUET, path=Path("members.parquet"), id="id"), ["id"]
        )


def sql_config(tmp_path, url, query):
    return MembersConfig(folder=tmp_path, source=SourceKind.SQL, url=url, query=query, id="id")


def fill(execute, text_type="TEXT"):
    execute(f"CREATE TABLE members (id INTEGER, name {text_type}, spent REAL)")
    for number in range(1, 6):
        execute(f"INSERT INTO members VALUES ({number}, '50% of 王{number}:x', {number}.5)")


QUERY = "SELECT id, name AS \"名字\", spent FROM members WHERE name LIKE '50%' ORDER BY id"
EXPECTED = [(number, str(number), f"50% of 王{number}:x", f"{number}.5") for number in range(1, 6)]


def test_a_duckdb_query(tmp_path):
    with duckdb.connect(tmp_path / "shop.duckdb") as connection:
        fill(connection.execute)
    config = sql_config(tmp_path, "duckdb:///shop.duckdb", QUERY)
    assert read(config, "id", "名字", "spent") == (EXPECTED, [])
    with pytest.raises(SourceError, match="query failed"):
        read(sql_config(tmp_path, "duckdb:///shop.duckdb", "DELETE FROM members"), "id")


def test_a_sqlite_query(tmp_path):
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        fill(connection.execute)
        connection.execute("INSERT INTO members VALUES (6, CAST(x'ff' AS TEXT), NULL)")
    config = sql_config(tmp_path, "sqlite:///shop.db", "SELECT * FROM members ORDER BY id")
    assert read(config, "id", "name", "spent") == ([*EXPECTED, (6, "6", "\udcff", None)], [])
    with pytest.raises(SourceError, match="SQLITE_READONLY"):
        read(sql_config(tmp_path, "sqlite:///shop.db", "DELETE FROM members RETURNING id"), "id")


def test_a_postgresql_query(tmp_path, postgres_url):
    with psycopg.connect(postgres_url) as connection:
        fill(connection.execute)
        connection.execute("CREATE SEQUENCE numbers")
    config = sql_config(tmp_path, postgres_url, QUERY)
    assert read(config, "id", "名字", "spent") == (EXPECTED, [])
    with pytest.raises(SourceError, match="no column 'phone'"):
        read(config, "phone")
    with pytest.raises(SourceError, match="ReadOnlySqlTransaction"):
        read(sql_config(tmp_path, postgres_url, "SELECT nextval('numbers') AS id"), "id")


def test_postgresql_streams_through_a_cursor_of_the_server(tmp_path, postgres_url):
    source = open_source(
        sql_config(tmp_path, postgres_url, "SELECT 6 / (5 - n) AS id FROM generate_series(1, 9) AS n"), ["id"]
    )
    assert [next(source.batches).rows, next(source.batches).rows] == [[1, 2], [3, 4]]
    with pytest.raises(SourceError, match="22012"):
        next(source.batches)


def test_a_failing_query_repeats_nothing_of_the_rows(tmp_path, postgres_url):
    with pytest.raises(SourceError) as caught:
        read(sql_config(tmp_path, postgres_url, "SELECT '13800138000x'::integer AS id"), "id")
    assert "13800138000" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"


@pytest.mark.parametrize("url", ["mysql://shop/members", "not a url"])
def test_other_databases_are_refused(tmp_path, url):
    with pytest.raises(ConfigError):
        read(sql_config(tmp_path, url, "SELECT 1 AS id"), "id")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (13800138000, "13800138000"),
        (13800138000.0, "13800138000"),
        (1e22, "1e+22"),
        (float("nan"), None),
        (Decimal("1E+3"), "1000"),
        (datetime(2026, 1, 31, tzinfo=UTC), "2026-01-31 00:00:00+00:00"),
    ],
)
def test_cells_as_text(value, text):
    assert as_text(value) == text
