"""``zone.toml``: where a zone listens and where it keeps its state."""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from miyun.errors import ConfigError
from miyun.keys.files import write_private
from miyun.records import first_fault

CONFIG_FILE = "zone.toml"
DEFAULT_DATABASE = "sqlite:///zone.sqlite"


class ZoneConfig(BaseModel):
    """``address`` and ``enrolment_address`` are what parties dial, as host:port; ``listen`` and ``enrolment_listen``
    what the zone binds, where that differs. A relative SQLite file lies in the home. ``workers`` is how many calls are
    served at once; half of them may be parked long polls. ``join_memory_mib`` is what a join takes at most; what is
    beyond it lies in nameless files of the home meanwhile. ``pool_values`` is how many values of randomness are kept
    ready for each reader's key, 768 bytes each for one of 3072 bits; 0: none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    address: str = Field(pattern=r"^.+:[0-9]{1,5}$")
    enrolment_address: str = Field(pattern=r"^.+:[0-9]{1,5}$")
    listen: str = Field(default="", pattern=r"^(.+:[0-9]{1,5})?$")
    enrolment_listen: str = Field(default="", pattern=r"^(.+:[0-9]{1,5})?$")
    database: str = DEFAULT_DATABASE
    workers: int = Field(default=32, ge=4, le=1024)
    join_memory_mib: int = Field(default=256, ge=128)
    pool_values: int = Field(default=200_000, ge=0, le=1 << 32)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names and addresses that the server's certificate is for."""
        return tuple(dict.fromkeys((host_of(self.address), host_of(self.enrolment_address))))

    def database_url(self, home: Path) -> str:
        """The database's URL, a relative SQLite file placed in ``home``."""
        prefix = "sqlite:///"
        if self.database.startswith(prefix) and not self.database.startswith(prefix + "/"):
            return prefix + str(home.absolute() / self.database.removeprefix(prefix))
        return self.database


def host_of(address: str) -> str:
    """The host of host:port, without the brackets of an IPv6 address."""
    return address.rpartition(":")[0].strip("[]")


def with_port(address: str, port: int) -> str:
    """host:port with the port that was bound (for port 0)."""
    return f"{address.rpartition(':')[0]}:{port}"


def load_config(home: Path) -> ZoneConfig:
    """Read ``zone.toml`` of a home.

    Raises:
        ConfigError: there is none, or it can't be understood.
    """
    path = home / CONFIG_FILE
    try:
        return ZoneConfig.model_validate(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        raise ConfigError(f"there is no {path}", hint="Create the zone's home with: miyun init --role zone") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}", hint="Correct the file.") from None
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_fault(error)}", hint="Correct this entry.") from None


def write_config(home: Path, config: ZoneConfig) -> None:
    """Write ``zone.toml`` into a home that has none.

    Raises:
        ConfigError: there is one already.
    """
    path = home / CONFIG_FILE
    if path.exists():
        raise ConfigError(f"there is a {path} already", hint="Edit it instead.")
    lines = [f"{name} = {_toml(value)}" for name, value in config.model_dump(exclude_defaults=True).items()]
    write_private(path, ("\n".join(lines) + "\n").encode())


def _toml(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
