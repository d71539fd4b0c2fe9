"""Opening a database, SQLite or PostgreSQL by URL, with its schema brought up to date.

Transactions that may write run one after the other, on either database: what they read stays true until they commit.
``engine.begin()`` starts such a transaction; `reading` starts one that can't write and holds nobody up. `together`
makes one transaction of several that `changing` would start.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from filelock import FileLock
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError, ProgrammingError

from miyun.errors import ConfigError

BUSY_TIMEOUT_SECONDS = 30
_READ_ONLY = "miyun_read_only"
_SQLITE_HEADER = b"SQLite format 3\0"
_WRITER_LOCK = int.from_bytes(b"miyun-v1", "big", signed=True)
"""The advisory lock that makes writers of a PostgreSQL database take turns."""


def open_database(url: str, *, migrations: Path) -> Engine:
    """Open a database and upgrade it to the newest revision in ``migrations`` (a folder with ``versions/``).

    Several processes may do so at once: one upgrades, the others wait.

    Raises:
        ConfigError: not a URL of SQLite or PostgreSQL, out of reach, or written by a newer version.
    """
    parsed = _parse(url)
    lock: Any = nullcontext()
    if parsed.get_backend_name() == "sqlite":
        engine = _sqlite(parsed)
        if parsed.database:
            lock = FileLock(f"{parsed.database}.lock", mode=0o600)
    else:
        engine = _postgresql(parsed)
    try:
        with lock:
            if engine.dialect.name == "sqlite":
                _use_write_ahead_log(engine)
            if not _is_current(engine, migrations):
                from miyun.storage.upgrading import upgrade

                upgrade(engine, migrations)
    except OperationalError as error:
        engine.dispose()
        raise ConfigError(
            f"the database {parsed.render_as_string(hide_password=True)} can't be opened: "
            f"{str(error.orig).strip().splitlines()[0]}",
            hint="Check the database URL, and that the database is running.",
        ) from None
    except BaseException:
        engine.dispose()
        raise
    return engine


class _Together:
    """A transaction that begins with the first of what is to be in it."""

    def __init__(self, engine: Engine, held: ExitStack) -> None:
        self.engine = engine
        self.begun: Connection | None = None
        self._held = held

    def connection(self) -> Connection:
        if self.begun is None:
            self.begun = self._held.enter_context(self.engine.begin())
        return self.begun


_together: ContextVar[_Together | None] = ContextVar("together", default=None)


@contextmanager
def together(engine: Engine) -> Iterator[None]:
    """What this thread changes in the block, by `changing`, in one transaction: all of it is on disk when the block has
    ended, or none where it raises. Nothing may act on it before, nor keep it in memory.
    """
    with ExitStack() as held:
        before = _together.set(_Together(engine, held))
        held.callback(_together.reset, before)
        yield


@contextmanager
def changing(engine: Engine) -> Iterator[Connection]:
    """One transaction that may write, or a part of the one that `together` makes."""
    joint = _together.get()
    if joint is not None and joint.engine is engine:
        yield joint.connection()
        return
    with engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One read-only transaction, which waits for no writer; within `together`, what was changed there is seen."""
    joint = _together.get()
    if joint is not None and joint.engine is engine and joint.begun is not None:
        yield joint.begun
        return
    with engine.connect() as connection:
        yield connection.execution_options(**{_READ_ONLY: True})


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError("that is not a database URL", hint="Write sqlite:///FILE or postgresql://…") from None
    if parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        return parsed
    if parsed.drivername in {"postgres", "postgresql", "postgresql+psycopg"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise ConfigError(
        f"{parsed.drivername} is no database that Miyun can use", hint="Write sqlite:///FILE or postgresql://…"
    )


def _sqlite(url: URL) -> Engine:
    if url.database:
        _create_for_owner(Path(url.database))
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_SECONDS})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # SQLAlchemy begins transactions below, not the driver
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get(_READ_ONLY, False)
        if connection.info.get(_READ_ONLY) != read_only:
            connection.exec_driver_sql(f"PRAGMA query_only = {int(read_only)}")
            connection.info[_READ_ONLY] = read_only
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _create_for_owner(path: Path) -> None:
    """Make the file, 0600, if there is none: SQLite gives its journal files the mode of the database file."""
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "rb") as file:
            header = file.read(len(_SQLITE_HEADER))
    except OSError as error:
        raise ConfigError(
            f"the database file {path} can't be opened: {error.strerror}",
            hint="Check the folder and who owns it.",
        ) from None
    if header not in {b"", _SQLITE_HEADER}:
        raise ConfigError(f"{path} is no SQLite database", hint="Check the database URL.")


def _use_write_ahead_log(engine: Engine) -> None:
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def _postgresql(url: URL) -> Engine:
    engine = create_engine(
        url, hide_parameters=True, pool_pre_ping=True, connect_args={"connect_timeout": BUSY_TIMEOUT_SECONDS}
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(_READ_ONLY, False):
            connection.exec_driver_sql("SET TRANSACTION READ ONLY, ISOLATION LEVEL REPEATABLE READ")
        else:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITER_LOCK})")

    return engine


def _is_current(engine: Engine, migrations: Path) -> bool:
    """Whether the newest revision is in place. Files of revisions begin with their numbers: ``0001_first_schema.py``.

    Alembic would tell as well, but loading it takes longer than most commands do.
    """
    numbers = [path.name.split("_")[0] for path in (migrations / "versions").glob("*_*.py")]
    try:
        with reading(engine) as connection:
            applied = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    except (OperationalError, ProgrammingError):
        return False
    return applied == max(numbers, default=None)
