"""Both circuits from end to end, through the statements."""

from collections.abc import Iterable

from miyun.aggregates.chunks import (
    chunk_count,
    chunk_range,
    make_selection_chunk,
    make_values_chunk,
    read_chunk,
)
from miyun.aggregates.counting import Counting
from miyun.aggregates.encrypted import CompleteTotals, EncryptedRows, join_rows
from miyun.aggregates.noise import Noise
from miyun.aggregates.pages import make_totals
from miyun.aggregates.reading import SegmentTotals, read_totals
from miyun.aggregates.release import release
from miyun.aggregates.selection import Selected, encrypt_selection
from miyun.aggregates.statements import Circuit
from miyun.aggregates.summing import Summing
from miyun.aggregates.values import encrypt_values
from miyun.paillier.public import Randomness

from .world import NOW, World, reader, sign


def sent_rows(world: World, randomness: Randomness | None = None) -> Iterable[EncryptedRows]:
    """What whoever computes gets, chunk by chunk."""
    job = world.job
    randomness = randomness or reader()
    selected = Selected(world.bitmaps(), job.layout.handles, job.question.disjoint)
    for index in range(chunk_count(job.layout.handles)):
        low, high = chunk_range(job.layout.handles, index)
        if job.request.circuit is Circuit.SELECTION:
            chunk, data = make_selection_chunk(job, encrypt_selection(job, selected, low, high, randomness))
        else:
            chunk, data = make_values_chunk(job, encrypt_values(job, world.columns(low, high), randomness))
        yield read_chunk(job, chunk, sign(job.encrypts, chunk), data)


def computed(world: World, *, together: int = 1) -> CompleteTotals:
    """The totals of whoever computes, which starts anew from its state after every step."""
    job, state = world.job, None
    rows = list(sent_rows(world))
    for start in range(0, len(rows), together):
        batch = join_rows(rows[start : start + together])
        if job.request.circuit is Circuit.SELECTION:
            counting = Counting(job, state)
            assert counting.covered == batch.low
            counting.add(batch, world.columns(batch.low, batch.high))
            state, complete = counting.to_bytes(), counting.complete
        else:
            summing = Summing(job, Selected(world.bitmaps(), job.layout.handles, job.question.disjoint), state)
            assert summing.covered == batch.low
            summing.add(batch)
            state, complete = summing.to_bytes(), summing.complete
    return complete()


def answered(totals: CompleteTotals, noise: Noise) -> tuple[SegmentTotals, ...]:
    job = totals.job
    statement, pages = make_totals(release(totals, noise), NOW)
    return read_totals(job, statement, sign(job.computes, statement), pages, reader())


def flat(segment: SegmentTotals) -> list[int]:
    everybody = [] if segment.everybody is None else [segment.everybody]
    numbers = [value for number in segment.numbers for value in (number.total, number.known)]
    return [*segment.tags, *segment.dimensions, *everybody, *numbers]
