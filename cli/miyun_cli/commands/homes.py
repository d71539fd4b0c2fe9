"""``miyun init``, ``join`` and ``identity``: a home and who it is."""

import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from miyun_cli.invocation import Invocation, command, group
from miyun_cli.output import show_fields

if TYPE_CHECKING:
    from rich.console import Console

    from miyun.keys.home import Home

PARTY_TEMPLATE = """\
## Copy this file to party.toml; take the # from what you need, and adapt it.
#
## Where the member table is and what its columns mean. A platform's members are its users.
#
# [members]
# source = "csv"                      # csv, parquet or sql (with url and query instead of path)
# path = "members.csv"                # relative to this file
# id = "member_id"                    # the column with the unique member id
#
# [members.identifiers.phone]
# column = "mobile"
# profile = "e164-cn"
#
# [members.attributes.spend_90d]      # members.spend_90d in expressions; of a platform, tags.spend_90d
# type = "number"                     # number, text, boolean, date or location
#                                     # A range is given with the question: --number spend_90d:0:5000:0.01
#
# [members.attributes.opted_out]
# type = "boolean"
#
# [members.attributes.home]           # a place, for segments near points
# type = "location"
# latitude = "home_lat"
# longitude = "home_lon"
# datum = "gcj-02"                    # wgs-84 (GPS), gcj-02 (AMap, Tencent) or bd-09 (Baidu)
#
# [members.consent]
# column = "consent"
# accepted = ["yes"]
#
# [suppression]
# attribute = "opted_out"             # never contact members where it is true
#
# [suppression.lists.do-not-contact]  # further lists by name
# file = "do-not-contact.csv"         # people by id or by identifier types
#
## What a platform knows beside columns: a row for each user and tag.
#
# [tags]
# source = "csv"                      # as in [members]
# path = "tags.csv"
# id = "member_id"                    # the same ids as in [members]
# tag = "tag"                         # the column with the tag's id
# value = "value"                     # the column with the option or the number; leave it out if there are only flags
# catalogue = "catalogue.csv"         # what the tags mean; columns id,name,parent,type,options,range,sensitive:
#                                     #   gender,Gender,,option,female|male,,
#                                     #   age,Age,,number,,0..120,     numbers outside of the range are not used
#                                     #   tea,Likes tea,,flag,,,
#                                     #   health,Health,,group,,,yes   and everything below it
#
## What the tags of other parties mean: the files that they gave, by the party's name. See miyun catalogue.
#
# [catalogues]
# app = "app-catalogue.csv"
#
# [privacy]
# total_rho_micro = 1000000           # what all contracts together may be charged, in millionths of rho
#
# [outbox]
# folder = "outbox"                   # where audiences are delivered
# format = "csv"                      # or parquet
#
## Where the audiences of a channel go, instead of a file in the outbox. See docs/destinations.md.
#
# [destinations.member-messages]
# kind = "webhook"                    # file, webhook or postgres
# url = "https://messages.example.com/audiences"
# signing_secret = "messages"         # its value: miyun secret set messages
# frequency_cap = { deliveries = 2, days = 7 }
# fields = { phone = { identifier = "phone" } }
#
## Refresh a contract by itself, while the agent runs: only what changed in the table. See docs/operations.md.
#
# [refresh.spring]
# every_days = 7
# most_lost_percent = 20              # a run that finds more members lost stops, and a person is to look
#
# [agent]
# workers = 4                         # tasks at once
# patience_seconds = 60               # how long --once waits for the other side without any progress
"""

NameOption = Annotated[str, typer.Option("--name", help="Small letters, digits and hyphens.")]
OrganisationOption = Annotated[str, typer.Option("--organisation", help="Who operates this process.")]


def add_to(app: typer.Typer) -> None:
    init = group("Make a home with keys of its own.")
    app.add_typer(init, name="init")
    command(init, "party", init_party)
    command(init, "zone", init_zone)
    command(init, "analyst", init_analyst)
    command(app, "join", join)
    command(app, "identity", identity)


def init_party(
    invocation: Invocation,
    *,
    name: NameOption,
    organisation: OrganisationOption,
    kind: Annotated[Literal["merchant", "platform"], typer.Option("--kind", help="What this party is.")],
) -> None:
    """Make the home of a party."""
    from miyun.keys.files import write_private

    home = _create(invocation, role="party", name=name, organisation=organisation, kind=kind)
    write_private(home.path / "party.example.toml", PARTY_TEMPLATE.encode())
    _show_identity(invocation, home)


