"""A zone and two parties in this process, over real TLS on loopback, with every message kept as it was received."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

from google.protobuf.message import Message

from miyun import Party, Zone
from miyun.contract.model import IdentifierTerms
from miyun.keys.create import create_home
from miyun.keys.home import HomeInfo, Role
from miyun.keys.vault import KeyFile
from miyun.records import utc_now
from miyun.transport.join_code import JoinCode
from miyun.zone.config import ZoneConfig, write_config

ZONE, MERCHANT, PLATFORM, CONTRACT = "meeting-place", "teahouse", "chessboard", "spring"


@dataclass
class Wiretap:
    """What each process received, in the clear: protobuf messages, and what a party's sealing key opened."""

    received: dict[str, list[Message]] = field(default_factory=lambda: defaultdict(list))
    opened: dict[bytes, list[bytes]] = field(default_factory=lambda: defaultdict(list))
    """By the public key that it was sealed to."""

    def heard_by(self, name: str, sealing_key: bytes | None = None) -> bytes:
        """All of it, sealed parts as they travelled and, with the key they were sealed to, as they were opened."""
        opened = self.opened[sealing_key] if sealing_key else []
        return b"\n".join([message.SerializeToString() for message in self.received[name]] + opened)


@contextmanager
def meeting(folder: Path, tables: dict[str, str], config: str, **choices: Any) -> Iterator[tuple[Party, Party]]:
    """A zone, and a merchant and a platform under an active contract; ``tables`` are their CSV texts by name."""
    with ExitStack() as stack:
        zone_home = folder / ZONE
        _make(zone_home, ZONE, Role.ZONE, None)
        write_config(zone_home, ZoneConfig(address="127.0.0.1:0", enrolment_address="127.0.0.1:0"))
        zone = stack.enter_context(Zone.open(zone_home, _key(zone_home)))
        zone.start()
        parties = []
        for name, kind in ((MERCHANT, "merchant"), (PLATFORM, "platform")):
            home = folder / name
            _make(home, name, Role.PARTY, kind)
            (home / "table.csv").write_text(tables[name], encoding="utf-8")
            (home / "party.toml").write_text(config, encoding="utf-8")
            party = stack.enter_context(Party.open(home, _key(home)))
            party.join(_code(zone, name))
            parties.append(party)
        merchant, platform = parties
        contract = merchant.contracts.draft(
            PLATFORM,
            id=CONTRACT,
            identifiers=tuple(
                IdentifierTerms(type=type_, profile=profile, evaluation_cap=1_000_000)
                for type_, profile in (("phone", "e164-cn"), ("email", "plain"))
            ),
            expires=utc_now() + timedelta(days=30),
            **{"consent_required": False, "padding_bucket": 1, **choices},
        )
        merchant.contracts.propose(contract)
        for party in parties:
            party.contracts.sign(contract)
        merchant.contracts.activate(CONTRACT)
        yield merchant, platform


@contextmanager
def daemon(party: Party) -> Iterator[None]:
    """The party's agent, running beside."""
    stop = Event()
    thread = Thread(target=party.agent().run, kwargs={"stop": stop}, name=f"agent of {party.name}")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive(), "the agent doesn't stop"


def _make(home: Path, name: str, role: Role, kind: str | None) -> None:
    info = HomeInfo(name=name, role=role, kind=kind, organisation=f"{name} Ltd", created=utc_now())
    create_home(home, info, _key(home))


def _key(home: Path) -> KeyFile:
    return KeyFile(home.with_suffix(".key"))


def _code(zone: Zone, name: str) -> str:
    code: JoinCode = zone.invite(Role.PARTY, name)
    return code.encode()
