"""What a leakage statement consists of."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from miyun.contract.model import Contract, PartyKind, PartyTerms
from miyun.words import Words

PHONE_NUMBERS = 10**10
"""How many phone numbers there are to guess, by order of magnitude."""


class Who(StrEnum):
    """Whose knowledge a line is about. The order is that of the statement."""

    EVERYBODY = "everybody"
    PARTY = "party"
    THIRD_PARTY = "third-party"
    ZONE = "zone"
    ZONE_AND_PLATFORM = "zone-and-platform"
    ZONE_AND_MERCHANT = "zone-and-merchant"
    ANALYST = "analyst"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakageLine:
    """``name`` says whom ``who`` means here; ``clause`` is the path in the contract that the line follows from."""

    who: Who
    name: Words
    learns: Words
    when: Words
    clause: str
    loud: bool = False


AT_EACH_FUSION = Words(en="at each fusion", zh="每次融合时")
AT_EACH_ANSWER = Words(en="with each answer", zh="每次答复时")
AT_EACH_ACTIVATION = Words(en="at each activation", zh="每次投放时")
AT_EACH_SEGMENT = Words(en="with each segment", zh="每次建立或更新人群包时")
AT_EACH_LOOKALIKE = Words(en="with each lookalike that is released", zh="每次发布人群扩展时")
AT_EACH_DELTA = Words(en="at each change within an epoch", zh="纪元内每次增减行时")
ALWAYS = Words(en="as long as the contract is in force", zh="合约有效期内")

_KINDS = {
    PartyKind.MERCHANT: Words(en="merchant", zh="商家"),
    PartyKind.PLATFORM: Words(en="platform", zh="平台"),
}


def kind_words(kind: PartyKind) -> Words:
    return _KINDS[kind]


def party_words(party: PartyTerms) -> Words:
    """The heading for a party: its name, kind and organisation."""
    kind = kind_words(party.kind)
    return Words(
        en=f"{party.name}, the {kind.en} ({party.organisation})", zh=f"{party.name},{kind.zh}({party.organisation})"
    )


def zone_words(contract: Contract) -> Words:
    zone = contract.zone
    return Words(en=f"{zone.name}, the zone ({zone.organisation})", zh=f"{zone.name}，融合区（{zone.organisation}）")


def share_of_phones(cap: int) -> str:
    """A number of identifiers as an exact percentage of 10¹⁰."""
    return f"{Decimal(cap) * 100 / PHONE_NUMBERS:f} %"
