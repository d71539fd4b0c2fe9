"""What one segment adds to what is known, for whoever is about to create it."""

from collections.abc import Iterator, Mapping, Sequence

from miyun.contract.leakage.collusion import WHO_TOGETHER, together_words
from miyun.contract.leakage.lines import (
    AT_EACH_ANSWER,
    AT_EACH_SEGMENT,
    LeakageLine,
    Who,
    party_words,
    zone_words,
)
from miyun.contract.model import Contract, PartyTerms, Rung
from miyun.contract.organisations import same_organisation
from miyun.contract.permissions import needed_grants
from miyun.words import Words

_SHOWN_CHARACTERS = 160
"""Of a predicate; one with a long list of points is cut off."""


def segment_lines(
    contract: Contract, owner: str, *, legs: Mapping[str, Sequence[str]], subjects: frozenset[str]
) -> Iterator[LeakageLine]:
    """What everybody learns by a segment of ``owner`` over ``subjects`` that was not known before.

    ``legs`` are the predicates, by the party that evaluates them, which nobody asked for in this epoch.
    """
    yield from _zone_lines(contract, legs)
    for party in contract.parties:
        if party.name != owner:
            yield _definition_line(contract, owner, legs)
        yield _size_line(contract, party, subjects)
    for name, predicates in legs.items():
        yield _together_line(contract, name, predicates)


def _zone_lines(contract: Contract, legs: Mapping[str, Sequence[str]]) -> Iterator[LeakageLine]:
    def line(learns: Words) -> LeakageLine:
        return LeakageLine(
            who=Who.ZONE, name=zone_words(contract), learns=learns, when=AT_EACH_SEGMENT, clause="legs_per_epoch"
        )

    for name, predicates in legs.items():
        en, zh = _quoted(predicates)
        yield line(
            Words(
                en=f"Learns for each row handle of {name} whether the row satisfies {en}. It erases that when the "
                "segment ends, the next fusion is done, or the contract ends",
                zh=f"得知 {name} 的每个行句柄是否满足{zh}；人群包结束、下一次融合完成或合约结束时删除",
            )
        )
    if not legs:
        yield line(
            Words(
                en="Learns of no row whether it satisfies a predicate that it was not told in this epoch before",
                zh="不会新得知任何行是否满足某个条件：所需条件在本纪元内都已告知过",
            )
        )
    yield line(
        Words(
            en="Learns the text of the definition and the exact size of the segment",
            zh="得知定义的文字，以及该人群包的确切人数",
        )
    )


def _definition_line(contract: Contract, owner: str, legs: Mapping[str, Sequence[str]]) -> LeakageLine:
    other = contract.counterparty(owner)
    asked_en, asked_zh = "", ""
    if other.name in legs:
        en, zh = _quoted(legs[other.name])
        asked_en, asked_zh = f". Its agent evaluates {en}", f"；其代理进程计算{zh}"
    return LeakageLine(
        who=Who.PARTY,
        name=party_words(other),
        learns=Words(
            en=f"Learns the text of the definition and that {owner} made a segment of it, with its name, code, "
            f"channels and end{asked_en}",
            zh=f"得知定义的文字，以及 {owner} 以此建立了人群包，包括其名称、外部编码、渠道和有效期{asked_zh}",
        ),
        when=AT_EACH_SEGMENT,
        clause="parties",
    )


def _size_line(contract: Contract, party: PartyTerms, subjects: frozenset[str]) -> LeakageLine:
    missing = [need for need in needed_grants(contract, party.name, subjects, Rung.SIZE) if not need.clause]
    if missing:
        en, zh = ", ".join(need.subject for need in missing), "、".join(need.subject for need in missing)
        learns = Words(
            en=f"Learns no size of it: {missing[0].owner} grants it none of {en}",
            zh=f"得不到其人数：{missing[0].owner} 未授权 {zh} 的人数",
        )
    else:
        learns = Words(
            en="May learn its noisy size as a band, charged to the budget, and so may analysts whom it delegates",
            zh="可得知其含噪人数区间（计入隐私预算），其委派的分析师亦然",
        )
    return LeakageLine(who=Who.PARTY, name=party_words(party), learns=learns, when=AT_EACH_ANSWER, clause="grants")


def _together_line(contract: Contract, name: str, predicates: Sequence[str]) -> LeakageLine:
    other = contract.counterparty(name)
    en, zh = _quoted(predicates)
    return LeakageLine(
        who=WHO_TOGETHER[other.kind],
        name=together_words(contract, other),
        learns=Words(
            en=f"Learn for each identifier that {other.name} submitted and that matched whether its row of {name} "
            f"satisfies {en}",
            zh=f"对 {other.name} 提交且匹配上的每个标识，得知其在 {name} 的行是否满足{zh}",
        ),
        when=AT_EACH_SEGMENT,
        clause="legs_per_epoch",
        loud=same_organisation(other.organisation, contract.zone.organisation),
    )


def _quoted(predicates: Sequence[str]) -> tuple[str, str]:
    quoted = [f"“{_shortened(predicate)}”" for predicate in predicates]
    return " and ".join(quoted), "与".join(quoted)


def _shortened(predicate: str) -> str:
    return predicate if len(predicate) <= _SHOWN_CHARACTERS else f"{predicate[:_SHOWN_CHARACTERS]} …"
