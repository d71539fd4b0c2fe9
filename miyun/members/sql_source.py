"""The rows of a query: ``duckdb:///file``, ``sqlite:///file`` (opened read-only) or ``postgresql://…``.

PostgreSQL streams through a server-side cursor in a read-only transaction. A database's own error text may quote
rows, so only its class is repeated.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from miyun.errors import ConfigError, SourceError
from miyun.members.cells import as_text
from miyun.members.config import SourceConfig
from miyun.members.sources import BATCH_ROWS, Source, SourceBatch, positions

_HINT = "Let the query name each column as the configuration does."


def open_query(config: SourceConfig, columns: Sequence[str]) -> Source:
    """Raises: ConfigError: another kind of database. SourceError: it can't be opened, or the query fails."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(config.url or "")
    except ArgumentError:
        raise ConfigError(f"[{config.TABLE}] url is no URL", hint="Write for example sqlite:///members.db.") from None
    match url.get_backend_name():
        case "duckdb":
            rows = _duckdb_rows(config, url.database or "", columns)
        case "sqlite":
            rows = _sqlite_rows(config, url.database or "", columns)
        case "postgresql":
            rows = _postgres_rows(config, columns)
        case other:
            raise ConfigError(
                f"[{config.TABLE}] url: {other} is not supported", hint="Use duckdb, sqlite or postgresql."
            )
    return Source(total=None, batches=rows)


def _file(config: SourceConfig, database: str) -> Path:
    path = config.resolve(Path(database))
    if not path.is_file():
        raise SourceError(f"there is no database {path.name}", hint=f"Correct url in [{config.TABLE}].")
    return path


def _failed(name: str) -> SourceError:
    return SourceError(f"the query failed ({name})", hint="Run the query in the database's own client.")


def _duckdb_rows(config: SourceConfig, database: str, columns: Sequence[str]) -> Iterator[SourceBatch]:
    import duckdb

    from miyun.members.parquet_source import texts
    from miyun.members.workspace import connect, explained

    path = None if database in {"", ":memory:"} else _file(config, database)
    spill = config.folder / "tmp"
    try:
        with (
            explained(),
            connect(path, memory_mib=config.memory_mib, spill=spill, read_only=path is not None) as connection,
        ):
            reader = connection.sql(config.query or "").to_arrow_reader(BATCH_ROWS)
            places = positions(columns, reader.schema.names, hint=_HINT)
            number = 1
            for batch in reader:
                yield SourceBatch(
                    rows=list(range(number, number + batch.num_rows)),
                    columns={name: texts(batch.column(place)) for name, place in zip(columns, places, strict=True)},
                    bad=[],
                )
                number += batch.num_rows
    except duckdb.Error as error:
        raise _failed(type(error).__name__) from None


def _sqlite_rows(config: SourceConfig, database: str, columns: Sequence[str]) -> Iterator[SourceBatch]:
    connection = sqlite3.connect(f"{_file(config, database).absolute().as_uri()}?mode=ro", uri=True)
    connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        cursor = connection.execute(config.query or "")
        names = [column[0] for column in cursor.description or ()]
        yield from _in_batches(names, iter(lambda: cursor.fetchmany(BATCH_ROWS), []), columns)
    except sqlite3.Error as error:
        raise _failed(error.sqlite_errorname if hasattr(error, "sqlite_errorname") else "sqlite") from None
    finally:
        connection.close()


def _postgres_rows(config: SourceConfig, columns: Sequence[str]) -> Iterator[SourceBatch]:
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import DBAPIError, SQLAlchemyError
    from sqlalchemy.pool import NullPool

    engine = create_engine(make_url(config.url or "").set(drivername="postgresql+psycopg"), poolclass=NullPool)
    options = {"stream_results": True, "max_row_buffer": BATCH_ROWS, "no_parameters": True, "postgresql_readonly": True}
    try:
        with engine.connect().execution_options(**options) as connection:
            result = connection.exec_driver_sql(config.query or "")
            yield from _in_batches(list(result.keys()), result.partitions(BATCH_ROWS), columns)
    except DBAPIError as error:
        raise _failed(f"{type(error.orig).__name__} {getattr(error.orig, 'sqlstate', None) or ''}".strip()) from None
    except SQLAlchemyError as error:
        raise _failed(type(error).__name__) from None
    finally:
        engine.dispose()


def _in_batches(
    names: Sequence[str], parts: Iterator[Sequence[Sequence[object]]], columns: Sequence[str]
) -> Iterator[SourceBatch]:
    places = positions(columns, names, hint=_HINT)
    number = 1
    for part in parts:
        yield SourceBatch(
            rows=list(range(number, number + len(part))),
            columns={name: [as_text(row[place]) for row in part] for name, place in zip(columns, places, strict=True)},
            bad=[],
        )
        number += len(part)
