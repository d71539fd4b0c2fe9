"""What a zone says of segments can't keep an agent busy for ever."""

import pytest

from miyun.contract.model import Universe
from miyun.errors import ContractError, MalformedError
from miyun.party.definitions import DEEPEST_REFERENCE, MOST_REFERENCES, Definitions
from miyun.segments.parser import parse
from tests.party.test_guard import segment_request
from tests.party.world import MERCHANT, PLATFORM, World


def say(world: World, name: str, definition: str, universe: str = "matched") -> None:
    """Let the zone give this definition for a segment."""
    world.zone.segments[name] = segment_request(world, name=name, definition=definition, universe=universe)


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


def test_names_without_end_are_refused(world: World) -> None:
    for number in range(40):
        parts = [f"part-{number}-{part}" for part in range(40)]
        say(world, f"whole-{number}", " or ".join(parts))
        for part in parts:
            say(world, part, "tags.tea")
    say(world, "all", " or ".join(f"whole-{number}" for number in range(40)))
    with pytest.raises(ContractError, match="1000 segments"):
        Definitions(world.session(MERCHANT)).of_segment(world.contract, "all")
    assert len(world.zone.sent(MERCHANT, "GetSegment")) <= MOST_REFERENCES


def test_the_universe_of_what_is_over_own_columns_was_signed_as_well(world: World) -> None:
    session = world.session(PLATFORM)
    signed = segment_request(world, name="tea", definition="tags.tea", universe=Universe.PLATFORM)
    session.requests.keep(signed, b"", subject="tea")
    say(world, "tea", "tags.tea", "platform")
    assert Definitions(session).of_segment(world.contract, "tea").universe is Universe.PLATFORM

    say(world, "tea", "tags.tea", "matched")

    with pytest.raises(ContractError, match="nobody signed"):
        Definitions(session).of_segment(world.contract, "tea")


def test_a_universe_that_there_is_not(world: World) -> None:
    say(world, "tea", "tags.tea", "everybody")
    with pytest.raises(MalformedError, match="universe"):
        Definitions(world.session(MERCHANT)).of_segment(world.contract, "tea")
