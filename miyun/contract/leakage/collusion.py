"""What the zone and one party learn if they are in one hand, or work together."""

from collections.abc import Iterator

from miyun.contract.leakage.lines import (
    ALWAYS,
    AT_EACH_FUSION,
    AT_EACH_SEGMENT,
    PHONE_NUMBERS,
    LeakageLine,
    Who,
    kind_words,
    share_of_phones,
)
from miyun.contract.model import Contract, IdentifierTerms, PartyKind, PartyTerms
from miyun.contract.organisations import same_organisation
from miyun.words import Words

WHO_TOGETHER = {PartyKind.PLATFORM: Who.ZONE_AND_PLATFORM, PartyKind.MERCHANT: Who.ZONE_AND_MERCHANT}


def together_words(contract: Contract, party: PartyTerms) -> Words:
    """The heading for the zone and a party in one hand."""
    kind = kind_words(party.kind)
    return Words(
        en=f"{contract.zone.name} and {party.name} together: the zone and the {kind.en} in one hand",
        zh=f"{contract.zone.name} 与 {party.name} 合在一起：融合区与{kind.zh}由同一方掌握",
    )


def collusion_lines(contract: Contract, party: PartyTerms) -> Iterator[LeakageLine]:
    """What the zone and ``party`` can learn together about the other party's rows."""
    other = contract.counterparty(party.name)
    one_hand = same_organisation(party.organisation, contract.zone.organisation)
    name = together_words(contract, party)

    def line(learns: Words, when: Words, clause: str, *, loud: bool = False) -> LeakageLine:
        return LeakageLine(who=WHO_TOGETHER[party.kind], name=name, learns=learns, when=when, clause=clause, loud=loud)

    yield line(_hands(contract, party, one_hand), ALWAYS, "zone.organisation", loud=one_hand)
    for index, terms in enumerate(contract.identifiers):
        clause = f"identifiers[{index}].evaluation_cap"
        yield line(_tests(terms, other), AT_EACH_FUSION, clause, loud=one_hand or terms.evaluation_cap >= PHONE_NUMBERS)
    yield line(
        Words(
            en=f"For each of these that matched, they also learn which of {other.name}'s predicates its row "
            f"satisfies, at most "
            f"{contract.legs_per_epoch:,} predicates per epoch",
            zh=f"对其中每个匹配上的标识，还能知道其所在行满足 {other.name} 的哪些条件，每个纪元至多 "
            f"{contract.legs_per_epoch:,} 个条件",
        ),
        AT_EACH_SEGMENT,
        "legs_per_epoch",
    )
    yield line(
        Words(
            en=f"A row of {other.name} whose identifier was not submitted stays an anonymous handle, with its "
            f"predicates' answers and identifier types. No guessing offline can tie it to an identifier, because "
            f"{other.name}'s "
            f"blinding scalar is not theirs. Only a rare combination of answers can still point at it",
            zh=f"{other.name} 的行，只要其标识未被提交，就始终是匿名句柄，只附带各条件的真假和标识类型；"
            f"由于盲化标量归 {other.name} 所有，离线猜测无法把它与标识对应起来。只有罕见的条件组合仍可能指向某一行",
        ),
        ALWAYS,
        "legs_per_epoch",
    )
    yield line(
        Words(
            en="Noise and bands do not bind them: the zone knows the exact sizes. And what the zone erases, or never "
            "shows a party, is kept from them only by their own discipline",
            zh="噪声与区间对它们不起作用：融合区知道确切人数。融合区应删除的、或不向参与方展示的内容，只能靠它们自律",
        ),
        ALWAYS,
        "budget.rho_micro",
    )


def _hands(contract: Contract, party: PartyTerms, one_hand: bool) -> Words:
    kind = kind_words(party.kind)
    if one_hand:
        organisation = contract.zone.organisation
        return Words(
            en=f"THIS IS SO HERE: {organisation} operates both the zone and the {kind.en}. Read the following as what "
            f"{organisation} can learn",
            zh=f"本合约正是如此：{organisation} 同时运营融合区与{kind.zh}。以下各条即 {organisation} 所能知道的内容",
        )
    return Words(
        en=f"Different organisations operate them ({contract.zone.organisation}; {party.organisation}). If the two "
        "work together against the contract, they can learn the following",
        zh=f"两者由不同组织运营（{contract.zone.organisation}；{party.organisation}）。若二者违反合约串通，可知道以下内容",
    )


def _tests(terms: IdentifierTerms, other: PartyTerms) -> Words:
    cap, share = terms.evaluation_cap, share_of_phones(terms.evaluation_cap)
    if cap >= PHONE_NUMBERS:
        return Words(
            en=f"They learn for EVERY {terms.type} they care to submit whether it matched a row of {other.name}: "
            f"the cap of "
            f"{cap:,} is {share} of ten billion phone numbers, so it holds nothing back",
            zh=f"能知道任意提交的每一个 {terms.type} 是否与 {other.name} 的行匹配：上限 {cap:,} 相当于"
            f"一百亿个手机号的 {share}，等于没有限制",
        )
    return Words(
        en=f"They learn for each {terms.type} that they submit, a real user's or a guess, whether it matched a row of "
        f"{other.name}: at most {cap:,} over the whole life of the contract, as many as {share} of ten billion "
        "phone numbers",
        zh=f"能知道每个提交的 {terms.type}（无论真实用户还是猜测）是否与 {other.name} 的行匹配："
        f"整个合约期内至多 {cap:,} 个，相当于一百亿个手机号的 {share}",
    )
