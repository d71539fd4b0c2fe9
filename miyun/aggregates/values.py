"""The owner's part of encrypted values: its own columns by row handle, under its own key, for the zone.

One plaintext holds a slot for each total of the question. The zone lacks the key, so that randomness with short
exponents will do; what the zone gives back it rerandomises. The owner sees all randomness that it put in: without that
it would see in a total which rows went into it.
"""

import numpy as np

from miyun.aggregates.columns import Columns
from miyun.aggregates.encrypted import EncryptedRows
from miyun.aggregates.job import InsightJob
from miyun.aggregates.statements import Circuit
from miyun.errors import InternalError
from miyun.paillier.public import Randomness


def encrypt_values(job: InsightJob, columns: Columns, randomness: Randomness) -> EncryptedRows:
    """What each row adds to each total. Rows without anything, and padding, are encrypted zeros like any other."""
    question, slot_bits = job.question, job.layout.slot_bits
    if question.circuit is not Circuit.VALUES:
        raise InternalError("this job has no encrypted values")
    plaintexts = [0] * (columns.high - columns.low)
    offsets, handles = columns.carriers(question)
    totals = np.searchsorted(offsets, np.arange(len(handles), dtype=np.uint64), side="right") - 1
    for handle, total in zip(handles.tolist(), totals.tolist(), strict=True):
        plaintexts[handle] += 1 << total * slot_bits
    shift = question.counts * slot_bits
    for values, known in columns.steps(question):
        both = zip(plaintexts, values.tolist(), known.tolist(), strict=True)
        plaintexts = [before + (value + (flag << slot_bits) << shift) for before, value, flag in both]
        shift += 2 * slot_bits
    return EncryptedRows(low=columns.low, ciphertexts=job.key.encrypt(plaintexts, randomness))
