"""The options that every command takes, and what a command gets from them."""

import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from miyun.errors import KeyAccessError
from miyun_cli.output import write_json

if TYPE_CHECKING:
    from rich.console import Console

    from miyun.analyst.client import Analyst
    from miyun.keys.home import Role
    from miyun.keys.vault import Unlock
    from miyun.party.facade import Party
    from miyun.zone.facade import Zone

HOME_VARIABLE = "MIYUN_HOME"
DEFAULT_HOME = Path("~/.miyun")
FILE_COLUMNS = 200
"""The width of what is not printed on a terminal."""


Language = Literal["en", "zh"]

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="FOLDER", help=f"The home (${HOME_VARIABLE}, else {DEFAULT_HOME})."),
]
KeyFileOption = Annotated[
    Path | None,
    typer.Option(
        "--key-file",
        metavar="FILE",
        help="What unlocks the home ($MIYUN_KEY_FILE or $MIYUN_PASSPHRASE, else it asks).",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
LanguageOption = Annotated[
    Language | None, typer.Option("--lang", help="Language of leakage statements and insights (en).")
]


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """What the user said beside the command's own options."""

    home_option: Path | None = None
    key_file: Path | None = None
    json: bool = False
    language: Language | None = None

    @property
    def home(self) -> Path:
        chosen = self.home_option or Path(os.environ.get(HOME_VARIABLE) or DEFAULT_HOME)
        return chosen.expanduser()

    def or_else(self, outer: "Invocation") -> "Invocation":
        """The same with what is not said here taken from ``outer``."""
        return Invocation(
            home_option=self.home_option or outer.home_option,
            key_file=self.key_file or outer.key_file,
            json=self.json or outer.json,
            language=self.language or outer.language,
        )

    @cached_property
    def unlock(self) -> "Unlock":
        """The key file or the passphrase; asks for it on a terminal, once.

        Raises:
            KeyAccessError: none was given, and there is no terminal to ask at.
        """
        return self._given_unlock() or self._asked_passphrase(new=False)

    @cached_property
    def new_unlock(self) -> "Unlock":
        """The same for a home that is being made: a passphrase is asked for twice."""
        return self._given_unlock() or self._asked_passphrase(new=True)

    def role(self) -> "Role":
        """Whose home it is."""
        from miyun.keys.home import read_info

        return read_info(self.home).role

    def party(self, *, verbose: bool = False) -> "Party":
        from miyun.party.facade import Party
        from miyun_cli.logs import log_to_stderr

        log_to_stderr(verbose=verbose)
        return Party.open(self.home, self.unlock)

    def zone(self, *, verbose: bool = False) -> "Zone":
        from miyun.zone.facade import Zone
        from miyun_cli.logs import log_to_stderr

        log_to_stderr(verbose=verbose)
        return Zone.open(self.home, self.unlock)

    def analyst(self) -> "Analyst":
        from miyun.analyst.client import Analyst

        return Analyst.open(self.home, self.unlock)

    def show(self, document: object, for_people: Callable[["Console"], None]) -> None:
        """Print the command's result."""
        if self.json:
            write_json(document)
        else:
            from rich.console import Console

            for_people(Console() if sys.stdout.isatty() else Console(width=FILE_COLUMNS))

    def note(self, line: str) -> None:
        """A line for people beside the result, on standard error."""
        if not self.json:
            typer.echo(line, err=True)

    def ask(self, question: str) -> bool:
        """A yes or no on the terminal; no where there is none."""
        return sys.stdin.isatty() and typer.confirm(question, err=True)

    def _given_unlock(self) -> "Unlock | None":
        from miyun.keys.unlock import KeyFile, unlock_from_environment

        return unlock_from_environment() if self.key_file is None else KeyFile(self.key_file.expanduser())

    def _asked_passphrase(self, *, new: bool) -> "Unlock":
        from miyun.keys.unlock import Passphrase

        if not sys.stdin.isatty():
            raise KeyAccessError(
                "nothing was given to unlock the home",
                hint="Give --key-file, or set MIYUN_KEY_FILE or MIYUN_PASSPHRASE.",
            )
        return Passphrase(typer.prompt("Passphrase", hide_input=True, confirmation_prompt=new, err=True))


def group(purpose: str) -> typer.Typer:
    """A group of commands. Its help is plain text: rich needs longer to start than everything else."""
    return typer.Typer(help=purpose, rich_markup_mode=None)


def command(to: typer.Typer, name: str, function: Callable[..., None]) -> None:
    """Add a command whose function takes the invocation first, then its own arguments and options."""
    own = list(inspect.signature(function).parameters.values())[1:]

    def run(
        context: typer.Context,
        *,
        home: Path | None,
        key_file: Path | None,
        json: bool,
        lang: Language | None,
        **options: object,
    ) -> None:
        said = Invocation(home_option=home, key_file=key_file, json=json, language=lang)
        function(said.or_else(context.ensure_object(Invocation)), **options)

    run.__doc__ = function.__doc__
    run.__signature__ = inspect.Signature([_CONTEXT, *own, *_EVERYWHERE])  # type: ignore[attr-defined]
    to.command(name)(run)


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


_CONTEXT = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
_EVERYWHERE = (
    _keyword("home", HomeOption, None),
    _keyword("key_file", KeyFileOption, None),
    _keyword("json", JsonOption, False),
    _keyword("lang", LanguageOption, None),
)