def init_zone(
    invocation: Invocation,
    *,
    name: NameOption,
    organisation: OrganisationOption,
    address: Annotated[str, typer.Option("--address", help="host:port that parties dial.")],
    enrolment_address: Annotated[
        str, typer.Option("--enrolment-address", help="host:port that newcomers dial to enrol.")
    ],
    listen: Annotated[str, typer.Option("--listen", help="host:port to bind, where it differs.")] = "",
    enrolment_listen: Annotated[
        str, typer.Option("--enrolment-listen", help="host:port to bind for newcomers, where it differs.")
    ] = "",
    database: Annotated[
        str, typer.Option("--database", help="URL of the state: SQLite in the home, or postgresql+psycopg://…")
    ] = "sqlite:///zone.sqlite",
) -> None:
    """Make the home of a zone."""
    from pydantic import ValidationError

    from miyun.errors import ConfigError
    from miyun.zone.config import ZoneConfig, write_config

    try:
        config = ZoneConfig(
            address=address,
            enrolment_address=enrolment_address,
            listen=listen,
            enrolment_listen=enrolment_listen,
            database=database,
        )
    except ValidationError as error:
        option = str(error.errors()[0]["loc"][0]).replace("_", "-")
        raise ConfigError(f"--{option} is not host:port", hint="Write for example 127.0.0.1:7443.") from None
    home = _create(invocation, role="zone", name=name, organisation=organisation, kind=None)
    write_config(home.path, config)
    _show_identity(invocation, home)


def init_analyst(invocation: Invocation, *, name: NameOption, organisation: OrganisationOption) -> None:
    """Make the home of an analyst."""
    _show_identity(invocation, _create(invocation, role="analyst", name=name, organisation=organisation, kind=None))


def join(
    invocation: Invocation,
    code: Annotated[str, typer.Argument(help="The join code from the zone's operator; - reads it from the input.")],
) -> None:
    """Enrol this home with a zone."""
    from miyun.errors import InputError
    from miyun.keys.home import Home, Role
    from miyun.transport.enrol import enrol
    from miyun.transport.join_code import JoinCode

    word = sys.stdin.read() if code == "-" else code
    home = Home.open(invocation.home, invocation.unlock)
    if home.info.role is Role.ZONE:
        raise InputError("a zone joins no zone", hint="Give the home of a party or an analyst with --home.")
    enrol(home, JoinCode.decode(word))
    _show_identity(invocation, home)


def identity(invocation: Invocation) -> None:
    """Show who this home is, and its fingerprint."""
    from miyun.keys.home import Home

    _show_identity(invocation, Home.open(invocation.home, invocation.unlock))


def _create(invocation: Invocation, *, role: str, name: str, organisation: str, kind: str | None) -> "Home":
    from miyun.keys.create import create_home
    from miyun.keys.home import HomeInfo, Role
    from miyun.records import utc_now

    info = HomeInfo(name=name, role=Role(role), kind=kind, organisation=organisation, created=utc_now())
    return create_home(invocation.home, info, invocation.new_unlock)


def _show_identity(invocation: Invocation, home: "Home") -> None:
    from miyun.keys.fingerprint import key_fingerprint
    from miyun.keys.home import ZONE_FILE

    who = home.identity()[0]
    fields: dict[str, object] = {
        "name": who.name,
        "role": who.role,
        "kind": who.kind,
        "organisation": who.organisation,
        "fingerprint": key_fingerprint(who.signing_key, who.sealing_key),
        "home": home.path,
    }
    zone: dict[str, object] = {}
    if (home.path / ZONE_FILE).exists():
        link = home.zone_link()
        zone = {
            "name": link.zone.name,
            "organisation": link.zone.organisation,
            "fingerprint": key_fingerprint(link.zone.signing_key, link.zone.sealing_key),
            "address": link.address,
        }

    def for_people(console: "Console") -> None:
        show_fields(console, fields | {f"zone {name}": value for name, value in zone.items()})

    invocation.show(fields | {"zone": zone or None}, for_people)
