"""Where the audiences of each channel go: the plug-in, its configuration, and what it is given."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from miyun.contract.model import Contract
from miyun.destinations.batches import Order
from miyun.destinations.file import FileConfig, FileDestination, FolderConfig
from miyun.destinations.plugin import Context, Destination, DestinationConfig
from miyun.destinations.registry import Kind, read_destination
from miyun.destinations.secrets import SecretStore
from miyun.errors import ConfigError, NotPermittedError
from miyun.members.config import load_members_config
from miyun.party.session import Session

WORK_FOLDER = "deliveries"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlan:
    """``configured``: party.toml has a table for the channel; else it is a file in the outbox."""

    channel: str
    plugin: Kind
    config: DestinationConfig
    configured: bool


def plan_of(session: Session, channel: str) -> ChannelPlan:
    """Where this party's configuration sends a channel.

    Raises:
        ConfigError: its table can't be used; the message names the setting.
    """
    table = session.config.destinations.get(channel)
    if table is None:
        config = FileConfig(format=session.config.outbox.format)
        return ChannelPlan(channel=channel, plugin=FileDestination, config=config, configured=False)
    plugin, configured = read_destination(channel, table)
    return ChannelPlan(channel=channel, plugin=plugin, config=configured, configured=True)


def open_destination(session: Session, plan: ChannelPlan, order: Order) -> Destination[Any]:
    """The receiver of one delivery, its configuration and credentials looked at; nothing is asked outside.

    Raises:
        ConfigError: a credential is missing, or a setting can't work.
        NotPermittedError: it would disclose to a third party that the contract's channel does not name.
    """
    _require_named(session.accepted.get(order.contract).contract, plan)
    return _opened(session, plan, order)


def open_rehearsal(session: Session, channel: str) -> tuple[ChannelPlan, Destination[Any]]:
    """The receiver of a channel, for everything but a delivery; no contract has to have the channel yet.

    Raises:
        ConfigError: its table can't be used, a credential is missing, or a setting can't work.
        NotPermittedError: a contract that is not over has the channel and does not name the third party.
    """
    plan, now = plan_of(session, channel), session.now()
    for contract in session.accepted.ids():
        terms = session.accepted.get(contract).contract
        if channel in {one.name for one in terms.channels} and not session.accepted.over(contract, now):
            _require_named(terms, plan)
    _require_fields(session, plan)
    return plan, _opened(session, plan, example_order("example", channel))


def _require_named(contract: Contract, plan: ChannelPlan) -> None:
    """Pass where the plug-in discloses to nobody, or to the third party that the contract's channel names."""
    third_party = plan.plugin.discloses_to(plan.config)
    named = {channel.name: channel.third_party for channel in contract.channels}.get(plan.channel, "")
    if third_party not in {"", named}:
        raise NotPermittedError(
            f"the channel “{plan.channel}” of contract {contract.id} names {named or 'no third party'}, and "
            f"{plan.plugin.kind} discloses to {third_party}",
            hint="Send this channel elsewhere, or make a contract whose channel names the third party.",
            clause="channels",
        )


def _opened(session: Session, plan: ChannelPlan, order: Order) -> Destination[Any]:
    secrets = SecretStore(session.home.vault)
    for name in plan.config.credentials():
        secrets.get(name)
    destination = plan.plugin(plan.config, _context(session, order, plan.config, secrets))
    destination.validate()
    return destination


def work_folder(session: Session, order: Order) -> Path:
    """What a delivery keeps on disk while it is under way."""
    return session.home.path / WORK_FOLDER / f"{order.contract}.{order.job}"


def report_path(session: Session, order: Order) -> Path:
    """The file with every refused row of a delivery, and why."""
    return session.home.path / WORK_FOLDER / f"{order.contract}.{order.job}.refused.csv"


def require_possible(session: Session, contract: str, channel: str) -> None:
    """Raises: ConfigError, NotPermittedError: a delivery to this channel would fail before its first row."""
    plan = plan_of(session, channel)
    open_destination(session, plan, example_order(contract, channel)).close()
    _require_fields(session, plan)


def _require_fields(session: Session, plan: ChannelPlan) -> None:
    members = load_members_config(session.config_path)
    for field in plan.config.fields.values():
        field.columns(members)


def example_order(contract: str, channel: str) -> Order:
    """One of nobody."""
    return Order(
        contract=contract,
        job="example",
        segment="example",
        version=1,
        channel=channel,
        ends=datetime.max.replace(tzinfo=UTC),
    )


def _context(session: Session, order: Order, config: DestinationConfig, secrets: SecretStore) -> Context:
    members = load_members_config(session.config_path)
    folder = config.folder if isinstance(config, FolderConfig) and config.folder else session.config.outbox.folder
    id_name = config.id_name or members.id
    if id_name in config.fields:
        raise ConfigError(
            f"[destinations.{order.channel}] the id and a field are both called {id_name!r}",
            hint="Rename the field, or name the id differently with id_name.",
        )
    return Context(
        order=order,
        home=session.home,
        id_name=id_name,
        folder=session.home.path / folder.expanduser(),
        work=work_folder(session, order),
        secrets=secrets,
        now=session.now,
    )
