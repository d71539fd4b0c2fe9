"""A zone's authority and servers on loopback, and homes that have joined it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from miyun.keys.create import create_home
from miyun.keys.home import Home, HomeInfo, Role, ZoneLink
from miyun.keys.vault import KeyFile
from miyun.transport.channel import RETRIES
from miyun.transport.server import Server
from miyun.transport.tls import Authority, make_request

CREATED = datetime(2026, 1, 1, tzinfo=UTC)
MakeHome = Callable[..., Home]


@pytest.fixture(scope="session")
def make_home(tmp_path_factory: pytest.TempPathFactory) -> MakeHome:
    folder = tmp_path_factory.mktemp("homes")

    def make(name: str, role: Role) -> Home:
        kind = "merchant" if role is Role.PARTY else None
        info = HomeInfo(name=name, role=role, kind=kind, organisation="Organisation", created=CREATED)
        path = Path(folder / f"{len(list(folder.iterdir()))}-{name}")
        return create_home(path, info, KeyFile(folder / "key"))

    return make


@dataclass
class ZoneSide:
    """A zone's home and authority, which admits homes without the enrolment port."""

    home: Home
    authority: Authority

    def admit(self, home: Home, address: str) -> None:
        certificate = self.authority.issue_client(make_request(home), home.info.role, home.info.name)
        identity, signature = self.home.identity()
        home.write_tls(home.authority_path, self.authority.certificate_pem)
        home.write_tls(home.certificate_path, certificate)
        home.write_zone_link(ZoneLink(address=address, zone=identity, signature=signature))


@pytest.fixture(scope="session")
def zone(make_home: MakeHome) -> ZoneSide:
    home = make_home("zone", Role.ZONE)
    return ZoneSide(home, Authority.create(home))


@pytest.fixture(scope="session")
def party_home(make_home: MakeHome) -> Home:
    return make_home("tea-shop", Role.PARTY)


@pytest.fixture(scope="session")
def analyst_home(make_home: MakeHome) -> Home:
    return make_home("lab", Role.ANALYST)


Serve = Callable[..., str]


@pytest.fixture
def serve(zone: ZoneSide) -> Iterator[Serve]:
    """Start a server with these (add function, servicer) pairs; returns its address."""
    servers: list[Server] = []

    def start(*services: tuple[Callable[[Any, Any], None], object], side: ZoneSide = zone) -> str:
        server = Server(side.home, side.authority, "127.0.0.1:0", workers=4)
        for add, servicer in services:
            server.add_service(add, servicer)
        servers.append(server)
        return f"127.0.0.1:{server.start()}"

    yield start
    for server in servers:
        server.stop(0)


@pytest.fixture(autouse=True)
def _quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    policy: Any = RETRIES["methodConfig"][0]["retryPolicy"]
    monkeypatch.setitem(policy, "initialBackoff", "0.02s")
    monkeypatch.setitem(policy, "maxBackoff", "0.05s")
