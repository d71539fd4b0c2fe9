"""The command ``miyun``."""

import sys
import traceback
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from typing import Annotated

import typer
from typer.core import TyperGroup

from miyun.kernels import kernels
from miyun_cli.commands import (
    activation,
    answers,
    audience,
    audit,
    catalogue,
    contract,
    destination,
    fusion,
    homes,
    insight,
    intersection,
    lookalike,
    members,
    pair,
    schedule,
    segment,
    size,
    zone,
)
from miyun_cli.failures import INTERRUPTED_STATUS, debugging, failure_of, report
from miyun_cli.invocation import HomeOption, Invocation, JsonOption, KeyFileOption, LanguageOption

app = typer.Typer(
    name="miyun",
    help="Privacy-preserving audience matching between a merchant and a platform.",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["--help", "-h"]},
)
for module in (
    homes,
    zone,
    contract,
    members,
    catalogue,
    fusion,
    schedule,
    segment,
    audience,
    activation,
    destination,
    answers,
    size,
    insight,
    intersection,
    lookalike,
    pair,
    audit,
):
    module.add_to(app)


def print_version(asked: bool) -> None:
    """Answer ``--version``, with what computes."""
    if asked:
        typer.echo(f"miyun {version('miyun')}, ristretto255: {kernels().words}")
        raise typer.Exit


@app.callback()
def everywhere(
    context: typer.Context,
    *,
    home: HomeOption = None,
    key_file: KeyFileOption = None,
    json: JsonOption = False,
    lang: LanguageOption = None,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version and the backend, and exit.", callback=print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Keep what was said before the command for the command."""
    context.obj = Invocation(home_option=home, key_file=key_file, json=json, language=lang)


@cache
def command_tree() -> TyperGroup:
    """All commands, with their arguments and options."""
    tree = typer.main.get_command(app)
    assert isinstance(tree, TyperGroup)  # noqa: S101
    return tree


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit status."""
    try:
        status = command_tree().main(list(arguments) or ["--help"], prog_name="miyun", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED_STATUS
    except Exception as error:
        if debugging():
            traceback.print_exc()
        failure = failure_of(error)
        report(failure, as_json="--json" in arguments)
        return failure.exit_status
    return status if isinstance(status, int) else 0


def main() -> None:
    """Run the command line."""
    sys.exit(run(sys.argv[1:]))
