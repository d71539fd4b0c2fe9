"""What goes on to third parties, hashed or as PAIR ids: by which channels, as far as which grants reach."""

from collections.abc import Iterator

from miyun.contract.leakage.lines import AT_EACH_ACTIVATION, LeakageLine, Who
from miyun.contract.model import MATCHED, PAIR_BUYERS, Channel, Contract, Grant, Rung
from miyun.words import Words

_HASHED = Words(en="hashed", zh="以哈希形式")
_PAIR_IDS = Words(en="as PAIR ids", zh="以 PAIR 标识的形式")
_HASHED_WORTH = Words(
    en="Whoever gets hashes and holds a list of identifiers sees who of them is among them; it can't be taken back",
    zh="收到哈希且持有标识清单者能看出其中有谁；无法收回",
)
_PAIR_IDS_WORTH = Words(
    en="Whoever gets these can follow each person by the id, and can't test whose it is without the sender's salt and "
    "key; it can't be taken back",
    zh="收到者可凭标识追踪每个人；没有发送方的盐和密钥，则无法验证标识属于谁；无法收回",
)


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
                    learns=_learned(grant, third_party),
                    when=AT_EACH_ACTIVATION,
                    clause=f"grants[{index}]",
                    loud=True,
                )


def way_on_words(contract: Contract, channel: Channel) -> Words:
    """For the recipient of a channel that names a third party."""
    owner = contract.counterparty(channel.recipient).name
    form = _PAIR_IDS if channel.third_party == PAIR_BUYERS else _HASHED
    return Words(
        en=f"It may send identifiers of the people on lists it is handed, {form.en}, through {channel.name} on to "
        f"{channel.third_party}, as far as {owner} grants it to disclose",
        zh=f"可通过 {channel.name} 将所得名单中各人的标识{form.zh}发送给第三方 {channel.third_party}，"
        f"但以 {owner} 授权披露的范围为限",
    )


def disclosed_words(contract: Contract, grant: Grant) -> Words:
    """For the recipient of a grant to disclose."""
    names = {
        channel.third_party: None
        for channel in contract.channels
        if channel.third_party and channel.recipient == grant.recipient
    }
    what_en, what_zh = (
        ("lists of the match", "匹配人群的名单")
        if grant.subject == MATCHED
        else (f"lists cut by {grant.subject}", f"用 {grant.subject} 筛选的名单")
    )
    if not names:
        return Words(
            en=f"From {grant.owner}'s grant it might send {what_en} on, hashed or as PAIR ids, but no channel of its "
            "names a third party: to nobody",
            zh=f"由 {grant.owner} 授权：可将{what_zh}以哈希或 PAIR 标识的形式转发；"
            "但其渠道均未指明第三方，因此不发送给任何人",
        )
    hashed = [name for name in names if name != PAIR_BUYERS]
    forms = [(_HASHED, _HASHED_WORTH, hashed)] if hashed else []
    if PAIR_BUYERS in names:
        forms.append((_PAIR_IDS, _PAIR_IDS_WORTH, [PAIR_BUYERS]))
    return Words(
        en=". ".join(
            f"From {grant.owner}'s grant it may send {what_en} on, {form.en}, to {', '.join(to)}. {worth.en}"
            for form, worth, to in forms
        ),
        zh="。".join(
            f"由 {grant.owner} 授权：可将{what_zh}{form.zh}发送给 {'、'.join(to)}。{worth.zh}"
            for form, worth, to in forms
        ),
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
    if channel.third_party == PAIR_BUYERS:
        return Words(
            en=f"It is whoever sees bid requests with {sender}'s PAIR ids: exchanges, buyers, sites' scripts. Through "
            f"{channel.name} it gets an id of everybody on a list. An id is a random point to those without {sender}'s "
            "salt and key, who can't test whose it is; but it is the same wherever that person is met, and new ids "
            "stand beside old ones, so that people can be followed, and whoever buys for the list knows what having "
            "an id means. Exact, outside differential privacy, kept for as long as it likes",
            zh=f"它是所有看到带有 {sender} 的 PAIR 标识的竞价请求者：交易平台、买方、网站脚本。经 {channel.name} "
            f"得到名单上每个人的标识。对没有 {sender} 的盐和密钥者，标识只是随机点，无法验证其属于谁；"
            "但同一人无论在何处出现，标识都相同，且新旧标识并列，因此可追踪其人，而为该名单出价者知道拥有标识意味着什么。"
            "确切结果，在差分隐私之外，保存多久由它决定",
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


def _learned(grant: Grant, third_party: str) -> Words:
    of = (
        Words(en="of whoever is behind each of these ids", zh="每个标识背后的人")
        if third_party == PAIR_BUYERS
        else Words(en="of each of these people", zh="这些人每一个")
    )
    if grant.subject == MATCHED:
        return Words(
            en=f"From {grant.owner}'s grant to {grant.recipient} it can conclude {of.en} that both "
            f"{grant.owner} and {grant.recipient} have them",
            zh=f"由 {grant.owner} 对 {grant.recipient} 的授权：可推知{of.zh}都既在 {grant.owner} "
            f"也在 {grant.recipient} 的数据里",
        )
    return Words(
        en=f"From {grant.owner}'s grant to {grant.recipient} it can conclude {of.en} what a "
        f"segment's definition says about {grant.subject}, wherever it knows or guesses what the list is for",
        zh=f"由 {grant.owner} 对 {grant.recipient} 的授权：若知道或猜到名单的用途，"
        f"便可推知{of.zh}在 {grant.subject} 上符合人群包定义所述的条件",
    )
