"""Files of addresses or hashes turned into files of PAIR ids, a batch of rows at a time.

In an overlap a person has two rows, the newest generation first. What is written stays with its owner: it says whose
the ids are.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from miyun.errors import InputError, SourceError
from miyun.keys.files import replacing
from miyun.members.config import Encoding
from miyun.members.profiles import normalise_column
from miyun.members.quarantine import Quarantine
from miyun.members.reading import Progress
from miyun.members.reasons import Reason, Rejected
from miyun.members.sources import Source
from miyun.members.tally import Tally
from miyun.members.texts import strip
from miyun.pair.ids import is_match_key, match_key
from miyun.pair.store import AdvertiserGeneration, PublisherGeneration

HASHED = "sha256"
PROFILES = ("pair", "e164", "e164-cn", HASHED)
"""How a column becomes match keys: email, phone, Chinese phone; or it holds match keys already."""

Generations = Sequence[PublisherGeneration] | Sequence[AdvertiserGeneration]
_Row = tuple[str, str, int, str]
_Write = Callable[[list[_Row]], None]
_TYPES = ("string", "string", "int32", "string")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdsReport:
    """``rows`` were read, ``used`` of them have ids. ``ids`` were written, of these generations."""

    rows: int
    used: int
    ids: int
    generations: tuple[int, ...]
    rejected: dict[str, int]
    file: Path
    quarantine: Path | None


def write_ids(
    generations: Generations,
    source: Path,
    out: Path,
    *,
    column: str,
    label: str = "",
    profile: str = "pair",
    on_progress: Progress = lambda _done, _total: None,
) -> IdsReport:
    """Read ``column`` of a CSV or Parquet file, write each value's ids; values that are none go to a quarantine file.

    ``label`` is the column that stands beside an id in place of the value, such as a member id.

    Raises:
        InputError: the profile or the name of a file is not possible, or a file can't be written.
        SourceError: the source can't be read, or lacks a column.
    """
    if profile not in PROFILES:
        raise InputError(f"PAIR ids aren't made by profile {profile!r}", hint=f"Use one of: {', '.join(PROFILES)}.")
    heads = (label or column, generations[0].COLUMN, "generation", "until")
    if heads[0] in heads[1:]:
        raise InputError(
            f"the column {heads[0]!r} is called like one of ids", hint="Rename it, or choose another --label."
        )
    if out.resolve() == source.resolve():
        raise InputError(f"{out} would take the place of what is read", hint="Write into another file.")
    read = _open(source, list(dict.fromkeys([column, label or column])))
    try:
        with (
            Quarantine(out.with_name(f"{out.name}.quarantine.csv")) as quarantine,
            _writing(out, heads) as to,
        ):
            tally = Tally(name=column, column=column, role="identifier", keep_empty=True, quarantine=quarantine)
            rows = 0
            for batch in read.batches:
                rows += len(batch.rows) + len(batch.bad)
                for bad in batch.bad:
                    tally.rejected[bad.reason] += 1
                    quarantine.add(bad.row, "", bad.reason, bad.raw)
                keys = tally.take(_match_keys(profile, batch.columns[column]), batch.rows, batch.columns[column])
                to(_rows(generations, batch.columns[label or column], keys))
                on_progress(rows, read.total)
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror}", hint="Write into another folder.") from None
    kept = bool(quarantine.entries)
    if not kept:
        quarantine.path.unlink()
    return IdsReport(
        rows=rows,
        used=tally.accepted,
        ids=tally.accepted * len(generations),
        generations=tuple(one.generation.number for one in generations),
        rejected={reason.value: count for reason, count in sorted(tally.rejected.items())},
        file=out,
        quarantine=quarantine.path if kept else None,
    )


def _rows(generations: Generations, labels: Sequence[str | None], keys: Sequence[str | None]) -> list[_Row]:
    people = [(label or "", key) for label, key in zip(labels, keys, strict=True) if key]
    wanted = [key for _, key in people]
    issued = [(one.generation.number, one.until.isoformat(), one.ids(wanted).encode()) for one in generations]
    return [
        (label, ids[place], number, until) for place, (label, _) in enumerate(people) for number, until, ids in issued
    ]


def _match_keys(profile: str, cells: Sequence[str | None]) -> list[str | Rejected]:
    if profile == HASHED:
        return [_hashed(cell) for cell in cells]
    values = normalise_column(profile, [cells])
    return [value if isinstance(value, Rejected) else match_key(value) for value in values]


def _hashed(cell: str | None) -> str | Rejected:
    text = strip(cell or "").lower()
    if not text:
        return Rejected(Reason.EMPTY)
    return text if is_match_key(text) else Rejected(Reason.WRONG_SHAPE)


def _open(path: Path, columns: Sequence[str]) -> Source:
    if not path.is_file():
        raise SourceError(f"there is no file {path}", hint="Give a CSV or Parquet file.")
    if path.suffix.lower() == ".parquet":
        from miyun.members.parquet_source import open_parquet

        return open_parquet(path, columns)
    from miyun.members.csv_source import open_csv

    return open_csv(path, columns, encoding=Encoding.AUTO, delimiter=",")


@contextmanager
def _writing(path: Path, heads: Sequence[str]) -> Iterator[_Write]:
    """Takes rows for a file that is there when the block has ended well, mode 0600."""
    if path.suffix.lower() not in {".csv", ".parquet"}:
        raise InputError(f"{path.name} is no name for a file of ids", hint="End it in .csv or .parquet.")
    with replacing(path) as file:
        if path.suffix.lower() == ".csv":
            text = TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow(heads)
            yield writer.writerows
            text.flush()
            text.detach()
        else:
            with _parquet(file, heads) as write:
                yield write


@contextmanager
def _parquet(file: BinaryIO, heads: Sequence[str]) -> Iterator[_Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = [pa.type_for_alias(name) for name in _TYPES]
    schema = pa.schema(list(zip(heads, types, strict=True)))
    with pq.ParquetWriter(file, schema) as writer:

        def write(rows: list[_Row]) -> None:
            readable = [(label.encode("utf-8", "replace").decode(), *rest) for label, *rest in rows]
            columns = list(zip(*readable, strict=True)) or [()] * len(types)
            writer.write_batch(
                pa.record_batch(
                    [pa.array(one, type_) for one, type_ in zip(columns, types, strict=True)], schema=schema
                )
            )

        yield write
