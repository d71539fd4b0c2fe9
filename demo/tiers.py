"""What those who match spend, tier by tier."""

from functools import partial
from pathlib import Path
from typing import Any

from demo.insight_judge import judge_sums
from demo.judge import Judge
from demo.results import Results
from demo.retail import TIERS
from demo.scenario import CONTRACT, SPENDING, SPENDING_AT_MOST, TIER_SEGMENTS
from demo.stage import Stage
from demo.story import Story

SUMS_RHO = 10_000


class SpendingByTier:
    """Encrypted values: the merchant's own numbers, over people that it can't see."""

    title, chinese = "Spending by tier, over people nobody sees", "分层消费"

    def __init__(self, stage: Stage, story: Story, results: Results) -> None:
        self._stage, self._story, self._results = stage, story, results
        self._drawing: Path = stage.folder / "sums.svg"
        self._answer: dict[str, Any] = {}

    def ask(self) -> None:
        """A segment for each tier, and the question."""
        merchant = self._stage.merchant
        create = partial(merchant.run, "segment", "create", CONTRACT)
        self._stage.together(
            *(
                partial(create, name, f"members.tier = '{tier}'", "--wait")
                for name, tier in zip(TIER_SEGMENTS, TIERS, strict=True)
            )
        )
        question = (
            *("insight", "sums", CONTRACT, "--segment", "matched", "--rho", str(SUMS_RHO)),
            *("--number", f"{SPENDING}:0:{SPENDING_AT_MOST}:0.01"),
            *(word for name in TIER_SEGMENTS for word in ("--part", name)),
        )
        [self._answer] = merchant.run(*question, "--plot", str(self._drawing))
        self._results.charge("spending by tier", SUMS_RHO)
        self._story.show(merchant.text(*question))

    def judge(self, judge: Judge) -> None:
        """Hold every sum and count against the truth."""
        groups = {"matched": judge.matches} | {
            name: [match for match in judge.matches if match.member.tier == tier]
            for name, tier in zip(TIER_SEGMENTS, TIERS, strict=True)
        }
        self._results.sums = judge_sums(
            self._answer,
            groups,
            column=SPENDING,
            most=SPENDING_AT_MOST,
            drawing=self._drawing.read_text("utf-8"),
        )
