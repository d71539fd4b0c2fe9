"""What the demo found out, as plain records: written to results.json and drawn by the report."""

from dataclasses import asdict, dataclass, field
from typing import Any

from demo.brute_force import BruteForce
from demo.insight_results import LookalikeResult, PortraitResult, SumsResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the story; times in seconds since the demo began."""

    title: str
    chinese: str
    started: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A party's input: the rows read and what happened to them, by reason."""

    party: str
    file: str
    rows: int
    sent: dict[str, int]
    set_aside: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeResult:
    """Matches on one identifier type: as reported with noise of this standard deviation, and in truth."""

    type: str
    reported: int
    noise: float
    truth: int

    @property
    def plausible(self) -> bool:
        """Whether the noise explains the difference: five standard deviations, missed once in two million reports."""
        return abs(self.reported - self.truth) <= max(1.0, 5 * self.noise)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeResult:
    """A size as it was answered: ``at_least`` to ``below``, post-processed from noise of this standard deviation."""

    asker: str
    segment: str
    at_least: int
    below: int | None
    noise: float
    truth: int

    @property
    def plausible(self) -> bool:
        """Whether the true size lies in the band, give or take five standard deviations."""
        margin = 5 * self.noise
        return self.at_least - margin <= self.truth and (self.below is None or self.truth < self.below + margin)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivationResult:
    """A delivered file against the plaintext join: ids missing from it and ids it should not hold."""

    segment: str
    recipient: str
    domain: str
    channel: str
    file: str
    delivered: int
    truth: int
    missing: int
    surplus: int

    @property
    def equal(self) -> bool:
        """Whether the file holds exactly the ids of the plaintext join."""
        return self.missing == 0 and self.surplus == 0 and self.delivered == self.truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process: its traffic in bytes of TLS, its peak memory in bytes, what it learned and did not."""

    name: str
    role: str
    received: int
    sent: int
    peak: int
    learned: str
    not_learned: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """A term of the contract for the table in the report."""

    name: str
    chinese: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakageLine:
    """A line of the leakage statement, as the command printed it; ``loud`` ones are not to be overlooked."""

    name: str
    learns: str
    when: str
    clause: str
    loud: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What one answer cost the merchant's rows, in millionths of ρ."""

    answer: str
    rho_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerResult:
    """A party's own ledger at the end: all its rows are charged with, and what was to be charged."""

    spent_micro: int
    expected_micro: int
    limit_micro: int
    epsilon: float
    delta_exponent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakScan:
    """Identifiers of both tables looked for in every byte that the zone keeps."""

    bytes: int
    identifiers: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FebrlResult:
    """What one contract matched: people activated to each side, and how many of those are not in the other's file."""

    identifiers: str
    matched_a: int
    matched_b: int
    false: int
    expected: int

    @property
    def equal(self) -> bool:
        """Whether exactly the known people matched."""
        return self.matched_a == self.matched_b == self.expected and self.false == 0


@dataclass(slots=True, kw_only=True)
class Results:
    """Filled in step by step."""

    members: int
    users: int
    seed: int
    date: str
    versions: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    clauses: list[Clause] = field(default_factory=list)
    fingerprints: dict[str, str] = field(default_factory=dict)
    statement: dict[str, list[LeakageLine]] = field(default_factory=dict)
    match_report: list[TypeResult] = field(default_factory=list)
    segment_definition: str = ""
    sizes: list[SizeResult] = field(default_factory=list)
    activations: list[ActivationResult] = field(default_factory=list)
    charges: list[Charge] = field(default_factory=list)
    ledger: LedgerResult | None = None
    portrait: PortraitResult | None = None
    sums: SumsResult | None = None
    lookalike: LookalikeResult | None = None
    refused: list[str] = field(default_factory=list)
    processes: list[Process] = field(default_factory=list)
    scan: LeakScan | None = None
    audit: str = ""
    brute_force: BruteForce | None = None
    febrl: list[FebrlResult] = field(default_factory=list)
    febrl_missing: str = ""

    def charge(self, answer: str, rho_micro: int) -> None:
        """Note what an answer cost."""
        self.charges.append(Charge(answer=answer, rho_micro=rho_micro))

    @property
    def seconds(self) -> float:
        """From the first step's start to the last one's end."""
        return max((step.started + step.seconds for step in self.steps), default=0.0)

    @property
    def differences(self) -> list[str]:
        """What does not equal the plaintext join, in words; empty: all is well."""
        found = [
            f"{one.type}: reported {one.reported:,}, in truth {one.truth:,}, more than noise explains"
            for one in self.match_report
            if not one.plausible
        ]
        found += [
            f"size of {one.segment} for {one.asker}: the true {one.truth:,} is outside the band"
            for one in self.sizes
            if not one.plausible
        ]
        found += [
            f"{one.file}: {one.missing:,} ids missing, {one.surplus:,} too many"
            for one in self.activations
            if not one.equal
        ]
        if self.scan and self.scan.found:
            found.append(f"{self.scan.found:,} identifiers lie open in what the zone keeps")
        found += [
            f"FEBRL 4 by {one.identifiers}: {one.matched_a:,} and {one.matched_b:,} matched, {one.expected:,} known"
            for one in self.febrl
            if not one.equal
        ]
        found += [
            line for insight in (self.portrait, self.sums, self.lookalike) if insight for line in insight.differences
        ]
        if self.ledger and self.ledger.spent_micro != self.ledger.expected_micro:
            found.append(f"{self.ledger.spent_micro:,} millionths of ρ charged for {self.ledger.expected_micro:,}")
        if not self.activations:
            found.append("nothing was activated")
        return found

    def to_plain(self) -> dict[str, Any]:
        """For results.json."""
        return {**asdict(self), "seconds": self.seconds, "differences": self.differences}
