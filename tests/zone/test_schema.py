"""The migrations lead to the schema that the code uses."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from miyun.storage.database import open_database
from miyun.zone.facade import MIGRATIONS
from miyun.zone.schema import Instant, metadata


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_migrations_and_schema_agree(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = f"sqlite:///{tmp_path}/zone.sqlite" if kind == "sqlite" else request.getfixturevalue("postgres_url")
    engine = open_database(url, migrations=MIGRATIONS)

    def same_type(_context: object, _found: object, column: object, *types: object) -> bool | None:
        return False if isinstance(types[1], Instant) else None

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": same_type})
        differences = compare_metadata(context, metadata)
    engine.dispose()

    assert differences == []
