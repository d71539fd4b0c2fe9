"""Segments as the merchant asks for them."""

from dataclasses import replace
from typing import Any

from miyun.contract.model import Universe
from miyun.segments.statements import SegmentRequest
from tests.party.world import DAY, MERCHANT, NOW, PLATFORM, World

SPENDERS = "members.spend > 100"


def segment_request(world: World, **changes: Any) -> SegmentRequest:
    request = SegmentRequest(
        contract="spring",
        contract_digest=world.contract.digest(),
        job="segment-1",
        name="spenders",
        code="",
        definition=SPENDERS,
        universe=Universe.MATCHED,
        owner=MERCHANT,
        channels=(),
        hidden=False,
        processable=True,
        expires=NOW + DAY,
        at=NOW,
    )
    return replace(request, **changes)


def define(world: World, name: str, definition: str, universe: Universe = Universe.MATCHED) -> None:
    """A segment of the merchant's that both know."""
    request = segment_request(world, job=f"segment-{name}", name=name, definition=definition, universe=universe)
    world.zone.segments[name] = request
    for party in (MERCHANT, PLATFORM):
        world.session(party).requests.keep(request, b"", subject=name)
