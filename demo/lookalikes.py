"""Users who are like the segment, found by the platform from noised weights, and reached through its channel."""

from functools import partial
from math import exp
from typing import Any

import numpy as np

from demo.deliveries import read_ids
from demo.figures import interval
from demo.insight_judge import estimated, noise_of
from demo.insight_reference import below, held_against_ranking, read_carried, read_catalogue
from demo.insight_results import LookalikeResult, Noised, Weight
from demo.judge import Judge
from demo.ledger import in_rho
from demo.portraits import ASKED, PORTRAIT_RHO
from demo.reference import sent
from demo.results import Results
from demo.retail import Retail, blocks
from demo.scenario import ACTIVATIONS, CONTRACT, KEY, PLATFORM, PORTRAIT_BRANCHES, SEGMENT
from demo.stage import Stage
from demo.story import Story

NAME, AUDIENCE = "sleeping-tea", "like-win-back"
OWN_RHO, REPORT_RHO = 20_000, 10_000
USERS_PER_PLACE = 20
"""Every twentieth user is looked for."""


class Lookalike:
    """The best by score among all users of the platform, matched or not."""

    title, chinese = "Users who are like them", "人群扩展"

    def __init__(self, stage: Stage, story: Story, results: Results, retail: Retail) -> None:
        self._stage, self._story, self._results, self._retail = stage, story, results, retail
        self._drawing = stage.folder / "lookalike.svg"
        self._count = retail.users // USERS_PER_PLACE

    def ask(self) -> None:
        """Release weights, ask how well the score tells, have the best users selected and handed to the platform."""
        stage, merchant = self._stage, self._stage.merchant
        self._released = merchant.run(
            *("lookalike", "release", CONTRACT, NAME, "--seed", SEGMENT, *ASKED),
            *("--portrait-rho", str(PORTRAIT_RHO), "--rho", str(OWN_RHO)),
        )
        self._results.charge(f"own noise in the weights of {NAME}", OWN_RHO)
        self._story.say(
            f"weights from the portrait that was answered before, with the merchant's own noise for {in_rho(OWN_RHO)}:"
            " the platform knows the noise that it added itself"
        )
        for weight in self._weights()[:3]:
            self._story.say(f"{weight.tag}: odds × {weight.factor:.1f}")
        channel = next(channel for recipient, _, channel in ACTIVATIONS if recipient == PLATFORM)
        question = ("lookalike", "report", CONTRACT, NAME, "--rho", str(REPORT_RHO))
        _, self._answer = stage.together(
            partial(
                merchant.run,
                *("lookalike", "create", CONTRACT, AUDIENCE, NAME, "--count", str(self._count)),
                *("--channel", channel, "--wait"),
            ),
            partial(merchant.run, *question, "--plot", str(self._drawing)),
        )
        self._results.charge(f"how well {NAME} tells", REPORT_RHO)
        self._story.show(merchant.text(*question))
        _, self._file = stage.activate(CONTRACT, AUDIENCE, stage.platform, channel, f"{KEY}-{AUDIENCE}")
        self._story.say(
            f"{PLATFORM}: {self._file.relative_to(stage.folder)}, {len(read_ids(self._file)):,} of its own ids"
        )

    def judge(self, judge: Judge) -> None:
        """Score all users in the clear by the same weights; compare who was delivered, and who was planted."""
        asked = below(read_catalogue(self._stage.folder / "catalogue.csv"), PORTRAIT_BRANCHES)
        carried = read_carried(self._stage.folder / "tags.parquet", asked)
        users = sent(judge.users)
        by_path = {tag.path: tag.id for tag in asked.values()}
        weights = {by_path[path]: weight for path, weight in self._released["weights"].items()}
        scores = {user.id: sum(weights.get(tag, 0) for tag in carried.get(user.id, ())) for user in users}
        objecting = {user.id for user in users if user.objects}
        objecting |= {match.user.id for match in judge.matches if match.member.objects}
        delivered = set(read_ids(self._file))
        missing, surplus = held_against_ranking(scores, self._count, delivered, objecting)
        planted = self._planted()
        portrait = self._results.portrait
        result = self._results.lookalike = LookalikeResult(
            audience=AUDIENCE,
            count=self._count,
            weights=self._weights(),
            delivered=len(delivered),
            missing=missing,
            surplus=surplus,
            planted=len(delivered & planted) / max(1, len(delivered)),
            planted_among_all=len(planted & scores.keys()) / len(scores),
            visible=portrait is not None and bool(portrait.visible),
            auc=estimated(self._answer["auc"], _auc(scores, judge)),
            seed=_total("seed", self._answer["parts"], len(judge.wanted)),
            drawing=self._drawing.read_text("utf-8"),
            file=str(self._file.relative_to(self._stage.folder)),
        )
        self._story.say(
            f"{result.delivered:,} users delivered, {result.missing:,} missing and {result.surplus:,} too many by a"
            f" plaintext scoring; {result.planted:.0%} of them were made to be like the segment, of all users"
            f" {result.planted_among_all:.0%}; separation {interval(result.auc, decimals=2)}, in truth"
            f" {result.auc.truth:.2f}"
        )

    def _weights(self) -> tuple[Weight, ...]:
        """The heaviest first."""
        weights: dict[str, int] = self._released["weights"]
        return tuple(Weight(tag=path, factor=exp(weight / 1000)) for path, weight in weights.items())

    def _planted(self) -> set[str]:
        """Users who were made to be like the segment, whether the shop knows them or not."""
        found: set[str] = set()
        for rows in blocks(self._retail.users):
            asleep = self._retail.sleeping_spenders(self._retail.people_of_users(rows))
            found.update(np.array(self._retail.user_ids(rows))[asleep].tolist())
        return found


def _total(name: str, parts: list[dict[str, Any]], truth: int) -> Noised:
    """All parts together; their noises add up."""
    counts = [part[name] for part in parts]
    value = sum(count["value"] for count in counts)
    return Noised(name=name, value=value, noise=max(map(noise_of, counts)) * len(counts) ** 0.5, truth=truth)


def _auc(scores: dict[str, int], judge: Judge) -> float:
    """The chance that somebody of the segment scores above somebody of all matches; equal scores count half."""
    base = np.sort([scores[match.user.id] for match in judge.matches])
    seed = np.array([scores[match.user.id] for match in judge.wanted])
    standing = np.searchsorted(base, seed, side="left") + np.searchsorted(base, seed, side="right")
    return float(standing.mean() / (2 * len(base)))
