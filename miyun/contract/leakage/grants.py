"""What each grant adds: to a party, and to the analysts it sends."""

from collections.abc import Iterator

from miyun.contract.leakage.disclosure import disclosed_words, way_on_words
from miyun.contract.leakage.lines import (
    AT_EACH_ACTIVATION,
    AT_EACH_ANSWER,
    AT_EACH_LOOKALIKE,
    AT_EACH_SEGMENT,
    LeakageLine,
    Who,
    party_words,
)
from miyun.contract.leakage.locations import granted_location, is_of_location
from miyun.contract.leakage.rows import row_list_lines
from miyun.contract.model import LOOKALIKE, MATCHED, Channel, Contract, Domain, Grant, PartyKind, PartyTerms, Rung
from miyun.words import Words

_DOMAINS = {
    Domain.PRIVATE: Words(en="private domain", zh="私域"),
    Domain.PUBLIC: Words(en="public domain", zh="公域"),
}
_WHERE = Words(en=", of matched rows or of all rows of the platform", zh="（匹配行，或平台的全部行）")


def grant_lines(contract: Contract, party: PartyTerms) -> Iterator[LeakageLine]:
    """What the grants to ``party`` let it learn, and its ways of acting on it."""
    name = party_words(party)
    for index, grant in enumerate(contract.grants):
        if grant.recipient != party.name:
            continue
        words, when = _granted(contract, grant)
        clause = f"grants[{index}]"
        yield LeakageLine(
            who=Who.PARTY,
            name=name,
            learns=words,
            when=when,
            clause=clause,
            loud=grant.rung in {Rung.ACTIVATE, Rung.EXACT_SIZE, Rung.DISCLOSE} or is_of_location(grant),
        )
        if grant.rung is Rung.INSIGHT and grant.subject == MATCHED and party.kind is PartyKind.PLATFORM:
            yield LeakageLine(who=Who.PARTY, name=name, learns=_weights(grant), when=AT_EACH_LOOKALIKE, clause=clause)
        if grant.rung is Rung.ACTIVATE and grant.subject == MATCHED:
            yield LeakageLine(
                who=Who.PARTY, name=name, learns=_opt_outs(grant), when=AT_EACH_ACTIVATION, clause=clause, loud=True
            )
        yield from row_list_lines(contract, index, grant)
    for index, channel in enumerate(contract.channels):
        if channel.recipient == party.name:
            yield LeakageLine(
                who=Who.PARTY,
                name=name,
                learns=way_on_words(contract, channel) if channel.third_party else _way_out(channel),
                when=AT_EACH_ACTIVATION,
                clause=f"channels[{index}]",
                loud=bool(channel.third_party),
            )


def analyst_lines(contract: Contract) -> Iterator[LeakageLine]:
    """What analysts learn, by the party that sends them."""
    askers = {
        party.name: index
        for party in contract.parties
        for index, grant in enumerate(contract.grants)
        if grant.recipient == party.name and grant.rung is Rung.SIZE and grant.subject == MATCHED
    }
    platform = contract.owner_of(PartyKind.PLATFORM.namespace).name
    for party in contract.parties:
        if party.name in askers:
            learns = Words(
                en=f"They learn the noisy size, as a band, of each existing segment whose size {party.name} itself "
                f"may ask for. "
                "Nothing else: no row, no handle, no exact count",
                zh=f"得知 {party.name} 自己有权询问的现有人群包的含噪人数，以区间表示。"
                "除此之外一无所知：没有行、没有句柄、没有确切数字",
            )
        else:
            learns = Words(
                en=f"They learn nothing of the match: {party.name} has no grant of size on it. They may learn noisy "
                f"sizes of segments of {platform}'s rows about which no match decides, as far as {party.name} itself "
                "may",
                zh=f"得不到任何有关匹配的信息：{party.name} 没有匹配人数的授权。"
                f"对于取自 {platform} 的行、与匹配无关的人群包，可在 {party.name} 自己的权限内得知含噪人数",
            )
        yield LeakageLine(
            who=Who.ANALYST,
            name=Words(en=f"Analysts whom {party.name} delegates", zh=f"{party.name} 委派的分析师"),
            learns=learns,
            when=AT_EACH_ANSWER,
            clause=f"grants[{askers[party.name]}]" if party.name in askers else "grants",
        )


