"""The parties' users: ask for a fusion or a change and wait, then have it delivered. The agents are other processes."""

import itertools
import time
from collections.abc import Callable
from pathlib import Path

from bench.workers.channel import Answer, Work, serve
from bench.workers.waiting import end, until
from miyun import Party
from miyun.kernels import kernels
from miyun.keys.vault import KeyFile

CHANNELS = ("member-messages", "platform-ads")
"""The ones that a drafted contract has: the merchant's and the platform's."""


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``homes``, ``keys`` and agents' ``logs`` of merchant and platform, ``contract``. Ready when the agents are."""
    merchant, platform = (
        Party.open(Path(home), KeyFile(Path(key))) for home, key in zip(task["homes"], task["keys"], strict=True)
    )
    contract = task["contract"]
    logs = [Path(log) for log in task["logs"]]
    numbers = itertools.count(1)
    until(lambda: all(party.budget(contract).leased_micro for party in (merchant, platform)))

    def fuse() -> Answer:
        asked = time.monotonic()
        job = merchant.request_fusion(contract)
        end(merchant, contract, job)
        merchant.report(contract, int(job.subject))
        until(lambda: all(f"fuse done ({job.id})" in log.read_text("utf-8") for log in logs))
        return {"seconds": time.monotonic() - asked}

    def change(add: str, remove: str) -> Answer:
        asked = time.monotonic()
        job = merchant.request_change(contract, add=Path(add), remove=Path(remove))
        end(merchant, contract, job)
        until(lambda: all(f"fuse done ({job.id})" in log.read_text("utf-8") for log in logs))
        return {"seconds": time.monotonic() - asked}

    def create(definition: str) -> Answer:
        asked = time.monotonic()
        segment = f"segment-{next(numbers)}"
        end(merchant, contract, merchant.segments.create(contract, segment, definition))
        return {"seconds": time.monotonic() - asked, "segment": segment}

    def deliver(segment: str = "") -> Answer:
        asked = time.monotonic()
        segment = segment or create("matched")["segment"]
        files = []
        for party, channel in zip((merchant, platform), CHANNELS, strict=True):
            job = merchant.activate(contract, segment, recipient=party.name, channel=channel)
            end(merchant, contract, job)
            files.append(str(party.delivery(contract, job.id)))
        seconds = time.monotonic() - asked
        merchant.segments.invalidate(contract, segment)
        return {"seconds": seconds, "files": files}

    work: dict[str, Callable[..., Answer]] = {"fuse": fuse, "change": change, "create": create, "deliver": deliver}

    def do(request: Answer) -> Answer:
        return work[request.pop("do")](**request)

    return {"version": kernels().words}, do


serve(prepare)
