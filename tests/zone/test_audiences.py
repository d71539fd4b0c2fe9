"""Audiences that a platform publishes: found by their words, used by a merchant within the match."""

from typing import Any

import pytest

from miyun.contract.model import Universe
from miyun.errors import (
    ContractError,
    InputError,
    NotFoundError,
    NotPermittedError,
    ReplayError,
    SignatureError,
    StateError,
)
from miyun.keys.signing import VerifyKey
from miyun.wire.v1.audience_pb2_grpc import AudienceServiceStub
from tests.zone.members import DAY, MERCHANT, NOW, PLATFORM, World
from tests.zone.publishing import found, names, publication, publish, withdraw, withdrawal
from tests.zone.test_segments import PAIRS, TEA, Fused, agree, fuse


@pytest.fixture(scope="module")
def shared(shared_world: World) -> Fused:
    return fuse(shared_world, agree(shared_world, "square"))


@pytest.fixture
def fused(shared: Fused, world: World) -> Fused:
    assert shared.world is world
    return shared


def curated(fused: Fused, name: str, **choices: Any) -> None:
    fused.create(name, "tags.tea", fused.world.platform, universe=Universe.PLATFORM, **choices)
    fused.answer_legs()
    fused.ready(name)


def test_a_merchant_finds_what_the_platform_signed_and_uses_it(fused: Fused) -> None:
    merchant, platform = fused.world.parties
    curated(fused, "tea-lovers")
    publish(platform, fused.contract, "tea-lovers")

    (audience,) = found(merchant, fused.contract, "tea-lovers")

    assert (audience.segment.owner, audience.segment.universe) == (PLATFORM, "platform")
    assert audience.subjects == ("tags.tea",)
    VerifyKey(fused.contract.party(PLATFORM).signing_key).verify(audience.publication, audience.signature)
    fused.create("ours-of-tea", "tea-lovers within matched")
    fused.ready("ours-of-tea")
    assert fused.activated("ours-of-tea", MERCHANT, [], []) == {left for left, right in PAIRS if right in TEA}


def test_it_is_found_by_all_of_the_words_in_either_language(fused: Fused) -> None:
    merchant, platform = fused.world.parties
    for name, title in (("found-a", "Green tea"), ("found-b", "Black tea"), ("found-c", "100% coffee")):
        curated(fused, name)
        publish(platform, fused.contract, name, title_en=title, category=title.split()[1])

    def among(words: str, **search: Any) -> list[str]:
        return [name for name in names(merchant, fused.contract, words, **search) if name.startswith("found")]

    assert among("GREEN tea") == among("green 喝茶") == ["found-a"]
    assert among("found 最近") == ["found-a", "found-b", "found-c"]
    assert among("green black") == among("_ound") == []
    assert among("%") == among("100%") == ["found-c"]
    assert among("", category="tea") == ["found-a", "found-b"]
    assert among("", name="found-b") == ["found-b"]
    assert names(merchant, fused.contract, "found", limit=2) == ["found-a", "found-b"]
    assert names(merchant, fused.contract, "found", limit=2, after="found-b") == ["found-c"]
    with pytest.raises(InputError, match="too long"):
        among("x" * 201)


def test_new_words_replace_old_ones_and_older_ones_are_refused(fused: Fused) -> None:
    merchant, platform = fused.world.parties
    curated(fused, "reworded")
    publish(platform, fused.contract, "reworded")
    publish(platform, fused.contract, "reworded")
    publish(platform, fused.contract, "reworded", title_en="Fans of tea", at=NOW + DAY)
    assert names(merchant, fused.contract, "reworded drinkers") == []
    assert names(merchant, fused.contract, "reworded fans") == ["reworded"]
    with pytest.raises(ReplayError):
        publish(platform, fused.contract, "reworded")


