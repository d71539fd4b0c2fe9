"""Rows into a table of PostgreSQL.

A batch is one transaction, which also notes its key, with what was refused, in a table beside (``batch_table``, made if
it is not there): a batch that is sent again finds its key and changes nothing. Each row gets the id and the fields by
their names, and the columns ``miyun_job`` and ``miyun_segment`` where the table has them. A row that the table does not
take, by its types, constraints or triggers, is refused with the SQLSTATE; the others go in.
"""

import json
import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from miyun.destinations.batches import Batch, BatchOutcome, Preview, Refused
from miyun.destinations.plugin import Destination, DestinationConfig
from miyun.destinations.watch import Watch, shut
from miyun.errors import DestinationError, UnavailableError

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS = 10
JOB, SEGMENT = "miyun_job", "miyun_segment"

_ROWS_IN_TIME = 100
"""Rows that may take, one by one, as long as a statement."""
_ROW_FAULTS = ("22", "23", "P0")
"""Classes of SQLSTATE that speak of a row: data exceptions, constraints, and what triggers raise."""
_TRANSIENT = ("08", "40", "53", "55", "57")
_TURNED_AWAY = ("FATAL:", "致命错误:")
_BUSY = ("too many", "starting up", "shutting down", "recovery", "reserved")
"""In a server's words at a login, for which libpq passes no SQLSTATE on."""
_WORDS = {
    "22": "a value that the column can't hold",
    "23": "against a constraint of the table",
    "P0": "refused by a trigger of the table",
}


def _checked_name(name: str) -> str:
    if not re.fullmatch(r"[^\W\d]\w{0,62}(\.[^\W\d]\w{0,62})?", name):
        raise ValueError("the name of a table, perhaps with its schema: schema.table")
    return name


TableName = Annotated[str, AfterValidator(_checked_name)]


class PostgresConfig(DestinationConfig):
    """``url`` is a libpq URL without a password; ``password`` is the name of a secret.

    Outside of this machine TLS is verified: ``sslmode=verify-full`` is set unless the URL names it. A statement may
    take ``timeout_seconds``, a batch as long again for every hundred rows.
    """

    CREDENTIALS: ClassVar[tuple[str, ...]] = ("password",)

    url: str = Field(pattern=r"^postgres(ql)?://")
    table: TableName
    batch_table: TableName = "miyun_batches"
    password: str = ""
    timeout_seconds: int = Field(default=60, ge=1, le=3600)


