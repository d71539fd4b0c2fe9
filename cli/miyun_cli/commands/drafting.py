"""``miyun contract draft``: a first version to read and edit."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from miyun_cli.arguments import in_utc
from miyun_cli.invocation import Invocation

if TYPE_CHECKING:
    from miyun.contract.model import Channel, IdentifierTerms
    from miyun.party.contracts import DraftChoices
    from miyun.party.facade import Party


def draft(
    invocation: Invocation,
    contract: Annotated[str, typer.Argument(help="The id of the new contract.")],
    *,
    with_: Annotated[str, typer.Option("--with", help="The other party's name at the zone.")],
    expires: Annotated[datetime, typer.Option("--expires", help="UTC.")],
    starts: Annotated[datetime | None, typer.Option("--starts", help="UTC; now if left out.")] = None,
    identifier: Annotated[
        list[str] | None,
        typer.Option(
            "--identifier",
            metavar="TYPE:PROFILE[:CAP]",
            help="In priority order; all that party.toml configures if left out.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="A merchant's column that the platform may reach by segments.")
    ] = None,
    insight: Annotated[
        list[str] | None,
        typer.Option(
            "--insight",
            metavar="SUBJECT",
            help="What the other party than its owner may have noised totals of: tags, tags.tea, members.spend; "
            "matched: its own columns, over the match.",
        ),
    ] = None,
    lookalikes: Annotated[
        bool,
        typer.Option("--lookalikes", help="The platform may have weights of the match and of each --column."),
    ] = False,
    exact_size: Annotated[
        list[str] | None,
        typer.Option(
            "--exact-size",
            metavar="PARTY[:SUBJECT]",
            help="Who may learn exact sizes of intersections, without noise: shop; of rows cut by a column of the "
            "other party: shop:tags.tea.",
        ),
    ] = None,
    channel: Annotated[
        list[str] | None,
        typer.Option(
            "--channel",
            metavar="NAME:DOMAIN:PARTY[:THIRD_PARTY]",
            help="A way out; one per party if left out. A third party gets identifiers through it, hashed.",
        ),
    ] = None,
    location: Annotated[
        list[str] | None,
        typer.Option(
            "--location",
            metavar="COLUMN",
            help="A column with places, as tags.home, by which the other party may select who is near points.",
        ),
    ] = None,
    disclose: Annotated[
        list[str] | None,
        typer.Option(
            "--disclose",
            metavar="SUBJECT",
            help="What may go on to the third parties of channels: matched, members.spend, tags.tea.",
        ),
    ] = None,
    purpose: Annotated[list[str] | None, typer.Option("--purpose", help="What members consented to.")] = None,
    consent: Annotated[bool, typer.Option("--consent/--no-consent", help="Send only members who consented.")] = True,
    padding: Annotated[int, typer.Option("--padding", min=1, help="Round row counts up to a multiple.")] = 1_000,
    deltas: Annotated[
        int, typer.Option("--deltas", min=0, help="Rows of a delta, rounded up to a multiple of this. 0: no deltas.")
    ] = 0,
    legs: Annotated[int, typer.Option("--legs", min=1, help="Predicates of one party per epoch.")] = 16,
    retention_days: Annotated[int, typer.Option("--retention-days", min=1, help="At the zone.")] = 30,
    out: Annotated[Path | None, typer.Option("--out", help="Write the draft here.", dir_okay=False)] = None,
) -> None:
    """Draft a contract as YAML, to read and edit. Nothing is sent."""
    from miyun.contract.document import to_yaml

    choices: DraftChoices = {
        "starts": in_utc(starts) if starts else None,
        "columns": tuple(column or ()),
        "insights": tuple(insight or ()),
        "lookalikes": lookalikes,
        "exact_sizes": tuple(map(_exact_size, exact_size or ())),
        "disclosures": tuple(disclose or ()),
        "locations": tuple(location or ()),
        "channels": [_channel(text) for text in channel] if channel else None,
        "consent_required": consent,
        "padding_bucket": padding,
        "delta_bucket": deltas,
        "legs_per_epoch": legs,
        "retention_days": retention_days,
    }
    if purpose:
        choices["purposes"] = tuple(purpose)
    with invocation.party() as party:
        document = party.contracts.draft(
            with_, id=contract, identifiers=_identifiers(party, identifier), expires=in_utc(expires), **choices
        )
    text = to_yaml(document)
    if out is not None:
        out.write_text(text, encoding="utf-8")
    invocation.show(
        document.to_plain(), lambda _: typer.echo(text, nl=False) if out is None else typer.echo(f"Drafted {out}.")
    )


def _identifiers(party: "Party", given: Sequence[str] | None) -> list["IdentifierTerms"]:
    from miyun.contract.draft import DEFAULT_EVALUATION_CAP
    from miyun.contract.model import IdentifierTerms
    from miyun.errors import InputError

    if not given:
        configured = party.members.config().identifiers
        given = [f"{type_}:{column.profile}" for type_, column in configured.items()]
    terms = []
    for text in given:
        type_, profile, cap, *rest = [*text.split(":"), "", ""]
        if not type_ or not profile or any(rest[:-1]) or (cap and not cap.isdecimal()):
            raise InputError(
                f"--identifier {text} can't be read", hint="Write it as phone:e164-cn or phone:e164-cn:1000000."
            )
        terms.append(IdentifierTerms(type=type_, profile=profile, evaluation_cap=int(cap or DEFAULT_EVALUATION_CAP)))
    return terms


def _exact_size(text: str) -> tuple[str, str]:
    from miyun.contract.model import MATCHED

    party, _, subject = text.partition(":")
    return party, subject or MATCHED


def _channel(text: str) -> "Channel":
    from miyun.contract.model import Channel, Domain
    from miyun.errors import InputError

    try:
        name, domain, recipient, *third = text.split(":")
        [third_party] = third or [""]
        return Channel(name=name, domain=Domain(domain), recipient=recipient, third_party=third_party)
    except ValueError:
        raise InputError(
            f"--channel {text} can't be read",
            hint="Write it as messages:private:shop, ads:public:platform or search:public:shop:google.",
        ) from None
