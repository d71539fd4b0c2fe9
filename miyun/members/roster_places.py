"""Where the values of a fusion were sent: by keyed digests, for deltas of its epoch.

A folder beside the roster, with columns that are sorted or numbered, and looked up on the disk: a delta reads what its
rows are about, and not the table. Who else than its owner reads it finds handles, member ids as the roster has them,
and digests that say nothing without their key.
"""
# ruff: noqa: S608 - names are numbered here, values are parameters, paths are quoted

import hashlib
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from miyun.errors import StateError
from miyun.members.changing import PADDING, Digest, PaddingPoints
from miyun.members.workspace import building, private_folder, sync

DIGEST_BYTES = 16
_NOTHING = 0xFFFF_FFFF
_ROWS_AT_ONCE = 1 << 16

_HALF = np.dtype("<u8")
_POINT = np.dtype([("position", "<u4"), ("handle", "<u4")])
_NUMBER = np.dtype("<u4")
_END = np.dtype("<u8")
_SIDES: Final[tuple[Literal["left"], Literal["right"]]] = ("left", "right")

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class _Digests:
    """Digests as two columns of numbers, so that the first one alone is searched."""

    heads: Array
    tails: Array

    @classmethod
    def of(cls, digests: Collection[Digest]) -> Self:
        words = np.frombuffer(b"".join(digests), ">u8").reshape(-1, 2).astype(_HALF)
        return cls(words[:, 0].copy(), words[:, 1].copy())

    def __getitem__(self, row: int) -> Digest:
        return int(self.heads[row]).to_bytes(8, "big") + int(self.tails[row]).to_bytes(8, "big")

    def equal(self, wanted: "_Digests", order: Array | None = None) -> Iterator[list[int]]:
        """For each wanted digest, the rows of this sorted column (in this order, else as it is) that are equal."""
        first, last = (np.searchsorted(self.heads, wanted.heads, side, sorter=order) for side in _SIDES)
        for tail, low, high in zip(wanted.tails.tolist(), first.tolist(), last.tolist(), strict=True):
            rows = range(low, high) if order is None else order[low:high].tolist()
            yield [row for row in rows if self.tails[row] == tail]

    def ranks(self, wanted: "_Digests") -> Array:
        """For each wanted digest its row in this sorted column, which has it once at most, or `_NOTHING`."""
        first, last = (np.searchsorted(self.heads, wanted.heads, side) for side in _SIDES)
        ranks = np.full(first.size, _NOTHING, np.int64)
        for step in range(int((last - first).max(initial=0))):
            rows = first + step
            inside = np.flatnonzero(rows < last)
            equal = inside[self.tails[rows[inside]] == wanted.tails[inside]]
            ranks[equal] = rows[equal]
        return ranks


def digest_of(key: str, text: str) -> Digest:
    """What stands for a value or a member id here."""
    return hashlib.sha256((key + text).encode()).digest()[:DIGEST_BYTES]


def keep_places(connection: duckdb.DuckDBPyConnection, path: Path, key: str, types: int) -> None:
    """Write down, from ``roster`` and ``identifiers``, under which position each value was sent, and who has it."""
    with building(path) as work:
        made = private_folder(work / "places")
        keeper = _Keeper(connection, made, key)
        handles = keeper.members()
        for place in range(types):
            keeper.points(place, handles)
            keeper.shared(place)
        for file in made.iterdir():
            file.chmod(0o600)
            sync(file)
        sync(made)
        shutil.rmtree(path, ignore_errors=True)
        made.replace(path)
        sync(path.parent)


