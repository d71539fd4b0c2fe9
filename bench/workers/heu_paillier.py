"""sf-heu's array interface on one processor, with a key of its own."""

from importlib.metadata import version
from typing import Any

from bench.workers.channel import Answer, Work, serve, stay_on_one_processor
from bench.workers.clock import per_element

ADDITIONS = 32


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``bits`` and ``plaintexts``."""
    stay_on_one_processor()
    import numpy as np
    from heu import numpy as heu
    from heu import phe

    kits = []
    key_seconds = per_element(1, lambda: kits.append(heu.setup(phe.SchemaType.ZPaillier, task["bits"])))[1]
    kit = kits[0]
    encryptor, evaluator, decryptor = kit.encryptor(), kit.evaluator(), kit.decryptor()
    encoder = phe.BigintEncoder(phe.SchemaType.ZPaillier)
    plaintexts: list[int] = task["plaintexts"]
    count = len(plaintexts)
    values, next_values = (
        kit.array(np.array(numbers, dtype=np.int64), encoder)
        for numbers in (plaintexts, plaintexts[1:] + plaintexts[:1])
    )

    def work(_: Answer) -> Answer:
        sealed, encrypting = per_element(count, lambda: encryptor.encrypt(values))
        next_ones = encryptor.encrypt(next_values)
        sums, adding = per_element(count, lambda: evaluator.add(sealed, next_ones), ADDITIONS)
        opened, decrypting = per_element(count, lambda: decryptor.decrypt(sealed))
        return {
            "figures": {"encrypt": encrypting, "add": adding, "decrypt": decrypting},
            "opened": {"encrypt": _numbers(opened)},
            "sums": _numbers(decryptor.decrypt(sums)),
        }

    def _numbers(array: Any) -> list[int]:
        return [int(number) for number in array.to_numpy(encoder)]

    return {"version": version("sf-heu"), "apart": {"key": key_seconds}}, work


serve(prepare)
