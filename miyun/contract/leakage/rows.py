"""What segments of all the platform's rows add, matched or not: the universe ``platform``."""

from collections.abc import Iterator

from miyun.contract.leakage.lines import ALWAYS, AT_EACH_ACTIVATION, AT_EACH_ANSWER, LeakageLine, Who, party_words
from miyun.contract.model import MATCHED, Contract, Grant, PartyKind, Rung, Universe
from miyun.privacy import sensitivity
from miyun.privacy.noise import scale_for
from miyun.words import Words

_EVERYBODY = Words(en="Everybody", zh="所有人")


def row_lines(contract: Contract) -> Iterator[LeakageLine]:
    """What their sizes are worth, and whom they cost what."""
    yield LeakageLine(
        who=Who.EVERYBODY,
        name=_EVERYBODY,
        learns=_sizes(contract, contract.owner_of(PartyKind.PLATFORM.namespace).name),
        when=AT_EACH_ANSWER,
        clause="budget.size_rho_micro",
    )
    platform = contract.owner_of(PartyKind.PLATFORM.namespace)
    yield LeakageLine(
        who=Who.EVERYBODY,
        name=_EVERYBODY,
        learns=Words(
            en="Of every segment its name, its owner's code, definition, channels and end, which versions there were, "
            "when and why, and, where granted, the sizes that were told of them; and the words with which "
            f"{platform.name} publishes audiences of its users. None of that is hidden from either party",
            zh="得知每个人群包的名称、外部编码、定义、渠道和有效期，有过哪些版本、何时以及为何产生，"
            f"以及（在授权范围内）此前告知过的人数；还有 {platform.name} 发布其用户人群时所写的文字。对双方均不隐藏",
        ),
        when=ALWAYS,
        clause=f"parties[{contract.parties.index(platform)}]",
    )


def row_list_lines(contract: Contract, index: int, grant: Grant) -> Iterator[LeakageLine]:
    """What the grant of lists of the match lets the platform see by lists of which it knows all else."""
    recipient = contract.party(grant.recipient)
    if recipient.kind is not PartyKind.PLATFORM or (grant.subject, grant.rung) != (MATCHED, Rung.ACTIVATE):
        return
    yield LeakageLine(
        who=Who.PARTY,
        name=party_words(recipient),
        learns=Words(
            en=f"A list may be cut from all of {recipient.name}'s rows, matched or not (universe "
            f"“{Universe.PLATFORM}”), by predicates that {recipient.name} can evaluate itself. It then sees exactly "
            f"which of its ids are missing: those of {grant.owner}'s people who opted out with {grant.owner} or whom "
            f"the definition takes away, such as a seed. So it learns of each of them that {grant.owner} has this "
            "person, and why they were left out",
            zh=f"名单也可以从 {recipient.name} 的全部行（无论是否匹配，全集为“{Universe.PLATFORM}”）中选出，"
            f"而其条件 {recipient.name} 自己就能计算。因此它能确切看出少了哪些编号：即在 {grant.owner} 退订的，"
            f"或被定义去掉的（如种子人群）{grant.owner} 的人。"
            f"由此得知这些人都在 {grant.owner} 的数据里，以及被排除的原因",
        ),
        when=AT_EACH_ACTIVATION,
        clause=f"grants[{index}]",
        loud=True,
    )


def _sizes(contract: Contract, platform: str) -> Words:
    types, rho_micro = len(contract.identifiers), contract.budget.size_rho_micro
    padding = sensitivity.most_padding(contract.padding_bucket, types, contract.delta_bucket)
    alone, of_match = (scale_for(rho_micro, sensitivity.rows(count, padding)) for count in (0, types))
    counted_en = f"It counts padding as well, up to {padding:,} rows. " if padding else ""
    counted_zh = f"其中也计入填充行，至多 {padding:,} 行。" if padding else ""
    return Words(
        en=f"A segment may also be made of all of {platform}'s rows, matched or not (universe “{Universe.PLATFORM}”). "
        f"{counted_en}Where no match decides about it, its size has noise of standard deviation {alone:.1f}, costs "
        f"{platform} alone, and says nothing of the match; where one does, {of_match:.1f}, and it costs both",
        zh=f"人群包也可以取自 {platform} 的全部行，无论是否匹配（全集为“{Universe.PLATFORM}”）。{counted_zh}"
        f"若与匹配无关，其人数加标准差 {alone:.1f} 的噪声，只计入 {platform} 的预算，且不透露任何匹配信息；"
        f"若与匹配有关，标准差为 {of_match:.1f}，计入双方",
    )
