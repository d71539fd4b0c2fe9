"""What a fusion and the segments upon it tell each party and the zone."""

from collections.abc import Iterator

from miyun.contract.leakage.lines import (
    ALWAYS,
    AT_EACH_DELTA,
    AT_EACH_FUSION,
    AT_EACH_SEGMENT,
    LeakageLine,
    Who,
    party_words,
    zone_words,
)
from miyun.contract.model import Contract, PartyTerms
from miyun.words import Words


def party_lines(contract: Contract, party: PartyTerms) -> Iterator[LeakageLine]:
    """What ``party`` learns without any grant."""
    other = contract.counterparty(party.name)
    name = party_words(party)
    yield LeakageLine(
        who=Who.PARTY,
        name=name,
        learns=_row_counts(contract.padding_bucket, Words(en=f"{other.name} sends", zh=f" {other.name} 发送")),
        when=AT_EACH_FUSION,
        clause="padding_bucket",
        loud=contract.padding_bucket == 1,
    )
    if contract.delta_bucket:
        yield LeakageLine(
            who=Who.PARTY,
            name=name,
            learns=Words(
                en=f"Learns when {other.name} changes rows within an epoch, and how many new identifiers of each type "
                f"that brings, rounded up to a multiple of {contract.delta_bucket:,}; nothing about removals",
                zh=f"得知 {other.name} 何时在纪元内增减行，以及每种标识新增的数量，向上取整到 "
                f"{contract.delta_bucket:,} 的倍数；对移除的行一无所知",
            ),
            when=AT_EACH_DELTA,
            clause="delta_bucket",
        )
    yield LeakageLine(
        who=Who.PARTY,
        name=name,
        learns=Words(
            en=f"Learns nothing about which of its own rows matched, nor any identifier of {other.name}; only what "
            f"the grants "
            "listed here add",
            zh=f"不会知道自己的哪些行匹配上了，也看不到 {other.name} 的任何标识；只有下列授权会增加它所知道的内容",
        ),
        when=AT_EACH_FUSION,
        clause="grants",
    )
    yield LeakageLine(
        who=Who.PARTY,
        name=name,
        learns=Words(
            en=f"Learns the definitions of {other.name}'s segments that use its columns, {other.name}'s requests "
            f"for fusions and activations (with the segment's name) and its questions about its columns (with the "
            "segments' names), and the audit log of the contract",
            zh=f"得知 {other.name} 的人群包中用到本方列的定义、{other.name} 的融合与投放请求（含人群包名称）、"
            "对本方列的提问（含人群包名称），以及本合约的审计日志",
        ),
        when=ALWAYS,
        clause="parties",
    )
    yield LeakageLine(
        who=Who.PARTY,
        name=name,
        learns=Words(
            en=f"Learns what {other.name} publishes, as the zone does: the names, types and declared ranges of its "
            "columns, but for those that it keeps private, and its catalogue of tags, what is sensitive included; no "
            "value, and nothing about a person",
            zh=f"与融合区一样，得知 {other.name} 公布的内容：各列的名称、类型与声明的取值范围（其设为不公开的列除外），"
            "以及其标签目录（包括敏感标签）；不含任何取值，也不涉及任何个人",
        ),
        when=ALWAYS,
        clause="parties",
    )


