"""Catalogues of other parties, as they gave them: files that ``[catalogues]`` in ``party.toml`` names."""

from pathlib import Path

from miyun.errors import ConfigError
from miyun.members.catalogue import Catalogue
from miyun.members.catalogue_file import read_catalogue
from miyun.members.config import load_members_config
from miyun.party.catalogues import own_catalogue
from miyun.party.config import load_party_config


def given_catalogue(config_path: Path, party: str) -> Catalogue:
    """The catalogue that another party gave this one.

    Raises:
        ConfigError: none is configured for it.
        SourceError: the file can't be read, or is no catalogue.
    """
    path = load_party_config(config_path).catalogues.get(party)
    if path is None:
        raise ConfigError(
            f"no catalogue of {party} is configured",
            hint=f"Ask {party} for its catalogue file, and name it in {config_path.name}: "
            f'[catalogues], {party} = "{party}-catalogue.csv"; or give the file with --catalogue.',
        )
    return read_catalogue(config_path.parent / path.expanduser())


def likely_catalogue(config_path: Path) -> Catalogue:
    """The one that somebody means who names none: this party's own, or else the only one that another gave it.

    Raises:
        ConfigError: there is none, or several.
        SourceError: the file can't be read, or is no catalogue.
    """
    config = load_members_config(config_path) if config_path.is_file() else None
    if config is not None and config.tags is not None:
        return own_catalogue(config)
    given = load_party_config(config_path).catalogues
    if len(given) == 1:
        return given_catalogue(config_path, *given)
    if given:
        names = ", ".join(sorted(given))
        raise ConfigError(f"there are catalogues of {names}", hint="Say whose with --of.")
    raise ConfigError(
        f"{config_path.name} names no catalogue",
        hint="Name another party's in [catalogues], your own in [tags], or give a file with --catalogue.",
    )
