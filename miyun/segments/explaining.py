"""A segment explained before it is created: who evaluates what, what it costs, what leaks, which grants permit it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from miyun.contract.leakage.lines import LeakageLine
from miyun.contract.leakage.segments import segment_lines
from miyun.contract.model import MATCHED, Contract, PartyKind, Rung, Universe
from miyun.contract.permissions import Need, needed_grants
from miyun.segments.planning import Plan
from miyun.segments.quotes import LegQuote, SegmentQuote, ToldSize


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerShare:
    """What a segment asks of one party.

    ``legs_new`` of its predicates would be asked for the first time in this epoch, beside ``legs_asked``, and
    ``legs_allowed`` is how many may be. Amounts are in millionths of zCDP's rho: what its size would be charged, what
    the leases still allow, and what the budget under the contract still holds.
    """

    party: str
    legs_new: int
    legs_asked: int
    legs_allowed: int
    rho_micro: int
    leased_micro: int
    left_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """``definition`` is its canonical text, and ``meaning`` the same with its ``segments`` written out, over
    ``subjects``.

    It would be evaluated on the rows of ``epoch`` (0: nothing is fused) and can live until ``until``. ``told`` is its
    size, where that was told before: it costs nothing. ``needs`` are the grants for creating it (`Rung.USE`) and for
    what can be done with it then; ``learns`` is what it adds to what anybody knows.
    """

    contract: str
    definition: str
    universe: Universe
    meaning: str
    segments: tuple[str, ...]
    subjects: frozenset[str]
    epoch: int
    until: datetime
    legs: tuple[LegQuote, ...]
    owners: tuple[OwnerShare, ...]
    told: ToldSize | None
    needs: tuple[Need, ...]
    learns: tuple[LeakageLine, ...]


def explained(contract: Contract, owner: str, quote: SegmentQuote, planned: Plan, meant: Plan) -> Explanation:
    """What a quote means for ``owner``; ``meant`` is the plan of the meaning, ``planned`` that of the definition."""
    new: dict[str, list[str]] = {}
    for leg in quote.legs:
        if not leg.asked:
            new.setdefault(leg.party, []).append(leg.predicate)
    return Explanation(
        contract=contract.id,
        definition=quote.definition,
        universe=quote.universe,
        meaning=quote.meaning,
        segments=tuple(sorted(planned.segments)),
        subjects=meant.subjects,
        epoch=quote.epoch,
        until=quote.until,
        legs=quote.legs,
        owners=tuple(
            OwnerShare(
                party=share.party,
                legs_new=len(new.get(share.party, ())),
                legs_asked=share.legs,
                legs_allowed=contract.legs_per_epoch,
                rho_micro=share.rho_micro,
                leased_micro=share.leased_micro,
                left_micro=share.left_micro,
            )
            for share in quote.owners
        ),
        told=quote.told,
        needs=tuple(dict.fromkeys(_needs(contract, owner, meant))),
        learns=tuple(segment_lines(contract, owner, legs=new, subjects=meant.subjects)),
    )


def _needs(contract: Contract, owner: str, meant: Plan) -> Iterator[Need]:
    """What creating it, its size, totals over it, and each channel need."""
    yield from needed_grants(contract, owner, meant.subjects, Rung.USE)
    yield from needed_grants(contract, owner, meant.subjects, Rung.SIZE)
    if meant.universe is Universe.MATCHED and not meant.best:
        yield from needed_grants(contract, owner, meant.subjects, Rung.INSIGHT)
    reached = meant.subjects | {MATCHED}
    for channel in contract.channels:
        recipient = contract.party(channel.recipient)
        if meant.universe is Universe.PLATFORM and recipient.kind is not PartyKind.PLATFORM:
            continue
        yield from needed_grants(contract, recipient.name, reached, Rung.ACTIVATE)
        if channel.third_party:
            yield from needed_grants(contract, recipient.name, reached, Rung.DISCLOSE)
