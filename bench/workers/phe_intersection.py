"""An intersection-sum in the plainest way: ristretto255 by libsodium, numbers by phe, all row by row.

Both parties are in this process, and what would be sent is handed over. The results are exact: nothing is noised,
padded, sealed, signed or stored.
"""

import hashlib
import secrets
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

from bench.workers.channel import Answer, Work, serve


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``bits``; phones of ``matcher`` and ``holder``, ``numbers`` of the latter; ``times`` as much is to be told."""
    tempfile.tempdir = str(Path.cwd())  # rbcl leaves its library there
    import rbcl
    from phe import paillier, util

    if not util.HAVE_GMP:
        raise RuntimeError("phe runs without gmpy2")
    public, private = paillier.generate_paillier_keypair(n_length=task["bits"])
    multiply = rbcl.crypto_scalarmult_ristretto255
    shuffle = secrets.SystemRandom().shuffle

    def point(phone: str) -> bytes:
        mapped: bytes = rbcl.crypto_core_ristretto255_from_hash(hashlib.sha512(b"phone" + phone.encode()).digest())
        return mapped

    def work(_: Answer) -> Answer:
        begun = time.process_time()
        m, h = (rbcl.crypto_core_ristretto255_scalar_random() for _ in range(2))
        points = [multiply(m, point(phone)) for phone in task["matcher"]]
        answers = [multiply(h, one) for one in points]
        shuffle(answers)
        rows = [
            (multiply(h, point(phone)), public.encrypt(number))
            for phone, number in zip(task["holder"], task["numbers"], strict=True)
        ]
        shuffle(rows)
        known = set(answers)
        matched = [number for one, number in rows if multiply(m, one) in known]
        total = private.decrypt(sum(matched[1:], start=matched[0]))
        seconds = (time.process_time() - begun) * task["times"]
        return {"figures": {"seconds": seconds}, "matched": len(matched), "total": total}

    words = f"phe {version('phe')}, gmpy2 {version('gmpy2')}, rbcl {version('rbcl')}"
    return {"version": f"{words}, scaled from {len(task['holder']):,} rows"}, work


serve(prepare)
