"""Where an owner's tables are and what their columns mean, from the owner's own configuration file.

::

    [members]
    source = "csv"                      # csv, parquet or sql
    path = "members.csv"                # relative to this file; sql has url and query instead
    encoding = "auto"                   # csv: auto, utf-8 or gb18030
    delimiter = ","                     # csv
    id = "member_id"                    # the column with the unique member id

    [members.identifiers.phone]
    column = "mobile"                   # a composite names several: ["surname", "given_name", "birth_date"]
    profile = "e164-cn"

    [members.attributes.spend_90d]      # read as members.spend_90d
    column = "spend 90 days"            # the attribute's name if left out
    type = "number"                     # number, text, boolean, date or location
    range = "0..100000"                 # numbers: published to other parties with name and type
    private = false                     # true: not published at all

    [members.attributes.home]           # a place, for conditions by distance
    type = "location"
    latitude = "home_lat"               # two columns of degrees; or column = "home", one text of both,
    longitude = "home_lon"              #   with order = "lat-lon" or "lon-lat"
    datum = "gcj-02"                    # wgs-84, gcj-02 or bd-09

    [members.consent]                   # several as [[members.consent]]
    column = "consent"
    accepted = ["yes", "是"]
    purposes = ["marketing"]            # all purposes if left out

    [suppression]
    attribute = "opted_out"             # a boolean attribute
    file = "opt-outs.csv"               # columns named after the id column or identifier types

    [suppression.lists.do-not-contact]  # further lists by name, each with an attribute, a file or both
    file = "do-not-contact.csv"

    [tags]                              # who carries which tag: a row per pair of a member and a tag
    source = "parquet"                  # as in [members], with the same settings
    path = "tags.parquet"
    id = "member_id"
    tag = "tag"                         # the column with the tag's id
    value = "value"                     # the column with the option or the number, if there is one
    catalogue = "catalogue.csv"         # what the tags mean: see miyun.members.catalogue_file
"""

import re
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import ValidationError

from miyun.contract.schema import ColumnType
from miyun.errors import ConfigError
from miyun.members.datums import Datum
from miyun.members.locations import Order, Spelling
from miyun.members.profiles import COMPOSITE, check_profile
from miyun.records import Record, adapter, first_fault

DEFAULT_MEMORY_MIB = 128
OPT_OUT = "opt-out"
WITHDRAWN = "consent-withdrawn"
GONE = "no-longer-a-member"
CAPPED = "frequency-cap"
ENDED = "segment-ended"
"""Reasons why a member is left out of an audience, beside the names of lists."""

_BOUND = r"\s*(-?[0-9]{1,15}(\.[0-9]{1,15})?)?\s*"
_RANGE = re.compile(rf"{_BOUND}\.\.{_BOUND}")


class SourceKind(StrEnum):
    CSV = "csv"
    PARQUET = "parquet"
    SQL = "sql"


class Encoding(StrEnum):
    AUTO = "auto"
    UTF_8 = "utf-8"
    GB18030 = "gb18030"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierColumn(Record):
    """One identifier type: its source column, or the several columns of a composite, and its profile."""

    column: str | tuple[str, ...]
    profile: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,) if isinstance(self.column, str) else self.column


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeColumn(Record):
    """An attribute that predicates may use. An empty ``column`` means the attribute's own name.

    A location is in two columns, ``latitude`` and ``longitude``, or in one with an ``order``; it has a ``datum``.
    Its name, type and ``range`` are published to the other parties of contracts, unless it is ``private``.
    """

    type: ColumnType
    column: str = ""
    range: str | None = None
    private: bool = False
    latitude: str = ""
    longitude: str = ""
    order: Order | None = None
    datum: Datum | None = None

    @property
    def spelling(self) -> Spelling | None:
        """How a location is written; None for anything else."""
        if self.datum is None:
            return None
        return Spelling(datum=self.datum, order=self.order or Order.LATITUDE_FIRST)

    @property
    def bounds(self) -> tuple[str | None, str | None]:
        """Where the range begins and ends."""
        low, _, high = (self.range or "..").partition("..")
        return low.strip() or None, high.strip() or None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentColumn(Record):
    """A row has consent to ``purposes`` (none named: to all) when ``column`` holds an accepted value.

    Values are compared after trimming, case ignored.
    """

    column: str
    accepted: tuple[str, ...]
    purposes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionList(Record):
    """Who must not be reached: where a boolean attribute is true, and whoever a file names."""

    attribute: str | None = None
    file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression(SuppressionList):
    """The opt-outs, and further lists by name, such as do-not-contact and risk lists."""

    lists: dict[str, SuppressionList] = field(default_factory=dict)

    def by_reason(self) -> dict[str, SuppressionList]:
        """Every list under the reason that it stands for; the opt-outs come first."""
        return {OPT_OUT: self, **self.lists}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig(Record):
    """Where a table is. ``folder`` holds the configuration file, the quarantine and temporary files.

    ``memory_mib`` is what DuckDB may use, in MiB, before it goes to temporary files inside ``folder``.
    """

    TABLE: ClassVar[str]

    folder: Path
    source: SourceKind
    id: str
    path: Path | None = None
    url: str | None = None
    query: str | None = None
    encoding: Encoding = Encoding.AUTO
    delimiter: str = ","
    memory_mib: int = DEFAULT_MEMORY_MIB

    def resolve(self, path: Path) -> Path:
        """A configured path, relative to the configuration file."""
        return self.folder / path.expanduser()


