"""Which insights the play asks for, each a step of its own."""

from typing import Protocol

from demo.judge import Judge
from demo.lookalikes import Lookalike
from demo.portraits import Portrait
from demo.results import Results
from demo.retail import Retail
from demo.stage import Stage
from demo.story import Story
from demo.tiers import SpendingByTier
from miyun.kernels import kernels

FEW_USERS = 5_000
"""So many are encrypted in a minute or two without native kernels."""


class Question(Protocol):
    """Asked as a step of its own, and later held against the truth."""

    title: str
    chinese: str

    def ask(self) -> None: ...

    def judge(self, judge: Judge) -> None: ...


def questions(stage: Stage, story: Story, results: Results, retail: Retail) -> tuple[Question, ...]:
    """What is asked here: without native kernels, which take a seventieth of the time, no more than a portrait."""
    portrait = Portrait(stage, story, results)
    if kernels().native:
        return portrait, SpendingByTier(stage, story, results), Lookalike(stage, story, results, retail)
    return (portrait,) if retail.users <= FEW_USERS else ()
