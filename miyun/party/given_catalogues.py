"""Catalogues of other parties: files that ``[catalogues]`` in ``party.toml`` names, or as they were published."""

from pathlib import Path

from miyun.errors import ConfigError
from miyun.members.catalogue import Catalogue
from miyun.members.catalogue_file import read_catalogue
from miyun.members.config import load_members_config
from miyun.party.catalogues import own_catalogue
from miyun.party.config import load_party_config
from miyun.party.given_schemas import SCHEMA_FOLDER, GivenSchemas


def given_catalogue(config_path: Path, party: str) -> Catalogue:
    """The catalogue of another party: the file that is configured, or else the newest that was fetched.

    Raises:
        ConfigError: there is neither.
        SourceError: the file can't be read, or is no catalogue.
    """
    path = load_party_config(config_path).catalogues.get(party)
    if path is not None:
        return read_catalogue(config_path.parent / path.expanduser())
    given = _given(config_path)
    for schema in given.of_party(party):
        catalogue = given.catalogue(schema.contract, party)
        if catalogue is not None:
            return catalogue
    raise ConfigError(
        f"no catalogue of {party} is here",
        hint="Fetch what it published: miyun catalogue fetch CONTRACT; or name a file of its in [catalogues] of "
        f"{config_path.name}, or with --catalogue.",
    )


def likely_catalogue(config_path: Path) -> Catalogue:
    """The one that somebody means who names none: this party's own, or else that of the only other party.

    Raises:
        ConfigError: there is none, or several.
        SourceError: the file can't be read, or is no catalogue.
    """
    config = load_members_config(config_path) if config_path.is_file() else None
    if config is not None and config.tags is not None:
        return own_catalogue(config)
    given = _given(config_path).parties() | set(load_party_config(config_path).catalogues)
    if len(given) == 1:
        return given_catalogue(config_path, *given)
    if given:
        names = ", ".join(sorted(given))
        raise ConfigError(f"there are catalogues of {names}", hint="Say whose with --of.")
    raise ConfigError(
        f"{config_path.name} names no catalogue, and none was fetched",
        hint="Fetch another party's: miyun catalogue fetch CONTRACT; or name your own in [tags], or give a file with "
        "--catalogue.",
    )


def _given(config_path: Path) -> GivenSchemas:
    return GivenSchemas(config_path.parent / SCHEMA_FOLDER)
