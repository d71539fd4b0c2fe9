"""``miyun pair``: ids that a publisher and an advertiser may match and bid with, from the party's own keys."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miyun.errors import InputError
from miyun_cli.commands import pair_checks
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import plain, show_fields, show_table
from miyun_cli.watching import counted

if TYPE_CHECKING:
    from datetime import date

    from rich.console import Console

    from miyun.pair.keyset import KeySet
    from miyun.pair.salts import SealedSalt

NameArgument = Annotated[str, typer.Argument(help="The name of the keys.")]
SaltOption = Annotated[
    Path | None,
    typer.Option("--salt", metavar="FILE", dir_okay=False, help="What the publisher's pair keys share wrote."),
]
ContractOption = Annotated[
    str, typer.Option("--contract", help="The contract with the publisher, whose keys have to have signed the salt.")
]
OwnerOption = Annotated[str, typer.Option("--matcher", help="The publisher's OWNERDOMAIN in ads.txt.")]


def add_to(app: typer.Typer) -> None:
    pair = group("PAIR ids (IAB Tech Lab): own keys, ids, checks.")
    app.add_typer(pair, name="pair")
    keys = group("The party's own salts and keys.")
    pair.add_typer(keys, name="keys")
    command(keys, "create", create)
    command(keys, "rotate", rotate)
    command(keys, "share", share)
    command(keys, "list", list_)
    command(pair, "ids", ids)
    command(pair, "eids", eids)
    pair_checks.add_to(pair)


def create(
    invocation: Invocation, name: NameArgument, *, salt: SaltOption = None, contract: ContractOption = ""
) -> None:
    """Make keys: a publisher's, or with --salt an advertiser's."""
    sealed = _read_salt(salt, contract)
    with invocation.party() as party:
        made = party.pair.create(name) if sealed is None else party.pair.create_with(name, contract, sealed)
        _show_keys(invocation, made, party.pair.today())


def rotate(
    invocation: Invocation,
    name: NameArgument,
    *,
    salt: SaltOption = None,
    contract: ContractOption = "",
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Something has leaked: use nothing of before any more, from now on.")
    ] = False,
) -> None:
    """Prepare the next generation, if it is time; run it daily.

    A publisher draws a salt, every sixth time a key as well. An advertiser takes the publisher's salt with --salt.
    """
    sealed = _read_salt(salt, contract)
    if withdraw and sealed is not None:
        raise InputError(
            "--withdraw and --salt don't go together",
            hint="A salt that replaces leaked ones says so itself; for a leaked key of your own give --withdraw alone.",
        )
    with invocation.party() as party:
        if withdraw:
            after = party.pair.withdraw(name)
        elif sealed is not None:
            after = party.pair.rotate_with(name, contract, sealed)
        else:
            after = party.pair.rotate(name)
        _show_keys(invocation, after, party.pair.today())


def share(
    invocation: Invocation,
    name: NameArgument,
    *,
    contract: Annotated[str, typer.Option("--contract", help="The contract with the advertiser.")],
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="Write the sealed salt here.")],
    generation: Annotated[int, typer.Option("--generation", min=0, help="0: the newest.")] = 0,
) -> None:
    """Seal a publisher's salt to the advertiser of a contract."""
    from miyun.keys.files import write_private

    with invocation.party() as party:
        sealed = party.pair.share(name, contract, generation)
    try:
        write_private(out, sealed.canonical_bytes())
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror}", hint="Write it into another folder.") from None
    grant = sealed.grant
    invocation.show(
        {"advertiser": grant.advertiser, "salt": grant.number, "since": str(grant.since), "file": out},
        lambda console: show_fields(
            console, {"for": grant.advertiser, "salt": grant.number, "from": str(grant.since), "file": out}
        ),
    )


def list_(invocation: Invocation) -> None:
    """List the keys, and which generations are in force."""
    with invocation.party() as party:
        found, today = party.pair.keys.list(), party.pair.today()
    invocation.show(
        [_document(keys, today) for keys in found],
        lambda console: show_table(
            console,
            ("name", "side", "publisher", *_HEADS),
            ((keys.name, keys.side, keys.publisher, *row) for keys in found for row in _rows(keys, today)),
            empty="This party has no PAIR keys.",
        ),
    )


