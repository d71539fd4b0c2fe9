"""DuckDB within bounds: little memory, two threads, temporary files in the owner's folder, nothing on the screen."""

import atexit
import gc
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from miyun.errors import ConfigError

THREADS = 2


def connect(path: Path | None, *, memory_mib: int, spill: Path, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """Open a database, or one in memory; ``spill`` is where data goes beyond ``memory_mib``.

    Raises:
        duckdb.Error: the file is no database, or another process writes it.
    """
    connection = duckdb.connect(
        ":memory:" if path is None else path,
        read_only=read_only,
        config={
            "memory_limit": f"{memory_mib}MiB",
            "threads": THREADS,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "preserve_insertion_order": True,
        },
    )
    connection.execute("SET force_compression = 'uncompressed'")
    return _quiet(connection)


def warm() -> None:
    """Prepare a process that stays: what the first table needs is loaded, and the collector passes over all that.

    With the first of its arrays PyArrow loads pandas, which takes half a second. A table read as lists of short lists
    makes the collector walk through the whole process again and again. At its end the process hands all of it back to
    the collector: DuckDB would print what it takes for leaks.
    """
    pa.array([""])
    gc.freeze()
    atexit.register(gc.unfreeze)
    gc.set_threshold(50_000, 20, 20)


@contextmanager
def explained() -> Iterator[None]:
    """Raises: ConfigError: DuckDB needs more memory than it may have."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise ConfigError(
            "the table is too large for the memory that DuckDB may use",
            hint="Raise memory_mib in the configuration, and see that the disk isn't full.",
        ) from None


def cursor_of(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Another connection to the same database, with temporary tables of its own."""
    return _quiet(connection.cursor())


def _quiet(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    return connection.execute("SET enable_progress_bar = false")


def private_folder(path: Path) -> Path:
    """The folder, made with mode 0700 if it isn't there."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def literal(path: Path) -> str:
    """The path as an SQL string, for statements that take no parameters."""
    return "'" + str(path).replace("'", "''") + "'"


@contextmanager
def building(path: Path) -> Iterator[Path]:
    """A private folder beside ``path`` to make it in, which goes when it is made or has failed."""
    folder = path.with_name(path.name + ".building")
    shutil.rmtree(folder, ignore_errors=True)
    private_folder(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(made: Path, path: Path) -> None:
    """Move a finished file to where it belongs, private and durably."""
    made.chmod(0o600)
    sync(made)
    made.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """What is in the file, or which files are in the folder, outlives a loss of power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
