"""What everybody should know: the terms, and how much noise and budget protect what is released."""

from collections.abc import Iterator
from datetime import datetime

from miyun.contract.leakage.lines import (
    ALWAYS,
    AT_EACH_ANSWER,
    AT_EACH_FUSION,
    LeakageLine,
    Who,
)
from miyun.contract.model import Contract, Rung
from miyun.privacy.accounting import epsilon
from miyun.privacy.noise import scale_for
from miyun.privacy.sensitivity import match_report_l2, size
from miyun.words import Words

WEAK_EPSILON = 10.0
"""From here on the statement says aloud that the budget promises little."""

_MOST_SEGMENTS = 8
"""Of one question."""

_EVERYBODY = Words(en="Everybody", zh="所有人")


def term_lines(contract: Contract) -> Iterator[LeakageLine]:
    """What the contract is, and what rows enter."""
    yield _line(
        Words(
            en=f"This is contract {contract.id}; the SHA-256 of what is signed is {contract.digest().hex()}",
            zh=f"本声明对应合约 {contract.id}；被签署内容的 SHA-256 为 {contract.digest().hex()}",
        ),
        ALWAYS,
        "id",
    )
    yield _line(
        Words(
            en=f"In force from {_moment(contract.starts)} until {_moment(contract.expires)}. What has been learned by "
            "then stays learned",
            zh=f"有效期自 {_moment(contract.starts)} 至 {_moment(contract.expires)}。届时已经获知的内容无法收回",
        ),
        ALWAYS,
        "expires",
    )
    yield _line(_matching(contract), AT_EACH_FUSION, "identifiers")
    yield _consent(contract)


def budget_lines(contract: Contract) -> Iterator[LeakageLine]:
    """What all noisy answers together promise, and what one of them costs."""
    budget = contract.budget
    types = len(contract.identifiers)
    total = epsilon(budget.rho_micro, budget.delta_exponent)
    weak = total >= WEAK_EPSILON
    yield _line(
        Words(
            en=f"All noisy answers together are (ε, δ)-differentially private with ε = {total:.2f} and δ = "
            f"10^-{budget.delta_exponent} (ρ = {_rho(budget.rho_micro)}), for any one row of one party after that "
            "party removed its duplicates. Other contracts about the same rows add to it"
            + (". THIS ε IS LARGE: the noise promises little once the budget is used" if weak else ""),
            zh=f"全部含噪答复合在一起满足（ε，δ）差分隐私，ε = {total:.2f}，δ = 10^-{budget.delta_exponent}"
            f"（ρ = {_rho(budget.rho_micro)}），保护任一方去重之后的任意一行。针对同样数据的其他合约会叠加"
            + ("。ε 很大：预算用完后噪声几乎不再提供保护" if weak else ""),
        ),
        ALWAYS,
        "budget.rho_micro",
        loud=weak,
    )
    report_scale = scale_for(budget.match_report_rho_micro, match_report_l2(types))
    yield _line(
        Words(
            en="Both parties get the match report: the number of matches per identifier type, each with noise of "
            f"standard deviation {report_scale:.1f} (19 times in 20 within ±{2 * report_scale:.0f}). A report costs "
            f"ρ = {_rho(budget.match_report_rho_micro)}, alone ε = "
            f"{epsilon(budget.match_report_rho_micro, budget.delta_exponent):.2f}",
            zh=f"双方都会得到匹配报告：每种标识类型的匹配数，各加标准差 {report_scale:.1f} 的噪声"
            f"（95% 的情况下误差在 ±{2 * report_scale:.0f} 以内）。每份报告消耗 ρ = "
            f"{_rho(budget.match_report_rho_micro)}，单独计为 ε = "
            f"{epsilon(budget.match_report_rho_micro, budget.delta_exponent):.2f}",
        ),
        AT_EACH_FUSION,
        "budget.match_report_rho_micro",
    )
    yield from _size_lines(contract, scale_for(budget.size_rho_micro, size(types)))


