"""Results as a run leaves them, made up, for the tests of the report."""

from demo.brute_force import BruteForce
from demo.insight_results import (
    Estimated,
    LookalikeResult,
    Noised,
    PortraitResult,
    SumResult,
    SumsResult,
    TagResult,
    Weight,
)
from demo.results import (
    ActivationResult,
    Charge,
    Clause,
    FebrlResult,
    LeakageLine,
    LeakScan,
    LedgerResult,
    Process,
    Results,
    SizeResult,
    Step,
    Table,
    TypeResult,
)

DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"><circle cx="5" cy="5" r="3"/></svg>'


def tag(id_: str, name: str, people: float, truth: float, tgi: Estimated) -> TagResult:
    return TagResult(
        tag=id_,
        name=name,
        people=Noised(name=id_, value=people, noise=36.1, truth=truth),
        share=Estimated(value=0.78, low=0.63, high=0.96, truth=0.72),
        base_share=Estimated(value=0.31, low=0.28, high=0.34, truth=0.32),
        tgi=tgi,
    )


def portrait() -> PortraitResult:
    return PortraitResult(
        segment="sleeping",
        base="matched",
        size=Noised(name="people", value=1_289, noise=36.1, truth=1_285),
        per_person=6,
        tags=(
            tag("tea", "茶饮", 746, 657, Estimated(value=271, low=222, high=330, truth=211)),
            tag("camping", "露营", 298, 289, Estimated(value=142, low=98, high=190, truth=148)),
            tag("skiing", "滑雪", 0, 44, Estimated(value=0, low=0, high=None, truth=77)),
        ),
        coverage=(
            (
                "兴趣/饮品",
                Estimated(value=0.70, low=0.64, high=0.77, truth=0.71),
                Estimated(value=0.56, low=0.54, high=0.57, truth=0.55),
            ),
        ),
        planted=("tea", "camping"),
        visible=("tea",),
        drawing=DRAWING,
    )


def sums() -> SumsResult:
    return SumsResult(
        column="spend_365d",
        most=5_000,
        rows=(
            SumResult(
                group="matched",
                people=Noised(name="people", value=5_597, noise=17.3, truth=5_601),
                sum=Noised(name="sum", value=4_001_642, noise=86_600, truth=4_110_113.5),
                mean=Estimated(value=715, low=684, high=746, truth=733.8),
            ),
        ),
        drawing=DRAWING,
    )


def lookalike() -> LookalikeResult:
    return LookalikeResult(
        audience="like-win-back",
        count=2_000,
        weights=(Weight(tag="兴趣/饮品/茶饮", factor=6.2), Weight(tag="兴趣/美食/火锅", factor=0.6)),
        file="homes/lifeapp/outbox/like-win-back-v1.csv",
        delivered=1_921,
        missing=0,
        surplus=0,
        planted=0.71,
        planted_among_all=0.2,
        visible=True,
        auc=Estimated(value=0.69, low=0.66, high=0.72, truth=0.7),
        seed=Noised(name="seed", value=1_301, noise=76.0, truth=1_285),
        drawing=DRAWING,
    )


