"""What this party knows beside its database of what it released: noise is not drawn a second time after a restore."""

from pathlib import Path

from sqlalchemy import Engine, Table, func, select

from miyun.errors import StateError
from miyun.keys.mark import Mark
from miyun.storage.database import reading


class ReleaseMarks:
    """By contract, how many rows a table of what was released has. Nothing is ever deleted from such a table."""

    def __init__(self, engine: Engine, folder: Path, table: Table, *, suffix: str = "") -> None:
        self._engine = engine
        self._folder = folder
        self._table = table
        self._suffix = suffix

    def note(self, contract: str) -> None:
        """What is stored is about to be sent."""
        self._mark(contract).write(self._count(contract))

    def require_whole(self, contract: str) -> None:
        """Pass where all that was ever sent under a contract is stored.

        Raises:
            StateError: the database was restored from a backup of before.
        """
        missing = self._mark(contract).read() - self._count(contract)
        if missing > 0:
            raise StateError(
                f"the database of the columns' owner was restored without {missing:,} of the answers that it gave",
                hint="Restore the home's newest backup, or end the contract and agree on a new one.",
            )

    def _count(self, contract: str) -> int:
        query = select(func.count()).select_from(self._table).where(self._table.c.contract == contract)
        with reading(self._engine) as connection:
            return connection.scalar(query) or 0

    def _mark(self, contract: str) -> Mark:
        path = self._folder / f"{contract}{self._suffix}.mark"
        return Mark(path, hint="Put it back as it was, from the newest backup of the home.")
