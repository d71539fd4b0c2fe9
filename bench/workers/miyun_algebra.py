"""The zone's evaluation of a segment that is made of others."""

import time

import numpy as np
from pyroaring import BitMap

from bench.workers.channel import Answer, Work, serve
from miyun.bitmaps import to_bitmap, to_numbers
from miyun.contract.model import Universe
from miyun.kernels import kernels
from miyun.segments.algebra import Ground, Selection, evaluate
from miyun.segments.parser import parse
from miyun.segments.planning import plan
from miyun.zone.bitmaps import read_bitmap


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``segments``: files of members by name, numbers below ``universe``; ``definition`` selects what goes ``out``."""
    universe = task["universe"]
    stored = {name: to_bitmap(np.load(file)).serialize() for name, file in task["segments"].items()}
    ground = Ground(everything=lambda _: BitMap(range(universe)), handles=lambda _: np.empty(0, np.uint32))
    found: list[bytes] = []

    def work(request: Answer) -> Answer:
        if request["do"] == "tell":
            np.save(task["out"], to_numbers(BitMap.deserialize(found.pop())))
            return {}
        begun = time.monotonic()
        planned = plan(parse(task["definition"]))
        segments = {
            name: Selection(universe=Universe.MATCHED, numbers=read_bitmap(data, universe))
            for name, data in stored.items()
        }
        found.append(evaluate(planned, ground, {}, segments).numbers.serialize())
        return {"figures": {"seconds": time.monotonic() - begun}}

    return {"version": kernels().words}, work


serve(prepare)
