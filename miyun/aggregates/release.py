"""The only way from running totals to bytes for the holder of the key: noise, packing, uniform randomness."""

from dataclasses import dataclass

from miyun.aggregates.encrypted import CompleteTotals
from miyun.aggregates.job import InsightJob
from miyun.aggregates.noise import Noise
from miyun.errors import InternalError
from miyun.paillier.ciphertexts import Rerandomised


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedTotals:
    """What the reader may have. Store it before it is sent, and send what is stored: noise drawn twice averages out."""

    job: InsightJob
    ciphertexts: Rerandomised


def release(totals: CompleteTotals, noise: Noise) -> ReleasedTotals:
    """Totals that the reader can decrypt, and that tell it nothing else.

    What the noise adds is known to who adds it; then a uniform rⁿ takes the place of all that came from the rows.
    """
    job = totals.job
    if noise.question != job.question:
        raise InternalError("the noise is for another question")
    packed = job.key.pack(totals.ciphertexts, job.layout.stride)
    noised = job.key.add_values(packed, job.layout.pack(noise.draw()))
    return ReleasedTotals(job=job, ciphertexts=job.key.rerandomise(noised))