def _size_lines(contract: Contract, scale: float) -> Iterator[LeakageLine]:
    budget = contract.budget
    yield _line(
        Words(
            en=f"A size answer is a band around the count plus noise of standard deviation {scale:.1f} (19 times in 20 "
            f"within ±{2 * scale:.0f}). It costs each owner ρ = {_rho(budget.size_rho_micro)}, alone ε = "
            f"{epsilon(budget.size_rho_micro, budget.delta_exponent):.2f}; the budget holds "
            f"{budget.rho_micro // budget.size_rho_micro:,} such answers and nothing else. Asking again for the same "
            "segment and version costs nothing and gives the same answer",
            zh=f"人数答复是一个区间，由真实人数加标准差 {scale:.1f} 的噪声得出"
            f"（95% 的情况下误差在 ±{2 * scale:.0f} 以内）。每次消耗双方各 ρ = {_rho(budget.size_rho_micro)}，单独计为 "
            f"ε = "
            f"{epsilon(budget.size_rho_micro, budget.delta_exponent):.2f}；全部预算仅够 "
            f"{budget.rho_micro // budget.size_rho_micro:,} 次这样的答复。对同一人群包的同一版本重复询问不再消耗，"
            "答复不变",
        ),
        AT_EACH_ANSWER,
        "budget.size_rho_micro",
    )
    yield _line(
        Words(
            en=f"For the cost of one size answer a party that may ask for the sizes of up to {_MOST_SEGMENTS} segments "
            "may also ask for what each two of them share: numbers instead of bands, each with more noise, by the root "
            "of how many numbers are answered together. Numbers under the threshold for small sizes are shown too",
            zh=f"有权询问人数的参与方，可用一次人数答复的代价询问至多 {_MOST_SEGMENTS} 个人群包的人数及两两交集："
            "以数字而非区间答复，噪声按一并答复的数字个数的平方根增大。低于小人数阈值的数字同样显示",
        ),
        AT_EACH_ANSWER,
        "budget.size_rho_micro",
    )
    if any(grant.rung is Rung.INSIGHT for grant in contract.grants):
        yield from _insight_lines()
    if budget.suppress_below > 0:
        small = Words(
            en=f"A noised size under {budget.suppress_below:,} is shown as “below {budget.suppress_below:,}”; the "
            "protection is the noise, not this threshold",
            zh=f"加噪后小于 {budget.suppress_below:,} 的人数显示为“低于 {budget.suppress_below:,}”；"
            "起保护作用的是噪声，而不是这一阈值",
        )
    else:
        small = Words(
            en="Small sizes are shown like all others; the protection is the noise",
            zh="较小的人数与其他人数一样显示；起保护作用的是噪声",
        )
    yield _line(small, AT_EACH_ANSWER, "budget.suppress_below")
    yield _line(
        Words(
            en="While an owner's agent is away, the zone may release answers worth up to "
            f"ρ = {_rho(budget.lease_rho_micro)} on one signed lease "
            f"({budget.lease_rho_micro // budget.size_rho_micro:,} sizes)",
            zh=f"数据方的代理进程离线期间，融合区凭一份签名租约至多可发布价值 ρ = {_rho(budget.lease_rho_micro)} 的答复"
            f"（{budget.lease_rho_micro // budget.size_rho_micro:,} 次人数答复）",
        ),
        AT_EACH_ANSWER,
        "budget.lease_rho_micro",
    )


def _insight_lines() -> Iterator[LeakageLine]:
    yield _line(
        Words(
            en="A question about tags or numbers costs each owner what the asking party chooses to spend on it, within "
            "the budget; the more, the less noise. The noise is added before anybody can decrypt: by the owner of the "
            "columns, or by the zone where a party asks about columns of its own. The same question again costs "
            "nothing and gives the same answer",
            zh="有关标签或数值的提问，消耗由提问方在预算内自行选定，计入双方；消耗越多，噪声越小。"
            "噪声在任何人能够解密之前加入：由列的所有方加入；参与方询问自己的列时由融合区加入。重复同一提问不再消耗，答复不变",
        ),
        AT_EACH_ANSWER,
        "budget.rho_micro",
    )
    yield _line(
        Words(
            en="These answers rest on honest encryption: a zone, or a party that asks about its own columns, that "
            "breaks the contract and encrypts something else than the question says can read single rows through the "
            "noise. Every chunk is signed, so that an audit which opens it convicts",
            zh="这类答复以诚实加密为前提：融合区，或询问自己列的参与方，若违反合约、加密了与提问不符的内容，"
            "就能透过噪声读出个别行。每一块密文都有签名，审计时打开即可定责",
        ),
        AT_EACH_ANSWER,
        "grants",
    )


def _matching(contract: Contract) -> Words:
    types = [f"{terms.type} ({terms.profile})" for terms in contract.identifiers]
    return Words(
        en=f"Rows are matched by {', then by '.join(types)}; no list of identifiers and no hash of one is exchanged",
        zh=f"按以下顺序匹配：{'、'.join(types)}；不交换标识名单，也不交换标识的哈希",
    )


def _consent(contract: Contract) -> LeakageLine:
    consent = contract.consent
    purposes_en, purposes_zh = ", ".join(consent.purposes) or "none named", "、".join(consent.purposes) or "未写明"
    if consent.required:
        return _line(
            Words(
                en=f"Only rows of people who consented to this recipient and to the purposes {purposes_en} are sent; "
                "each owner checks this before anything leaves it",
                zh=f"只发送已就该接收方与目的（{purposes_zh}）给予同意的人的行；由数据方在任何内容发出之前检查",
            ),
            AT_EACH_FUSION,
            "consent",
        )
    return _line(
        Words(
            en=f"CONSENT IS NOT CHECKED: rows are sent whether or not the person agreed (purposes: {purposes_en})",
            zh=f"不检查同意：无论本人是否同意，其行都会被发送（目的：{purposes_zh}）",
        ),
        AT_EACH_FUSION,
        "consent",
        loud=True,
    )


def _line(learns: Words, when: Words, clause: str, *, loud: bool = False) -> LeakageLine:
    return LeakageLine(who=Who.EVERYBODY, name=_EVERYBODY, learns=learns, when=when, clause=clause, loud=loud)


def _rho(micro: int) -> str:
    return f"{micro / 1_000_000:.6f}".rstrip("0").rstrip(".")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
