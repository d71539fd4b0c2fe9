"""``miyun fuse``, ``report`` and ``agent``: matching."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miyun.kernels import kernels
from miyun_cli.arguments import ContractArgument
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import show_fields, show_table
from miyun_cli.watching import lines, watched

if TYPE_CHECKING:
    from rich.console import Console

    from miyun.errors import UnconfirmedError
    from miyun.party.refresh_plans import RefreshPlan
    from miyun.party.refreshes import Refresh
    from miyun.psi.statements import FusionReport

_REFRESH_WORDS = {
    "nothing": "nothing",
    "data": "answer anew",
    "delta": "a delta",
    "epoch": "a new epoch",
}


def add_to(app: typer.Typer) -> None:
    command(app, "fuse", fuse)
    command(app, "report", report)
    agent = group("Answer the zone's jobs for this party.")
    app.add_typer(agent, name="agent")
    command(agent, "run", run)


def fuse(
    invocation: Invocation,
    contract: ContractArgument,
    *,
    add: Annotated[
        Path | None, typer.Option("--add", help="Rows that come within the epoch, with the member table's columns.")
    ] = None,
    remove: Annotated[
        Path | None, typer.Option("--remove", help="Members that go within the epoch: a file with the id column.")
    ] = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Read the source anew, and bring to the zone what changed.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --refresh: only say what it would do.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --refresh: begin a new epoch, or lose many members, without asking.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the end.")] = True,
) -> None:
    """Match both parties' rows anew, or change own rows.

    What comes with a file, or with --refresh, changes the newest epoch; else a new one begins, and its report is shown.

    Works as this party's agent meanwhile, unless one is running already. A fusion under way is continued.
    """
    if refresh or dry_run:
        _refresh(invocation, contract, dry_run=dry_run, yes=yes, wait=wait, other=add or remove)
        return
    if add is not None or remove is not None:
        _change(invocation, contract, add, remove, wait=wait)
        return
    with invocation.party() as party:
        if not wait:
            job = party.request_fusion(contract)
            invocation.show(job, lambda console: show_fields(console, {"job": job.id, "state": job.state}))
            return
        with watched(invocation) as on_event:
            matched = party.fuse(contract, on_event)
    _show(invocation, matched)


def _change(invocation: Invocation, contract: str, add: Path | None, remove: Path | None, *, wait: bool) -> None:
    with invocation.party() as party:
        if wait:
            with watched(invocation) as on_event:
                job = party.change(contract, add=add, remove=remove, on_event=on_event)
        else:
            job = party.request_change(contract, add=add, remove=remove)
    fields = {"job": job.id, "change": job.subject, "state": job.state}
    invocation.show(job, lambda console: show_fields(console, fields))


def _refresh(
    invocation: Invocation, contract: str, *, dry_run: bool, yes: bool, wait: bool, other: Path | None
) -> None:
    from miyun.errors import InputError, UnconfirmedError
    from miyun.party.refreshes import Refresh

    if other is not None:
        raise InputError("a refresh with rows from a file", hint="Give either --refresh, or --add and --remove.")
    consent = _Consent(always=yes)
    with invocation.party() as party:
        if dry_run:
            with watched(invocation) as on_event:
                done = Refresh(plan=party.refreshes.plan(contract, on_event), job=None)
        else:
            try:
                with watched(invocation) as on_event:
                    done = party.refresh(contract, on_event, wait=wait, agree=consent.agree)
            except UnconfirmedError as error:
                _ask(invocation, consent, error)
                with watched(invocation) as on_event:
                    done = party.refresh(contract, on_event, wait=wait, agree=consent.agree)
    _show_refresh(invocation, done, dry_run=dry_run)


class _Consent:
    """What a person has agreed to: everything, or what was shown and nothing graver."""

    def __init__(self, *, always: bool) -> None:
        self._always = always
        self._agreed: RefreshPlan | None = None
        self.told: RefreshPlan | None = None

    def agree(self, plan: "RefreshPlan") -> bool:
        self.told = plan
        shown = self._agreed
        same = shown is not None and plan.lost <= shown.lost and plan.kind in {shown.kind, "nothing"}
        return self._always or same or not plan.is_grave

    def give(self) -> None:
        self._agreed = self.told


def _ask(invocation: Invocation, consent: _Consent, error: "UnconfirmedError") -> None:
    """Show the plan; pass where a person agrees to it."""
    from miyun.errors import UnconfirmedError

    if consent.told is not None:
        for name, value in _fields(consent.told, would=True).items():
            invocation.note(f"{name:<24} {value}")
    if not invocation.ask("Is the source right, and shall that be done?"):
        raise UnconfirmedError(error.message, hint="Look at the source; if it is right, agree, or give --yes.")
    consent.give()


def _show_refresh(invocation: Invocation, done: "Refresh", *, dry_run: bool) -> None:
    fields = _fields(done.plan, would=dry_run)
    if done.job is not None:
        fields |= {"job": done.job.id, "state": done.job.state}
    invocation.show(done, lambda console: show_fields(console, fields))


def _fields(told: "RefreshPlan", *, would: bool) -> dict[str, object]:
    fields: dict[str, object] = {
        "would do" if would else "did": f"{_REFRESH_WORDS[told.kind]}: {told.why}",
        "members that stay": told.stayed,
        "that came": told.came,
        "with other identifiers": told.changed,
        "gone": told.gone,
        "predicates answered anew": told.answers,
    }
    return fields | {"in doubt": told.doubt} if told.doubt else fields


def report(
    invocation: Invocation,
    contract: ContractArgument,
    *,
    epoch: Annotated[int, typer.Option("--epoch", min=0, help="0: the newest.")] = 0,
) -> None:
    """Show the match report of an epoch, noised."""
    with invocation.party() as party:
        matched = party.report(contract, epoch)
    _show(invocation, matched)


def run(
    invocation: Invocation,
    *,
    once: Annotated[bool, typer.Option("--once", help="Do what is open, then end.")] = False,
) -> None:
    """Work until it is stopped, or nothing is open."""
    with invocation.party(verbose=True) as party:
        invocation.note(f"ristretto255: {kernels().words}")
        party.agent().run(once=once, on_event=lines(invocation))


def _show(invocation: Invocation, matched: "FusionReport") -> None:
    def for_people(console: "Console") -> None:
        show_fields(console, {"contract": matched.contract, "epoch": matched.epoch, "at": matched.at})
        show_table(
            console,
            ("identifier", "matched, noised"),
            ((count.type, count.matched) for count in matched.matches),
            empty="No identifier types.",
        )
        console.print(f"The noise on each count has a standard deviation of {matched.noise_scale_milli / 1000:.1f}.")

    invocation.show(matched, for_people)
