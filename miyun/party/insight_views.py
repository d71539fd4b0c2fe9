"""Answers as results: portraits, sums, lift and overlaps."""

from collections.abc import Sequence
from typing import Any

from miyun.aggregates.question import Question
from miyun.aggregates.statements import NumberRange, OverlapAnswer, SegmentVersion
from miyun.contract.model import Contract
from miyun.insight.lift import Group, Lift
from miyun.insight.origin import Audience, Charge, Origin
from miyun.insight.overlap import Overlap, Size
from miyun.insight.portrait import Portrait
from miyun.insight.separation import Separation
from miyun.insight.sums import Sums
from miyun.insight.totals import NO_TAGS, NumberTotals, TagTotals
from miyun.party.insight_answers import Answer
from miyun.privacy.accounting import epsilon


class View:
    """One answer; segments go by their places in the question."""

    def __init__(self, contract: Contract, answer: Answer) -> None:
        self._contract = contract
        self._answer = answer
        self._question = Question.of(contract, answer.request)
        self._labels = labels_of(answer.request.segments)

    def tags(self, place: int) -> TagTotals:
        """The counts of one segment."""
        counts = self._answer.totals[place][: self._question.counts]
        return TagTotals.read(self._labels[place], self._answer.tags or NO_TAGS, counts, self._question.parts[0].scale)

    def portrait(self, place: int, base: int) -> Portrait:
        return Portrait(
            segment=self.tags(place),
            base=self.tags(base),
            most_tags=self._question.per_person,
            origin=self._origin(segment=self._audience(place), base=self._audience(base)),
        )

    def separation(self, lookalike: str) -> Separation:
        """Of the first segment from the second, counted in parts by a lookalike's score."""
        seed, base = self.tags(0), self.tags(1)
        return Separation(
            name=lookalike,
            seed=tuple(seed.counts.tolist()),
            seed_scale=seed.scale,
            base=tuple(base.counts.tolist()),
            base_scale=base.scale,
            origin=self._origin(seed=self._audience(0), base=self._audience(1)),
        )

    def number(self, place: int, number: int) -> NumberTotals:
        """A number over one segment."""
        asked: NumberRange = self._question.numbers[number]
        total, known = self._answer.totals[place][self._question.counts :][2 * number : 2 * number + 2]
        parts = self._question.parts[bool(self._question.tags) :][2 * number : 2 * number + 2]
        step = float(asked.step)
        return NumberTotals(
            name=self._labels[place],
            low=asked.low * step,
            high=asked.high * step,
            step=step,
            total=total,
            total_scale=parts[0].scale,
            known=known,
            known_scale=parts[1].scale,
        )

    def sums(self, number: int, whole: int, parts: Sequence[int] = ()) -> Sums:
        return Sums(
            column=self._question.numbers[number].name,
            whole=self.number(whole, number),
            parts=tuple(self.number(part, number) for part in parts),
            origin=self._origin(
                segment=self._audience(whole), **({"parts": tuple(map(self._audience, parts))} if parts else {})
            ),
        )

    def lift(self) -> Lift:
        """Of the first segment against the second; the first number is 1 for whoever converted, else 0."""
        return Lift(
            exposed=self._group(0),
            control=self._group(1),
            origin=self._origin(exposed=self._audience(0), control=self._audience(1)),
        )

    def _group(self, place: int) -> Group:
        converted = self.number(place, 0)
        return Group(
            name=converted.name,
            people=converted.known,
            people_scale=converted.known_scale,
            conversions=converted.total,
            conversions_scale=converted.total_scale,
            revenue=self.number(place, 1) if len(self._question.numbers) > 1 else None,
        )

    def _audience(self, place: int) -> Audience:
        segment = self._answer.request.segments[place]
        return Audience(name=segment.name, version=segment.version)

    def _origin(self, **audiences: Audience | tuple[Audience, ...]) -> Origin:
        answer, request = self._answer, self._answer.request
        asked: dict[str, Any] = {"circuit": request.circuit.value}
        if self._question.tags:
            asked |= {
                "tags": list(request.tags),
                "branches": list(request.branches),
                "per_person": request.per_person,
                "catalogue": request.catalogue_digest.hex(),
            }
        if self._question.numbers:
            asked["numbers"] = [
                {"name": number.name, "low": number.low * step, "high": number.high * step, "step": step}
                for number in request.numbers
                for step in [float(number.step)]
            ]
        return Origin(
            contract=request.contract,
            question=request.question_digest().hex(),
            job=answer.job,
            epoch=answer.epoch,
            at=answer.at,
            audiences=audiences,
            asked=asked,
            charge=_charge(self._contract, request.rho_micro),
        )


def labels_of(segments: Sequence[SegmentVersion]) -> list[str]:
    """What segments of one question are called. Versions of one segment are told apart by their numbers."""
    names = [segment.name for segment in segments]
    return [
        segment.name if names.count(segment.name) == 1 else f"{segment.name}@{segment.version}" for segment in segments
    ]


def overlap_of(contract: Contract, question: bytes, answer: OverlapAnswer) -> Overlap:
    """What segments have in common; ``question`` is the digest of what was asked."""
    labels = labels_of(answer.segments)
    pairs = [(one, other) for place, one in enumerate(labels) for other in labels[place:]]
    sizes: dict[tuple[str, ...], Size] = {
        ((one,) if one == other else (min(one, other), max(one, other))): Size.of(size)
        for (one, other), size in zip(pairs, answer.sizes, strict=True)
    }
    audiences = tuple(Audience(name=segment.name, version=segment.version) for segment in answer.segments)
    return Overlap(
        segments=tuple(labels),
        sizes=sizes,
        scale=answer.scale_milli / 1000,
        origin=Origin(
            contract=contract.id,
            question=question.hex(),
            at=answer.at,
            audiences={"segments": audiences},
            asked={},
            charge=_charge(contract, contract.budget.size_rho_micro),
        ),
    )


def _charge(contract: Contract, rho_micro: int) -> Charge:
    exponent = contract.budget.delta_exponent
    return Charge(rho_micro=rho_micro, epsilon=epsilon(rho_micro, exponent), delta=10.0**-exponent)
