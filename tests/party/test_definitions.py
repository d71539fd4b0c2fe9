"""What a zone says of segments can't keep an agent busy for ever."""

import pytest

from miyun.errors import ContractError
from miyun.party.definitions import DEEPEST_REFERENCE, Definitions
from miyun.segments.parser import parse
from tests.party.test_guard import segment_request
from tests.party.world import MERCHANT, World


def say(world: World, name: str, definition: str) -> None:
    """Let the zone give this definition for a segment."""
    world.zone.segments[name] = segment_request(world, name=name, definition=definition)


def test_a_segment_is_looked_up_once_however_many_name_it(world: World) -> None:
    deepest = 20
    say(world, f"even-{deepest}", "tags.tea")
    say(world, f"odd-{deepest}", "tags.tea")
    for level in range(deepest):
        for side in ("even", "odd"):
            say(world, f"{side}-{level}", f"even-{level + 1} or odd-{level + 1}")
    written_out = Definitions(world.session(MERCHANT)).of_segment(world.contract, "even-0")
    assert written_out.expression == parse("tags.tea")
    assert len(world.zone.sent(MERCHANT, "GetSegment")) == 2 * deepest + 1


def test_a_circle_is_refused(world: World) -> None:
    say(world, "first", "second")
    say(world, "second", "first")
    with pytest.raises(ContractError, match="itself"):
        Definitions(world.session(MERCHANT)).of_segment(world.contract, "first")


def test_an_endless_chain_is_refused(world: World) -> None:
    for link in range(DEEPEST_REFERENCE + 1):
        say(world, f"link-{link}", f"link-{link + 1}")
    with pytest.raises(ContractError, match=str(DEEPEST_REFERENCE)):
        Definitions(world.session(MERCHANT)).of_segment(world.contract, "link-0")
