"""DuckDB within bounds: little memory, two threads, temporary files in the owner's folder, nothing on the screen."""

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
    return _quiet(connection)


def warm() -> None:
    """Load what the first table needs: with the first of its arrays PyArrow loads pandas, which takes half a second."""
    pa.array([""])


@contextmanager
def explained() -> Iterator[None]:
    """Raises: ConfigError: DuckDB needs more memory than it may have."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise ConfigError(
            "the member table is too large for the memory that DuckDB may use",
            hint="Raise memory_mib in [members], and see that the disk isn't full.",
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
