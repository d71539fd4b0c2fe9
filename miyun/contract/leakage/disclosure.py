"""What goes on to third parties, hashed: by which channels, as far as which grants reach."""

from collections.abc import Iterator

from miyun.contract.leakage.lines import AT_EACH_ACTIVATION, LeakageLine, Who
from miyun.contract.model import MATCHED, Channel, Contract, Grant, Rung
from miyun.words import Words


def third_party_lines(contract: Contract) -> Iterator[LeakageLine]:
    """What each third party learns, by each channel that names it and each grant to disclose."""
    for third_party in dict.fromkeys(channel.third_party for channel in contract.channels if channel.third_party):
        name = Words(
            en=f"{third_party}, a third party, which signs nothing and is bound by nothing here",
            zh=f"{third_party}，第三方；不签署本合约，也不受其约束",
        )
        for index, channel in enumerate(contract.channels):
            if channel.third_party == third_party:
                yield LeakageLine(
                    who=Who.THIRD_PARTY,
                    name=name,
                    learns=_received(contract, channel),
                    when=AT_EACH_ACTIVATION,
                    clause=f"channels[{index}].third_party",
                    loud=True,
                )
        senders = {channel.recipient for channel in contract.channels if channel.third_party == third_party}
        for index, grant in enumerate(contract.grants):
            if grant.rung is Rung.DISCLOSE and grant.recipient in senders:
                yield LeakageLine(
                    who=Who.THIRD_PARTY,
                    name=name,
                    learns=_learned(grant),
                    when=AT_EACH_ACTIVATION,
                    clause=f"grants[{index}]",
                    loud=True,
                )


def way_on_words(contract: Contract, channel: Channel) -> Words:
    """For the recipient of a channel that names a third party."""
    owner = contract.counterparty(channel.recipient).name
    return Words(
        en=f"It may send identifiers of the people on lists it is handed, hashed, through {channel.name} on to "
        f"{channel.third_party}, as far as {owner} grants it to disclose",
        zh=f"可通过 {channel.name} 将所得名单中各人的标识以哈希形式发送给第三方 {channel.third_party}，"
        f"但以 {owner} 授权披露的范围为限",
    )


def disclosed_words(contract: Contract, grant: Grant) -> Words:
    """For the recipient of a grant to disclose."""
    names = list(
        dict.fromkeys(
            channel.third_party
            for channel in contract.channels
            if channel.third_party and channel.recipient == grant.recipient
        )
    )
    what_en, what_zh = (
        ("lists of the match", "匹配人群的名单")
        if grant.subject == MATCHED
        else (f"lists cut by {grant.subject}", f"用 {grant.subject} 筛选的名单")
    )
    if not names:
        return Words(
            en=f"From {grant.owner}'s grant it might send {what_en} on, hashed, but no channel of its names a third "
            "party: to nobody",
            zh=f"由 {grant.owner} 授权：可将{what_zh}以哈希形式转发；但其渠道均未指明第三方，因此不发送给任何人",
        )
    return Words(
        en=f"From {grant.owner}'s grant it may send {what_en} on, hashed, to {', '.join(names)}. Whoever gets "
        "hashes and holds a list of identifiers sees who of them is among them; it can't be taken back",
        zh=f"由 {grant.owner} 授权：可将{what_zh}以哈希形式发送给 {'、'.join(names)}。"
        "收到哈希且持有标识清单者能看出其中有谁；无法收回",
    )


def _received(contract: Contract, channel: Channel) -> Words:
    sender, other = channel.recipient, contract.counterparty(channel.recipient).name
    if not any(
        (grant.recipient, grant.rung, grant.subject) == (sender, Rung.DISCLOSE, MATCHED) for grant in contract.grants
    ):
        return Words(
            en=f"It is named by channel {channel.name} and gets nothing: {other} does not grant {sender} to disclose "
            "the match",
            zh=f"渠道 {channel.name} 指明了它，但它得不到任何内容：{other} 未授权 {sender} 披露匹配人群",
        )
    return Words(
        en=f"It gets from {sender}, through {channel.name}, hashed identifiers (phones, e-mail addresses) of everybody "
        "on a list. Hashed is not hidden: whoever holds a list of identifiers hashes it too and compares, and all ten "
        "billion phone numbers are hashed in minutes. So it sees which people these are and how many. Exact, outside "
        "differential privacy, kept for as long as it likes",
        zh=f"经 {channel.name} 从 {sender} 得到名单上每个人的标识（手机号、电子邮箱）的哈希值。哈希并不等于隐藏："
        "谁持有标识清单，谁就能同样计算哈希并比对，而一百亿个手机号几分钟即可算完。"
        "因此它能看出这些人是谁、有多少人。确切结果，在差分隐私之外，保存多久由它决定",
    )


def _learned(grant: Grant) -> Words:
    if grant.subject == MATCHED:
        return Words(
            en=f"From {grant.owner}'s grant to {grant.recipient} it can conclude of each of these people that both "
            f"{grant.owner} and {grant.recipient} have them",
            zh=f"由 {grant.owner} 对 {grant.recipient} 的授权：可推知这些人每一个都既在 {grant.owner} "
            f"也在 {grant.recipient} 的数据里",
        )
    return Words(
        en=f"From {grant.owner}'s grant to {grant.recipient} it can conclude of each of these people what a "
        f"segment's definition says about {grant.subject}, wherever it knows or guesses what the list is for",
        zh=f"由 {grant.owner} 对 {grant.recipient} 的授权：若知道或猜到名单的用途，"
        f"便可推知这些人每一个在 {grant.subject} 上符合人群包定义所述的条件",
    )
