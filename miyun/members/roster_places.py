"""Where the values of a fusion were sent: by keyed digests, for deltas of its epoch."""
# ruff: noqa: S608 - names are numbered here, values are parameters, paths are quoted

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from miyun.errors import StateError
from miyun.members.workspace import literal

Digest = bytes


class RosterPlaces:
    """The tables ``point<place>`` (row number = position) and ``shared<place>``, beside ``roster.member``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, path: Path, types: int) -> None:
        self._connection = connection
        self._types = types
        if not path.is_file():
            raise StateError("this epoch's rows can't change: their places were not kept", hint="Fuse anew.")
        attached = connection.execute("SELECT 1 FROM duckdb_databases() WHERE database_name = 'places'").fetchone()
        if attached is None:
            connection.execute(f"ATTACH {literal(path)} AS places (READ_ONLY)")

    def points(self, place: int) -> int:
        [[count]] = self._connection.execute(f"SELECT count(*) FROM places.point{place}").fetchall()
        return int(count)

    def handles_of(self, members: Collection[str]) -> dict[str, int]:
        self._wanted(members, pa.string())
        query = "SELECT member, member.rowid FROM roster.member SEMI JOIN wanted ON member.member = wanted.wanted"
        return dict(self._rows(query))

    def members_of(self, handles: Collection[int]) -> dict[int, str]:
        self._wanted(handles, pa.uint32())
        query = "SELECT member.rowid, member FROM roster.member SEMI JOIN wanted ON member.rowid = wanted.wanted"
        return dict(self._rows(query))

    def digests_of(self, members: Collection[str]) -> dict[str, dict[int, Digest]]:
        """What each member had when the epoch began, by type, whether it won it or not."""
        by_handle = {handle: member for member, handle in self.handles_of(members).items()}
        found: dict[str, dict[int, Digest]] = {}
        for place in range(self._types):
            self._wanted(members, pa.string())
            lost = f"SELECT member, digest FROM places.shared{place} SEMI JOIN wanted ON member = wanted.wanted"
            for member, digest in self._rows(lost):
                found.setdefault(member, {})[place] = digest
            self._wanted(by_handle, pa.uint32())
            won = f"SELECT handle, digest FROM places.point{place} SEMI JOIN wanted ON handle = wanted.wanted"
            for handle, digest in self._rows(won):
                if digest is not None:
                    found.setdefault(by_handle[handle], {})[place] = digest
        return found

    def positions(self, place: int, digests: Collection[Digest]) -> dict[Digest, tuple[int, int]]:
        """Position and handle of each value that was sent as the epoch began."""
        self._wanted(digests, pa.binary())
        table = f"point{place}"
        query = f"SELECT digest, {table}.rowid, handle FROM places.{table} SEMI JOIN wanted ON digest = wanted.wanted"
        return {digest: (position, handle) for digest, position, handle in self._rows(query)}

    def claimants(self, place: int, digests: Collection[Digest]) -> dict[Digest, frozenset[str]]:
        """Who had each value as the epoch began."""
        self._wanted(digests, pa.binary())
        shared: dict[Digest, set[str]] = {}
        query = f"SELECT digest, member FROM places.shared{place} SEMI JOIN wanted ON digest = wanted.wanted"
        for digest, member in self._rows(query):
            shared.setdefault(digest, set()).add(member)
        positions = {digest: at for digest, at in self.positions(place, digests).items() if digest not in shared}
        members = self.members_of([handle for _, handle in positions.values()])
        alone = {digest: frozenset({members[handle]}) for digest, (_, handle) in positions.items()}
        return {**{digest: frozenset(of) for digest, of in shared.items()}, **alone}

    def padding(self, place: int) -> list[tuple[int, int]]:
        """Position and handle of padding points."""
        table = f"point{place}"
        return self._rows(f"SELECT {table}.rowid, handle FROM places.{table} WHERE digest IS NULL")

    def sharing(self) -> set[str]:
        """The members that had a value that others had too as the epoch began."""
        tables = " UNION ".join(f"SELECT member FROM places.shared{place}" for place in range(self._types))
        return {member for (member,) in self._rows(tables)}

    def some_handles(self, count: int) -> list[int]:
        query = f"SELECT rowid FROM roster.member WHERE member IS NOT NULL USING SAMPLE {int(count)} ROWS"
        return [handle for (handle,) in self._rows(query)]

    def _wanted(self, values: Mapping[Any, Any] | Collection[Any], kind: pa.DataType) -> None:
        self._connection.register("given", pa.table({"wanted": pa.array(list(values), kind)}))
        self._connection.execute("CREATE OR REPLACE TEMP TABLE wanted AS FROM given")
        self._connection.unregister("given")

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(query).fetchall()
