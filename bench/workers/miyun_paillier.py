"""Miyun's Paillier kernels on one processor."""

from bench.workers.channel import Answer, Work, serve, stay_on_one_processor
from bench.workers.clock import per_element
from miyun.kernels import kernels

ADDITIONS = 32


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``bits``, ``p``, ``q`` and ``plaintexts``."""
    import miyun_native

    stay_on_one_processor()
    half = task["bits"] // 16
    private = miyun_native.PaillierPrivateKey(*(int(task[prime], 16).to_bytes(half, "little") for prime in "pq"))
    public = private.public_key
    plaintexts: list[int] = task["plaintexts"]
    count, width = len(plaintexts), public.value_bytes
    values = b"".join(value.to_bytes(width, "little") for value in plaintexts)
    tables: list[miyun_native.PaillierFixedBase] = []
    base = public.make_base()
    table_seconds = per_element(1, lambda: tables.append(public.fixed_base(base, task["bits"] // 2)))[1]
    fixed = tables[0]

    def opened(ciphertexts: bytes) -> list[int]:
        data = private.decrypt(ciphertexts)
        return [int.from_bytes(data[at : at + width], "little") for at in range(0, len(data), width)]

    def work(_: Answer) -> Answer:
        figures: dict[str, float] = {}
        sealed: dict[str, bytes] = {}
        sealed["encrypt"], figures["encrypt"] = per_element(count, lambda: fixed.encrypt(values))
        sealed["uniform"], figures["uniform"] = per_element(count, lambda: public.encrypt(values))
        sealed["owner"], figures["owner"] = per_element(count, lambda: private.encrypt(values))
        pool, figures["fill"] = per_element(count, lambda: fixed.make_randomness(count))
        sealed["warm"], figures["warm"] = per_element(count, lambda: public.encrypt_with(values, pool))
        ours = sealed["encrypt"]
        next_ones = ours[public.ciphertext_bytes :] + ours[: public.ciphertext_bytes]
        sums, figures["add"] = per_element(count, lambda: public.add(ours, next_ones), ADDITIONS)
        figures["decrypt"] = per_element(count, lambda: private.decrypt(ours))[1]
        return {
            "figures": figures,
            "opened": {way: opened(ciphertexts) for way, ciphertexts in sealed.items()},
            "sums": opened(sums),
        }

    return {"version": f"{miyun_native.__version__}, {kernels().words}", "apart": {"tables": table_seconds}}, work


serve(prepare)
