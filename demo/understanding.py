"""What the merchant asks about its segment: a portrait by the platform's tags, and sums of its own numbers."""

import time
from functools import partial
from pathlib import Path
from typing import Any

from demo.figures import written
from demo.insight_judge import judge_portrait, judge_sums
from demo.judge import Judge
from demo.results import LedgerResult, Results
from demo.retail import TIERS
from demo.scenario import CONTRACT, MERCHANT, PORTRAIT_BRANCHES, SEGMENT, SPENDING, SPENDING_AT_MOST, TIER_SEGMENTS
from demo.stage import Stage
from demo.story import Story
from demo.tags import MOST_INTERESTS, PREFERENCES

PORTRAIT_RHO, SUMS_RHO = 20_000, 10_000
MICRO = 1_000_000
LEDGER_SECONDS = 30.0
LEDGER_PAUSE_SECONDS = 0.5
LEDGER_FIELDS = ("spent_micro", "limit_micro", "epsilon", "delta_exponent")
PER_PERSON = MOST_INTERESTS + 1
"""Its interests and its city."""

SHOWN = 5


class Understanding:
    """Asks, tells, and keeps the answers for the judge."""

    def __init__(self, stage: Stage, story: Story, results: Results) -> None:
        self._stage = stage
        self._story = story
        self._results = results
        self._merchant = stage.merchant
        self._answers: dict[str, Any] = {}

    def get_ready(self) -> None:
        """Make the key that answers are encrypted with; from then on the zone draws randomness in advance."""
        self._key = self._stage.soon(partial(self._merchant.run, "insight", "key", CONTRACT))

    def portrait(self) -> None:
        """Ask whether noise and budget are worth it, ask, and ask again: the second time is free and the same."""
        stage, merchant = self._stage, self._merchant
        self._key.result()
        quote = merchant.run("insight", "quote", CONTRACT, "--rho", str(PORTRAIT_RHO))
        self._story.say(
            f"the merchant chooses to spend ρ = {quote['rho_micro'] / MICRO:g} on it;"
            f" ρ = {quote['remaining_micro'] / MICRO:g} is left for it"
        )
        question = (
            *("insight", "portrait", CONTRACT, "--segment", SEGMENT, "--rho", str(PORTRAIT_RHO)),
            *("--per-person", str(PER_PERSON)),
            *(word for branch in PORTRAIT_BRANCHES for word in ("--branch", branch)),
        )
        [portrait] = merchant.run(*question, "--plot", str(self._drawing("portrait")))
        [again], for_people = stage.together(
            partial(merchant.run, *question), partial(merchant.text, *question, "--top", str(SHOWN))
        )
        if again != portrait:
            raise RuntimeError("the same question asked again was answered differently")
        self._answers["portrait"] = portrait
        self._results.charge(f"portrait of {SEGMENT}", PORTRAIT_RHO)
        self._story.show(for_people)
        self._story.say("the counts were encrypted under the merchant's key until it read them; asked again: the same")

    def sums(self) -> None:
        """Spending by tier over all matches: the merchant's own column, over people that it can't see."""
        stage, merchant = self._stage, self._merchant
        create = partial(merchant.run, "segment", "create", CONTRACT)
        stage.together(
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
        [self._answers["sums"]] = merchant.run(*question, "--plot", str(self._drawing("sums")))
        for_people = merchant.text(*question)
        self._results.charge("spending by tier", SUMS_RHO)
        self._story.show(for_people)

    def judge(self, judge: Judge) -> None:
        """Hold the answers against the truth, and tell."""
        portrait = self._results.portrait = judge_portrait(
            self._answers["portrait"],
            self._stage.folder,
            judge.wanted,
            judge.matches,
            branches=PORTRAIT_BRANCHES,
            planted=PREFERENCES,
            segment=SEGMENT,
            base="matched",
            per_person=PER_PERSON,
            drawing=self._drawing("portrait").read_text("utf-8"),
        )
        groups = {"matched": judge.matches} | {
            name: [match for match in judge.matches if match.member.tier == tier]
            for name, tier in zip(TIER_SEGMENTS, TIERS, strict=True)
        }
        self._results.sums = judge_sums(
            self._answers["sums"],
            groups,
            column=SPENDING,
            most=SPENDING_AT_MOST,
            drawing=self._drawing("sums").read_text("utf-8"),
        )
        for tag in portrait.liked:
            self._story.say(
                f"{tag.name}, planted: {tag.people.value:,.0f} people, in truth {tag.people.truth:,.0f};"
                f" TGI {written(tag.tgi.value)}, in truth {tag.tgi.truth:,.0f}"
            )
        if not portrait.visible:
            self._story.say(
                "with so few people the noise hides what was planted, and the portrait says no more than that"
            )
        held = sum(one.holds for one in portrait.intervals)
        self._story.say(
            f"{held} of the portrait's {len(portrait.intervals)} shares, TGIs and coverages have the truth in their"
            " interval; 95 in 100 are expected"
        )

    def ledger(self) -> None:
        """The merchant's own ledger, as soon as its agent has heard of all charges."""
        expected = sum(charge.rho_micro for charge in self._results.charges)
        deadline = time.monotonic() + LEDGER_SECONDS
        ledger = self._merchant.run("budget", CONTRACT)
        while ledger["spent_micro"] < expected and time.monotonic() < deadline:
            time.sleep(LEDGER_PAUSE_SECONDS)
            ledger = self._merchant.run("budget", CONTRACT)
        self._results.ledger = LedgerResult(
            expected_micro=expected, **{field: ledger[field] for field in LEDGER_FIELDS}
        )
        self._story.say(
            f"{MERCHANT}'s ledger: ρ = {ledger['spent_micro'] / MICRO:g} of {ledger['limit_micro'] / MICRO:g} spent on"
            f" {len(self._results.charges)} answers, ε = {ledger['epsilon']:.2f} at δ = 10^-{ledger['delta_exponent']}"
        )

    def _drawing(self, name: str) -> Path:
        return self._stage.folder / f"{name}.svg"
