"""What the segment is like, by the platform's tags."""

from functools import partial

from demo.figures import written
from demo.insight_judge import judge_portrait
from demo.judge import Judge
from demo.ledger import in_rho
from demo.results import Results
from demo.scenario import CONTRACT, PORTRAIT_BRANCHES, SEGMENT
from demo.stage import Stage
from demo.story import Story
from demo.tags import MOST_INTERESTS, PREFERENCES

PORTRAIT_RHO = 20_000
PER_PERSON = MOST_INTERESTS + 1
"""Its interests and its city."""

ASKED = ("--per-person", str(PER_PERSON), *(word for branch in PORTRAIT_BRANCHES for word in ("--branch", branch)))
SHOWN = 5


class Portrait:
    """What the segment is like against all matches: encrypted selection, over the platform's tags."""

    title, chinese = "A portrait of the segment", "人群画像"

    def __init__(self, stage: Stage, story: Story, results: Results) -> None:
        self._stage, self._story, self._results = stage, story, results
        self._drawing = stage.folder / "portrait.svg"

    def ask(self) -> None:
        """Look what is left of the budget, ask, and ask again: the second time is free and the same."""
        merchant = self._stage.merchant
        quote = merchant.run("insight", "quote", CONTRACT, "--rho", str(PORTRAIT_RHO))
        self._story.say(
            f"the merchant chooses to spend {in_rho(quote['rho_micro'])} on it;"
            f" {in_rho(quote['remaining_micro'])} is leased to the zone"
        )
        question = ("insight", "portrait", CONTRACT, "--segment", SEGMENT, "--rho", str(PORTRAIT_RHO), *ASKED)
        [self._answer] = merchant.run(*question, "--plot", str(self._drawing))
        [again], for_people = self._stage.together(
            partial(merchant.run, *question), partial(merchant.text, *question, "--top", str(SHOWN))
        )
        if again != self._answer:
            raise RuntimeError("the same question asked again was answered differently")
        self._results.charge(f"portrait of {SEGMENT}", PORTRAIT_RHO)
        self._story.show(for_people)
        self._story.say("the counts were encrypted under the merchant's key until it read them; asked again: the same")

    def judge(self, judge: Judge) -> None:
        """Hold every count against the truth, and tell what was planted."""
        portrait = self._results.portrait = judge_portrait(
            self._answer,
            self._stage.folder,
            judge.wanted,
            judge.matches,
            branches=PORTRAIT_BRANCHES,
            planted=PREFERENCES,
            segment=SEGMENT,
            base="matched",
            per_person=PER_PERSON,
            drawing=self._drawing.read_text("utf-8"),
        )
        for tag in portrait.liked:
            self._story.say(
                f"{tag.name}, planted: {tag.people.value:,.0f} people, in truth {tag.people.truth:,.0f};"
                f" TGI {written(tag.tgi.value)}, in truth {tag.tgi.truth:,.0f}"
            )
        if not portrait.visible:
            self._story.say("with so few people the noise hides what was planted, and the portrait claims nothing")
        held = sum(one.holds for one in portrait.intervals)
        self._story.say(
            f"{held} of the portrait's {len(portrait.intervals)} shares, TGIs and coverages have the truth in their"
            " interval; 95 in 100 are expected"
        )
