"""``miyun catalogue``: which columns and tags there are to ask about. Nothing here is about a person."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miyun_cli.arguments import ContractArgument
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import show_fields, show_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from miyun.members.catalogue import Catalogue
    from miyun.members.catalogue_views import Entry
    from miyun.segments.publication import PublishedSchema

CatalogueOption = Annotated[
    Path | None, typer.Option("--catalogue", metavar="FILE", help="A catalogue's file, CSV or Parquet.")
]
OfOption = Annotated[
    str | None,
    typer.Option("--of", metavar="PARTY", help="This party's: the file in [catalogues] of party.toml, or as fetched."),
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, help="Rows to show; --json has all.")]

_HEADS = ("id", "path", "type", "range", "counted", "sensitive")


def add_to(app: typer.Typer) -> None:
    catalogue = group("Which columns and tags there are.")
    app.add_typer(catalogue, name="catalogue")
    command(catalogue, "search", search)
    command(catalogue, "show", show)
    command(catalogue, "tree", tree)
    command(catalogue, "columns", columns)
    command(catalogue, "fetch", fetch)
    command(catalogue, "publish", publish)


def search(
    invocation: Invocation,
    text: Annotated[str, typer.Argument(help="Words of the names, or an id.")],
    *,
    of: OfOption = None,
    catalogue: CatalogueOption = None,
    limit: LimitOption = 20,
) -> None:
    """Find tags by words of their names, best first.

    Case and width make no difference. What is found is asked about with --tag or --branch, by its id or path.
    """
    from miyun.members.catalogue_views import found

    entries = list(found(_chosen(invocation, of, catalogue), text))
    _show_entries(invocation, entries, limit, empty="No tag has all these words.")


def show(
    invocation: Invocation,
    tag: Annotated[str, typer.Argument(help="Its id or path; the catalogue as a whole if left out.")] = "",
    *,
    of: OfOption = None,
    catalogue: CatalogueOption = None,
) -> None:
    """Show a tag, or what the catalogue is.

    Both parties have the same catalogue if both see the same digest.
    """
    from miyun.members.catalogue_views import summary
    from miyun.members.catalogue_views import tree as below

    chosen = _chosen(invocation, of, catalogue)
    if not tag:
        whole = summary(chosen)
        fields: dict[str, object] = {
            "SHA-256": whole.sha256.hex(),
            "tags and options": whole.nodes,
            "of them counted": whole.counted,
            "dimensions": whole.dimensions,
        }
        invocation.show(whole, lambda console: show_fields(console, fields))
        return
    entry = next(below(chosen, tag, 0))
    fields = {
        "id": entry.id,
        "path": entry.path,
        "type": entry.type,
        "range": _range(entry),
        "counted, with all below": entry.counted,
        "sensitive": entry.sensitive,
    }
    invocation.show(entry, lambda console: show_fields(console, fields))


def tree(
    invocation: Invocation,
    tag: Annotated[str, typer.Argument(help="From here on, by id or path; from the top if left out.")] = "",
    *,
    depth: Annotated[int, typer.Option("--depth", min=1, help="How many levels.")] = 1,
    of: OfOption = None,
    catalogue: CatalogueOption = None,
    limit: LimitOption = 50,
) -> None:
    """Show what is below a tag, in its owner's order."""
    from miyun.members.catalogue_views import tree as below

    entries = below(_chosen(invocation, of, catalogue), tag, depth)
    _show_entries(invocation, list(entries), limit, empty="The catalogue is empty.", indent=True)


def columns(invocation: Invocation, contract: ContractArgument) -> None:
    """Show the columns that expressions may name.

    Own ones, and those that the other party published, as far as it was fetched.
    """
    with invocation.party() as party:
        found = party.schemas.columns(contract)
    invocation.show(
        found,
        lambda console: show_table(
            console,
            ("column", "owner", "type", "range"),
            ((column.subject, column.owner, column.type, _span(column.low, column.high)) for column in found),
            empty="There are no columns. What the other party published is fetched by: miyun catalogue fetch",
        ),
    )


def fetch(invocation: Invocation, contract: ContractArgument) -> None:
    """Fetch the columns and tags that the other party published.

    Agents do so by themselves.
    """
    with invocation.party() as party:
        found = party.schemas.fetch(contract)
    _show_schema(invocation, found)


def publish(invocation: Invocation, contract: ContractArgument) -> None:
    """Publish own columns and tags to the other party.

    Agents do so by themselves, whenever the files have changed. Names and types are published, and ranges of numbers:
    no values. A column with private = true in party.toml is left out.
    """
    with invocation.party() as party:
        found = party.schemas.publish(contract)
    _show_schema(invocation, found)


def _show_schema(invocation: Invocation, schema: "PublishedSchema") -> None:
    fields: dict[str, object] = {
        "party": schema.party,
        "number": schema.number,
        "columns": len(schema.columns),
        "tags": schema.tags,
        "SHA-256 of the catalogue": schema.catalogue_digest.hex(),
        "at": schema.at,
    }
    invocation.show(schema, lambda console: show_fields(console, fields))


def _chosen(invocation: Invocation, of: str | None, file: Path | None) -> "Catalogue":
    from miyun.errors import InputError
    from miyun.members.catalogue_file import read_catalogue
    from miyun.party.given_catalogues import given_catalogue, likely_catalogue

    if of is not None and file is not None:
        raise InputError("--of and --catalogue name two catalogues", hint="Give one of them.")
    if file is not None:
        return read_catalogue(file.expanduser())
    config_path = invocation.home / "party.toml"
    return likely_catalogue(config_path) if of is None else given_catalogue(config_path, of)


def _show_entries(
    invocation: Invocation, entries: "Sequence[Entry]", limit: int, *, empty: str, indent: bool = False
) -> None:
    def for_people(console: "Console") -> None:
        rows = [
            (
                entry.id,
                "  " * entry.depth + entry.name if indent else entry.path,
                entry.type,
                _range(entry),
                entry.counted,
                "yes" if entry.sensitive else "",
            )
            for entry in islice(entries, limit)
        ]
        show_table(console, _HEADS, rows, empty=empty)
        if len(entries) > limit:
            invocation.note(f"{len(entries) - limit:,} more: say more words, name a tag, or raise --limit.")

    invocation.show(entries, for_people)


def _range(entry: "Entry") -> str:
    return _span(entry.low, entry.high)


def _span(low: str | None, high: str | None) -> str:
    return "" if low is None and high is None else f"{low or ''}..{high or ''}"
