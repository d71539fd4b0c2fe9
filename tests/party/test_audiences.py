"""A party takes of an audience what the platform signed about it, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from miyun.contract.model import Universe
from miyun.errors import InputError, MiyunError, NotFoundError, ReplayError, SignatureError
from miyun.party.audiences import AudiencesClient
from miyun.segments.audiences import Audience, Publication
from miyun.segments.listing import Segment, SegmentState
from miyun.transport.codec import to_wire
from miyun.wire.v1 import audience_pb2 as wire
from miyun.words import Words
from tests.party.world import DAY, MERCHANT, NOW, PLATFORM, World


def audience(world: World, **changes: Any) -> Audience:
    said = Publication(
        contract="spring",
        contract_digest=world.contract.digest(),
        segment="tea-lovers",
        owner=PLATFORM,
        title_en="Tea drinkers",
        title_zh="爱喝茶的人",
        description_en="",
        description_zh="",
        category="drinks",
        at=NOW,
    )
    said = replace(said, **changes)
    segment = Segment(
        name="tea-lovers",
        code="",
        definition="tags.tea",
        universe=Universe.PLATFORM,
        owner=PLATFORM,
        state=SegmentState.READY,
        version=1,
        epoch=1,
        channels=(),
        hidden=False,
        processable=True,
        expires=NOW + DAY,
        created=NOW,
    )
    return Audience(
        segment=segment,
        subjects=("tags.tea",),
        publication=said,
        signature=world.home(PLATFORM).signing_key.sign(said),
    )


def client(world: World, *told: Audience) -> AudiencesClient:
    """The merchant's, where the zone tells these."""
    answer = wire.ListAudiencesResponse(audiences=[to_wire(one, wire.Audience) for one in told])
    world.zone.on_ListAudiences = lambda caller, message: answer  # type: ignore[attr-defined]
    return AudiencesClient(world.session(MERCHANT))


def test_an_audience_says_what_it_is_and_which_grant_is_lacking(world: World) -> None:
    (found,) = client(world, audience(world)).list("spring", "tea")
    assert (found.title, found.category) == (Words(en="Tea drinkers", zh="爱喝茶的人"), "drinks")
    assert "no use of tags.tea" in found.lacking


def test_nothing_is_lacking_where_it_is_granted(world: World) -> None:
    (found,) = client(world, replace(audience(world), subjects=("members.spend",))).list("spring")
    assert found.lacking == ""


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda one: replace(one, signature=bytes(64)), SignatureError),
        (lambda one: replace(one, publication=replace(one.publication, title_en="Heavy drinkers")), SignatureError),
        (lambda one: replace(one, segment=replace(one.segment, name="others")), ReplayError),
        (lambda one: replace(one, segment=replace(one.segment, universe=Universe.MATCHED)), MiyunError),
        (lambda one: replace(one, segment=replace(one.segment, owner=MERCHANT)), MiyunError),
    ],
)
def test_what_a_zone_makes_up_is_refused(
    world: World, change: Callable[[Audience], Audience], error: type[MiyunError]
) -> None:
    with pytest.raises(error):
        client(world, change(audience(world))).list("spring")


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"contract": "autumn"}, ReplayError),
        ({"contract_digest": bytes(32)}, ReplayError),
        ({"owner": MERCHANT}, ReplayError),
        ({"title_zh": "\x1b[2J"}, InputError),
    ],
)
def test_words_about_something_else_are_refused(world: World, said: dict[str, object], error: type[MiyunError]) -> None:
    with pytest.raises(error):
        client(world, audience(world, **said)).list("spring")


def test_there_may_be_none_of_a_name_or_another(world: World) -> None:
    with pytest.raises(NotFoundError):
        client(world).get("spring", "tea-lovers")
    with pytest.raises(ReplayError):
        client(world, audience(world)).get("spring", "coffee-lovers")
