"""What a segment would need and cost, asked before it is created."""

from datetime import timedelta

import pytest

from miyun.contract.model import Universe
from miyun.errors import (
    ContractError,
    ExpressionError,
    MalformedError,
    NotFoundError,
    NotPermittedError,
    SignatureError,
    StateError,
)
from miyun.segments.quotes import SegmentQuote
from miyun.transport.codec import from_wire
from miyun.wire.v1 import segment_pb2
from tests.zone.members import DAY, MERCHANT, NOW, PLATFORM, Member, World
from tests.zone.test_deltas import BUCKET
from tests.zone.test_generations import refresh
from tests.zone.test_segments import Fused, agree, fuse
from tests.zone.test_sizes import TIGHT

RICH_TEA = "members.spend > 100 and tags.tea"


def quote(
    fused: Fused, definition: str, member: Member | None = None, universe: str = "matched", contract: str = ""
) -> SegmentQuote:
    member = member or fused.world.merchant
    request = segment_pb2.QuoteSegmentRequest(
        contract=contract or fused.contract.id, definition=definition, universe=universe
    )
    answer = member.segments.QuoteSegment(request)
    statement = from_wire(answer.statement, SegmentQuote)
    member.home.zone_link().verify_key().verify(statement, answer.signature)
    return statement


def test_before_a_segment_is_created_its_legs_and_costs_are_told(world: World) -> None:
    fused = fuse(world, agree(world, "quoted", budget=TIGHT))
    fused.create("rich", "members.spend > 100")
    fused.answer_legs()
    fused.ready("rich")
    entries = world.merchant.entries(fused.contract)

    told = quote(fused, RICH_TEA)

    assert (told.definition, told.meaning, told.universe) == (RICH_TEA, RICH_TEA, Universe.MATCHED)
    assert (told.epoch, told.sequence, told.told) == (1, 0, None)
    assert [(leg.party, leg.predicate, leg.asked) for leg in told.legs] == [
        (MERCHANT, "members.spend > 100", True),
        (PLATFORM, "tags.tea", False),
    ]
    assert [(owner.party, owner.legs) for owner in told.owners] == [(MERCHANT, 1), (PLATFORM, 0)]
    costs = {(owner.rho_micro, owner.leased_micro, owner.left_micro) for owner in told.owners}
    assert costs == {(1_000, 1_000, 3_000)}
    assert (told.until, told.at) == (fused.contract.expires, NOW)
    assert told.contract_digest == fused.contract.digest()
    assert world.merchant.entries(fused.contract) == entries
    assert quote(fused, RICH_TEA, world.platform).legs == told.legs


def test_before_anything_is_fused_there_is_nothing_but_the_plan(world: World) -> None:
    contract = agree(world, "quoted-early")

    told = quote(Fused(world, contract, None, None), RICH_TEA)  # type: ignore[arg-type]

    assert (told.epoch, told.sequence, told.told) == (0, 0, None)
    assert not any(leg.asked for leg in told.legs)
    assert [owner.legs for owner in told.owners] == [0, 0]


def test_segments_are_written_out_and_not_asked_for_again(world: World) -> None:
    fused = fuse(world, agree(world, "quoted-names"))
    fused.create("rich", "members.spend > 100", expires=NOW + DAY)

    told = quote(fused, "rich and tags.tea")

    assert told.meaning == RICH_TEA
    assert [leg.predicate for leg in told.legs] == ["tags.tea"]
    assert told.until == NOW + DAY


def test_a_size_that_was_told_costs_nothing_whatever_its_segment_was_called(world: World) -> None:
    fused = fuse(world, agree(world, "quoted-told", budget=TIGHT))
    fused.create("rich", "members.spend > 100")
    fused.create("trial", RICH_TEA, hidden=True, channels=(), expires=NOW + timedelta(hours=1))
    fused.answer_legs()
    fused.ready("trial")
    first = world.merchant.size(fused.contract, "trial")
    world.merchant.change_segment(fused.contract, "trial", "invalidate")

    told = quote(fused, "rich and tags.tea")
    fused.create("real", "rich and tags.tea")
    fused.answer_legs()
    fused.ready("real")

    assert told.told is not None
    assert (told.told.at_least, told.told.below, told.told.at) == (first.at_least, first.below, first.at)
    assert [owner.rho_micro for owner in told.owners] == [0, 0]
    assert [(leg.predicate, leg.asked) for leg in told.legs] == [("tags.tea", True)]
    spent = world.merchant.charges(fused.contract).spent_micro
    again = world.merchant.size(fused.contract, "real")
    assert (again.at_least, again.below, again.at) == (first.at_least, first.below, first.at)
    assert world.merchant.charges(fused.contract).spent_micro == spent
    assert [owner.legs for owner in told.owners] == [1, 1]

    for party in world.parties:
        party.lease(fused.contract, 2, 2_000)
    second = fuse(world, fused.contract, epoch=2)
    renewed = quote(second, RICH_TEA)
    assert (renewed.epoch, renewed.told) == (2, None)
    assert {owner.rho_micro for owner in renewed.owners} == {1_000}