def test_it_is_withdrawn_once_and_what_is_made_of_it_stays(fused: Fused) -> None:
    merchant, platform = fused.world.parties
    curated(fused, "going")
    publish(platform, fused.contract, "going")
    fused.create("made-of-it", "going within matched")
    withdraw(platform, fused.contract, "going")
    withdraw(platform, fused.contract, "going")
    assert names(merchant, fused.contract, "going") == []
    fused.ready("made-of-it")
    with pytest.raises(StateError, match="not published"):
        withdraw(platform, fused.contract, "going", at=NOW + DAY)
    publish(platform, fused.contract, "going", at=NOW + DAY)
    assert names(merchant, fused.contract, "going") == ["going"]


def test_a_published_segment_keeps_its_name_and_stays_open(fused: Fused) -> None:
    merchant, platform = fused.world.parties
    curated(fused, "steady", expires=NOW + 9 * DAY)
    publish(platform, fused.contract, "steady")
    for change in ("hide", "close"):
        with pytest.raises(StateError, match="published"):
            platform.change_segment(fused.contract, "steady", change)
    with pytest.raises(StateError, match="published"):
        platform.change_segment(fused.contract, "steady", "rename", "unsteady")
    platform.change_segment(fused.contract, "steady", "expire", expires=NOW + DAY)
    fused.world.clock.now = NOW + 2 * DAY
    assert names(merchant, fused.contract, "steady") == []


def test_what_ends_is_listed_no_more(fused: Fused) -> None:
    merchant, platform = fused.world.parties
    curated(fused, "ended")
    publish(platform, fused.contract, "ended")
    platform.change_segment(fused.contract, "ended", "invalidate")
    assert names(merchant, fused.contract, "ended") == []
    with pytest.raises(StateError, match="invalidated"):
        publish(platform, fused.contract, "ended")


def test_only_open_segments_of_the_platforms_own_rows_are_published(fused: Fused) -> None:
    merchant, platform = fused.world.parties
    fused.create("of-pairs", "tags.tea", platform)
    curated(fused, "kept-back", hidden=True)
    curated(fused, "kept-shut", processable=False)
    fused.create("merchants", "tags.tea", merchant, universe=Universe.PLATFORM)
    with pytest.raises(NotPermittedError, match="universe"):
        publish(platform, fused.contract, "of-pairs")
    for name in ("kept-back", "kept-shut"):
        with pytest.raises(StateError, match="closed"):
            publish(platform, fused.contract, name)
    for member, name in ((merchant, "kept-back"), (platform, "merchants")):
        with pytest.raises(NotPermittedError):
            publish(member, fused.contract, name)
    with pytest.raises(NotPermittedError, match="only the platform"):
        publish(merchant, fused.contract, "merchants")


@pytest.mark.parametrize(
    "words",
    [
        {"title_en": ""},
        {"title_zh": " "},
        {"category": ""},
        {"title_en": "x" * 81},
        {"description_zh": "茶" * 1001},
        {"title_zh": "two\nlines"},
        {"description_en": "\x1b[2Jgone"},
    ],
)
def test_words_that_cant_be_shown_are_refused(fused: Fused, words: dict[str, str]) -> None:
    with pytest.raises(InputError):
        publish(fused.world.platform, fused.contract, "whatever", **words)


def test_forged_publications_are_refused(fused: Fused) -> None:
    merchant, platform = fused.world.parties
    curated(fused, "forged")
    forged = publication(platform, fused.contract, "forged")
    forged.statement.title_en = "Heavy drinkers"
    taken_back = withdrawal(merchant, fused.contract, "forged", owner=PLATFORM)
    with pytest.raises(SignatureError):
        AudienceServiceStub(platform.channel).PublishAudience(forged)
    with pytest.raises(SignatureError):
        AudienceServiceStub(merchant.channel).PublishAudience(publication(platform, fused.contract, "forged"))
    with pytest.raises(SignatureError):
        AudienceServiceStub(merchant.channel).WithdrawAudience(taken_back)
    with pytest.raises(ContractError):
        publish(platform, fused.contract, "forged", contract_digest=bytes(32))
    with pytest.raises(NotFoundError):
        found(fused.world.stranger, fused.contract)
    assert names(merchant, fused.contract, "forged") == []