class PostgresDestination(Destination[PostgresConfig]):
    kind: ClassVar[str] = "postgres"
    Config: ClassVar[type[DestinationConfig]] = PostgresConfig
    takes_fewer: ClassVar[bool] = True

    _open: "psycopg.Connection[Any] | None" = None

    def validate(self) -> None:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        try:
            parts = conninfo_to_dict(self.config.url)
        except ProgrammingError:
            raise DestinationError("url is no PostgreSQL URL", hint="Write postgresql://user@host/database.") from None
        if parts.get("password"):
            raise DestinationError(
                "url holds a password", hint='Take it out: miyun secret set NAME, and password = "NAME".'
            )
        mode = parts.get("sslmode", "verify-full")
        if mode != "verify-full" and not _is_here(parts):
            raise DestinationError(
                f"sslmode={mode} does not verify the server", hint="Leave sslmode out, or say verify-full."
            )

    def probe(self) -> str:
        with self._watched():
            missing = {self.context.id_name, *self.config.fields} - set(self._columns())
        if missing:
            raise DestinationError(
                f"the table {self.config.table} lacks the column {', '.join(map(repr, sorted(missing)))}",
                hint="Add it, or name the field otherwise.",
            )
        return f"the table {self.config.table} has every column"

    def dry_run(self, batch: Batch) -> Preview:
        names = (self.context.id_name, *self.config.fields)
        head = f"INSERT INTO {self.config.table} ({', '.join(map(_quoted, names))}) VALUES"
        rows = [repr(tuple(row.values())) for row in batch.rows(self.context.id_name)]
        target = urlsplit(self.config.url)
        return Preview(target=f"{target.hostname or 'this machine'}{target.path}", text="\n".join([head, *rows]))

    def deliver(self, batch: Batch) -> BatchOutcome:
        with self._watched(len(batch.ids)), self._explained(), self._connection().transaction():
            held = self._note_key(batch.key)
            if held is not None:
                return _read(held, batch)
            refused = self._insert(batch)
            self._connection().execute(
                f"UPDATE {self._batches} SET refused = %s WHERE key = %s",  # noqa: S608
                [json.dumps([[batch.ids[one.row], one.code, one.words] for one in refused]), batch.key],
            )
            return BatchOutcome(refused=refused)

    def close(self) -> None:
        if self._open is not None:
            self._open.close()

    def _note_key(self, key: str) -> str | None:
        """What was refused of a batch that is there already; None for one that is new, whose key is noted."""
        run = self._connection().execute
        run(
            f"CREATE TABLE IF NOT EXISTS {self._batches}"
            " (key text PRIMARY KEY, refused text NOT NULL, at timestamptz NOT NULL DEFAULT now())"
        )
        new = run(
            f"INSERT INTO {self._batches} (key, refused) VALUES (%s, '[]')"  # noqa: S608
            " ON CONFLICT DO NOTHING",
            [key],
        ).rowcount
        if new:
            return None
        row = run(f"SELECT refused FROM {self._batches} WHERE key = %s", [key]).fetchone()  # noqa: S608
        return str(row[0]) if row else "[]"

    def _insert(self, batch: Batch) -> tuple[Refused, ...]:
        import psycopg

        present = self._columns()
        own = {JOB: batch.order.job, SEGMENT: batch.order.segment}
        extra = {name: value for name, value in own.items() if name in present}
        names = (self.context.id_name, *batch.columns, *extra)
        rows = [(*row, *extra.values()) for row in zip(batch.ids, *batch.columns.values(), strict=True)]
        statement = (
            f"INSERT INTO {_quoted(self.config.table)} ({', '.join(map(_quoted, names)).replace('%', '%%')})"  # noqa: S608
            f" VALUES ({', '.join(['%s'] * len(names))})"
        )
        try:
            with self._connection().transaction(), self._connection().cursor() as cursor:
                cursor.executemany(statement, rows)
        except psycopg.Error as error:
            if not _speaks_of_row(error):
                raise
            return tuple(self._one_by_one(statement, rows))
        return ()

    def _one_by_one(self, statement: str, rows: Sequence[Sequence[str | None]]) -> Iterator[Refused]:
        import psycopg

        for place, row in enumerate(rows):
            try:
                with self._connection().transaction():
                    self._connection().execute(statement, row)
            except psycopg.Error as error:
                if not _speaks_of_row(error):
                    raise
                state = error.sqlstate or ""
                yield Refused(row=place, code=f"sqlstate-{state}", words=_WORDS[state[:2]])

    def _columns(self) -> list[str]:
        with self._explained():
            cursor = self._connection().execute(f"SELECT * FROM {_quoted(self.config.table)} LIMIT 0")  # noqa: S608
            return [column.name for column in cursor.description or ()]

    @property
    def _batches(self) -> str:
        return _quoted(self.config.batch_table)

    def _connection(self) -> "psycopg.Connection[Any]":
        import psycopg
        from psycopg.conninfo import conninfo_to_dict

        if self._open is None:
            parts = conninfo_to_dict(self.config.url)
            options: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS}
            if not _is_here(parts):
                options["sslmode"] = "verify-full"
                options["sslrootcert"] = parts.get("sslrootcert", "system")
            if self.config.password:
                options["password"] = self.context.secrets.get(self.config.password).reveal()
            self._open = psycopg.connect(self.config.url, autocommit=True, **options)
            self._attend()
            self._open.execute(f"SET statement_timeout = '{self.config.timeout_seconds}s'")
        return self._open

    @contextmanager
    def _watched(self, rows: int = 0) -> Iterator[None]:
        """Wait for the database for as long as a batch of so many rows may take at most, and not without end."""
        with Watch(self.config.timeout_seconds * (1 + rows // _ROWS_IN_TIME)):
            self._attend()
            yield

    def _attend(self) -> None:
        watch = Watch.of_this_thread()
        if watch is not None and self._open is not None:
            watch.attend(partial(_shut, self._open))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """A database's own words may quote rows: only the class and the SQLSTATE are repeated."""
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            state = error.sqlstate or ""
            words = f"{type(error).__name__} {state}".strip()
            if self._open is not None:
                self._open.close()
                self._open = None
            if _refuses_login(error):
                raise DestinationError(
                    "the database refuses the login",
                    hint="Check user and database in url, and the secret: miyun secret set NAME",
                ) from None
            if not state or state.startswith(_TRANSIENT):
                raise UnavailableError(
                    f"the database does not take rows now ({words})", hint="Check that it is running."
                ) from None
            raise DestinationError(
                f"the database refuses ({words})", hint="Check the table, its columns and the user's rights."
            ) from None


def _shut(connection: "psycopg.Connection[Any]") -> None:
    import psycopg

    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as connected:
        shut(connected)


def _refuses_login(error: "psycopg.Error") -> bool:
    """Whether a server answered, and it won't help to ask again."""
    if error.sqlstate or error.pgconn is None:
        return False
    words = error.pgconn.error_message.decode(errors="replace")
    turned_away = error.pgconn.needs_password or any(word in words for word in _TURNED_AWAY)
    return turned_away and not any(word in words for word in _BUSY)


def _speaks_of_row(error: "psycopg.Error") -> bool:
    return (error.sqlstate or "").startswith(_ROW_FAULTS)


def _quoted(name: str) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def _read(held: str, batch: Batch) -> BatchOutcome:
    """What became of a batch, of those of its rows that it still has."""
    places = {member: row for row, member in enumerate(batch.ids)}
    return BatchOutcome(
        refused=tuple(
            Refused(row=places[member], code=code, words=words)
            for member, code, words in json.loads(held)
            if member in places
        )
    )


def _is_here(parts: Mapping[str, Any]) -> bool:
    """Whether a URL leads to this machine; ``hostaddr`` is where it leads, whatever ``host`` is called."""
    if "service" in parts:
        return False
    host = parts.get("hostaddr") or parts.get("host")
    return host is None or str(host).startswith("/") or host in {"localhost", "127.0.0.1", "::1"}
