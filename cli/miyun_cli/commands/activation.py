"""``miyun activate`` and ``job``: handing a segment to a destination, and how far jobs are."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from miyun_cli.arguments import ContractArgument, SegmentArgument, TimeoutOption
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.jobs import kind_word, show_job
from miyun_cli.output import show_table
from miyun_cli.watching import watched

if TYPE_CHECKING:
    from miyun.contract.jobs import Job
    from miyun.party.facade import Party

JobArgument = Annotated[str, typer.Argument(help="The job's id.")]


def add_to(app: typer.Typer) -> None:
    command(app, "activate", activate)
    job = group("What was asked of the zone, and how far it is.")
    app.add_typer(job, name="job")
    command(job, "list", list_)
    command(job, "show", show)
    command(job, "wait", wait_for)


def activate(
    invocation: Invocation,
    contract: ContractArgument,
    segment: SegmentArgument,
    *,
    to: Annotated[str, typer.Option("--to", help="The party that gets its own ids of the segment.")],
    channel: Annotated[str, typer.Option("--channel", help="A channel of the contract.")],
    key: Annotated[str, typer.Option("--key", help="The same key gives the same job, however often.")] = "",
    version: Annotated[int, typer.Option("--version", min=0, help="Of the segment; 0: the newest.")] = 0,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is delivered.")] = False,
) -> None:
    """Hand a segment to a party, opt-outs removed.

    This discloses the ids to that party, with their exact number.
    """
    with invocation.party() as party:
        job = party.activate(contract, segment, recipient=to, channel=channel, version=version, key=key)
        if wait:
            with watched(invocation) as on_event:
                job = party.jobs.wait(contract, job.id, on_event)
        show_job(invocation, job, _delivered(party, job))


def list_(
    invocation: Invocation,
    contract: ContractArgument,
    *,
    state: Annotated[
        Literal["waiting-for-party", "running", "done", "failed"] | None, typer.Option("--state", help="Only these.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
) -> None:
    """List the jobs of a contract, newest first."""
    from miyun.contract.jobs import JobState

    with invocation.party() as party:
        jobs = party.jobs.list(contract, state=None if state is None else JobState(state), limit=limit)
    invocation.show(
        jobs,
        lambda console: show_table(
            console,
            ("job", "kind", "of", "state", "waiting for", "updated"),
            ((job.id, kind_word(job), job.subject, job.state, job.waiting_for, job.updated) for job in jobs),
            empty="There are no jobs.",
        ),
    )


def show(invocation: Invocation, contract: ContractArgument, job: JobArgument) -> None:
    """Show one job, and the file it delivered here."""
    with invocation.party() as party:
        found = party.jobs.get(contract, job)
        show_job(invocation, found, _delivered(party, found))


def wait_for(
    invocation: Invocation,
    contract: ContractArgument,
    job: JobArgument,
    *,
    timeout: TimeoutOption = None,
) -> None:
    """Wait for the end of a job.

    Works as this party's agent meanwhile, unless one is running already.
    """
    with invocation.party() as party:
        with watched(invocation) as on_event:
            found = party.jobs.wait(contract, job, on_event, timeout=timeout)
        show_job(invocation, found, _delivered(party, found))


def _delivered(party: "Party", job: "Job") -> Path | None:
    from miyun.contract.jobs import JobState
    from miyun.errors import NotFoundError

    if job.kind != "activate" or job.state is not JobState.DONE:
        return None
    try:
        return party.delivery(job.contract, job.id)
    except NotFoundError:
        return None
