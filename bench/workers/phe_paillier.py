"""phe with gmpy2, on one processor."""

from importlib.metadata import version

from bench.workers.channel import Answer, Work, serve, stay_on_one_processor
from bench.workers.clock import per_element

ADDITIONS = 32


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``p``, ``q`` and ``plaintexts``."""
    from phe import paillier, util

    if not util.HAVE_GMP:
        raise RuntimeError("phe runs without gmpy2")
    stay_on_one_processor()
    p, q = int(task["p"], 16), int(task["q"], 16)
    public = paillier.PaillierPublicKey(p * q)
    private = paillier.PaillierPrivateKey(public, p, q)
    plaintexts: list[int] = task["plaintexts"]
    count = len(plaintexts)

    def work(_: Answer) -> Answer:
        sealed, encrypting = per_element(count, lambda: [public.encrypt(value) for value in plaintexts])
        next_ones = sealed[1:] + sealed[:1]
        sums, adding = per_element(
            count, lambda: [one + other for one, other in zip(sealed, next_ones, strict=True)], ADDITIONS
        )
        opened, decrypting = per_element(count, lambda: [private.decrypt(number) for number in sealed])
        return {
            "figures": {"encrypt": encrypting, "uniform": encrypting, "add": adding, "decrypt": decrypting},
            "opened": {"encrypt": opened},
            "sums": [private.decrypt(number) for number in sums],
        }

    return {"version": f"{version('phe')}, gmpy2 {version('gmpy2')}"}, work


serve(prepare)