@dataclass(frozen=True, slots=True, kw_only=True)
class TagsConfig(SourceConfig):
    """The owner's pairs of member and tag; ``id``, ``tag`` and ``value`` are columns.

    Without ``value`` an option is carried by its own id, and a number can't be.
    """

    TABLE: ClassVar[str] = "tags"

    tag: str
    catalogue: Path
    value: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.id, self.tag) if self.value is None else (self.id, self.tag, self.value)

    @property
    def quarantine_path(self) -> Path:
        return self.folder / "quarantine" / "tags.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersConfig(SourceConfig):
    """The owner's member table, and its tags if it has any."""

    TABLE: ClassVar[str] = "members"

    identifiers: dict[str, IdentifierColumn] = field(default_factory=dict)
    attributes: dict[str, AttributeColumn] = field(default_factory=dict)
    consent: tuple[ConsentColumn, ...] = ()
    suppression: Suppression = Suppression()
    tags: TagsConfig | None = None

    @property
    def column_types(self) -> dict[str, ColumnType]:
        """The attributes as the expression checker sees them."""
        return {name: attribute.type for name, attribute in self.attributes.items()}

    @property
    def quarantine_path(self) -> Path:
        return self.folder / "quarantine" / "members.csv"

    def attribute_columns(self, name: str) -> tuple[str, ...]:
        """The source column of an attribute, or those of a location."""
        attribute = self.attributes[name]
        if attribute.latitude:
            return attribute.latitude, attribute.longitude
        return (attribute.column or name,)


_LIST_NAME = re.compile(r"[a-z][a-z0-9-]{1,62}").fullmatch

Table = TypeVar("Table", bound=SourceConfig)


def load_members_config(path: Path) -> MembersConfig:
    """Read the ``[members]``, ``[suppression]`` and ``[tags]`` tables of a configuration file.

    Raises:
        ConfigError: the file is missing or no TOML, or a setting is missing, unknown or contradicts another.
    """
    document = _read_toml(path)
    if not isinstance(document.get("members"), dict):
        raise ConfigError(f"{path.name} has no [members] table", hint="Say in [members] where the member table is.")
    place = {"folder": path.parent}
    table: dict[str, Any] = {**document["members"], **place}
    if isinstance(table.get("consent"), dict):
        table["consent"] = [table["consent"]]
    if "suppression" in document:
        table["suppression"] = document["suppression"]
    if isinstance(document.get("tags"), dict):
        table["tags"] = _validated(TagsConfig, {**document["tags"], **place}, path)
    config = _validated(MembersConfig, table, path)
    _check(config)
    return config


def _validated(type_: type[Table], table: dict[str, Any], path: Path) -> Table:
    try:
        found: Table = adapter(type_).validate_python(table)
    except ValidationError as error:
        raise ConfigError(
            f"{path.name}: [{type_.TABLE}] {first_fault(error)}", hint="Correct this setting in the file."
        ) from None
    return found


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"{path.name} can't be read: {error.strerror}", hint="Check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name} is no valid TOML: {error}", hint="Correct the file.") from None


