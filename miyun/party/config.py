"""``party.toml``: what a party decides for itself. The member table's part is read by ``miyun.members.config``.

::

    [privacy]
    total_rho_micro = 1000000   # what all contracts together may be charged, in millionths of zCDP's rho

    [outbox]
    folder = "outbox"           # where audiences are delivered, relative to the home
    format = "csv"              # or parquet

    [destinations.sms]          # where the audiences of the channel `sms` go; files in the outbox if there is none
    kind = "webhook"            # each kind has settings of its own: see docs/destinations.md
    url = "https://…"

    [agent]
    workers = 4                 # tasks at once
    patience_seconds = 60       # how long `--once` waits for the other side without any progress

    [refresh.spring]            # the contract `spring`: read the member table anew, and bring what changed
    every_days = 7
    most_lost_percent = 20      # of the members: a run that finds more of them lost stops, and a person is to look

    [catalogues]
    app = "app-catalogue.csv"   # what the tags of the party `app` mean: the file that it gave, relative to the home
"""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from miyun.destinations.file import FileFormat
from miyun.errors import ConfigError
from miyun.records import first_fault

MOST_LOST_PERCENT = 20
"""So many are lost by a delta at most, which the next refresh can take back."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PrivacyConfig(_Part):
    total_rho_micro: int = Field(default=1_000_000, ge=0)


class OutboxConfig(_Part):
    folder: Path = Path("outbox")
    format: FileFormat = FileFormat.CSV


class AgentConfig(_Part):
    workers: int = Field(default=4, ge=1, le=64)
    patience_seconds: float = Field(default=60, ge=0)


class RefreshConfig(_Part):
    every_days: int = Field(ge=1, le=366)
    most_lost_percent: int = Field(default=MOST_LOST_PERCENT, ge=0, le=100)


class PartyConfig(_Part):
    """The tables beside ``[members]`` and ``[suppression]``, which this ignores."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    privacy: PrivacyConfig = PrivacyConfig()
    outbox: OutboxConfig = OutboxConfig()
    agent: AgentConfig = AgentConfig()
    catalogues: dict[str, Path] = {}
    refresh: dict[str, RefreshConfig] = {}
    destinations: dict[str, dict[str, Any]] = {}

    def most_lost_percent(self, contract: str) -> int:
        return self.refresh[contract].most_lost_percent if contract in self.refresh else MOST_LOST_PERCENT

    def loses_too_many(self, contract: str, lost: int, before: int) -> bool:
        """Whether a table that loses so many of its rows may have been cut short."""
        return lost * 100 > self.most_lost_percent(contract) * before


def load_party_config(path: Path) -> PartyConfig:
    """Read the file; a home without one has the defaults.

    Raises:
        ConfigError: it can't be read, or a setting is unknown or impossible; the message names it.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return PartyConfig()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} can't be read: {error}", hint="Correct the file; it is TOML in UTF-8.") from None
    try:
        return PartyConfig.model_validate(plain)
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_fault(error)}", hint="Correct the setting.") from None
