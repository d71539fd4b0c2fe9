"""The merchant's user: has two tables fused and a segment made, then asks for its portrait."""

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.workers.channel import Answer, Work, serve
from bench.workers.waiting import end, until
from miyun import Party
from miyun.errors import StateError
from miyun.insight.portrait import Portrait
from miyun.insight.totals import TagTotals
from miyun.kernels import kernels
from miyun.keys.vault import KeyFile
from miyun.members.catalogue_file import read_catalogue
from miyun.paillier.fixed_base import FixedBase
from miyun.paillier.pool import Pool
from miyun.paillier.public import PublicKey

SEGMENT = "spenders"
EVERY_TAG = ("",)


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``home`` and ``key`` of the merchant, ``zone``'s home, ``contract``, ``definition`` and ``catalogue``.

    ``users`` are the platform's rows. Totals by segment go to the file ``answer``, and their noise's ``scale``.
    """
    merchant = Party.open(Path(task["home"]), KeyFile(Path(task["key"])))
    contract, users = task["contract"], task["users"]
    until(lambda: merchant.insight.quote(contract, 1).remaining_micro > 0)
    end(merchant, contract, merchant.request_fusion(contract))
    end(merchant, contract, merchant.segments.create(contract, SEGMENT, task["definition"]))
    key = merchant.insight.make_key(contract)
    pool = Pool(Path(task["zone"]) / "pools", FixedBase(PublicKey(key.modulus)))

    def fill() -> Answer:
        """Have a value for every user of the platform ready at the zone, which sees to it itself within a minute."""
        begun = time.monotonic()
        while pool.available() < users:
            try:
                pool.fill(users)
            except StateError:  # the zone is at it
                time.sleep(1)
        return {"seconds": time.monotonic() - begun}

    def ask(charge: int) -> Answer:
        begun = time.monotonic()
        (portrait,) = merchant.insight.portrait(
            contract,
            [SEGMENT],
            catalogue=read_catalogue(Path(task["catalogue"])),
            branches=EVERY_TAG,
            rho_micro=charge,
        )
        portrait.top()
        seconds = time.monotonic() - begun
        _save(portrait, task["answer"])
        return {"seconds": seconds, "answer": task["answer"]}

    return {"version": kernels().words}, lambda asked: fill() if asked["do"] == "fill" else ask(asked["charge"])


def _save(portrait: Portrait, path: str) -> None:
    np.savez(path, segment=_totals(portrait.segment), base=_totals(portrait.base), scale=portrait.segment.scale)


def _totals(found: TagTotals) -> NDArray[np.int64]:
    """By the number of the tag, by the number of the branch, and all."""
    tags = np.argsort([int(one[1:]) for one in found.tags.ids])
    branches = np.argsort([int(one[1:]) for one in found.tags.dimensions])
    return np.concatenate([found.counts[tags], found.known[branches], [found.everybody]])


serve(prepare)
