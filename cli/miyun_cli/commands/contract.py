"""``miyun contract``: agreeing on who may learn what."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miyun_cli.arguments import ContractArgument, in_utc, read_document
from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import plain, show_fields, show_table

if TYPE_CHECKING:
    from rich.console import Console

    from miyun.contract.model import Contract
    from miyun.party.contracts import ContractInfo

ComparedOption = Annotated[
    bool, typer.Option("--compared", help="The fingerprints were compared over another way than the zone.")
]
DocumentArgument = Annotated[str, typer.Argument(help="The contract's id, or a file with a draft.")]


def add_to(app: typer.Typer) -> None:
    from miyun_cli.commands.drafting import draft

    contract = group("Agree on who may learn what.")
    app.add_typer(contract, name="contract")
    command(contract, "draft", draft)
    command(contract, "statement", statement)
    command(contract, "propose", propose)
    command(contract, "list", list_)
    command(contract, "show", show)
    command(contract, "sign", sign)
    command(contract, "activate", activate)
    command(contract, "revoke", revoke)
    command(contract, "delegate", delegate)


def statement(invocation: Invocation, contract: DocumentArgument) -> None:
    """Print who will learn what, in plain words."""
    from miyun.contract.leakage import leakage, render

    document = _document(invocation, contract)
    lines, language = leakage(document), invocation.language or "en"
    plain_lines = [
        {
            "who": line.who,
            "name": line.name.in_language(language),
            "learns": line.learns.in_language(language),
            "when": line.when.in_language(language),
            "clause": line.clause,
            "loud": line.loud,
        }
        for line in lines
    ]
    invocation.show(
        {"contract": document.id, "lines": plain_lines}, lambda _: typer.echo(render(lines, language), nl=False)
    )


def propose(
    invocation: Invocation, file: Annotated[Path, typer.Argument(help="The draft, YAML or JSON.", dir_okay=False)]
) -> None:
    """Lay a draft before the zone, for both to sign."""
    document = read_document(file)
    with invocation.party() as party:
        _show_info(invocation, party.contracts.propose(document))


def list_(invocation: Invocation) -> None:
    """List the contracts that this party is named in."""
    with invocation.party() as party:
        infos = party.contracts.list()
    invocation.show(
        [_summary(info) for info in infos],
        lambda console: show_table(
            console,
            ("contract", "state", "parties", "signed by", "expires"),
            (
                (
                    info.contract.id,
                    info.state,
                    [party.name for party in info.contract.parties],
                    info.signers,
                    info.contract.expires,
                )
                for info in infos
            ),
            empty="This party is named in no contract.",
        ),
    )


def show(invocation: Invocation, contract: ContractArgument) -> None:
    """Show a contract, who signed it, and every fingerprint."""
    with invocation.party() as party:
        _show_info(invocation, party.contracts.get(contract), whole=True)


def sign(invocation: Invocation, contract: ContractArgument, *, compared: ComparedOption = False) -> None:
    """Read who will learn what, compare keys, and sign.

    From then on this party's agent acts on the contract while it is in force.
    """
    with invocation.party() as party:
        document = party.contracts.get(contract).contract
        if not invocation.json:
            typer.echo(party.contracts.leakage(document, invocation.language or "en"))
        _require_compared(invocation, fingerprints(document), compared=compared)
        _show_info(invocation, party.contracts.sign(document))


def activate(invocation: Invocation, contract: ContractArgument) -> None:
    """Put a contract into force that both parties have signed."""
    with invocation.party() as party:
        _show_info(invocation, party.contracts.activate(contract))


def revoke(
    invocation: Invocation,
    contract: ContractArgument,
    *,
    reason: Annotated[str, typer.Option("--reason", help="For the other party and the records.")] = "",
) -> None:
    """End a contract at once and for good."""
    with invocation.party() as party:
        _show_info(invocation, party.contracts.revoke(contract, reason))


def delegate(
    invocation: Invocation,
    contract: ContractArgument,
    *,
    analyst: Annotated[str, typer.Option("--analyst", help="Who may ask for sizes on this party's behalf.")],
    expires: Annotated[datetime | None, typer.Option("--expires", help="UTC; else when the contract ends.")] = None,
    compared: ComparedOption = False,
) -> None:
    """Let an analyst ask for the sizes that this party may ask for."""
    from miyun.keys.fingerprint import key_fingerprint

    with invocation.party() as party:
        identity = party.contracts.identity(analyst)
        prints = {identity.name: key_fingerprint(identity.signing_key, identity.sealing_key)}
        _require_compared(invocation, prints, compared=compared)
        delegation = party.contracts.delegate(contract, identity, expires=in_utc(expires) if expires else None)
    invocation.show(
        {"contract": contract, "party": delegation.party, "analyst": analyst, "expires": delegation.expires},
        lambda console: show_fields(console, {"analyst": analyst, "may ask for sizes until": delegation.expires}),
    )


def fingerprints(contract: "Contract") -> dict[str, str]:
    """The fingerprint of everybody whose keys the contract pins, by name."""
    from miyun.keys.fingerprint import key_fingerprint

    prints = {party.name: key_fingerprint(party.signing_key, party.sealing_key) for party in contract.parties}
    return prints | {contract.zone.name: key_fingerprint(contract.zone.signing_key, None)}


def _require_compared(invocation: Invocation, prints: Mapping[str, str], *, compared: bool) -> None:
    from miyun.errors import InputError

    invocation.note("Fingerprints:")
    for name, fingerprint in prints.items():
        invocation.note(f"  {name:<20} {fingerprint}")
    question = "Have you compared each with its owner, over another way than the zone (a call, in person)?"
    if not compared and not invocation.ask(question):
        raise InputError(
            "nothing was signed: the fingerprints have not been compared",
            hint="Have everybody read theirs to you (miyun identity), then confirm, or give --compared.",
        )


def _document(invocation: Invocation, contract: str) -> "Contract":
    if Path(contract).suffix in {".yaml", ".yml", ".json"}:
        return read_document(Path(contract))
    with invocation.party() as party:
        return party.contracts.get(contract).contract


def _summary(info: "ContractInfo") -> dict[str, object]:
    return {
        "id": info.contract.id,
        "state": info.state,
        "parties": [party.name for party in info.contract.parties],
        "zone": info.contract.zone.name,
        "signers": info.signers,
        "accepted": info.accepted,
        "starts": info.contract.starts,
        "expires": info.contract.expires,
        "digest": info.contract.digest(),
        "fingerprints": fingerprints(info.contract),
    }


def _show_info(invocation: Invocation, info: "ContractInfo", *, whole: bool = False) -> None:
    from miyun.contract.document import to_yaml

    def for_people(console: "Console") -> None:
        fields: dict[str, object] = {
            "contract": info.contract.id,
            "state": info.state,
            "signed by": info.signers,
            "starts": info.contract.starts,
            "expires": info.contract.expires,
            "digest": info.contract.digest().hex(),
        }
        prints = fingerprints(info.contract)
        show_fields(console, fields | {f"fingerprint of {name}": print_ for name, print_ in prints.items()})
        if whole:
            typer.echo("\n" + to_yaml(info.contract), nl=False)

    document = _summary(info)
    if whole:
        document["document"] = plain(info.contract.to_plain())
    invocation.show(document, for_people)
