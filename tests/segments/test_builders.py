from datetime import date

import pytest

from miyun.segments.builders import matched, members, segment, tags
from miyun.segments.expression import Expression
from miyun.segments.parser import parse


@pytest.mark.parametrize(
    ("built", "text"),
    [
        ((members.spend_90d > 1000) & ~members.opted_out, "members.spend_90d > 1000 and not members.opted_out"),
        (members.opted_out & tags.tea, "members.opted_out and tags.tea"),
        (segment("vip") | members.a, "vip or members.a"),
        (segment("vip") & members.a | members.b, "vip and members.a or members.b"),
        (members["last seen"].before("30d"), "members.\"last seen\" before '30d'"),
        (members.seen.after(date(2026, 1, 31)), "members.seen after '2026-01-31'"),
        (members.seen == date(2026, 1, 31), "members.seen = '2026-01-31'"),
        (members.tier.is_in("b", "a"), "members.tier in ('a', 'b')"),
        (members.tier != "a", "members.tier != 'a'"),
        (members.tier.is_known() & tags.city.is_missing(), "members.tier is known and tags.city is missing"),
        (tags.best(100_000, "tea-lovers") & ~tags["best"], "not tags.best and tags.best(100000, 'tea-lovers')"),
        (tags.home.within("1km", [(30.27, 120.15), (30.25, 120.16)]), "tags.home within '1000m' of points('shops')"),
        (tags.home.within(500, [("30.27", 120.15)]), "tags.home within '500m' of ((30.27, 120.15))"),
        (matched & (members.x <= 1.50) & (members.x >= 1), "members.x <= 1.5 and members.x >= 1 within matched"),
    ],
)
def test_operators_build_what_the_text_says(built: Expression, text: str) -> None:
    assert built == parse(text, {"shops": [(30.25, 120.16), (30.27, 120.15)]})


def test_python_logic_words_are_refused() -> None:
    with pytest.raises(TypeError, match="combine columns"):
        bool(members.a and tags.b)
    with pytest.raises(TypeError, match="combine expressions"):
        bool(segment("a") or segment("b"))
