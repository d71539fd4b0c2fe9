"""``miyun segment``: what an owner does to a segment, and what became of it."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from miyun_cli.arguments import ContractArgument, SegmentArgument, in_utc
from miyun_cli.commands.size import band_words
from miyun_cli.invocation import Invocation, command
from miyun_cli.output import shortened, show_fields, show_table

if TYPE_CHECKING:
    from rich.console import Console

    from miyun.party.versions import PastVersion
    from miyun.segments.listing import Segment

PAGE = 200


def add_to(segment: typer.Typer) -> None:
    command(segment, "rename", rename)
    command(segment, "change", change)
    command(segment, "invalidate", invalidate)
    command(segment, "history", history)


def rename(
    invocation: Invocation,
    contract: ContractArgument,
    segment: SegmentArgument,
    new_name: Annotated[str, typer.Argument(help="Its new name.")],
) -> None:
    """Give an own segment another name."""
    with invocation.party() as party:
        found = party.segments.rename(contract, segment, new_name)
    show_segment(invocation, found)


def change(
    invocation: Invocation,
    contract: ContractArgument,
    segment: SegmentArgument,
    *,
    channel: Annotated[
        list[str] | None, typer.Option("--channel", help="Leave it only this channel; repeat it for several.")
    ] = None,
    expires: Annotated[datetime | None, typer.Option("--expires", help="Let it end sooner, at this time, UTC.")] = None,
    hidden: Annotated[bool | None, typer.Option("--hide/--show", help="Leave it out of lists, or not.")] = None,
    processable: Annotated[
        bool | None, typer.Option("--processable/--not-processable", help="Whether segments may be made of it.")
    ] = None,
) -> None:
    """Narrow, shorten, hide or close an own segment.

    Channels can only become fewer, and the end only sooner: what the other party agreed to is never widened.
    """
    from miyun.errors import InputError

    if not channel and (expires, hidden, processable) == (None, None, None):
        raise InputError("nothing to change", hint="Say what, for example --hide; see --help.")
    with invocation.party() as party:
        if channel:
            found = party.segments.narrow(contract, segment, tuple(channel))
        if expires is not None:
            found = party.segments.expire(contract, segment, in_utc(expires))
        if hidden is not None:
            found = party.segments.set_hidden(contract, segment, hidden)
        if processable is not None:
            found = party.segments.set_processable(contract, segment, processable)
    show_segment(invocation, found)


def invalidate(invocation: Invocation, contract: ContractArgument, segment: SegmentArgument) -> None:
    """End an own segment, for good."""
    with invocation.party() as party:
        found = party.segments.invalidate(contract, segment)
    show_segment(invocation, found)


def history(
    invocation: Invocation,
    contract: ContractArgument,
    segment: SegmentArgument,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, max=PAGE, help="The newest so many versions.")] = PAGE,
    before: Annotated[int, typer.Option("--before", min=0, help="Only versions before this one, for paging.")] = 0,
) -> None:
    """List a segment's versions, with the sizes told before.

    It costs nothing: a version whose size nobody asked for has none.
    """
    with invocation.party() as party:
        versions = party.segments.history(contract, segment, limit=limit, before=before)
    invocation.show(
        versions,
        lambda console: show_table(
            console,
            ("version", "epoch", "why", "begun", "evaluated", "size"),
            (_row(version) for version in versions),
            empty="There are no such versions.",
        ),
    )


def show_segment(invocation: Invocation, segment: "Segment") -> None:
    """All there is to say about one."""

    def for_people(console: "Console") -> None:
        show_fields(
            console,
            {
                "name": segment.name,
                "code": segment.code,
                "definition": shortened(segment.definition),
                "universe": segment.universe,
                "owner": segment.owner,
                "state": segment.state,
                "version": segment.version,
                "epoch": segment.epoch,
                "channels": segment.channels,
                "hidden": segment.hidden,
                "processable": segment.processable,
                "created": segment.created,
                "expires": segment.expires,
            },
        )

    invocation.show(segment, for_people)


def _row(version: "PastVersion") -> tuple[object, ...]:
    record = version.record
    size = None if version.size is None else band_words(version.size)
    return (record.number, record.epoch, record.cause, record.begun, record.evaluated, size)
