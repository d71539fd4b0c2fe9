"""The number of charges that the zone has signed, kept beside its database: one that holds fewer was restored."""

from pathlib import Path

from miyun.errors import ConfigError
from miyun.keys.files import write_private

FILE = "charges.mark"


class ChargeMark:
    """It is raised before a charge is committed, so it is never behind what was released."""

    def __init__(self, home: Path) -> None:
        self._path = home / FILE

    def read(self) -> int:
        """The number; 0 where no charge was signed yet.

        Raises:
            ConfigError: the file holds no number.
        """
        try:
            return int(self._path.read_bytes())
        except FileNotFoundError:
            return 0
        except ValueError:
            raise ConfigError(f"{self._path} holds no number", hint="Remove it, and run: miyun zone restored") from None

    def write(self, charges: int) -> None:
        write_private(self._path, str(charges).encode())