def zone_lines(contract: Contract) -> Iterator[LeakageLine]:
    """What the zone learns by itself."""
    name = zone_words(contract)
    legs = contract.legs_per_epoch

    def line(learns: Words, when: Words, clause: str) -> LeakageLine:
        return LeakageLine(who=Who.ZONE, name=name, learns=learns, when=when, clause=clause)

    yield line(
        _row_counts(contract.padding_bucket, Words(en="each party sends", zh="各方发送")),
        AT_EACH_FUSION,
        "padding_bucket",
    )
    if contract.delta_bucket:
        yield from _delta_lines(contract)
    yield line(
        Words(
            en="Learns which anonymous row handle of the one party matched which handle of the other, and on which "
            "identifier "
            "type; so also the exact number of matches",
            zh="得知一方的哪个匿名行句柄与另一方的哪个句柄匹配、匹配于哪种标识类型；因此也知道确切的匹配数",
        ),
        AT_EACH_FUSION,
        "identifiers",
    )
    yield line(
        Words(
            en="Learns the text of every segment's definition and, for each row handle, whether the row satisfies each "
            f"predicate in it: at most {legs:,} predicates of each party per epoch, erased at the end of the epoch; "
            "also which handles opted out, at each activation. So it knows the exact size of every segment and "
            "audience",
            zh="得知每个人群包定义的文字，以及每个行句柄是否满足其中的每个条件："
            f"每个纪元每方至多 {legs:,} 个条件，纪元结束时删除；每次投放时还知道哪些句柄在退订名单中。"
            "因此它知道每个人群包和每次投放的确切人数",
        ),
        AT_EACH_SEGMENT,
        "legs_per_epoch",
    )
    yield line(
        Words(
            en=f"Rare combinations can point at a row: {legs:,} predicates tell rows apart into as many as 2^{legs} "
            "groups, and a group of one may be recognised by somebody who knows that person's values. That is why the "
            "number of predicates is capped",
            zh=f"罕见的条件组合可能指向某一行：{legs:,} 个条件最多可把行分成 2^{legs} 组，"
            "只有一行的组可能被了解此人情况的人认出；因此限制条件的数量",
        ),
        AT_EACH_SEGMENT,
        "legs_per_epoch",
    )
    yield line(
        Words(
            en="Learns no identifier, no member or user id and no attribute value; it holds no blinding scalar and "
            "no party's "
            "key, and can't test a guess by itself",
            zh="不会得到任何标识、会员或用户编号以及属性值；它不持有盲化标量和任何一方的密钥，单凭自己无法验证任何猜测",
        ),
        ALWAYS,
        "zone",
    )
    yield line(
        Words(
            en="Learns who asked for what and when, questions and analysts included, and each process's network "
            "address; of the answers to questions about tags and numbers it sees ciphertexts that it can't decrypt",
            zh="得知谁在何时请求了什么（包括提问与分析师），以及各进程的网络地址；"
            "对于有关标签与数值的提问，它只看到无法解密的密文形式的答复",
        ),
        ALWAYS,
        "zone",
    )
    yield line(
        Words(
            en="The zone erases matches and predicates' answers when the next epoch takes over or the contract ends; "
            "whatever else an epoch left, such as sealed audiences not yet fetched and encrypted answers, it keeps for "
            f"{contract.retention_days} days. The audit log, the ledger and the released answers stay",
            zh="下一纪元开始或合约结束时，融合区删除匹配关系与条件结果；纪元留下的其他内容（如尚未取走的密封人群包与加密的答复）"
            f"保留 {contract.retention_days} 天。审计日志、账本与已发布的答复会保留",
        ),
        ALWAYS,
        "retention_days",
    )


def _delta_lines(contract: Contract) -> Iterator[LeakageLine]:
    """What a longer epoch tells the zone."""
    name = zone_words(contract)
    yield LeakageLine(
        who=Who.ZONE,
        name=name,
        learns=Words(
            en="Learns which handles a party's delta adds, takes out or brings back, each number rounded up to a "
            f"multiple of {contract.delta_bucket:,} with padding; and, without rounding, where an identifier moves "
            "from one handle to another or a handle gets another identifier. So it follows handles, though no "
            "identifiers, through the changes of an epoch, and after many of them it can tell padding by how often it "
            "changes",
            zh="得知一方的增量使哪些句柄加入、移除或恢复，数量均以填充向上取整到 "
            f"{contract.delta_bucket:,} 的倍数；还能（不取整地）得知某个标识从一个句柄移到另一个、"
            "或某个句柄换了标识。因此它能在纪元内的变化中跟踪句柄（而非标识），变化次数多时可凭变动频率认出填充",
        ),
        when=AT_EACH_DELTA,
        clause="delta_bucket",
    )
    yield LeakageLine(
        who=Who.ZONE,
        name=name,
        learns=Words(
            en="Learns, when a party's data was refreshed, for each row handle whether the answer to a predicate "
            "changed since it was asked before. Each predicate that is answered anew counts against the "
            f"limit of predicates once more ({contract.legs_per_epoch:,} of each party per epoch)",
            zh="一方刷新数据后，得知每个行句柄对各条件的回答与上次相比是否改变。重新回答的每个条件都再次计入条件数量上限"
            f"（每个纪元每方 {contract.legs_per_epoch:,} 个）",
        ),
        when=AT_EACH_DELTA,
        clause="legs_per_epoch",
    )
    yield LeakageLine(
        who=Who.ZONE,
        name=name,
        learns=Words(
            en="Tokens stay at the zone, and blinding scalars with their owners, not only until a fusion is done but "
            "until its epoch ends. Whoever takes the scalars of both parties and the zone's tokens within that time "
            "can test guesses without anybody's answer; with one party's scalar, only as many as the other's agent "
            "answers",
            zh="令牌保留在融合区、盲化标量保留在各自所有者处，不是到一次融合完成为止，而是直到纪元结束："
            "在此期间若有人取得双方的盲化标量与融合区的令牌，便可在无人应答的情况下验证猜测；"
            "只有一方的标量时，仍受另一方代理进程应答次数的限制",
        ),
        when=ALWAYS,
        clause="delta_bucket",
        loud=True,
    )


def _row_counts(bucket: int, sender: Words) -> Words:
    if bucket == 1:
        return Words(
            en=f"Learns EXACTLY how many rows and how many identifiers of each type {sender.en} (there is no padding)",
            zh=f"得知{sender.zh}的行数以及每种标识的数量，均为确切数字（没有填充）",
        )
    return Words(
        en=f"Learns how many rows and how many identifiers of each type {sender.en}, rounded up to a multiple of "
        f"{bucket:,}; "
        "beyond that rounding these counts carry no noise",
        zh=f"得知{sender.zh}的行数以及每种标识的数量，向上取整到 {bucket:,} 的倍数；除取整外，这些数字不加噪声",
    )
