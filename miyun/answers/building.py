"""Sets out of delivered files, a batch of rows at a time.

A delivery holds the party's own ids. Where platforms ask by devices, the devices of these people are taken from the
party's member table, which is read once; who is among the delivered is looked up in a set of them.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from miyun.answers.ids import AnswerId, Kind, read_id
from miyun.answers.key import AnswerKey
from miyun.answers.sets import SetBuilder
from miyun.answers.store import AnswerStore, Audience
from miyun.errors import InputError, SourceError
from miyun.members.config import Encoding, MembersConfig
from miyun.members.csv_source import csv_header, open_csv
from miyun.members.reading import Progress
from miyun.members.reasons import Rejected
from miyun.members.sources import Source, SourceBatch, open_source

Columns = Mapping[str, Kind]
"""Which kind of id each column holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberDevices:
    """The member table, and which of its columns hold which ids of a device or account."""

    config: MembersConfig
    columns: Columns


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildReport:
    """``rows`` were read of the delivery. ``rejected``: ids that are none, by reason, empty cells left out."""

    audience: Audience
    rows: int
    rejected: dict[str, int]


def build(
    store: AnswerStore,
    name: str,
    source: Path,
    columns: Columns,
    *,
    now: datetime,
    expires: datetime,
    devices: MemberDevices | None = None,
    on_progress: Progress = lambda _done, _total: None,
) -> BuildReport:
    """Build the set of an audience from a CSV or Parquet file, in the place of an earlier one.

    Raises:
        InputError: the name, the columns or the expiry are not possible.
        SourceError: a file can't be read, or lacks a column.
    """
    if expires <= now:
        raise InputError(f"{expires:%Y-%m-%d %H:%M} is over", hint="Give an expiry that is still to come.")
    if not columns:
        raise InputError("no column is named", hint="Name one: --id user=COLUMN")
    if devices is not None and Kind.USER not in columns.values():
        raise InputError("the member table is searched by user ids", hint="Name their column: --id user=COLUMN")
    rejected = Counter[str]()
    with store.building(name) as builder:
        rows = 0
        for batch in _open(source, columns).batches:
            rows += len(batch.rows) + len(batch.bad)
            builder.add(_digests(store.key, batch, columns, rejected))
            on_progress(rows, None)
        if devices is not None:
            _add_devices(builder, store, devices, rejected)
        audience = store.put(name, builder, now=now, expires=expires)
    return BuildReport(audience=audience, rows=rows, rejected=dict(sorted(rejected.items())))


def first_column(path: Path) -> str:
    """The name of a file's first column; a delivery has no other.

    Raises:
        SourceError: the file is not there or has no columns.
    """
    if not path.is_file():
        raise _missing(path)
    if path.suffix.lower() != ".parquet":
        return csv_header(path)[0]
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        names = pq.read_schema(path).names
    except (pa.ArrowException, OSError):
        names = []
    if not names:
        raise SourceError(f"{path.name} is no readable Parquet file", hint="Check what wrote it.")
    return str(names[0])


def _add_devices(builder: SetBuilder, store: AnswerStore, devices: MemberDevices, rejected: Counter[str]) -> None:
    id_, delivered = devices.config.id, store.map_once(builder)
    for batch in open_source(devices.config, [id_, *devices.columns]).batches:
        cells = batch.columns[id_]
        users = [read_id(Kind.USER, cell) if cell else None for cell in cells]
        rows = [
            row for row, user in enumerate(users) if isinstance(user, AnswerId) and store.key.digest(user) in delivered
        ]
        theirs = {column: [batch.columns[column][row] for row in rows] for column in devices.columns}
        chosen = SourceBatch(rows=[batch.rows[row] for row in rows], columns=theirs, bad=[])
        builder.add(_digests(store.key, chosen, devices.columns, rejected))


def _digests(key: AnswerKey, batch: SourceBatch, columns: Columns, rejected: Counter[str]) -> list[bytes]:
    rejected.update(bad.reason.value for bad in batch.bad)
    found = []
    for column, kind in columns.items():
        for id_ in (read_id(kind, cell) for cell in batch.columns[column] if cell):
            if isinstance(id_, Rejected):
                rejected[id_.reason.value] += 1
            else:
                found.append(key.digest(id_))
    return found


def _open(path: Path, columns: Columns) -> Source:
    if not path.is_file():
        raise _missing(path)
    if path.suffix.lower() == ".parquet":
        from miyun.members.parquet_source import open_parquet

        return open_parquet(path, list(columns))
    return open_csv(path, list(columns), encoding=Encoding.AUTO, delimiter=",")


def _missing(path: Path) -> SourceError:
    return SourceError(f"there is no file {path}", hint="Give a CSV or Parquet file.")