def _granted(contract: Contract, grant: Grant) -> tuple[Words, Words]:  # noqa: PLR0911
    if grant.rung is Rung.DISCLOSE:
        return disclosed_words(contract, grant), AT_EACH_ACTIVATION
    if is_of_location(grant):
        return granted_location(contract, grant)
    if grant.subject == LOOKALIKE:
        return _scored(grant)
    matched = grant.subject == MATCHED
    match grant.rung:
        case Rung.SIZE:
            return (_size_of_match(grant) if matched else _size_of_column(grant)), AT_EACH_ANSWER
        case Rung.EXACT_SIZE:
            return _exact_size(grant), AT_EACH_ANSWER
        case Rung.INSIGHT:
            return _insight(grant), AT_EACH_ANSWER
        case Rung.USE:
            return (_use_of_match(grant) if matched else _use_of_column(grant)), AT_EACH_SEGMENT
        case Rung.ACTIVATE:
            return (_activation_of_match(grant) if matched else _activation_of_column(grant)), AT_EACH_ACTIVATION


def _size_of_match(grant: Grant) -> Words:
    return Words(
        en=f"From {grant.owner}'s grant it learns how many rows matched, in all or in a segment, as a band computed "
        f"from a "
        "noised count and charged to the budget",
        zh=f"由 {grant.owner} 授权：匹配的行数（全部或某人群包内），以加噪后的区间表示，计入隐私预算",
    )


def _size_of_column(grant: Grant) -> Words:
    return Words(
        en=f"From {grant.owner}'s grant it learns the noisy size, as a band, of segments cut by {grant.subject}"
        f"{_WHERE.en if _of_platform(grant) else ''}, charged to the budget",
        zh=f"由 {grant.owner} 授权：用 {grant.subject} 筛选的人群包{_WHERE.zh if _of_platform(grant) else ''}"
        "的含噪人数区间，计入隐私预算",
    )


def _exact_size(grant: Grant) -> Words:
    matched = grant.subject == MATCHED
    cut_en, cut_zh = ("", "") if matched else (f" cut by {grant.subject}", f"（按 {grant.subject} 筛选）")
    return Words(
        en=f"From {grant.owner}'s grant it learns the exact number of matched rows{cut_en}, whenever the two parties "
        "compute an intersection without the zone. Outside differential privacy: no noise, no charge. Two answers "
        "whose rows differ in one person tell whether that person matched",
        zh=f"由 {grant.owner} 授权：双方不经融合区计算交集时，得知确切的匹配行数{cut_zh}。这在差分隐私之外：没有噪声，"
        "不计预算。两次计算所用的行若只差一人，就能看出此人是否匹配",
    )


def _insight(grant: Grant) -> Words:
    if grant.subject == MATCHED:
        what_en, what_zh = "the match and over segments of it", "匹配人群及其中人群包"
    elif "." in grant.subject:
        what_en = f"{grant.subject}, and if that is a tag over everything below it but what is sensitive there"
        what_zh = f"{grant.subject}（如为标签，则含其下除敏感标签外的全部标签）"
    else:
        what_en = f"all of {grant.owner}'s catalogue of tags ({grant.subject}) but the sensitive ones"
        what_zh = f"{grant.owner} 的标签目录（{grant.subject}）中除敏感标签外的全部标签"
    return Words(
        en=f"From {grant.owner}'s grant it learns noisy totals, shares and sums over {what_en}, charged to the budget. "
        "It alone can decrypt them",
        zh=f"由 {grant.owner} 授权：关于{what_zh}的含噪合计、占比与总和，计入隐私预算。只有它能解密",
    )


def _weights(grant: Grant) -> Words:
    return Words(
        en=f"From {grant.owner}'s grant it receives the weights of each lookalike that {grant.owner} releases: how "
        "much more its tags are carried in a seed than in a base. They are made of noisy totals; it knows the noise "
        f"that it added itself, so {grant.owner} adds its own, which is charged to {grant.owner}'s budget alone",
        zh=f"由 {grant.owner} 授权：得到 {grant.owner} 发布的每个人群扩展的权重，"
        "即其标签在种子人群中比在基准人群中多多少。权重由含噪合计得出；它知道自己加的噪声，"
        f"因此 {grant.owner} 另加噪声，仅计入 {grant.owner} 的预算",
    )


