"""The migrations make exactly the tables that the code uses."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from miyun.party.schema import metadata
from miyun.party.session import MIGRATIONS
from miyun.storage.database import open_database


def test_the_migrated_schema_is_the_declared_one(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/party.sqlite", migrations=MIGRATIONS)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()