def sample() -> Results:
    return Results(
        members=20_307,
        users=40_000,
        seed=7,
        date="2026-11-22",
        versions={"Miyun": "0.1.0", "Python": "3.11.7"},
        steps=[
            Step(title="Generate both tables", chinese="生成数据", started=0.0, seconds=1.4),
            Step(title="Start the zone, invite three", chinese="启动融合区", started=1.4, seconds=3.1),
            Step(title="Agree on a contract", chinese="签署合约", started=4.5, seconds=4.8),
            Step(title="Check the members first", chinese="检查会员表", started=9.3, seconds=1.2),
            Step(title="Fuse", chinese="融合匹配", started=10.5, seconds=14.2),
            Step(title="Segments and sizes", chinese="人群与规模", started=24.7, seconds=3.9),
            Step(title="Activate to both", chinese="激活", started=28.6, seconds=3.3),
            Step(title="Compare with the plaintext join", chinese="明文对照", started=31.9, seconds=1.1),
            Step(title="Crack a hashed list", chinese="破解哈希名单", started=33.0, seconds=3.6),
        ],
        tables=[
            Table(
                party="teahouse",
                file="members.csv",
                rows=20_307,
                sent={"phone": 15_900, "email": 9_045},
                set_aside={"member id seen before": 307, "without consent": 1_384, "phone with too few digits": 188},
            ),
            Table(
                party="lifeapp",
                file="users.parquet",
                rows=40_000,
                sent={"phone": 31_506, "email": 20_769},
                set_aside={"without consent": 2_025, "phone shared": 437},
            ),
        ],
        clauses=[
            Clause(name="Identifiers, by priority", chinese="标识类型", value="phone (e164-cn), email (uid2)"),
            Clause(name="Evaluation cap", chinese="评估上限", value="200,000 per type: 0.002 % of all phone numbers"),
            Clause(name="Privacy budget", chinese="隐私预算", value="ρ = 0.5 (ε = 5.3 at δ = 10⁻⁶)"),
        ],
        fingerprints={
            "teahouse": "K3QF 7TRA 2ZVX M5LP QW4D 6HNS YB2E JC3U",
            "lifeapp": "R7YD KM2Q 4TXZ A6WP LJ5N 3HCV EB4S GF2U",
            "fusion-zone": "ZP5K Q3MR 7YTD X2LA W6HN 4CVS B3JE UF2G",
        },
        statement={
            "English": [
                LeakageLine(
                    name="fusion-zone, the zone",
                    learns="Which handle matched which, and no identity.",
                    when="at each fusion",
                    clause="identifiers",
                    loud=False,
                ),
                LeakageLine(
                    name="lifeapp, the platform",
                    learns="The exact list of its own ids in a segment.",
                    when="at each activation",
                    clause="grants[5]",
                    loud=True,
                ),
            ],
        },
        match_report=[
            TypeResult(type="phone", reported=5_671, noise=14.1, truth=5_653),
            TypeResult(type="email", reported=797, noise=14.1, truth=803),
        ],
        segment_definition="members.spend_365d >= 1000 and members.last_paid before '90d' and not members.opted_out",
        sizes=[
            SizeResult(asker="tea-analyst", segment="everyone", at_least=5_000, below=10_000, noise=31.6, truth=6_456),
            SizeResult(asker="tea-analyst", segment="sleeping", at_least=100, below=200, noise=31.6, truth=173),
            SizeResult(asker="teahouse", segment="sleeping", at_least=100, below=200, noise=31.6, truth=173),
        ],
        activations=[
            ActivationResult(
                segment="sleeping",
                recipient=name,
                domain=domain,
                channel=channel,
                file=f"{name}/outbox/sleeping-v1.csv",
                delivered=169,
                truth=169,
                missing=0,
                surplus=0,
            )
            for name, domain, channel in (("teahouse", "private", "wechat"), ("lifeapp", "public", "feed-ads"))
        ],
        charges=[Charge(answer="match report", rho_micro=2_500), Charge(answer="portrait", rho_micro=20_000)],
        ledger=LedgerResult(
            spent_micro=22_500, expected_micro=22_500, limit_micro=100_000, epsilon=1.23, delta_exponent=9
        ),
        portrait=portrait(),
        sums=sums(),
        lookalike=lookalike(),
        refused=["The analyst asked for the audience itself: not-permitted."],
        processes=[
            Process(
                name="teahouse",
                role="merchant",
                received=4_900_000,
                sent=3_800_000,
                peak=130_000_000,
                learned="Its own sleeping members, by id, as granted; noisy totals.",
                not_learned="Which of its other rows matched; any of the platform's users.",
            ),
            Process(
                name="fusion-zone",
                role="zone",
                received=8_900_000,
                sent=8_700_000,
                peak=130_000_000,
                learned="Padded counts, which anonymous handle matched which, one bit per member handle.",
                not_learned="Any identifier, any id, any attribute's value.",
            ),
            Process(
                name="lifeapp",
                role="platform",
                received=3_900_000,
                sent=4_800_000,
                peak=130_000_000,
                learned="The users to whom it may show the coupon, by its own id.",
                not_learned="Any other member; what they spent.",
            ),
            Process(
                name="tea-analyst",
                role="analyst",
                received=18_200,
                sent=9_300,
                peak=130_000_000,
                learned="Two bands.",
                not_learned="Any row.",
            ),
        ],
        scan=LeakScan(bytes=14_680_064, identifiers=121_400, found=0),
        audit="The zone's audit log and those of both agents were checked against each other: 74 entries agree.",
        febrl=[
            FebrlResult(identifiers="social security number", matched_a=4_561, matched_b=4_561, false=0, expected=4_561)
        ],
        brute_force=BruteForce(
            listed=16_794,
            first=13_800_000_000,
            tried=16_800_000,
            seconds=3.01,
            processes=2,
            recovered=69,
            expected=69,
        ),
    )
