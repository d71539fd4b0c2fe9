"""What the reader gets is noised, uniform, and made in one way only."""

import ast
import math
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import miyun
from miyun.aggregates.counting import Counting
from miyun.aggregates.encrypted import CompleteTotals, EncryptedRows
from miyun.aggregates.noise import Noise
from miyun.aggregates.pages import make_totals
from miyun.aggregates.release import ReleasedTotals, release
from miyun.errors import InternalError
from miyun.paillier.ciphertexts import Ciphertexts, Rerandomised

from .circuits import answered, computed, flat
from .world import NOW, SPEND, Noiseless, World, make_job, reader, segments


def test_totals_carry_the_noise_of_the_question() -> None:
    """Of 4,001 counts the mean square of the noise is within 7√(2/n) of σ²: fails by chance below 10⁻⁷."""
    world = World.random(make_job(handles=3, tag_count=2_000, dimension_count=1, per_person=2, segments=segments(2)), 1)
    (part,) = world.job.question.parts

    answer = answered(computed(world), Noise(world.job.question))

    pairs = [zip(flat(noised), exact, strict=True) for noised, exact in zip(answer, world.expected(), strict=True)]
    noise = [noised - exact for pair in pairs for noised, exact in pair]
    assert len(noise) == 4_004
    assert abs(sum(x * x for x in noise) / len(noise) / part.scale**2 - 1) < 7 * math.sqrt(2 / len(noise))


def test_every_total_has_the_noise_of_its_part() -> None:
    """As above, over 400 draws. A part's noise at another's place would be a hundred times too large or too small."""
    question = make_job(handles=3, numbers=(SPEND,), segments=segments(3)).question
    drawn = [Noise(question).draw() for _ in range(400)]
    scales = [part.scale for part in question.parts for _ in range(part.totals)]
    assert len(set(scales)) == 3
    for total, scale in enumerate(scales):
        squares = [noise**2 for draw in drawn for noise in draw[total]]
        assert len(squares) == 1_200
        assert abs(sum(squares) / len(squares) / scale**2 - 1) < 7 * math.sqrt(2 / len(squares))


def test_noise_drawn_anew_is_other_noise() -> None:
    complete = computed(World.random(make_job(handles=3), 2))
    once, again = (answered(complete, Noise(complete.job.question)) for _ in range(2))
    assert flat(once[0]) != flat(again[0])


def test_a_release_is_rerandomised() -> None:
    """Equal plaintexts, without noise, are other ciphertexts each time."""
    complete = computed(World.random(make_job(handles=3), 3))
    once, again = (release(complete, Noiseless(complete.job.question)) for _ in range(2))
    assert type(once.ciphertexts) is Rerandomised
    assert once.ciphertexts.data != again.ciphertexts.data
    assert reader().decrypt(once.ciphertexts.data) == reader().decrypt(again.ciphertexts.data)


def test_noise_for_another_question_is_refused() -> None:
    complete = computed(World.random(make_job(handles=3), 4))
    with pytest.raises(InternalError, match="another question"):
        release(complete, Noise(make_job(handles=3, rho_micro=50_001).question))


def test_the_types_leave_one_way_to_the_reader() -> None:
    """Rows and running totals are :class:`Ciphertexts`; what the reader is sent is not, and only a release has it."""
    assert get_type_hints(EncryptedRows)["ciphertexts"] is Ciphertexts
    assert get_type_hints(CompleteTotals.__init__)["ciphertexts"] is Ciphertexts
    assert get_type_hints(Counting.complete)["return"] is CompleteTotals
    assert get_type_hints(release)["totals"] is CompleteTotals
    assert get_type_hints(ReleasedTotals)["ciphertexts"] is Rerandomised
    assert get_type_hints(make_totals)["released"] is ReleasedTotals


def test_nothing_of_miyuns_own_is_without_noise() -> None:
    """No class derives from Noise, which is final, and nobody assigns to its draw."""
    assert getattr(Noise, "__final__", False)
    derived: list[Any] = []
    for path in Path(miyun.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        derived += [
            node.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef) and any(ast.unparse(base).endswith("Noise") for base in node.bases)
        ]
    assert derived == []


def test_a_release_becomes_one_statement() -> None:
    complete = computed(World.random(make_job(handles=3), 5))
    job = complete.job
    statement, pages = make_totals(release(complete, Noise(job.question)), NOW)
    assert statement.request_digest == job.request.digest()
    assert (statement.owner, statement.reader) == ("chessboard", "teahouse")
    assert len(b"".join(pages)) == statement.count * job.key.ciphertext_bytes
    assert len(pages) == len(statement.page_digests) == 1