class _Keeper:
    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path, key: str) -> None:
        self._connection = connection
        self._folder = folder
        self._key = key

    def members(self) -> int:
        """Gives how many handles there are."""
        self._write(
            f"SELECT {_hex('member')} AS digest, rowid::UINTEGER AS handle FROM roster.member"
            " WHERE member IS NOT NULL ORDER BY digest",
            {**_digests("member", "digest"), "member.handle": _numbers("handle")},
        )
        self._write("SELECT coalesce(member, '') AS name FROM roster.member ORDER BY rowid", _names("handle", "name"))
        return self._read("handle.ends", _END).size

    def points(self, place: int, handles: int) -> None:
        table = f"identifiers.points{place}"
        points = f"SELECT rowid::UINTEGER AS position, handle, {_hex('value')} AS digest FROM {table}"
        self._write(
            f"{points} WHERE value IS NOT NULL ORDER BY digest",
            {**_digests(f"value{place}", "digest"), f"value{place}.point": _points},
        )
        self._write(
            f"SELECT rowid::UINTEGER AS position, handle FROM {table} WHERE value IS NULL ORDER BY rowid",
            {f"padding{place}": _points},
        )
        ranks = np.full(handles, _NOTHING, _NUMBER)
        sent = self._read(f"value{place}.point", _POINT)["handle"]
        ranks[sent] = np.arange(sent.size, dtype=np.uint32)
        (self._folder / f"rank{place}").write_bytes(ranks.tobytes())

    def shared(self, place: int) -> None:
        name = f"shared{place}"
        self._write(
            f"SELECT {_hex('value')} AS value, {_hex('member')} AS digest, member AS name"
            f" FROM identifiers.{name} ORDER BY value",
            {**_digests(name, "value"), **_digests(f"{name}.member", "digest"), **_names(name, "name")},
        )
        members = self._read(f"{name}.member.heads", _HALF)
        (self._folder / f"{name}.order").write_bytes(np.argsort(members, kind="stable").astype(_NUMBER).tobytes())

    def _write(self, query: str, columns: Mapping[str, Callable[[pa.RecordBatch], Any]]) -> None:
        """Append what each column makes of every batch to its file."""
        keys = [self._key] * query.count("?")
        files = {name: (self._folder / name).open("wb") for name in columns}
        try:
            table: pa.Table = self._connection.sql(query, params=keys).to_arrow_table()
            for batch in table.to_batches(_ROWS_AT_ONCE):
                for name, of in columns.items():
                    files[name].write(of(batch))
        finally:
            for file in files.values():
                file.close()

    def _read(self, name: str, dtype: np.dtype[Any]) -> Array:
        return _mapped(self._folder / name, dtype)


class RosterPlaces:
    """What `keep_places` kept. Nothing is read before it is asked for."""

    def __init__(self, path: Path, key: str, types: int) -> None:
        """Raises: StateError: nothing was kept."""
        if not path.is_dir():
            raise StateError("this epoch's rows can't change: their places were not kept", hint="Fuse anew.")
        self._path = path
        self._key = key
        self._types = types
        self._files: dict[str, Array] = {}

    def points(self, place: int) -> int:
        """How many points of a type were sent."""
        return self._read(f"value{place}.heads", _HALF).size + self._read(f"padding{place}", _POINT).size

    def handles_of(self, members: Collection[str]) -> dict[str, int]:
        return self._handles([*members], self._digests(members))

    def _handles(self, known: list[str], digests: _Digests) -> dict[str, int]:
        ranks = self._column("member").ranks(digests)
        handles = self._read("member.handle", _NUMBER)
        return {known[at]: int(handles[ranks[at]]) for at in np.flatnonzero(ranks != _NOTHING).tolist()}

    def members_of(self, handles: Collection[int]) -> dict[int, str]:
        return dict(zip(handles, self._names("handle", handles), strict=True))

    def digests_of(self, members: Collection[str]) -> dict[str, dict[int, Digest]]:
        """What each member had when the epoch began, by type, whether it won it or not."""
        known, digests = [*members], self._digests(members)
        handles = self._handles(known, digests)
        found: dict[str, dict[int, Digest]] = {}
        for place in range(self._types):
            shared, order = self._column(f"shared{place}"), self._read(f"shared{place}.order", _NUMBER)
            lost = self._column(f"shared{place}.member").equal(digests, order)
            for member, rows in zip(known, lost, strict=True):
                for row in rows:
                    found.setdefault(member, {})[place] = shared[row]
            ranks = self._read(f"rank{place}", _NUMBER)[np.array([*handles.values()], np.int64)]
            values = self._column(f"value{place}")
            for member, rank in zip(handles, ranks.tolist(), strict=True):
                if rank != _NOTHING:
                    found.setdefault(member, {})[place] = values[rank]
        return found

    def positions(self, place: int, digests: Collection[Digest]) -> dict[Digest, tuple[int, int]]:
        """Position and handle of each value that was sent as the epoch began."""
        known = [*digests]
        ranks = self._column(f"value{place}").ranks(_Digests.of(known))
        there = np.flatnonzero(ranks != _NOTHING)
        points = self._read(f"value{place}.point", _POINT)[ranks[there]]
        return {known[at]: point for at, point in zip(there.tolist(), points.tolist(), strict=True)}

    def claimants(self, place: int, digests: Collection[Digest]) -> dict[Digest, frozenset[str]]:
        """Who had each value as the epoch began."""
        known = [*digests]
        found: dict[Digest, frozenset[str]] = {}
        shared = self._column(f"shared{place}").equal(_Digests.of(known))
        for digest, rows in zip(known, shared, strict=True):
            if rows:
                found[digest] = frozenset(self._names(f"shared{place}", rows))
        alone = {digest: at for digest, (_, at) in self.positions(place, known).items() if digest not in found}
        members = self.members_of([*alone.values()])
        return {**found, **{digest: frozenset({members[handle]}) for digest, handle in alone.items()}}

    def padding(self, place: int) -> PaddingPoints:
        sent = self._read(f"padding{place}", _POINT)
        found = np.ones(sent.size, PADDING)
        found["position"], found["home"] = sent["position"], sent["handle"]
        return found

    def sharing(self) -> set[str]:
        """The members that had a value that others had too as the epoch began."""
        names = (f"shared{place}" for place in range(self._types))
        return {member for name in names for member in self._names(name, range(self._column(name).heads.size))}

    def some_handles(self, count: int) -> list[int]:
        """Handles of members, at random."""
        handles = self._read("member.handle", _NUMBER)
        chosen = secrets.SystemRandom().sample(range(handles.size), min(count, handles.size))
        return [int(handle) for handle in handles[chosen]]

    def _names(self, of: str, rows: Collection[int]) -> list[str]:
        ends, texts = self._read(f"{of}.ends", _END), self._read(f"{of}.names", np.dtype(np.uint8))
        return [texts[ends[row - 1] if row else 0 : ends[row]].tobytes().decode() for row in rows]

    def _digests(self, texts: Collection[str]) -> _Digests:
        return _Digests.of([digest_of(self._key, text) for text in texts])

    def _column(self, name: str) -> _Digests:
        return _Digests(self._read(f"{name}.heads", _HALF), self._read(f"{name}.tails", _HALF))

    def _read(self, name: str, dtype: np.dtype[Any]) -> Array:
        if name not in self._files:
            self._files[name] = _mapped(self._path / name, dtype)
        return self._files[name]