def test_what_was_told_of_data_that_changed_is_told_no_more(world: World) -> None:
    fused = fuse(world, agree(world, "quoted-refreshed", delta_bucket=BUCKET))
    for name, definition in (("trial", RICH_TEA), ("tea", "tags.tea")):
        fused.create(name, definition)
        fused.answer_legs()
        fused.ready(name)
        world.merchant.size(fused.contract, name)
        world.merchant.change_segment(fused.contract, name, "invalidate")

    refresh(fused, world.merchant, 1)

    both, tea = quote(fused, RICH_TEA), quote(fused, "tags.tea")
    assert [(leg.predicate, leg.asked) for leg in both.legs] == [("members.spend > 100", False), ("tags.tea", True)]
    assert (both.told, tea.told is None) == (None, False)
    assert [owner.legs for owner in both.owners] == [1, 1]


def test_only_who_may_ask_a_size_sees_what_was_told(world: World) -> None:
    fused = fuse(world, agree(world, "quoted-grant"))
    fused.create("secret", "members.secret > 3")
    fused.answer_legs()
    fused.ready("secret")
    band = world.merchant.size(fused.contract, "secret")

    own, other = (quote(fused, "members.secret > 3", member) for member in world.parties)

    assert own.told is not None
    assert own.told.at_least == band.at_least
    assert other.told is None
    assert [owner.rho_micro for owner in other.owners] == [0, 0]


def test_rows_of_the_platform_cost_the_platform_alone(world: World) -> None:
    fused = fuse(world, agree(world, "quoted-rows", budget=TIGHT))

    told = quote(fused, "tags.tea", world.platform, universe="platform")

    assert [owner.rho_micro for owner in told.owners] == [0, 1_000]


@pytest.mark.parametrize(
    ("definition", "universe", "error"),
    [
        ("tags.tea and members.spend>100", "matched", ExpressionError),
        ("tags.tea and", "matched", ExpressionError),
        ("(" * 5_000, "matched", ExpressionError),
        ("members.spend > 100", "platform", ExpressionError),
        ("nobody-made-this", "matched", NotFoundError),
        ("tags.best(10, 'nobody')", "matched", NotFoundError),
        ("matched", "everybody", MalformedError),
        ("closed", "matched", StateError),
        ("over", "matched", StateError),
    ],
)
def test_what_could_not_be_created_is_not_quoted(
    definition: str, universe: str, error: type[Exception], unquotable: Fused
) -> None:
    unquotable.world.clock.now = NOW + timedelta(minutes=2)

    with pytest.raises(error):
        quote(unquotable, definition, universe=universe)


def test_strangers_analysts_and_ended_contracts_learn_nothing(unquotable: Fused) -> None:
    world = unquotable.world
    with pytest.raises(NotFoundError):
        quote(unquotable, "matched", world.stranger)
    with pytest.raises(NotPermittedError):
        quote(unquotable, "matched", world.analyst)
    with pytest.raises(NotFoundError):
        quote(unquotable, "matched", contract="no-such-contract")
    world.clock.now = unquotable.contract.expires
    with pytest.raises(ContractError):
        quote(unquotable, "matched")


def test_a_quote_is_no_other_statement(world: World, unquotable: Fused) -> None:
    request = segment_pb2.QuoteSegmentRequest(contract=unquotable.contract.id, definition="matched", universe="matched")
    answer = world.merchant.segments.QuoteSegment(request)
    answer.statement.legs.add(party=MERCHANT, predicate="members.secret > 3", asked=True)

    with pytest.raises(SignatureError):
        world.merchant.home.zone_link().verify_key().verify(from_wire(answer.statement, SegmentQuote), answer.signature)


@pytest.fixture(scope="module")
def quotable(shared_world: World) -> Fused:
    fused = fuse(shared_world, agree(shared_world, "unquotable"))
    fused.create("closed", "matched", processable=False)
    fused.create("over", "matched", expires=NOW + timedelta(minutes=1))
    return fused


@pytest.fixture
def unquotable(quotable: Fused, world: World) -> Fused:
    """A contract with a segment that is closed, and one whose time is soon over."""
    assert quotable.world is world
    return quotable
