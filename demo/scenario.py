"""Who plays and what they want: the tables' meaning, the contract's terms, and what each process learns by design."""

from datetime import date
from math import sqrt
from typing import Any

from demo.reference import Person, asleep_and_valuable
from demo.results import Clause
from demo.retail import ASLEEP_DAYS, SPEND_AT_LEAST
from demo.stage import Cast

ZONE, MERCHANT, PLATFORM, ANALYST = "fusion-zone", "teahouse", "lifeapp", "tea-analyst"
CAST = Cast(
    zone=ZONE,
    merchant=MERCHANT,
    platform=PLATFORM,
    merchant_organisation="Minghu Tea 茗湖茶饮",
    platform_organisation="Lianshan Life 连山生活",
)
CONTRACT = "spring-win-back"
SEGMENT = "win-back"
DEFINITION = (
    f"members.spend_365d >= {SPEND_AT_LEAST} and members.last_paid before '{ASLEEP_DAYS}d' and not members.opted_out"
)
EVERYONE = "everyone"
PORTRAIT_BRANCHES = ("interest", "city")
SPENDING, SPENDING_AT_MOST = "spend_365d", 5_000
TIER_SEGMENTS = ("tier-plain", "tier-silver", "tier-gold", "tier-black")
"""For the tiers in `demo.retail.TIERS`."""

KEY = "win-back-2026"
ACTIVATIONS = ((MERCHANT, "private", "member-messages"), (PLATFORM, "public", "platform-ads"))
CRACKING_SECONDS = 2.0

MEMBERS_CONFIG: dict[str, dict[str, Any]] = {
    "members": {"source": "csv", "path": "../../members.csv", "encoding": "gb18030", "id": "会员编号"},
    "members.identifiers.phone": {"column": "手机号", "profile": "e164-cn"},
    "members.identifiers.email": {"column": "邮箱", "profile": "uid2"},
    "members.attributes.spend_90d": {"column": "近90天消费", "type": "number"},
    "members.attributes.spend_365d": {"column": "近365天消费", "type": "number"},
    "members.attributes.last_paid": {"column": "最近支付日期", "type": "date"},
    "members.attributes.opted_out": {"column": "营销退订", "type": "boolean"},
    "members.attributes.tier": {"column": "会员等级", "type": "text"},
    "members.consent": {"column": "营销授权", "accepted": ["是"], "purposes": ["marketing"]},
    "suppression": {"attribute": "opted_out", "file": "../../opt-outs.csv"},
    "catalogues": {PLATFORM: "../../catalogue.csv"},
}
USERS_CONFIG: dict[str, dict[str, Any]] = {
    "members": {"source": "parquet", "path": "../../users.parquet", "id": "user_id"},
    "members.identifiers.phone": {"column": "phone", "profile": "e164-cn"},
    "members.identifiers.email": {"column": "email", "profile": "uid2"},
    "members.attributes.city": {"type": "text"},
    "members.attributes.age_band": {"type": "text"},
    "members.attributes.ads_off": {"type": "boolean"},
    "members.consent": {"column": "ad_consent", "accepted": ["true"], "purposes": ["marketing"]},
    "suppression": {"attribute": "ads_off"},
    "tags": {
        "source": "parquet",
        "path": "../../tags.parquet",
        "id": "user_id",
        "tag": "tag",
        "value": "value",
        "catalogue": "../../catalogue.csv",
    },
}


ROLES = {MERCHANT: "merchant", ZONE: "zone", PLATFORM: "platform", ANALYST: "analyst"}
LESSONS = {
    MERCHANT: (
        "Noised counts per identifier type; that the platform sent so many rows, padded; noised counts of the tags of"
        " its segment and of all matches, and noised sums over its own tiers; which of its own members are in the"
        " audience that it activated, so that they are the platform's users and did not object there.",
        "Which of its other members match; which tags any one of them carries; anything else about a user of the"
        " platform's.",
    ),
    ZONE: (
        "Which anonymous row handle matched which, on which identifier type; the definition's text, and one bit per"
        " member's handle for it; which handles of either side object; padded counts;"
        " which questions were asked, and ciphertexts under the merchant's key.",
        "Any phone, email or id, or a hash that a guess could be held against; any amount, date or tag; any answer"
        " about them.",
    ),
    PLATFORM: (
        "Noised counts per identifier type; that the merchant sent so many rows, padded; weights of its tags, noised"
        " twice: what the segment likes more than all matches; which of its own users are in the audience that was"
        " activated to it, and so that the definition holds for them. It hosts the zone as well:"
        " together they could also look up each user whom the platform submitted among the matches and their bits.",
        "Members whom it does not know; how much a member spent, or on which day; any answer about its tags; its other"
        " users' matches, as long as it keeps the zone and its agent apart.",
    ),
    ANALYST: ("Two bands of sizes.", "Any row, any exact count."),
}


def is_wanted(member: Person, asleep_since: date) -> bool:
    """What the definition says, in Python."""
    return asleep_and_valuable(member, asleep_since=asleep_since, spend_at_least=SPEND_AT_LEAST)


def clauses_of(document: dict[str, Any]) -> list[Clause]:
    """The terms of a contract that the report shows."""
    budget, identifiers = document["budget"], document["identifiers"]
    cap = identifiers[0]["evaluation_cap"]
    columns = sorted({grant["subject"] for grant in document["grants"] if "." in grant["subject"]})
    return [
        Clause(
            name="Identifiers, in order of priority",
            chinese="标识类型（按优先级）",
            value=", ".join(f"{one['type']} ({one['profile']})" for one in identifiers),
        ),
        Clause(
            name="Guesses each agent ever answers, per type",
            chinese="评估上限",
            value=f"{cap:,}: {cap / 10**10:.5%} of all phone numbers",
        ),
        Clause(name="Columns that the definition may use", chinese="可用字段", value=", ".join(columns)),
        Clause(
            name="Privacy budget per owner",
            chinese="隐私预算",
            value=f"ρ = {budget['rho_micro'] / 1e6:g}; a size costs {budget['size_rho_micro'] / 1e6:g}, a match report"
            f" {budget['match_report_rho_micro'] / 1e6:g}",
        ),
        Clause(
            name="Channels",
            chinese="触达渠道",
            value=", ".join(f"{one['name']} ({one['domain']}, {one['recipient']})" for one in document["channels"]),
        ),
        Clause(name="Purposes", chinese="使用目的", value=", ".join(document["consent"]["purposes"])),
        Clause(name="Row counts rounded up to", chinese="行数填充", value=f"{document['padding_bucket']:,}"),
        Clause(name="Expires", chinese="到期", value=document["expires"]),
    ]


def size_noise(document: dict[str, Any]) -> float:
    """The standard deviation of the noise on a size: a person changes it by at most half the identifier types."""
    sensitivity = (len(document["identifiers"]) + 1) // 2
    return float(sensitivity / sqrt(2 * document["budget"]["size_rho_micro"] / 1e6))