def ids(
    invocation: Invocation,
    name: NameArgument,
    file: Annotated[Path, typer.Argument(help="CSV or Parquet.", dir_okay=False)],
    *,
    column: Annotated[str, typer.Option("--column", help="The column with addresses, or hashes of them.")],
    out: Annotated[Path, typer.Option("--out", help="Write here: .csv or .parquet.", dir_okay=False)],
    label: Annotated[str, typer.Option("--label", help="The column to stand beside an id, else the address.")] = "",
    profile: Annotated[
        str, typer.Option("--profile", help="pair for emails, e164 or e164-cn for phones, sha256 for hashes.")
    ] = "pair",
) -> None:
    """Turn a file of addresses into a file of ids.

    In an overlap everybody has two ids. Give no addresses of people who did not consent or have opted out.
    """
    with invocation.party() as party, counted(invocation, "making ids") as on_progress:
        report = party.pair.write_ids(
            name,
            file,
            out,
            column=column,
            label=label,
            profile=profile,
            on_progress=lambda done, total: on_progress(done, total or 0),
        )
    invocation.show(
        report,
        lambda console: show_fields(
            console,
            {
                "rows read": report.rows,
                "with an address": report.used,
                "ids": report.ids,
                "of generations": report.generations,
                "not used": [f"{count:,} {reason}" for reason, count in report.rejected.items()],
                "file": report.file,
                "quarantine file": report.quarantine,
            },
        ),
    )


def eids(
    invocation: Invocation,
    id_: Annotated[list[str], typer.Argument(metavar="ID...", help="One person's ids, the newest first.")],
    *,
    inserter: Annotated[str, typer.Option("--inserter", help="The domain of the site or the app's developer.")] = "",
    matcher: OwnerOption = "",
    prebid: Annotated[
        bool, typer.Option("--prebid", help="The value of pairId in a browser's storage instead.")
    ] = False,
) -> None:
    """Print what a bid request carries for one person."""
    import json

    from miyun.pair.eids import STORAGE_KEY, stored, user_eids
    from miyun.pair.ids import PublisherIds

    decoded = PublisherIds.decode(id_)
    if prebid:
        value = stored(decoded)
        invocation.show({STORAGE_KEY: value}, lambda _: typer.echo(value))
        return
    request = user_eids(decoded, inserter=inserter, matcher=matcher)
    invocation.show(request, lambda _: typer.echo(json.dumps(request, indent=2)))


_HEADS = ("generation", "salt", "key", "standing", "from", "matches until", "ids until")


def _rows(keys: "KeySet", today: "date") -> list[tuple[object, ...]]:
    return [
        (
            one.number,
            one.salt,
            one.key,
            keys.standing(one, today),
            str(one.since),
            str(keys.current_until(one)),
            str(keys.in_force_until(one)),
        )
        for one in reversed(keys.generations)
    ]


def _document(keys: "KeySet", today: "date") -> dict[str, object]:
    names = [head.replace(" ", "_") for head in _HEADS]
    return {
        "name": keys.name,
        "side": keys.side,
        "publisher": keys.publisher,
        "due": str(keys.due(keys.newest)),
        "generations": [dict(zip(names, row, strict=True)) for row in _rows(keys, today)],
    }


def _show_keys(invocation: Invocation, keys: "KeySet", today: "date") -> None:
    def for_people(console: "Console") -> None:
        due = str(keys.due(keys.newest))
        show_fields(console, {"keys": keys.name, "side": keys.side, "publisher": keys.publisher, "next due": due})
        show_table(console, _HEADS, _rows(keys, today), empty="")

    invocation.show(plain(_document(keys, today)), for_people)


def _read_salt(path: Path | None, contract: str) -> "SealedSalt | None":
    from miyun.pair.salts import SealedSalt

    if path is None and not contract:
        return None
    if path is None or not contract:
        raise InputError("--salt and --contract go together", hint="Give both for an advertiser's keys, else none.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}", hint="Give the file from the publisher.") from None
    return SealedSalt.from_canonical(data)