def _check(config: MembersConfig) -> None:
    _check_place(config)
    if config.tags:
        _check_place(config.tags)
        if len(set(config.tags.columns)) < len(config.tags.columns):
            raise ConfigError("[tags] id, tag and value name a column twice", hint="Give each a column of its own.")
    if not config.identifiers:
        raise ConfigError("[members.identifiers] is empty", hint="Name at least one identifier type and its column.")
    for type_, identifier in config.identifiers.items():
        check_profile(identifier.profile)
        if not identifier.columns or (len(identifier.columns) > 1) is not (identifier.profile == COMPOSITE):
            raise ConfigError(
                f"[members.identifiers.{type_}]: profile {identifier.profile!r} doesn't fit the number of columns",
                hint=f"Give {COMPOSITE!r} several columns, and every other profile one.",
            )
    names = [name.lower() for name in config.attributes]
    if len(set(names)) < len(names) or any(not name or name.startswith("#") for name in names):
        raise ConfigError(
            "[members.attributes] has a name that is empty, begins with # or differs from another in case only",
            hint="Rename the attribute.",
        )
    for name, attribute in config.attributes.items():
        if attribute.range is not None and (
            attribute.type is not ColumnType.NUMBER or not _RANGE.fullmatch(attribute.range)
        ):
            raise ConfigError(
                f"[members.attributes.{name}] range is none that it can have",
                hint='Write it as "0..120", for an attribute of type number.',
            )
        _check_location(name, attribute)
    _check_location_columns(config)
    for reason, listed in config.suppression.by_reason().items():
        _check_list(config, reason, listed)


def _check_location(name: str, attribute: AttributeColumn) -> None:
    said = (attribute.latitude, attribute.longitude, attribute.order, attribute.datum)
    if attribute.type is not ColumnType.LOCATION:
        if any(said):
            raise ConfigError(
                f"[members.attributes.{name}] has what only a location has",
                hint='Give it type = "location", or remove latitude, longitude, order and datum.',
            )
        return
    if attribute.datum is None:
        raise ConfigError(
            f"[members.attributes.{name}] doesn't say which datum its coordinates have",
            hint='Write datum = "wgs-84" (GPS), "gcj-02" (AMap, Tencent) or "bd-09" (Baidu).',
        )
    two = {attribute.latitude, attribute.longitude}
    one = two == {""} and attribute.order is not None
    if not one and ("" in two or len(two) < 2 or attribute.column or attribute.order):
        raise ConfigError(
            f"[members.attributes.{name}] is neither two columns of degrees nor one with an order",
            hint='Write latitude = "lat" and longitude = "lon"; or column = "home" and order = "lat-lon" or "lon-lat".',
        )


def _check_location_columns(config: MembersConfig) -> None:
    """No other attribute opens what is sensitive in a location."""
    used = Counter(column for name in config.attributes for column in set(config.attribute_columns(name)))
    for name, attribute in config.attributes.items():
        shared = [column for column in config.attribute_columns(name) if used[column] > 1]
        if attribute.type is ColumnType.LOCATION and shared:
            raise ConfigError(
                f"[members.attributes] read the column {shared[0]!r} as a location and as something else",
                hint="Leave one of them out: only grants on a location cover what tells where people are.",
            )


def _check_list(config: MembersConfig, reason: str, listed: SuppressionList) -> None:
    table = "suppression" if listed is config.suppression else f"suppression.lists.{reason}"
    if listed is not config.suppression:
        if not _LIST_NAME(reason) or reason in {OPT_OUT, WITHDRAWN, GONE, CAPPED, ENDED}:
            raise ConfigError(
                f"[{table}] is not a name for a list", hint="Use lower-case letters, digits and dashes: do-not-contact."
            )
        if listed.attribute is None and listed.file is None:
            raise ConfigError(f"[{table}] names nobody", hint="Give it a file or an attribute.")
    if listed.attribute is not None and config.column_types.get(listed.attribute) is not ColumnType.BOOLEAN:
        raise ConfigError(
            f"[{table}] attribute {listed.attribute!r} is no boolean attribute",
            hint=f'Declare [members.attributes.{listed.attribute}] with type = "boolean".',
        )


def _check_place(config: SourceConfig) -> None:
    wanted: tuple[str, ...] = ("path",)
    unwanted: tuple[str, ...] = ("url", "query")
    if config.source is SourceKind.SQL:
        wanted, unwanted = unwanted, wanted
    missing = [name for name in wanted if getattr(config, name) is None]
    if missing:
        raise ConfigError(
            f"[{config.TABLE}] {missing[0]} is missing for source {config.source}", hint="Add the setting."
        )
    surplus = [name for name in unwanted if getattr(config, name) is not None]
    if surplus:
        raise ConfigError(
            f"[{config.TABLE}] {surplus[0]} means nothing for source {config.source}", hint="Remove the setting."
        )
    if len(config.delimiter) != 1 or config.delimiter in '"\r\n':
        raise ConfigError(f"[{config.TABLE}] delimiter is no single character", hint='Use for example "," or "\\t".')
    if config.memory_mib < 64:
        raise ConfigError(f"[{config.TABLE}] memory_mib is below 64", hint="Allow DuckDB at least 64 MiB.")