def _hex(column: str) -> str:
    """A digest in SQL, in hexadecimal; its key is a parameter."""
    return f"left(sha256(concat(?, {column})), {2 * DIGEST_BYTES})"


def _digests(of: str, column: str) -> dict[str, Callable[[pa.RecordBatch], bytes]]:
    def half(number: int) -> Callable[[pa.RecordBatch], bytes]:
        return lambda batch: words(batch)[:, number].astype(_HALF).tobytes()

    def words(batch: pa.RecordBatch) -> Array:
        return np.frombuffer(bytes.fromhex("".join(batch.column(column).to_pylist())), ">u8").reshape(-1, 2)

    return {f"{of}.heads": half(0), f"{of}.tails": half(1)}


def _numbers(column: str) -> Callable[[pa.RecordBatch], bytes]:
    return lambda batch: batch.column(column).to_numpy().astype(_NUMBER).tobytes()


def _points(batch: pa.RecordBatch) -> bytes:
    points = np.empty(len(batch), _POINT)
    for name in ("position", "handle"):
        points[name] = batch.column(name).to_numpy()
    return points.tobytes()


def _names(of: str, column: str) -> dict[str, Callable[[pa.RecordBatch], bytes]]:
    """Texts one after the other, and where each ends."""
    total = 0

    def ends(batch: pa.RecordBatch) -> bytes:
        nonlocal total
        found = total + np.cumsum([len(text.encode()) for text in batch.column(column).to_pylist()], dtype=np.uint64)
        total = int(found[-1]) if found.size else total
        return found.astype(_END).tobytes()

    return {
        f"{of}.ends": ends,
        f"{of}.names": lambda batch: "".join(batch.column(column).to_pylist()).encode(),
    }


def _mapped(path: Path, dtype: np.dtype[Any]) -> Array:
    size = path.stat().st_size
    return np.memmap(path, dtype, "r").view(np.ndarray) if size else np.empty(0, dtype)
