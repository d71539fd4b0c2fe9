"""The table ``[answers]`` of ``party.toml``.

::

    [answers]
    listen = "127.0.0.1:8460"          # HTTP: answers and health
    grpc_listen = "127.0.0.1:8461"     # "" for none
    status_listen = "127.0.0.1:8462"   # metrics, for this machine only; "" for none
    certificate = "tls/answers.pem"    # PEM, relative to the home; without it only this machine can ask
    private_key = "tls/answers.key"
    client_authority = "tls/askers.pem"  # if askers have to show a certificate as well
    cache_hours = 24                   # how long an answer may be used again, 1 to 168
    days = 30                          # when an audience expires, if it is built without an expiry

    [answers.askers.ad-platform]       # who may ask: a token is made by `miyun answers token ad-platform`
    requests_per_second = 3000
    third_party = ""                   # who that is, where it is not this party itself

    [answers.askers.ad-platform.targets]
    sleepers = "100234"                # an audience, and what this asker calls it
"""

import ipaddress
import tomllib
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from miyun.errors import ConfigError
from miyun.records import first_fault

HOUR = 3_600

_Address = Annotated[str, Field(pattern=r"^.+:[0-9]{1,5}$")]
_AddressOrNone = Annotated[str, Field(pattern=r"^(.+:[0-9]{1,5})?$")]
_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,62}$")]
_Target = Annotated[str, Field(min_length=1, max_length=64)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AskerConfig(_Part):
    """``targets``: the audiences that it may ask about, each with its own name for it.

    ``third_party``: who asks, as the contract's channels call it; empty for systems of the party's own. A third party
    is told nothing of an audience that was delivered through a channel for somebody else.
    """

    requests_per_second: int = Field(default=3_000, ge=1)
    third_party: str = ""
    targets: dict[_Name, _Target] = Field(min_length=1)


class AnswersConfig(_Part):
    folder: Path
    listen: _Address = "127.0.0.1:8460"
    grpc_listen: _AddressOrNone = "127.0.0.1:8461"
    status_listen: _AddressOrNone = "127.0.0.1:8462"
    certificate: Path | None = None
    private_key: Path | None = None
    client_authority: Path | None = None
    cache_hours: int = Field(default=24, ge=1, le=168)
    days: int = Field(default=30, ge=1, le=3_650)
    askers: dict[_Name, AskerConfig] = {}

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.certificate is None) is not (self.private_key is None):
            raise ValueError("certificate and private_key go together")
        if self.client_authority is not None and self.certificate is None:
            raise ValueError("client_authority needs a certificate")
        if self.certificate is None:
            for address in filter(None, (self.listen, self.grpc_listen)):
                if not _is_local(address):
                    raise ValueError(f"{address} is open to other machines, and there is no certificate")
        if self.status_listen and not _is_local(self.status_listen):
            raise ValueError("status_listen is for this machine only")
        return self

    @property
    def cache_seconds(self) -> int:
        return self.cache_hours * HOUR

    def resolve(self, path: Path) -> Path:
        """A configured path, relative to the configuration file."""
        return self.folder / path.expanduser()


def split_address(address: str) -> tuple[str, int]:
    """Host and port of host:port."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def load_answers_config(path: Path) -> AnswersConfig:
    """Read the table; a file without one has the defaults, under which nobody may ask.

    Raises:
        ConfigError: the file can't be read, or a setting is unknown or impossible; the message names it.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8")).get("answers", {})
    except FileNotFoundError:
        table = {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} can't be read: {error}", hint="Correct the file; it is TOML in UTF-8.") from None
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: answers is no table", hint="Write [answers] above its settings.")
    try:
        return AnswersConfig.model_validate({**table, "folder": path.parent})
    except ValidationError as error:
        raise ConfigError(f"{path}: [answers] {first_fault(error)}", hint="Correct the setting.") from None


def _is_local(address: str) -> bool:
    host, _ = split_address(address)
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
