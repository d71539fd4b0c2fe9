"""What one segment adds, said to whoever is about to create it."""

import re
from dataclasses import replace

from miyun.contract.leakage import Who, leakage
from miyun.contract.leakage.segments import segment_lines
from miyun.contract.model import MATCHED, Contract, Grant, Rung

SPEND = frozenset({MATCHED, "members.spend_90d"})
AGE = frozenset({MATCHED, "members.age"})
LEGS = {"shop": ["members.spend_90d > 9"], "feed": ["tags.tea", "tags.age > 3"]}


def test_whoever_learns_something_has_a_line_under_the_statement_s_heading(drafted: Contract) -> None:
    lines = tuple(segment_lines(drafted, "shop", legs=LEGS, subjects=SPEND))

    assert {line.name for line in lines} <= {line.name for line in leakage(drafted)}
    assert {line.who for line in lines} == {Who.ZONE, Who.PARTY, Who.ZONE_AND_MERCHANT, Who.ZONE_AND_PLATFORM}
    for line in lines:
        assert line.learns.en
        assert re.search("[\u4e00-\u9fff]", line.learns.zh)
        assert line.clause.split("[")[0] in drafted.to_plain()
    for language in ("en", "zh"):
        zone = [line.learns.in_language(language) for line in lines if line.who is Who.ZONE]  # type: ignore[arg-type]
        for predicate in (*LEGS["shop"], *LEGS["feed"]):
            assert any(f"“{predicate}”" in learns for learns in zone)


def test_the_counterparty_of_an_owner_learns_bits_only_with_the_zone(hosted: Contract, drafted: Contract) -> None:
    (together,) = (
        line
        for line in segment_lines(hosted, "shop", legs={"shop": LEGS["shop"]}, subjects=SPEND)
        if line.who in {Who.ZONE_AND_MERCHANT, Who.ZONE_AND_PLATFORM}
    )
    assert (together.who, together.loud) == (Who.ZONE_AND_PLATFORM, True)
    assert "“members.spend_90d > 9”" in together.learns.en

    apart = replace(drafted, zone=replace(drafted.zone, organisation="Somebody Else"))
    lines = segment_lines(apart, "shop", legs={"shop": LEGS["shop"]}, subjects=SPEND)
    assert not any(line.loud for line in lines)


def test_only_the_other_party_reads_of_the_definition(drafted: Contract) -> None:
    for owner, other in (("shop", "feed"), ("feed", "shop")):
        (line,) = (
            line
            for line in segment_lines(drafted, owner, legs=LEGS, subjects=SPEND)
            if line.who is Who.PARTY and "text of the definition" in line.learns.en
        )
        assert line.name.en.startswith(f"{other}, ")
        assert f"“{LEGS[other][0]}”" in line.learns.en


def test_sizes_follow_the_grants(drafted: Contract) -> None:
    def of_feed(contract: Contract) -> str:
        (line,) = (
            line
            for line in segment_lines(contract, "shop", legs={}, subjects=AGE)
            if line.name.en.startswith("feed, ") and "size" in line.learns.en
        )
        return line.learns.en

    assert "none of members.age" in of_feed(drafted)
    grant = Grant(owner="shop", subject="members.age", rung=Rung.SIZE, recipient="feed")
    assert "May learn its noisy size" in of_feed(replace(drafted, grants=(*drafted.grants, grant)))


def test_what_the_zone_was_told_before_tells_it_nothing_new(drafted: Contract) -> None:
    lines = tuple(segment_lines(drafted, "shop", legs={}, subjects=SPEND))

    assert not any(line.who in {Who.ZONE_AND_MERCHANT, Who.ZONE_AND_PLATFORM} for line in lines)
    assert any(line.learns.en.startswith("Learns of no row") for line in lines)
