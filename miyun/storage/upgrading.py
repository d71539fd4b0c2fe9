"""Bringing a database to the newest revision, with alembic and without an ``env.py``."""

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine

from miyun.errors import ConfigError


def upgrade(engine: Engine, migrations: Path) -> None:
    """Apply every revision in ``migrations/versions`` that the database lacks.

    Raises:
        ConfigError: the database was written by a newer version.
    """
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)

    def to_head(revision: Any, _context: object) -> Any:
        return script._upgrade_revs("head", revision)  # what alembic.command.upgrade does, without an env.py

    try:
        with engine.begin() as connection, EnvironmentContext(config, script, fn=to_head) as environment:
            environment.configure(connection=connection)
            environment.run_migrations()
    except CommandError as error:
        if "locate revision" not in str(error):
            raise
        raise ConfigError(
            "this database was written by a newer version of Miyun", hint="Install that version or a newer one."
        ) from None
