"""Options of commands that ask about the other party's tags."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miyun.errors import InputError

if TYPE_CHECKING:
    from miyun.members.catalogue import Catalogue
    from miyun.party.facade import Party

_WHOLE_CATALOGUE = ""

BaseOption = Annotated[str, typer.Option("--base", help="Against whom: a segment; matched is all pairs.")]
CatalogueOption = Annotated[
    Path | None,
    typer.Option(
        "--catalogue",
        metavar="FILE",
        help="The other party's catalogue of tags, as it gave it; else that of [catalogues] in party.toml.",
    ),
]
TagOption = Annotated[list[str] | None, typer.Option("--tag", help="Ask for a tag, by id or path; repeat it.")]
BranchOption = Annotated[
    list[str] | None, typer.Option("--branch", help="Ask for all tags below one, by id or path; repeat it.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Ask for every tag of the catalogue.")]
PerPersonOption = Annotated[
    int | None,
    typer.Option("--per-person", min=1, help="How many tags of one person count; fewer: less noise. Else 16."),
]


def branches_of(tag: list[str] | None, branch: list[str] | None, *, all_: bool) -> tuple[str, ...]:
    """The branches that are asked for.

    Raises:
        InputError: neither a tag nor a branch is.
    """
    branches = (*(branch or ()), *([_WHOLE_CATALOGUE] if all_ else ()))
    if not (tag or branches):
        raise InputError("no tags are asked for", hint="Name some with --tag or --branch, or ask for --all.")
    return branches


def given_or_configured(file: Path | None, party: "Party", contract: str) -> "Catalogue":
    """The catalogue of a file, or the one that the home has of the other party."""
    from miyun.members.catalogue_file import read_catalogue

    return party.insight.catalogue(contract) if file is None else read_catalogue(file.expanduser())
