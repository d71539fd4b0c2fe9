"""The noise of an answer. Whoever computes the totals draws it; the reader never sees a total without it."""

from collections.abc import Sequence
from typing import final

from miyun.aggregates.question import Question
from miyun.privacy.noise import discrete_gaussian


@final
class Noise:
    """Discrete Gaussian noise for one question, as its charge and its sensitivity ask."""

    def __init__(self, question: Question) -> None:
        self.question = question

    def draw(self) -> list[Sequence[int]]:
        """By total of the question, for each segment a number."""
        drawn: list[Sequence[int]] = []
        segments = self.question.segments
        for part in self.question.parts:
            noise = discrete_gaussian([0] * (part.totals * segments), part.scale)
            drawn += [noise[start : start + segments] for start in range(0, len(noise), segments)]
        return drawn
