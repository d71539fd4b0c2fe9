"""Other private set intersections: two processes, linked over the metered wire."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.cases.case import Bout, Place
from bench.cases.one_process import begin, used
from bench.environments import Environment
from bench.processes import Deadline, Worker
from bench.results import Run
from bench.tables import Tables, compare_ids
from demo.relay import Meter, Wires
from demo.stage import free_ports

SPU, OPENMINED = Environment("spu"), Environment("openmined")
MERCHANT_OUTPUT, PLATFORM_OUTPUT = "merchant-ids.csv", "platform-ids.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretFlow:
    """SecretFlow's PSI by one of its protocols; both parties get the result."""

    name: str
    protocol: str
    curve: str = ""
    largest: int | None = None
    environment: Environment = SPU

    def open(self, ground: Tables, place: Place, deadline: Deadline) -> AbstractContextManager[Bout]:
        return _linked(self, ground, place, deadline)

    def workers(self, ground: Tables, place: Place, wires: Wires, meter: Meter) -> tuple[Worker, Worker]:
        """Each party dials the other over the wire; SecretFlow writes a file beside its input, so it gets a link."""
        ports = free_ports(2)
        near = [f"127.0.0.1:{port}" for port in ports]
        far = [f"127.0.0.1:{wires.open(meter, port)}" for port in ports]
        sides = (
            ("merchant", ground.merchant, MERCHANT_OUTPUT, [near[0], far[1]]),
            ("platform", ground.platform, PLATFORM_OUTPUT, [far[0], near[1]]),
        )
        workers = []
        for rank, (side, table, output, hosts) in enumerate(sides):
            linked = place.folder / table.name
            linked.unlink(missing_ok=True)
            os.link(table, linked)
            task = {
                "rank": rank,
                "hosts": hosts,
                "protocol": self.protocol,
                "curve": self.curve,
                "input": str(linked),
                "output": str(place.folder / output),
            }
            workers.append(Worker(side, python=place.python, script="spu_psi", task=task, folder=place.folder))
        merchant, platform = workers
        return merchant, platform

    def compare(self, ground: Tables, folder: Path) -> None:
        """Raises: WrongResultError: a file differs from the plain join."""
        compare_ids(ground.merchant_ids, folder / MERCHANT_OUTPUT)
        compare_ids(ground.platform_ids, folder / PLATFORM_OUTPUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMined:
    """openmined-psi, the merchant as its client."""

    name: str = "openmined-psi"
    largest: int | None = None
    environment: Environment = OPENMINED

    def open(self, ground: Tables, place: Place, deadline: Deadline) -> AbstractContextManager[Bout]:
        return _linked(self, ground, place, deadline)

    def workers(self, ground: Tables, place: Place, wires: Wires, meter: Meter) -> tuple[Worker, Worker]:
        """The platform listens, the merchant dials it over the wire."""
        (port,) = free_ports(1)
        start = partial(Worker, python=place.python, script="openmined_psi", folder=place.folder)
        output = str(place.folder / MERCHANT_OUTPUT)
        client = {"side": "client", "port": wires.open(meter, port), "input": str(ground.merchant), "output": output}
        server = {"side": "server", "port": port, "input": str(ground.platform)}
        return start("merchant", task=client), start("platform", task=server)

    def compare(self, ground: Tables, folder: Path) -> None:
        """Raises: WrongResultError: the client's file differs from the plain join."""
        compare_ids(ground.merchant_ids, folder / MERCHANT_OUTPUT)


@contextmanager
def _linked(peer: SecretFlow | OpenMined, ground: Tables, place: Place, deadline: Deadline) -> Iterator[Bout]:
    meter = Meter()
    with Wires() as wires, ExitStack() as stack:
        started = time.monotonic()
        pair = [stack.enter_context(worker) for worker in peer.workers(ground, place, wires, meter)]
        ready = [worker.ready(deadline) for worker in pair]
        apart = {"start-up": time.monotonic() - started}

        def run(deadline: Deadline) -> Run:
            for name in (MERCHANT_OUTPUT, PLATFORM_OUTPUT):
                (place.folder / name).unlink(missing_ok=True)
            carried = meter.sent + meter.received
            before = [begin(worker.pid) for worker in pair]
            seconds = _both(pair, deadline)
            processes = tuple(used(one.name, one.pid, usage) for one, usage in zip(pair, before, strict=True))
            wire = meter.sent + meter.received - carried
            peer.compare(ground, place.folder)
            return Run(figures={"seconds": seconds}, processes=processes, wire_bytes=wire)

        yield Bout(run=run, apart=apart, version=ready[0]["version"])


def _both(pair: Sequence[Worker], deadline: Deadline) -> float:
    begun = time.monotonic()
    for worker in pair:
        worker.start()
    for worker in pair:
        worker.done(deadline)
    return time.monotonic() - begun
