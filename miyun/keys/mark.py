"""How much was released, kept in a home beside its database: one that knows of less was restored from a backup."""

from pathlib import Path

from miyun.errors import ConfigError
from miyun.keys.files import make_private_folder, write_private


class Mark:
    """It is raised before what it counts is committed, so it is never behind what was released."""

    def __init__(self, path: Path, *, hint: str) -> None:
        """``hint`` says what to do where the file is damaged."""
        self._path = path
        self._hint = hint

    def read(self) -> int:
        """The number; 0 where nothing was released yet.

        Raises:
            ConfigError: the file holds no number.
        """
        try:
            return int(self._path.read_bytes())
        except FileNotFoundError:
            return 0
        except ValueError:
            raise ConfigError(f"{self._path} holds no number", hint=self._hint) from None

    def write(self, released: int) -> None:
        make_private_folder(self._path.parent)
        write_private(self._path, str(released).encode())
