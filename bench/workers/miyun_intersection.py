"""The parties' users: the merchant's asks for sums over an intersection, and both read what they learn by it."""

import time
from pathlib import Path

from bench.workers.channel import Answer, Work, serve
from bench.workers.waiting import end, until
from miyun import Party
from miyun.aggregates.statements import NumberRange
from miyun.errors import NotFoundError
from miyun.insight.intersection import Intersection
from miyun.kernels import kernels
from miyun.keys.vault import KeyFile


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``homes`` and ``keys`` of merchant and platform, ``contract``; what is summed is at most ``largest``.

    ``charge`` are millionths of ρ for the sum.
    """
    merchant, platform = (
        Party.open(Path(home), KeyFile(Path(key))) for home, key in zip(task["homes"], task["keys"], strict=True)
    )
    contract = task["contract"]
    spend = NumberRange(name="members.spend", low=0, high=task["largest"], step="1")
    until(lambda: all(party.budget(contract).leased_micro for party in (merchant, platform)))

    def work(_: Answer) -> Answer:
        begun = time.monotonic()
        request = merchant.intersections.prepare(contract, sums=[spend], totals_rho_micro=task["charge"])
        job = merchant.intersections.request(request)
        end(merchant, contract, job)
        learned: list[Intersection] = []
        for party in (merchant, platform):
            until(lambda party=party: _learned(party, contract, job.id, learned))  # type: ignore[misc]
        seconds = time.monotonic() - begun
        (total,), size = learned[0].sums, learned[1]
        return {
            "seconds": seconds,
            "size": [size.size, size.scale],
            "known": [total.known, total.known_scale],
            "total": [total.total, total.total_scale],
        }

    return {"version": kernels().words}, work


def _learned(party: Party, contract: str, job: str, learned: list[Intersection]) -> bool:
    """Whether the party's agent has put down what it learned, which is added then."""
    try:
        learned.append(party.intersections.result(contract, job))
    except NotFoundError:
        return False
    return True


serve(prepare)
