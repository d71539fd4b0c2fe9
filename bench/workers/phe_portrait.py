"""A portrait by phe, in the plainest way: encrypt a bit for each user, add those of each tag, decrypt each sum.

The counts are exact, and nothing else is done that a portrait needs: no noise, no network, no disk.
"""

import time
from importlib.metadata import version

from bench.workers.channel import Answer, Work, serve


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``selected`` bits by user; ``pairs`` of users and ``tags``; ``times`` as much is to be told of each part."""
    from phe import paillier, util

    if not util.HAVE_GMP:
        raise RuntimeError("phe runs without gmpy2")
    public, private = paillier.generate_paillier_keypair(n_length=task["bits"])
    selected: list[int] = task["selected"]

    def work(_: Answer) -> Answer:
        begun = time.process_time()
        sealed = [public.encrypt(bit) for bit in selected]
        encrypted = time.process_time()
        totals = [None] * task["tags"]
        for user, tag in zip(*task["pairs"], strict=True):
            totals[tag] = sealed[user] if totals[tag] is None else totals[tag] + sealed[user]
        added = time.process_time()
        counts = [0 if total is None else private.decrypt(total) for total in totals]
        seconds = {"encrypt": encrypted - begun, "add": added - encrypted, "decrypt": time.process_time() - added}
        scaled = sum(seconds[part] * times for part, times in task["times"].items())
        return {"figures": {"seconds": scaled}, "counts": counts}

    words = f"{version('phe')}, gmpy2 {version('gmpy2')}, scaled from {len(selected):,} users"
    return {"version": words}, work


serve(prepare)