def _scored(grant: Grant) -> tuple[Words, Words]:
    """What grants on scores by lookalikes let the merchant reach."""
    own_en = (
        "By weights of its own making it can ask for the carriers of any tag whose totals it may learn, and for no "
        "others"
    )
    own_zh = "它可以自拟权重，从而圈出它有权获知合计的任一标签的携带者，但不能超出这些标签"
    match grant.rung:
        case Rung.USE:
            learns = Words(
                en=f"From {grant.owner}'s grant it learns nothing by itself, but may cut segments by who of "
                f"{grant.owner}'s users score best by a lookalike, and the zone then receives for each row handle of "
                f"{grant.owner} whether it is one of them. {own_en}",
                zh=f"由 {grant.owner} 授权：本身不获知任何内容；可以按人群扩展得分最高的用户筛选人群包，"
                f"融合区由此得到 {grant.owner} 的每个行句柄是否在内。{own_zh}",
            )
            return learns, AT_EACH_SEGMENT
        case Rung.ACTIVATE:
            learns = Words(
                en=f"From {grant.owner}'s grant it learns of each id on a list whether the person is among "
                f"{grant.owner}'s users that score best by a lookalike. {own_en}. Exact, outside differential privacy",
                zh=f"由 {grant.owner} 授权：名单上的每个编号是否属于 {grant.owner} 中人群扩展得分最高的用户。{own_zh}。"
                "确切结果，在差分隐私之外",
            )
            return learns, AT_EACH_ACTIVATION
        case _:
            learns = Words(
                en=f"From {grant.owner}'s grant it learns the noisy size, as a band, of segments cut by who of "
                f"{grant.owner}'s users score best by a lookalike, charged to the budget. {own_en}",
                zh=f"由 {grant.owner} 授权：按人群扩展得分最高的用户筛选的人群包的含噪人数区间，计入隐私预算。{own_zh}",
            )
            return learns, AT_EACH_ANSWER


def _use_of_match(grant: Grant) -> Words:
    return Words(
        en=f"From {grant.owner}'s grant it learns nothing by itself, but may build segments of matched rows, which "
        f"stay in the "
        "zone",
        zh=f"由 {grant.owner} 授权：本身不获知任何内容；可以建立匹配行的人群包，人群包留在融合区内",
    )


def _use_of_column(grant: Grant) -> Words:
    return Words(
        en=f"From {grant.owner}'s grant it learns nothing by itself, but may cut segments by {grant.subject}"
        f"{_WHERE.en if _of_platform(grant) else ''}, and the zone then "
        f"receives for each row handle of {grant.owner} whether the predicate holds",
        zh=f"由 {grant.owner} 授权：本身不获知任何内容；可以用 {grant.subject} 筛选人群包"
        f"{_WHERE.zh if _of_platform(grant) else ''}，融合区由此得到 {grant.owner} 的每个行句柄是否满足该条件",
    )


def _activation_of_match(grant: Grant) -> Words:
    return Words(
        en=f"From {grant.owner}'s grant it gets the exact list of its own ids in a segment, so of each of them that "
        f"{grant.owner} has this person, and the exact number. Outside differential privacy: no noise, no charge, and "
        "it can't be taken back",
        zh=f"由 {grant.owner} 授权：人群包中属于本方的确切编号名单，即名单中每个人都在 {grant.owner} 的数据里，"
        "以及确切人数。这在差分隐私之外：没有噪声，不计预算，也无法收回",
    )


def _activation_of_column(grant: Grant) -> Words:
    return Words(
        en=f"From {grant.owner}'s grant it learns of each id on a list, what the segment's definition says about "
        f"{grant.subject}: that it holds or, under “not”, that it does not. By comparing lists also of each id that "
        f"was left out. "
        "Exact, outside differential privacy",
        zh=f"由 {grant.owner} 授权：名单上的每个编号在 {grant.subject} 上符合人群包定义所述的条件，"
        "若定义中有“not”则为不符合；通过比较多份名单，也能知道被排除者的情况。确切结果，在差分隐私之外",
    )


def _of_platform(grant: Grant) -> bool:
    return grant.subject.startswith(f"{PartyKind.PLATFORM.namespace}.")


def _opt_outs(grant: Grant) -> Words:
    return Words(
        en=f"Subtraction is disclosure too: the people who opted out with {grant.owner} are left out of every list, as "
        "are those whom a definition excludes. Whoever knows the list without the subtraction (an earlier list, the "
        f"seed, a wider segment) sees who was taken away, so {grant.recipient} can learn who opted out",
        zh=f"相减也是披露：在 {grant.owner} 退订的人以及被定义排除的人不会出现在任何名单中。"
        f"谁知道相减之前的名单（更早的名单、种子人群、更大的人群包），谁就能看出被去掉的人，"
        f"因此 {grant.recipient} 可能得知谁已退订",
    )


def _way_out(channel: Channel) -> Words:
    domain = _DOMAINS[channel.domain]
    return Words(
        en=f"It may act on lists it is handed through {channel.name} ({domain.en}); whoever serves that destination "
        "sees what it sends there",
        zh=f"可通过 {channel.name}（{domain.zh}）使用所得名单；为该渠道提供服务者能看到发送到那里的内容",
    )
