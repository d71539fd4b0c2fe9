"""Holds what the processes did against the plaintext join."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from demo.deliveries import read_ids
from demo.reference import Match, Person, audience, eligible, join, read_members, read_opt_outs, read_users
from demo.results import ActivationResult, Results, SizeResult, TypeResult
from demo.retail import ASLEEP_DAYS
from demo.scenario import ACTIVATIONS, EVERYONE, MERCHANT, SEGMENT, is_wanted


@dataclass(slots=True)
class Performance:
    """What came out: per type the reported count and its noise, sizes by asker, delivered files by recipient."""

    reported: dict[str, tuple[int, float]] = field(default_factory=dict)
    bands: list[tuple[str, str, int, int | None]] = field(default_factory=list)
    size_noise: float = 0.0
    delivered: dict[str, Path] = field(default_factory=dict)


class Judge:
    """Knows both tables and their plaintext join."""

    def __init__(self, folder: Path, today: date) -> None:
        do_not_call = read_opt_outs(folder / "opt-outs.csv")
        self._folder = folder
        self.members = list(read_members(folder / "members.csv", do_not_call))
        self.users = list(read_users(folder / "users.parquet"))
        asleep_since = today - timedelta(days=ASLEEP_DAYS)
        self.matches = join(eligible(self.members), eligible(self.users))
        self.wanted = [match for match in self.matches if is_wanted(match.member, asleep_since)]
        self._reached = audience(self.wanted, lambda _: True)

    @property
    def people(self) -> list[Person]:
        """Everybody in both tables."""
        return [*self.members, *self.users]

    def judge(self, performance: Performance, results: Results) -> None:
        """Fill in the match report, the sizes and the activations, each with the truth beside it."""
        truth = Counter(match.by for match in self.matches)
        sizes = {EVERYONE: len(self.matches), SEGMENT: len(self.wanted)}
        noise = performance.size_noise
        results.match_report = [
            TypeResult(type=type_, reported=count, noise=sigma, truth=truth[type_])
            for type_, (count, sigma) in performance.reported.items()
        ]
        results.sizes = [
            SizeResult(asker=asker, segment=segment, at_least=low, below=high, noise=noise, truth=sizes[segment])
            for asker, segment, low, high in performance.bands
        ]
        results.activations = [
            self._held_against(performance.delivered[recipient], recipient, domain, channel)
            for recipient, domain, channel in ACTIVATIONS
        ]

    def _held_against(self, file: Path, recipient: str, domain: str, channel: str) -> ActivationResult:
        ids = read_ids(file)
        truth = {_own_id(match, recipient) for match in self._reached}
        return ActivationResult(
            segment=SEGMENT,
            recipient=recipient,
            domain=domain,
            channel=channel,
            file=str(file.relative_to(self._folder)),
            delivered=len(ids),
            truth=len(truth),
            missing=len(truth - set(ids)),
            surplus=len(set(ids) - truth),
        )


def in_words(at_least: int, below: int | None) -> str:
    """A band as a person says it."""
    if below is None:
        return f"{at_least:,} or more"
    return f"{at_least:,} to {below - 1:,}" if at_least else f"below {below:,}"


def _own_id(match: Match, recipient: str) -> str:
    return match.member.id if recipient == MERCHANT else match.user.id
