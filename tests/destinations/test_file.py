"""Files of an audience: in parts, joined at the end."""

import csv
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from miyun.destinations.fields import FieldSource
from miyun.destinations.file import FileConfig, FileDestination, FileFormat
from miyun.errors import ConfigError
from tests.destinations.world import batch, context

FIELDS = {"name": FieldSource(column="name")}
PARTS = (
    batch(0, "a", 'q"uote', name=("王", None)),
    batch(1, "=x", name=("two\nlines",)),
)
ROWS = [["member_id", "name"], ["a", "王"], ['q"uote', ""], ["=x", "two\nlines"]]


def destination(folder: Path, format_: FileFormat = FileFormat.CSV) -> FileDestination:
    return FileDestination(FileConfig(format=format_, fields=FIELDS), context(folder))


def rows(path: Path) -> list[list[str]]:
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return [table.column_names, *([cell or "" for cell in row.values()] for row in table.to_pylist())]
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("format_", FileFormat)
def test_parts_become_one_private_file(tmp_path: Path, format_: FileFormat) -> None:
    made = destination(tmp_path, format_)
    for part in PARTS:
        made.deliver(part)
        made.deliver(part)
    path = made.finish(2)
    assert path == tmp_path / "outbox" / f"sleepers-v2-activate-1.{format_}"
    assert rows(path) == ROWS
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    before = path.read_bytes()
    assert made.finish(2) == path
    shutil.rmtree(tmp_path / "work")
    assert made.finish(2) == path
    assert path.read_bytes() == before


@pytest.mark.parametrize("format_", FileFormat)
def test_an_audience_of_nobody(tmp_path: Path, format_: FileFormat) -> None:
    path = destination(tmp_path, format_).finish(0)
    assert path is not None
    assert rows(path) == ROWS[:1]


def test_nothing_is_there_before_everything_is(tmp_path: Path) -> None:
    made = destination(tmp_path)
    made.deliver(PARTS[0])
    with pytest.raises(ConfigError):
        made.finish(2)
    assert list((tmp_path / "outbox").iterdir()) == []


def test_a_folder_that_can_not_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("")
    made = destination(tmp_path)
    for part in PARTS:
        made.deliver(part)
    with pytest.raises(ConfigError, match="written"):
        made.finish(2)


def test_a_dry_run_shows_the_file_and_writes_none(tmp_path: Path) -> None:
    preview = destination(tmp_path).dry_run(PARTS[0])
    assert preview.text.splitlines()[:2] == ["member_id,name", "a,王"]
    assert list(tmp_path.iterdir()) == []
