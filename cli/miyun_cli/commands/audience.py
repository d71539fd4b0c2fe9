"""``miyun audience``: audiences that the platform curates, for the merchant to find and use."""

from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from miyun_cli.arguments import AfterOption, ContractArgument, LimitOption, SegmentArgument
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import shortened, show_fields, show_table

if TYPE_CHECKING:
    from rich.console import Console

    from miyun.party.audiences import PublishedAudience

PAGE = 100


def add_to(app: typer.Typer) -> None:
    audience = group("Audiences that the platform curates.")
    app.add_typer(audience, name="audience")
    command(audience, "publish", publish)
    command(audience, "withdraw", withdraw)
    command(audience, "list", list_)
    command(audience, "show", show)


def publish(
    invocation: Invocation,
    contract: ContractArgument,
    segment: SegmentArgument,
    *,
    title: Annotated[str, typer.Option("--title", help="In English.")],
    title_zh: Annotated[str, typer.Option("--title-zh", help="In Chinese.")],
    category: Annotated[str, typer.Option("--category", help="Such as: drinks")],
    description: Annotated[str, typer.Option("--description", help="In English, one line.")] = "",
    description_zh: Annotated[str, typer.Option("--description-zh", help="In Chinese, one line.")] = "",
) -> None:
    """Let the merchant find an own segment of the platform's rows.

    The merchant and the zone read the words. Publishing again replaces them.
    """
    from miyun.words import Words

    with invocation.party() as party:
        party.audiences.publish(
            contract,
            segment,
            title=Words(en=title, zh=title_zh),
            description=Words(en=description, zh=description_zh),
            category=category,
        )
        found = party.audiences.get(contract, segment)
    _show(invocation, found)


def withdraw(invocation: Invocation, contract: ContractArgument, segment: SegmentArgument) -> None:
    """List an own audience no more; its segment stays."""
    with invocation.party() as party:
        party.audiences.withdraw(contract, segment)
        found = party.segments.get(contract, segment)
    invocation.show(found, lambda console: console.print(f"Withdrew {segment}.", markup=False, highlight=False))


def list_(
    invocation: Invocation,
    contract: ContractArgument,
    words: Annotated[str, typer.Argument(help="Only those with all of these words.")] = "",
    *,
    category: Annotated[str, typer.Option("--category", help="Only those of this category.")] = "",
    limit: LimitOption = None,
    after: AfterOption = "",
) -> None:
    """Search the audiences that the platform published."""
    from miyun.party.paging import paged

    with invocation.party() as party:
        page = partial(party.audiences.list, contract, words, category=category, limit=min(limit or PAGE, PAGE))
        audiences = list(islice(paged(lambda last: page(after=last), after=after), limit))
    language = invocation.language or "en"
    invocation.show(
        audiences,
        lambda console: show_table(
            console,
            ("name", "category", "title", "description", "usable", "expires"),
            (
                (
                    audience.name,
                    audience.category,
                    audience.title.in_language(language),
                    audience.description.in_language(language),
                    not audience.lacking,
                    audience.segment.expires,
                )
                for audience in audiences
            ),
            empty="There are no such audiences.",
        ),
    )


def show(invocation: Invocation, contract: ContractArgument, segment: SegmentArgument) -> None:
    """Show an audience, and how to use it."""
    with invocation.party() as party:
        found = party.audiences.get(contract, segment)
    _show(invocation, found)


def _show(invocation: Invocation, audience: "PublishedAudience") -> None:
    def for_people(console: "Console") -> None:
        language, segment = invocation.language or "en", audience.segment
        show_fields(
            console,
            {
                "name": audience.name,
                "title": audience.title.in_language(language),
                "description": audience.description.in_language(language),
                "category": audience.category,
                "definition": shortened(segment.definition),
                "state": segment.state,
                "version": segment.version,
                "expires": segment.expires,
                "to use it": audience.lacking or f"name it: {audience.name} within matched",
            },
        )

    invocation.show(audience, for_people)
