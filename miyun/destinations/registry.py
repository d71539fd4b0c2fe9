"""The kinds of destinations: those built in, and those that installed packages bring."""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from miyun.destinations.plugin import Destination, DestinationConfig
from miyun.errors import ConfigError
from miyun.records import first_fault

GROUP = "miyun.destinations"
BUILT_IN: Mapping[str, str] = {
    "data-manager": "miyun.destinations.data_manager:DataManagerDestination",
    "file": "miyun.destinations.file:FileDestination",
    "meta": "miyun.destinations.meta:MetaDestination",
    "pair": "miyun.destinations.pair:PairDestination",
    "postgres": "miyun.destinations.postgres:PostgresDestination",
    "webhook": "miyun.destinations.webhook:WebhookDestination",
}

Kind = type[Destination[Any]]


def kinds() -> tuple[str, ...]:
    """The names of all kinds; no plug-in is loaded for that."""
    return tuple(sorted({*BUILT_IN, *(entry.name for entry in _entries())}))


@cache
def load_kind(name: str) -> Kind:
    """The plug-in of a kind.

    Raises:
        ConfigError: there is none, or what is installed under this name is no plug-in.
    """
    found = [entry for entry in _entries() if entry.name == name]
    if len(found) + (name in BUILT_IN) > 1:
        raise ConfigError(f"several installed packages bring destinations of kind {name!r}", hint="Uninstall one.")
    if name in BUILT_IN:
        module, attribute = BUILT_IN[name].split(":")
        plugin = getattr(import_module(module), attribute)
    elif found:
        plugin = _loaded(found[0])
    else:
        raise ConfigError(f"there are no destinations of kind {name!r}", hint=f"Use one of: {', '.join(kinds())}.")
    if not (isinstance(plugin, type) and issubclass(plugin, Destination)) or getattr(plugin, "kind", "") != name:
        raise ConfigError(f"the destination plug-in {name!r} is none of this version", hint="Update its package.")
    return plugin


def read_destination(channel: str, table: Mapping[str, object]) -> tuple[Kind, DestinationConfig]:
    """The plug-in and the configuration that ``[destinations.<channel>]`` stands for.

    Raises:
        ConfigError: no such kind, or a setting is missing, unknown or impossible; the message names it.
    """
    kind = table.get("kind")
    if not isinstance(kind, str):
        raise ConfigError(f"[destinations.{channel}] kind is missing", hint=f"Give one of: {', '.join(kinds())}.")
    plugin = load_kind(kind)
    try:
        return plugin, plugin.Config.model_validate(dict(table))
    except ValidationError as error:
        raise ConfigError(f"[destinations.{channel}] {first_fault(error)}", hint="Correct the setting.") from None


def _entries() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=GROUP))


def _loaded(entry: EntryPoint) -> object:
    try:
        return entry.load()
    except Exception as error:
        raise ConfigError(
            f"the destination plug-in {entry.name!r} can't be loaded: {type(error).__name__}",
            hint="Install its package anew.",
        ) from None
