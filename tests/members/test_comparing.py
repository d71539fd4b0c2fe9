"""Comparing a table with what is held of it: who came, who has other identifiers, who is gone, and their rows."""

from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from miyun.contract.model import Consent, IdentifierTerms
from miyun.errors import SourceError
from miyun.members.comparing import Difference, Different, Terms, compare

TYPES = {"phone": "e164-cn", "email": "uid2"}
TERMS = Terms(
    identifiers=[IdentifierTerms(type=type_, profile=profile, evaluation_cap=1) for type_, profile in TYPES.items()],
    consent=Consent(required=True, purposes=()),
    digest=lambda value: value.encode(),
)


def row(number: int, **cells: str) -> dict[str, str]:
    return {"id": f"m{number}", "mobile": f"138{number:08d}", "mail": f"p{number}@example.com", **cells}


def values(number: int) -> dict[int, bytes]:
    return {0: f"+86138{number:08d}".encode(), 1: f"p{number}@example.com".encode()}


@dataclass
class Known:
    """Members with what each has; those in ``rowless`` have no row of their own."""

    members: dict[str, dict[int, bytes]]
    rowless: set[str] = field(default_factory=set)

    def digests_of(self, members):
        return {member: self.members[member] for member in members if member in self.members}

    def sharing(self):
        return self.rowless

    def connection(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        connection.execute("CREATE TABLE live (handle UINTEGER, member VARCHAR)")
        for handle, member in enumerate(sorted(self.members.keys() - self.rowless)):
            connection.execute("INSERT INTO live VALUES (?, ?)", [handle, member])
        return connection


@pytest.fixture
def compared(tmp_path: Path, write_table):
    def run(
        known: Known, rows: list[dict[str, str]], most: int = 100
    ) -> tuple[Difference, list[dict[str, str | None]]]:
        config = write_table(tmp_path, rows)
        made = tmp_path / "rows.parquet"
        made.unlink(missing_ok=True)
        with known.connection() as connection:
            found = compare(connection, known, config, TERMS, made, most=most)
        return found, pq.read_table(made).to_pylist() if made.is_file() else []

    return run


def test_the_same_table_in_another_order_is_no_difference(compared) -> None:
    known = Known({f"m{n}": values(n) for n in range(9)})
    found, rows = compared(known, [row(n, spend=str(n)) for n in reversed(range(9))])
    assert (found.stayed, found.count, rows) == (9, 0, [])
    assert found.who == Different(came=(), changed=(), gone=())


def test_who_came_changed_and_went_with_their_rows_as_they_stand(compared) -> None:
    known = Known({f"m{n}": values(n) for n in range(5)})
    table = [row(0), row(1, mobile="139 0000 0001"), row(3), row(4), row(7, spend="a lot")]
    found, rows = compared(known, table)
    assert found.who == Different(came=("m7",), changed=("m1",), gone=("m2",))
    assert (found.came, found.changed, found.gone, found.stayed) == (1, 1, 1, 3)
    assert [(line["id"], line["mobile"], line["spend"]) for line in rows] == [
        ("m1", "139 0000 0001", ""),
        ("m7", f"138{7:08d}", "a lot"),
    ]


def test_the_first_row_counts_and_consent_is_needed(compared) -> None:
    known = Known({f"m{n}": values(n) for n in range(4)})
    again = [row(0, mobile="13999999999"), row(9, mail="later@example.com")]
    table = [row(0), row(1, consent="no"), row(9), row(2), row(3, mobile="", mail=""), *again, row(1)]
    found, rows = compared(known, table)
    assert found.who == Different(came=("m9",), changed=(), gone=("m1", "m3"))
    assert [line["mail"] for line in rows] == ["p9@example.com"]


def test_members_without_a_row_of_their_own_stay_or_go_too(compared) -> None:
    known = Known({"m1": values(1), "m2": {0: values(1)[0]}, "m3": {0: values(1)[0]}}, rowless={"m2", "m3"})
    found, _ = compared(known, [row(1), {"id": "m2", "mobile": f"138{1:08d}", "mail": ""}])
    assert found.stayed == 2
    assert found.who is not None
    assert found.who.gone == ("m3",)


@pytest.mark.parametrize("most", [0, 2, 3])
def test_more_than_are_of_use_are_only_counted(compared, most: int) -> None:
    found, rows = compared(Known({"m0": values(0)}), [row(n) for n in range(1, 3)], most)
    assert (found.stayed, found.came, found.changed, found.gone) == (0, 2, 0, 1)
    assert (found.who is None) is (most < 3)
    assert len(rows) <= most


def test_where_no_identifiers_are_kept_members_are_told_by_their_ids(tmp_path: Path, write_table) -> None:
    known = Known({f"m{n}": values(n) for n in range(4)})
    config = write_table(tmp_path, [row(0, mobile="13999999999"), row(1), row(2, consent="no"), row(9)])
    with known.connection() as connection:
        found = compare(connection, None, config, TERMS, tmp_path / "rows.parquet", most=0)
    assert (found.stayed, found.came, found.changed, found.gone, found.who) == (2, 1, 0, 2, None)


def test_a_table_that_is_away_is_no_table_without_members(compared, tmp_path: Path, write_table) -> None:
    known = Known({"m0": values(0)})
    config = write_table(tmp_path, [])
    (tmp_path / "members.csv").unlink()
    with known.connection() as connection, pytest.raises(SourceError):
        compare(connection, known, config, TERMS, tmp_path / "rows.parquet", most=9)
