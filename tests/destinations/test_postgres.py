"""Rows into a real PostgreSQL."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from miyun.destinations.batches import BatchOutcome
from miyun.destinations.fields import FieldSource
from miyun.destinations.postgres import PostgresConfig, PostgresDestination
from miyun.errors import DestinationError, UnavailableError
from tests.destinations.world import batch, context

TABLE = """
CREATE SCHEMA crm;
CREATE TABLE crm.audience (member_id text NOT NULL, spend numeric(6,2), "50%" text, miyun_job text,
                           PRIMARY KEY (member_id))
"""
ROWS = batch(0, "m1", "m2", "m3", "m4", **{"spend": ("1.5", None, "words", "99999"), "50%": ("a", "b", "c", "d'; --")})


@pytest.fixture
def url(postgres_url: str) -> str:
    with psycopg.connect(postgres_url) as connection:
        connection.execute(TABLE)
    return postgres_url


def destination(url: str, folder: Path, **settings: Any) -> PostgresDestination:
    fields = {name: FieldSource(column=name) for name in ROWS.columns}
    config = PostgresConfig.model_validate(
        {"kind": "postgres", "url": url, "table": "crm.audience", "fields": fields, **settings}
    )
    return PostgresDestination(config, context(folder, database="hunter2", wrong="hunter3"))


def held(url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute("SELECT member_id, spend, miyun_job FROM crm.audience ORDER BY 1").fetchall()


def test_rows_go_in_once_and_bad_ones_are_refused(url: str, tmp_path: Path) -> None:
    made = destination(url, tmp_path)
    made.validate()
    assert "every column" in made.probe()
    outcome = made.deliver(ROWS)
    assert [(one.row, one.code) for one in outcome.refused] == [(2, "sqlstate-22P02"), (3, "sqlstate-22003")]
    assert "words" not in "".join(one.words for one in outcome.refused)
    assert [row[0] for row in held(url)] == ["m1", "m2"]
    assert {row[2] for row in held(url)} == {"activate-1"}
    made.close()
    assert destination(url, tmp_path).deliver(ROWS) == outcome, "a key that is known has the outcome that it had"
    assert len(held(url)) == 2


def test_a_batch_that_is_sent_again_may_have_fewer_rows(url: str, tmp_path: Path) -> None:
    made = destination(url, tmp_path)
    made.deliver(ROWS)
    fewer = batch(0, "m2", "m4", **{"spend": (None, "99999"), "50%": ("b", "d'; --")})
    assert [(one.row, one.code) for one in made.deliver(fewer).refused] == [(1, "sqlstate-22003")]
    assert [row[0] for row in held(url)] == ["m1", "m2"]


def test_a_death_in_the_middle_leaves_all_or_nothing(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = destination(url, tmp_path)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    whole = batch(1, "m7", spend=("1",), **{"50%": ("x",)})
    with monkeypatch.context() as patch:
        patch.setattr("miyun.destinations.postgres.json.dumps", die)
        with pytest.raises(KeyboardInterrupt):
            made.deliver(whole)
    assert held(url) == []
    assert made.deliver(whole) == BatchOutcome()
    assert len(held(url)) == 1


def test_rows_that_are_there_already_are_refused(url: str, tmp_path: Path) -> None:
    made = destination(url, tmp_path)
    assert made.deliver(batch(0, "m1", spend=("1",), **{"50%": ("x",)})) == BatchOutcome()
    [refused] = made.deliver(batch(1, "m1", "m2", spend=("1", "2"), **{"50%": ("x", "y")})).refused
    assert (refused.row, refused.code) == (0, "sqlstate-23505")


def test_a_server_that_goes_away_comes_back(url: str, tmp_path: Path) -> None:
    made = destination(url, tmp_path)
    made.deliver(batch(0, "m1", spend=("1",), **{"50%": ("x",)}))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    with pytest.raises(UnavailableError):
        made.deliver(batch(1, "m2", spend=("1",), **{"50%": ("x",)}))
    assert made.deliver(batch(1, "m2", spend=("1",), **{"50%": ("x",)})) == BatchOutcome()
    assert len(held(url)) == 2


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError):
        destination("postgresql:///x?host=/nowhere", tmp_path, password="database").deliver(ROWS)


def message(kind: bytes, content: bytes = b"") -> bytes:
    return kind + struct.pack("!I", len(content) + 4) + content


@contextmanager
def hanging_server(afterwards: bytes) -> Iterator[str]:
    """Lets everybody in, takes the first statement, and answers all others with these bytes for ever."""

    def serve() -> None:
        with suppress(OSError), listening.accept()[0] as peer:
            while struct.unpack("!II", peer.recv(4096)[:8])[1] >= NO_LOGIN:
                peer.sendall(b"N")
            peer.sendall(message(b"R", bytes(4)) + message(b"Z", b"I"))
            peer.recv(4096)
            peer.sendall(message(b"C", b"SET\0") + message(b"Z", b"I"))
            while afterwards or peer.recv(4096):
                peer.sendall(afterwards)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"postgresql://miyun@127.0.0.1:{listening.getsockname()[1]}/x"
        thread.join()


NO_LOGIN = 80_877_103
"""Codes from here on ask for encryption."""


@pytest.mark.parametrize("afterwards", [b"", message(b"N", b"SNOTICE\0M" + b"x" * 9_000 + bytes(2))])
def test_a_server_that_answers_nothing_or_without_end(tmp_path: Path, afterwards: bytes) -> None:
    with hanging_server(afterwards) as url, pytest.raises(UnavailableError):
        destination(url, tmp_path, timeout_seconds=1).deliver(ROWS)


def test_a_login_that_is_refused_stops_at_once(url: str, tmp_path: Path) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        [rules] = connection.execute("SHOW hba_file").fetchone() or ()
        connection.execute("CREATE ROLE clerk LOGIN PASSWORD 'hunter2'")
        connection.execute("GRANT ALL ON SCHEMA crm, public TO clerk")
        connection.execute("GRANT ALL ON crm.audience TO clerk")
        lines = "VALUES ('local all clerk scram-sha-256'), ('local all all trust')"
        connection.execute(f"COPY ({lines}) TO '{rules}'")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("SELECT pg_sleep(0.2)")
    clerk = url.replace("user=miyun", "user=clerk")
    for wrong, settings in (
        (clerk, {}),
        (clerk, {"password": "wrong"}),
        (url.replace("user=miyun", "user=nobody"), {}),
        (url.replace("/test_", "/no_test_"), {}),
    ):
        with pytest.raises(DestinationError, match="refuses the login") as caught:
            destination(wrong, tmp_path, **settings).deliver(ROWS)
        assert "hunter" not in caught.value.message + caught.value.hint
    assert len(destination(clerk, tmp_path, password="database").deliver(ROWS).refused) == 2


def test_a_server_without_room_is_asked_again(url: str, tmp_path: Path) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE crowd LOGIN CONNECTION LIMIT 0")
    with pytest.raises(UnavailableError):
        destination(url.replace("user=miyun", "user=crowd"), tmp_path).deliver(ROWS)


def test_a_table_that_does_not_fit(url: str, tmp_path: Path) -> None:
    with pytest.raises(DestinationError, match="lacks"):
        destination(url, tmp_path, fields={"colour": {"column": "colour"}}).probe()
    with pytest.raises(DestinationError, match="UndefinedTable"):
        destination(url, tmp_path, table="crm.nothing").deliver(ROWS)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:hunter2@localhost/x",
        "postgresql://db.example.com/x?sslmode=require",
        "postgresql://db.example.com/x?sslmode=disable",
        "postgresql://localhost/x?nonsense=1",
        "postgresql://localhost/x?hostaddr=192.0.2.1&sslmode=disable",
        "postgresql:///x?service=crm&sslmode=disable",
    ],
)
def test_urls_that_are_not_taken(url: str, tmp_path: Path) -> None:
    with pytest.raises(DestinationError) as caught:
        destination(url, tmp_path).validate()
    assert "hunter2" not in caught.value.message


def test_a_dry_run_needs_no_server(tmp_path: Path) -> None:
    preview = destination("postgresql://db.example.com/x", tmp_path, password="database").dry_run(ROWS)
    assert preview.target == "db.example.com/x"
    assert "hunter2" not in preview.text
