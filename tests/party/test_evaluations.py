"""The cap, the answers and the points of an epoch, through deaths at every moment."""

import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from miyun.contract.model import Contract, IdentifierTerms
from miyun.errors import CapExceededError, ReplayError, StateError
from miyun.party.evaluations import Answer, Evaluations
from miyun.party.session import MIGRATIONS
from miyun.psi.evaluation import SeenPoints
from miyun.psi.statements import PointsChunk
from miyun.storage.database import open_database
from tests.party.world import MERCHANT, PLATFORM, Killed, World

CAP = 100


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path}/party.sqlite", migrations=MIGRATIONS)
    yield engine
    engine.dispose()


@pytest.fixture
def evaluations(engine: Engine) -> Evaluations:
    return Evaluations(engine)


@pytest.fixture
def contract(world: World) -> Contract:
    terms = tuple(IdentifierTerms(type=type_, profile="plain", evaluation_cap=CAP) for type_ in ("phone", "email"))
    return replace(world.contract, identifiers=terms)


def chunk(points: bytes, **changes: object) -> PointsChunk:
    made = PointsChunk(
        contract="spring",
        job="fuse-1",
        epoch=1,
        type="phone",
        sender=PLATFORM,
        receiver=MERCHANT,
        index=0,
        chunks=9,
        count=len(points) // 32,
        sealed_digest=secrets.token_bytes(32),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def multiply(points: bytes, done: list[int] | None = None) -> Callable[[SeenPoints], bytes]:
    """Stands for the real evaluation: shows the points, then gives 16 bytes for each."""

    def compute(seen: SeenPoints) -> bytes:
        seen.claim(points)
        if done is not None:
            done.append(len(points) // 32)
        return points[: len(points) // 2]

    return compute


def evaluate(evaluations: Evaluations, contract: Contract, count: int, **changes: object) -> tuple[PointsChunk, bytes]:
    points = secrets.token_bytes(32 * count)
    made = chunk(points, **changes)
    evaluations.answer(contract, made, multiply(points))
    return made, points


def counted(evaluations: Evaluations) -> int:
    return evaluations.counts("spring", PLATFORM).get("phone", 0)


def test_an_answer_is_stored_and_given_again_without_counting(engine: Engine, contract: Contract) -> None:
    first, done = Evaluations(engine), []
    points = secrets.token_bytes(32 * 40)
    made = chunk(points)
    answer = first.answer(contract, made, multiply(points, done))
    again = Evaluations(engine).answer(contract, made, multiply(points, done))
    assert again == answer
    assert done == [40]
    assert counted(first) == 40


def test_another_chunk_in_the_same_place_is_refused(evaluations: Evaluations, contract: Contract) -> None:
    evaluate(evaluations, contract, 10)
    with pytest.raises(ReplayError):
        evaluate(evaluations, contract, 10)
    assert counted(evaluations) == 10


def test_the_cap_is_for_life(engine: Engine, contract: Contract) -> None:
    """Over chunks, failed jobs, epochs and restarts."""
    evaluate(Evaluations(engine), contract, 30)
    evaluate(Evaluations(engine), contract, 30, job="fuse-2")
    third = Evaluations(engine)
    third.forget_answers("spring", "fuse-2")
    third.forget_points("spring", before_epoch=3)
    evaluate(third, contract, 30, job="fuse-3", epoch=3)
    fourth = Evaluations(engine)
    with pytest.raises(CapExceededError) as refused:
        evaluate(fourth, contract, 11, job="fuse-4", epoch=4)
    assert refused.value.clause == "identifiers[0].evaluation_cap"
    assert counted(fourth) == 90
    evaluate(fourth, contract, 10, job="fuse-4", epoch=4)
    assert counted(fourth) == CAP


def test_the_cap_is_per_type_and_counterparty(evaluations: Evaluations, contract: Contract) -> None:
    evaluate(evaluations, contract, CAP)
    evaluate(evaluations, contract, CAP, type="email")
    with pytest.raises(CapExceededError) as refused:
        evaluate(evaluations, contract, 1, type="email", index=1)
    assert refused.value.clause == "identifiers[1].evaluation_cap"


def test_nothing_is_computed_beyond_the_cap(evaluations: Evaluations, contract: Contract) -> None:
    points, done = secrets.token_bytes(32 * (CAP + 1)), []
    with pytest.raises(CapExceededError):
        evaluations.answer(contract, chunk(points), multiply(points, done))
    assert (done, counted(evaluations)) == ([], 0)


@pytest.mark.parametrize("restart", [False, True])
def test_a_point_comes_once_in_an_epoch(engine: Engine, contract: Contract, restart: bool) -> None:
    evaluations = Evaluations(engine)
    _, points = evaluate(evaluations, contract, 10)
    if restart:
        evaluations = Evaluations(engine)
    for place in ({"index": 1}, {"job": "fuse-2"}):
        repeated = secrets.token_bytes(32 * 5) + points[32 * 4 : 32 * 5]
        with pytest.raises(ReplayError, match="before in this epoch"):
            evaluations.answer(contract, chunk(repeated, **place), multiply(repeated))
    assert counted(evaluations) == 10
    evaluations.answer(contract, chunk(points, epoch=2), multiply(points))
    evaluations.answer(contract, chunk(points, type="email"), multiply(points))


def test_a_computation_that_fails_counts_nothing(evaluations: Evaluations, contract: Contract) -> None:
    points = secrets.token_bytes(32)

    def fail(seen: SeenPoints) -> bytes:
        seen.claim(points)
        raise Killed

    with pytest.raises(Killed):
        evaluations.answer(contract, chunk(points), fail)
    assert counted(evaluations) == 0
    evaluations.answer(contract, chunk(points), multiply(points))


def test_a_death_before_the_commit_counts_nothing_and_releases_nothing(engine: Engine, contract: Contract) -> None:
    points = secrets.token_bytes(32 * 10)
    made = chunk(points)

    def die(*_: object) -> None:
        event.remove(engine, "commit", die)
        raise Killed

    event.listen(engine, "commit", die)
    with pytest.raises(Killed):
        Evaluations(engine).answer(contract, made, multiply(points))
    restarted = Evaluations(engine)
    assert (counted(restarted), restarted.unacknowledged("spring", "fuse-1")) == (0, ())
    assert restarted.answer(contract, made, multiply(points)).tokens == points[:160]


KILLED_BETWEEN_COUNT_AND_RELEASE = """
import os, sys
from miyun.contract.model import Contract
from miyun.party.evaluations import Evaluations
from miyun.party.session import MIGRATIONS
from miyun.psi.statements import PointsChunk
from miyun.storage.database import open_database
url, contract, chunk, points = sys.argv[1:]
points = bytes.fromhex(points)
def compute(seen):
    seen.claim(points)
    return points[: len(points) // 2]
evaluations = Evaluations(open_database(url, migrations=MIGRATIONS))
evaluations.answer(Contract.from_canonical(contract.encode()), PointsChunk.from_canonical(chunk.encode()), compute)
os._exit(9)
"""


def test_a_process_killed_between_count_and_release(tmp_path: Path, contract: Contract) -> None:
    """The count is on disk, and so is the answer: it is released later and not counted again."""
    url, points = f"sqlite:///{tmp_path}/party.sqlite", secrets.token_bytes(32 * 10)
    made = chunk(points)
    arguments = [url, contract.canonical_bytes().decode(), made.canonical_bytes().decode(), points.hex()]
    ended = subprocess.run([sys.executable, "-c", KILLED_BETWEEN_COUNT_AND_RELEASE, *arguments], check=False)
    assert ended.returncode == 9
    engine = open_database(url, migrations=MIGRATIONS)
    evaluations = Evaluations(engine)
    assert counted(evaluations) == 10
    stored = evaluations.unacknowledged("spring", "fuse-1")
    assert [answer.tokens for answer in stored] == [points[:160]]
    assert evaluations.answer(contract, made, multiply(points)) == stored[0]
    assert counted(evaluations) == 10
    engine.dispose()


def test_counts_before_leave_out_the_job_itself(evaluations: Evaluations, contract: Contract) -> None:
    evaluate(evaluations, contract, 10)
    evaluate(evaluations, contract, 20, job="fuse-2", epoch=2)
    evaluate(evaluations, contract, 5, job="fuse-2", epoch=2, index=1)
    assert evaluations.counts_before("spring", PLATFORM, "fuse-2") == {"phone": 10}


def test_acknowledged_answers_are_counted_by_type(evaluations: Evaluations, contract: Contract) -> None:
    made, _ = evaluate(evaluations, contract, 10)
    evaluate(evaluations, contract, 10, index=1)
    answers: tuple[Answer, ...] = evaluations.unacknowledged("spring", "fuse-1")
    assert [answer.statement.index for answer in answers] == [0, 1]
    evaluations.acknowledge(answers[0].statement)
    assert evaluations.acknowledged("spring", "fuse-1") == {"phone": 1}
    assert answers[0].statement.points_digest == made.digest()


def test_an_answer_that_was_forgotten_is_not_computed_again(evaluations: Evaluations, contract: Contract) -> None:
    points, done = secrets.token_bytes(32), []
    made = chunk(points)
    evaluations.answer(contract, made, multiply(points, done))
    evaluations.forget_answers("spring", "fuse-1")
    with pytest.raises(StateError):
        evaluations.answer(contract, made, multiply(points, done))
    assert done == [1]
