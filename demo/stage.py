"""Sets up a zone, two parties and perhaps an analyst as real processes with homes of their own, up to a contract."""

import json
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from demo.processes import Actor, Daemon
from demo.relay import Meter, Wires
from miyun.transport.join_code import JoinCode

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Names and organisations. The platform's organisation hosts the zone."""

    zone: str
    merchant: str
    platform: str
    merchant_organisation: str
    platform_organisation: str


class Stage:
    """Everything that runs; leaving the block stops it, whatever happened."""

    def __init__(self, folder: Path, cast: Cast) -> None:
        (folder / "homes").mkdir(parents=True)
        (folder / "logs").mkdir()
        self.folder = folder
        self.cast = cast
        self.zone, self.merchant, self.platform = (
            self._actor(name) for name in (cast.zone, cast.merchant, cast.platform)
        )
        self.meters: dict[str, Meter] = {}
        self.daemons: dict[str, Daemon] = {}
        self._running = ExitStack()

    def __enter__(self) -> Self:
        self._wires = self._running.enter_context(Wires())
        self._together = self._running.enter_context(ThreadPoolExecutor(8))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._running.close()

    def _actor(self, name: str) -> Actor:
        return Actor(name, self.folder / "homes" / name, self.folder / "logs" / f"{name}.log")

    def start(self, actor: Actor, *arguments: str) -> Daemon:
        """Leave a command running until the end."""
        self.daemons[actor.name] = self._running.enter_context(actor.start(*arguments))
        return self.daemons[actor.name]

    def together(self, *calls: Callable[[], T]) -> list[T]:
        """Do several things at once; their answers in order."""
        return list(self._together.map(lambda call: call(), calls))

    def soon(self, call: Callable[[], T]) -> "Future[T]":
        """Do something meanwhile."""
        return self._together.submit(call)

    def make_homes(self) -> None:
        """Every process gets a home with keys of its own; ``fingerprints`` are as each owner sees its own."""
        self._port, self._enrolment_port = free_ports(2)
        addresses = (f"127.0.0.1:{self._port}", f"127.0.0.1:{self._enrolment_port}")
        ours, theirs = (
            ("--organisation", organisation)
            for organisation in (self.cast.merchant_organisation, self.cast.platform_organisation)
        )
        zone = ("--address", addresses[0], "--enrolment-address", addresses[1])
        homes = self.together(
            partial(self.zone.run, "init", "zone", "--name", self.zone.name, *theirs, *zone),
            partial(self.merchant.run, "init", "party", "--name", self.merchant.name, *ours, "--kind", "merchant"),
            partial(self.platform.run, "init", "party", "--name", self.platform.name, *theirs, "--kind", "platform"),
        )
        self.fingerprints = {home["name"]: home["fingerprint"] for home in homes}

    def open_zone(self) -> None:
        """Start the zone, or start it again. It makes no randomness ahead of questions: that would only take time from
        the other steps.
        """
        config = self.zone.home / "zone.toml"
        settings = config.read_text(encoding="utf-8")
        if "pool_values" not in settings:
            config.write_text(f"{settings}pool_values = 0\n", encoding="utf-8")
        daemon = self.start(self.zone, "zone", "serve")
        daemon.listening(self._port)
        daemon.listening(self._enrolment_port)

    def join(self) -> None:
        """Both parties enrol with a join code, and dial the zone over a metered wire."""
        self.together(*(partial(self._admit, party, "party") for party in (self.merchant, self.platform)))

    def hire_analyst(self, name: str) -> Actor:
        """An analyst of the merchant's organisation, enrolled like the others."""
        analyst = self._actor(name)
        analyst.run("init", "analyst", "--name", name, "--organisation", self.cast.merchant_organisation)
        self._admit(analyst, "analyst")
        return analyst

    def _admit(self, guest: Actor, role: str) -> None:
        code = self.zone.run("zone", "invite", guest.name, "--role", role)["code"]
        guest.run("join", self._metered(guest, code))

    def _metered(self, guest: Actor, code: str) -> str:
        self.meters[guest.name] = Meter()
        port = self._wires.open(self.meters[guest.name], self._port)
        return replace(JoinCode.decode(code), address=f"127.0.0.1:{port}").encode()

    def start_agents(self) -> None:
        """Both parties' agents, as daemons."""
        self.start(self.platform, "agent", "run")
        self.start(self.merchant, "agent", "run")

    def draft(self, contract: str, *choices: str) -> tuple[Path, Any]:
        """The merchant drafts a contract that is good for three months; its file and what it says."""
        file = self.folder / f"{contract}.yaml"
        expires = (datetime.now(UTC) + timedelta(days=90)).strftime("%Y-%m-%dT%H:%M:%S")
        terms = ("--with", self.platform.name, "--expires", expires, "--out", str(file))
        return file, self.merchant.run("contract", "draft", contract, *terms, *choices)

    def agree(self, contract: str, file: Path) -> Any:
        """Propose, compare fingerprints, sign on both sides, activate; the contract as it then stands.

        Raises:
            RuntimeError: a fingerprint in the contract is not the one that its owner sees.
        """
        proposed = self.merchant.run("contract", "propose", str(file))
        if proposed["fingerprints"] != self.fingerprints:
            raise RuntimeError("the contract holds other keys than their owners")
        parties = (self.merchant, self.platform)
        self.together(*(partial(party.run, "contract", "sign", contract, "--compared") for party in parties))
        return self.merchant.run("contract", "activate", contract)

    def activate(self, contract: str, segment: str, recipient: Actor, channel: str, key: str) -> tuple[str, Path]:
        """The merchant activates a segment to either party: the job, and the file that the recipient's agent wrote."""
        job = self.merchant.run(
            "activate", contract, segment, "--to", recipient.name, "--channel", channel, "--key", key, "--wait"
        )
        shown = job if recipient is self.merchant else recipient.run("job", "show", contract, job["id"])
        return job["id"], Path(shown["file"])


def write_party(actor: Actor, tables: dict[str, dict[str, Any]]) -> None:
    """Write the party's configuration; a JSON string, number or list is the same in TOML."""
    lines: list[str] = []
    for table, settings in tables.items():
        lines += [
            f"[{table}]",
            *(f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in settings.items()),
        ]
    (actor.home / "party.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(one.getsockname()[1]) for one in sockets]
