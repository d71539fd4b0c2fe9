"""The catalogue as a file: CSV divided by commas, or Parquet where the name ends so. One tag a row::

    id,name,parent,type,options,range,sensitive
    profile,人口属性,,group,,,
    gender,性别,profile,option,男|女,,
    age,年龄,profile,number,,0..120,
    interest,兴趣,,group,,,
    tea,茶饮,interest,flag,,,
    health,健康,,group,,,yes

Only ``id`` is needed. ``name`` is the id if left out; ``parent`` is an id; without ``type``, what has options is an
option tag, what has a range a number tag, what has tags below it a group, and all else a flag.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from miyun.contract.schema import ColumnType
from miyun.errors import SourceError
from miyun.members.attributes import read_attributes
from miyun.members.catalogue import Catalogue
from miyun.members.catalogue_tree import CatalogueRow, TagType
from miyun.members.cells import is_broken
from miyun.members.config import Encoding, TagsConfig
from miyun.members.reasons import Reason, Rejected
from miyun.members.sources import SourceBatch
from miyun.members.texts import strip

COLUMNS = ("id", "name", "parent", "type", "options", "range", "sensitive")

_BOUND = r"\s*([+-]?[0-9]+(?:\.[0-9]+)?)?\s*"
_RANGE = re.compile(rf"{_BOUND}\.\.{_BOUND}").fullmatch


def load_catalogue(config: TagsConfig) -> Catalogue:
    """Read the file that ``[tags] catalogue`` names.

    Raises:
        SourceError: it can't be read, or is no catalogue; the message names the row or the tag.
    """
    path = config.resolve(config.catalogue)
    if not path.is_file():
        raise SourceError(f"there is no file {path.name}", hint="Correct catalogue in [tags].")
    return read_catalogue(path)


def read_catalogue(path: Path) -> Catalogue:
    """Read a catalogue, such as one that its owner gave to a reader.

    Raises:
        SourceError: it can't be read, or is no catalogue; the message names the row or the tag.
    """
    if not path.is_file():
        raise SourceError(f"there is no file {path.name}", hint="Give the file of a catalogue.")
    untyped: set[str] = set()
    rows = [row for batch in _batches(path) for row in _rows(path.name, batch, untyped)]
    groups = untyped & {row.parent for row in rows}
    return Catalogue(replace(row, type=TagType.GROUP) if row.id in groups else row for row in rows)


def _batches(path: Path) -> Iterator[SourceBatch]:
    if path.suffix.lower() == ".parquet":
        import pyarrow.parquet as pq

        from miyun.members.parquet_source import open_parquet

        try:
            present = set(pq.read_schema(path).names)
        except (ValueError, OSError):
            raise SourceError(f"{path.name} is no readable Parquet file", hint="Check what wrote it.") from None
        return open_parquet(path, _wanted(present)).batches
    from miyun.members.csv_source import csv_header, open_csv

    return open_csv(path, _wanted(set(csv_header(path))), encoding=Encoding.AUTO, delimiter=",").batches


def _wanted(present: set[str]) -> list[str]:
    return ["id", *(name for name in COLUMNS[1:] if name in present)]


def _rows(file: str, batch: SourceBatch, untyped: set[str]) -> Iterator[CatalogueRow]:
    """The rows of a batch; the ids of those that look like flags without saying so go to ``untyped``."""
    for bad in batch.bad:
        raise SourceError(f"{file}, row {bad.row}: {bad.reason.words}", hint="Correct the row.")
    columns = [batch.columns.get(name, [None] * len(batch.rows)) for name in COLUMNS]
    for number, *cells in zip(batch.rows, *columns, strict=True):
        texts = [strip(cell) if cell else "" for cell in cells]
        if fault := _fault(texts):
            raise SourceError(f"{file}, row {number}: {fault}", hint="Correct the row.")
        id_, name, parent, type_, options, range_, sensitive = texts
        bounds = _RANGE(range_) if range_ else None
        low, high = [Decimal(bound) if bound else None for bound in bounds.groups()] if bounds else (None, None)
        usual = TagType.OPTION if options else TagType.NUMBER if range_ else TagType.FLAG
        if not type_ and usual is TagType.FLAG:
            untyped.add(id_)
        yield CatalogueRow(
            id=id_,
            name=name or id_,
            parent=parent or None,
            type=TagType(type_.lower()) if type_ else usual,
            options=tuple(strip(option) for option in options.split("|")) if options else (),
            low=low,
            high=high,
            sensitive=_yes(sensitive) is True,
        )


def _fault(texts: list[str]) -> str:
    """What is wrong with a row, if anything is."""
    id_, _, _, type_, _, range_, sensitive = texts
    if not id_:
        return "the tag has no id"
    if any(map(is_broken, texts)):
        return Reason.BAD_ENCODING.words
    if type_ and type_.lower() not in (TagType.GROUP, TagType.FLAG, TagType.OPTION, TagType.NUMBER):
        return f"the type {type_!r} is none of group, flag, option and number"
    if range_ and not _RANGE(range_):
        return f"the range {range_!r} is not written as 0..120"
    read = _yes(sensitive)
    if isinstance(read, Rejected) and read.reason != Reason.EMPTY:
        return f"sensitive is {sensitive!r}, neither yes nor no"
    return ""


def _yes(cell: str) -> object:
    if not cell:
        return Rejected(Reason.EMPTY)
    [value] = read_attributes(ColumnType.BOOLEAN, [cell])
    return value
