"""SQLite and PostgreSQL behave alike: upgraded once, one writer at a time, readers free."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from miyun.errors import ConfigError
from miyun.storage.database import changing, open_database, reading, together

FIRST = """
import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade():
    op.create_table("owners", sa.Column("name", sa.String, primary_key=True))
    op.create_table(
        "rows",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("owner", sa.String, sa.ForeignKey("owners.name"), nullable=False),
    )
"""
SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade():
    op.add_column("rows", sa.Column("note", sa.String, nullable=True))
"""


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    (folder / "versions" / "0001_first.py").write_text(FIRST)
    return folder


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/100%/state.sqlite"
    address: str = request.getfixturevalue("postgres_url")
    return address


@pytest.fixture(autouse=True)
def _folder_with_awkward_name(tmp_path: Path) -> None:
    (tmp_path / "100%").mkdir()


@pytest.fixture
def engine(url: str, migrations: Path) -> Engine:
    return open_database(url, migrations=migrations)


def test_a_new_database_has_the_newest_schema_and_an_old_one_gets_it(url: str, migrations: Path) -> None:
    with open_database(url, migrations=migrations).begin() as connection:
        connection.execute(text("INSERT INTO owners VALUES ('tea-shop')"))
        connection.execute(text("INSERT INTO rows (id, owner) VALUES (1, 'tea-shop')"))
    (migrations / "versions" / "0002_second.py").write_text(SECOND)

    with reading(open_database(url, migrations=migrations)) as connection:
        assert connection.execute(text("SELECT id, owner, note FROM rows")).one() == (1, "tea-shop", None)


def test_processes_that_start_at_once_all_get_the_schema(url: str, migrations: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from sqlalchemy import text\n"
        "from miyun.storage.database import open_database\n"
        "engine = open_database(sys.argv[1], migrations=Path(sys.argv[2]))\n"
        "connection = engine.connect(); connection.execute(text('SELECT count(*) FROM rows'))\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, url, str(migrations)], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]

    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 3


def test_a_foreign_key_holds(engine: Engine) -> None:
    with pytest.raises(DBAPIError), engine.begin() as connection:
        connection.execute(text("INSERT INTO rows (id, owner) VALUES (1, 'nobody')"))


def test_the_text_of_an_error_leaves_the_parameters_out(engine: Engine) -> None:
    with pytest.raises(DBAPIError) as caught, reading(engine) as connection:
        connection.execute(text("SELECT id FROM no_such_table WHERE owner = :owner"), {"owner": "13800138000"})

    assert "no_such_table" in str(caught.value)
    assert "13800138000" not in str(caught.value)


def test_what_a_writer_has_read_stays_true_until_it_commits(engine: Engine) -> None:
    """Two threads that each read a count and write it plus one never write the same number."""
    turns = 8

    def add() -> None:
        for _ in range(turns):
            with engine.begin() as connection:
                count = connection.execute(text("SELECT count(*) FROM owners")).scalar_one()
                connection.execute(text("INSERT INTO owners VALUES (:name)"), {"name": str(count)})

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM owners")).scalar_one() == 3 * turns


def test_readers_see_one_state_beside_an_open_writer_and_cannot_write(engine: Engine) -> None:
    with engine.begin() as writer:
        writer.execute(text("INSERT INTO owners VALUES ('tea-shop')"))
        with reading(engine) as reader:
            assert reader.execute(text("SELECT count(*) FROM owners")).scalar_one() == 0
    with reading(engine) as reader, pytest.raises(DBAPIError, match=r"(?i)read-?only"):
        reader.execute(text("INSERT INTO owners VALUES ('late')"))
    with engine.begin() as writer:
        writer.execute(text("INSERT INTO owners VALUES ('later')"))


def test_a_failed_transaction_leaves_nothing(engine: Engine) -> None:
    def half() -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO owners VALUES ('half')"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        half()

    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM owners")).scalar_one() == 0


def test_a_database_of_a_newer_version_is_refused(url: str, migrations: Path) -> None:
    newer = migrations / "versions" / "0002_second.py"
    newer.write_text(SECOND)
    open_database(url, migrations=migrations)
    newer.unlink()

    with pytest.raises(ConfigError, match="newer version"):
        open_database(url, migrations=migrations)


def test_sqlite_files_are_for_their_owner_alone_and_durable(tmp_path: Path, migrations: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/state.sqlite", migrations=migrations)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO owners VALUES ('tea-shop')"))
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("state.sqlite*")}

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}
    assert {"state.sqlite", "state.sqlite-wal"} <= modes.keys()
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/db", "sqlite:////no/such/folder/x.sqlite"])
def test_an_unusable_url_is_a_configuration_error(url: str, migrations: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        open_database(url, migrations=migrations)

    assert caught.value.hint


def test_a_password_never_shows(migrations: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        open_database("postgresql://miyun:s3cret@127.0.0.1:1/db", migrations=migrations)

    assert "s3cret" not in str(caught.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path, migrations: Path) -> None:
    (tmp_path / "x.sqlite").write_bytes(b"member,phone\n" * 100)

    with pytest.raises(ConfigError):
        open_database(f"sqlite:///{tmp_path}/x.sqlite", migrations=migrations)


def test_together_all_of_it_is_there_or_nothing(engine: Engine) -> None:
    def put(*owners: str) -> None:
        for name in owners:
            with changing(engine) as connection:
                connection.execute(text("INSERT INTO owners VALUES (:name)"), {"name": name})

    def put_together(*owners: str) -> None:
        with together(engine):
            put(*owners)

    def names() -> set[str]:
        with reading(engine) as connection:
            return set(connection.scalars(text("SELECT name FROM owners")))

    def elsewhere() -> set[str]:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(names).result()

    with together(engine):
        put("tea-shop", "cinema")
        assert names() == {"tea-shop", "cinema"}
        assert elsewhere() == set()
    assert elsewhere() == {"tea-shop", "cinema"}

    with pytest.raises(DBAPIError):
        put_together("half", "tea-shop")
    put("alone")
    assert elsewhere() == {"tea-shop", "cinema", "alone"}
