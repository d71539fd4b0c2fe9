"""Results of insights: what they cost, and how they are shown and drawn."""

import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miyun.errors import InputError
from miyun_cli.invocation import Invocation
from miyun_cli.output import rho

if TYPE_CHECKING:
    from rich.console import Console

    from miyun.insight.result import Result
    from miyun.party.facade import Party

_MILLIONTHS = re.compile(r"[1-9][0-9]{0,14}").fullmatch
_FRACTION = re.compile(r"0\.(?=0*[1-9])[0-9]{1,6}").fullmatch
_DRAWINGS = (".svg", ".png", ".html")


def read_rho(text: str, option: str = "--rho") -> int:
    """Millionths of rho, as ``option`` gives them.

    Raises:
        InputError: it is no such number.
    """
    if _MILLIONTHS(text):
        return int(text)
    meant = f"{int(Decimal(text) * 1_000_000)} for ρ = {text}" if _FRACTION(text) else "50000 for ρ = 0.05"
    raise InputError(f"{option} {text} is no whole number of millionths", hint=f"Write {option} {meant}.")


RhoOption = Annotated[
    int,
    typer.Option(
        "--rho",
        metavar="MILLIONTHS",
        parser=read_rho,
        help="What it may spend of the privacy budget, such as 50000 for ρ = 0.05.",
    ),
]
PlotOption = Annotated[
    Path | None,
    typer.Option("--plot", metavar="FILE", dir_okay=False, help="Draw it too; to .svg, .png or .html, with tables."),
]
TopOption = Annotated[int | None, typer.Option("--top", min=1, help="Rows to show, 20 if left out; --json has all.")]


def require_drawable(plot: Path | None) -> None:
    """Before anything is spent: a drawing can be written there.

    Raises:
        InputError: it can't.
    """
    if plot is None:
        return
    if plot.suffix.lower() not in _DRAWINGS:
        raise InputError(
            f"{plot.name} is no name for a drawing",
            hint="End the file's name in .svg, .png or .html: --plot spring.svg",
        )
    if not plot.expanduser().parent.is_dir():
        raise InputError(f"there is no folder {plot.parent}", hint="Make the folder first, or draw into another.")


def tell_cost(invocation: Invocation, party: "Party", contract: str, rho_micro: int) -> None:
    """What an answer costs, for people, before it is asked for."""
    if invocation.json:
        return
    quote = party.insight.quote(contract, rho_micro)
    invocation.note(
        f"Costs {rho(quote.rho_micro)}, or nothing if it was asked before; {rho(quote.remaining_micro)} is left."
    )


def show_results(
    invocation: Invocation, results: Sequence["Result"], *, plot: Path | None = None, top: int | None = None
) -> None:
    """Draw and print them: tables for people, else a JSON list."""
    _draw(invocation, results, plot)
    if invocation.json:
        typer.echo("[\n" + ",\n".join(result.to_json().rstrip() for result in results) + "\n]")
        return
    for result in results:
        _print(invocation, result, top)


def show_result(invocation: Invocation, result: "Result", *, plot: Path | None = None, top: int | None = None) -> None:
    """The same for the one that there is: a JSON object."""
    _draw(invocation, [result], plot)
    if invocation.json:
        typer.echo(result.to_json(), nl=False)
    else:
        _print(invocation, result, top)


def _print(invocation: Invocation, result: "Result", top: int | None) -> None:
    from miyun.insight.grid import Tables
    from miyun.insight.result import SHOWN

    language = invocation.language or "en"
    grids = result.grids(top or SHOWN)

    def for_people(console: "Console") -> None:
        if grids[0].title != result.title():
            console.print(result.title().in_language(language), markup=False, highlight=False, soft_wrap=True)
        console.print(Tables(grids=grids, language=language))

    invocation.show(None, for_people)


def _draw(invocation: Invocation, results: Sequence["Result"], plot: Path | None) -> None:
    """To the file; of several results to a file each, numbered."""
    if plot is None:
        return
    for number, result in enumerate(results, start=1):
        path = (plot if len(results) == 1 else plot.with_stem(f"{plot.stem}-{number}")).expanduser()
        try:
            result.plot(path, invocation.language or "en")
        except OSError as error:
            raise InputError(
                f"{path} can't be written: {error.strerror}",
                hint="Draw it elsewhere: the answer is kept, and asking again costs nothing.",
            ) from None
        invocation.note(f"Drew {path}.")
