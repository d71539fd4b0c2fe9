"""What parties learn when they compute an intersection with each other, past the zone."""

from collections.abc import Iterator

from miyun.contract.leakage.lines import AT_EACH_ANSWER, LeakageLine, Who
from miyun.contract.model import MATCHED, Contract, Rung
from miyun.words import Words

_EVERYBODY = Words(en="Everybody", zh="所有人")


def intersection_lines(contract: Contract) -> Iterator[LeakageLine]:
    """Nothing where no party may learn how many match."""
    granted = {grant.rung for grant in contract.grants if grant.subject == MATCHED}
    if granted & {Rung.SIZE, Rung.EXACT_SIZE}:
        yield _line(_size(contract), "identifiers")
        yield _line(_who_else(contract), "padding_bucket")
        yield _line(_rests_on(contract), "identifiers")
        if Rung.INSIGHT in granted:
            yield _line(_sums(), "grants")


def _size(contract: Contract) -> Words:
    types = ", ".join(terms.type for terms in contract.identifiers)
    types_zh = "、".join(terms.type for terms in contract.identifiers)
    return Words(
        en=f"The two parties may compute with each other how many people they share by one of {types}, with no fusion: "
        "for each request one of them learns the number, within its grants of size and with the noise that the request "
        "pays for, charged to the other's budget. Every run is charged anew; rows can be cut by columns that are "
        "granted",
        zh=f"双方可以不经融合，直接按 {types_zh} 之一计算共同人数：每次请求由其中一方在其人数授权之内得知该人数，"
        "所加噪声由请求付出的预算决定，计入另一方的预算。每次计算都重新计入预算；可用已授权的列筛选行",
    )


def _sums() -> Words:
    return Words(
        en="In such a run the party that doesn't learn the number may learn noisy sums over its own numbers, and of "
        "how many people they are, within its grants of insight and charged to the other's budget. It alone can "
        "decrypt them",
        zh="在这种计算中，不得知人数的一方可在其洞察授权之内得知自己数值列的含噪合计及对应人数，计入另一方的预算。"
        "只有它能解密",
    )


def _who_else(contract: Contract) -> Words:
    bucket = contract.padding_bucket
    return Words(
        en="In such a run each party, and the zone, sees how many points the other brings: all its rows of that type, "
        f"rounded up to a multiple of {bucket:,}, and dummies; the same whatever predicate cuts them. Of the rest the "
        "zone sees the request with its predicates and nothing else: all is sealed to the other party",
        zh=f"在这种计算中，对方和融合区都能看到一方带来多少个点：该类型的全部行数（向上取整到 {bucket:,} 的倍数）"
        "加上哑元；无论用什么条件筛选都不变。此外融合区只看到请求及其条件，其余内容都密封给对方",
    )


def _rests_on(contract: Contract) -> Words:
    caps = ", ".join(f"{terms.evaluation_cap:,} {terms.type}" for terms in contract.identifiers)
    return Words(
        en="The noise of that number rests on a party that follows the protocol: one that leaves its dummies out sees "
        "it exactly. Every point that a party brings counts towards the caps, together with those of all fusions "
        f"({caps}); each can bring rows that it does not have, up to there",
        zh=f"该人数的噪声依赖参与方遵守协议：若其不带哑元，就能看到确切人数。每个带来的点都与所有融合一并计入上限"
        f"（{caps}）；在此之内，任何一方都可能带来自己并不拥有的行",
    )


def _line(learns: Words, clause: str) -> LeakageLine:
    return LeakageLine(who=Who.EVERYBODY, name=_EVERYBODY, learns=learns, when=AT_EACH_ANSWER, clause=clause)
