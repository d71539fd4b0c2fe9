"""Arguments that several commands share, and how they are read."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from miyun.contract.model import Contract

ContractArgument = Annotated[str, typer.Argument(help="The contract's id.")]
SegmentArgument = Annotated[str, typer.Argument(help="The segment's name.")]
TimeoutOption = Annotated[float | None, typer.Option("--timeout", min=0, help="Seconds; no end if left out.")]
LimitOption = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many; all if left out.")]
AfterOption = Annotated[str, typer.Option("--after", help="Begin after this name: the last of the page before.")]
UniverseOption = Annotated[
    Literal["matched", "platform"],
    typer.Option("--universe", help="What it selects from: matched rows, or all the platform's, matched or not."),
]


def in_utc(moment: datetime) -> datetime:
    """A time from the command line, where one without a zone is in UTC."""
    return moment.replace(tzinfo=moment.tzinfo or UTC)


def read_document(path: Path) -> "Contract":
    """A contract from a file.

    Raises:
        InputError: the file can't be read.
        ContractError: it is no contract; the clause is in the error.
    """
    from miyun.contract.document import parse_contract
    from miyun.errors import InputError

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"{path} can't be read: {reason}", hint="Give a YAML or JSON file in UTF-8.") from None
    return parse_contract(text)
