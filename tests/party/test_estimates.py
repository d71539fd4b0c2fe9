"""Segments explained and estimated through a real zone over TLS, with both agents, against the tables in the clear."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from miyun.contract.model import Grant, Rung, Universe
from miyun.errors import (
    BudgetExceededError,
    ExpressionError,
    MiyunError,
    NotFoundError,
    NotPermittedError,
    ReplayError,
    SignatureError,
    StateError,
)
from miyun.party.estimates import _require_possible
from miyun.party.explaining import explain_segment
from miyun.party.progress import Phase, Progress
from miyun.privacy.statements import SizeBand
from miyun.segments.builders import members
from miyun.segments.listing import SegmentFilter, SegmentState
from miyun.segments.quotes import LegQuote, OwnerQuote, SegmentQuote
from miyun.transport.codec import to_wire
from miyun.wire.v1 import segment_pb2
from tests.party.live import PLENTY, Stage, at_work, staged
from tests.party.world import MERCHANT, NOW, PLATFORM, FakeZone, Killed, World, row

MEMBERS, USERS = range(100), range(40, 160)
GRANTS = [Grant(owner=PLATFORM, subject="tags.spend", rung=rung, recipient=MERCHANT) for rung in (Rung.USE, Rung.SIZE)]
BOTH = "members.spend > 50 and tags.spend < 90"
TRUTH = len([person for person in MEMBERS if person in USERS and 50 < person < 90])
HIDDEN = SegmentFilter(hidden=True)
ESTIMATES = SegmentFilter(hidden=True, prefix="estimate-")
COST = PLENTY.size_rho_micro
PADDING = 15
"""The most rows of the platform that can be padding: they count among all of its rows."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Fused; the platform's agent is not at work."""
    with staged(
        tmp_path_factory.mktemp("estimates"),
        members=[row(n) for n in MEMBERS],
        users=[row(n, id=f"u{n}") for n in USERS],
        catalogue="id,name,parent,type\ntea,茶饮,,flag\n",
        pairs=[],
        grants=GRANTS,
        legs_per_epoch=4,
    ) as made:
        with at_work(made.platform):
            made.merchant.fuse(made.contract)
        yield made


def names(stage: Stage) -> list[str]:
    return [segment.name for segment in stage.merchant.segments.list(stage.contract, HIDDEN)]


def spent(stage: Stage) -> int:
    stage.merchant.agent().run(once=True)
    return stage.merchant.budget(stage.contract).spent_micro


def test_a_definition_is_explained_and_then_estimated_and_then_created(stage: Stage) -> None:
    merchant, contract = stage.merchant, stage.contract
    entries = len(merchant.audit_entries(contract))

    plan = merchant.segments.explain(contract, f"({BOTH})")

    assert (plan.definition, plan.meaning, plan.universe, plan.segments) == (BOTH, BOTH, Universe.MATCHED, ())
    assert plan.subjects == {"matched", "members.spend", "tags.spend"}
    assert [(leg.party, leg.predicate, leg.asked) for leg in plan.legs] == [
        (MERCHANT, "members.spend > 50", False),
        (PLATFORM, "tags.spend < 90", False),
    ]
    assert [(share.party, share.legs_new, share.legs_asked, share.legs_allowed) for share in plan.owners] == [
        (MERCHANT, 1, 0, 4),
        (PLATFORM, 1, 0, 4),
    ]
    assert {share.rho_micro for share in plan.owners} == {COST}
    assert plan.told is None
    missing = {(need.rung, need.subject, need.recipient) for need in plan.needs if not need.clause}
    assert (Rung.INSIGHT, "tags.spend", MERCHANT) in missing
    assert (Rung.ACTIVATE, "members.spend", PLATFORM) in missing
    assert not [need for need in missing if need[0] in {Rung.USE, Rung.SIZE}]
    assert any("“tags.spend < 90”" in line.learns.en for line in plan.learns)
    assert names(stage) == []
    before = spent(stage)

    with at_work(stage.platform):
        found = merchant.estimate(contract, BOTH)
        assert found.at_least <= TRUTH < (found.below or TRUTH + 1)
        assert (found.definition, found.epoch, found.rho_micro) == (BOTH, 1, COST)
        assert [one.state for one in merchant.segments.list(contract, HIDDEN)] == [SegmentState.INVALIDATED]
        assert merchant.segments.list(contract) == ()
        again = merchant.segments.explain(contract, BOTH)
        assert again.told is not None
        assert [(leg.asked, share.legs_new) for leg, share in zip(again.legs, again.owners, strict=True)] == [
            (True, 0),
            (True, 0),
        ]
        assert [(share.legs_asked, share.rho_micro) for share in again.owners] == [(1, 0), (1, 0)]

        merchant.jobs.wait(contract, merchant.segments.create(contract, "base", "members.spend > 50").id)
        named = merchant.segments.explain(contract, "base and tags.spend < 90")
        assert (named.meaning, named.segments, named.told) == (BOTH, ("base",), again.told)
        merchant.jobs.wait(contract, merchant.segments.create(contract, "real", "base and tags.spend < 90").id)
        assert merchant.quote(contract, "real").rho_micro == 0
        band = merchant.size(contract, "real")

    assert (band.at_least, band.below, band.at) == (found.at_least, found.below, found.at)
    assert spent(stage) == before + COST
    assert len(merchant.audit_entries(contract)) > entries


def test_what_was_told_before_is_estimated_without_anybody_s_agent(stage: Stage) -> None:
    with at_work(stage.platform):
        first = stage.merchant.estimate(stage.contract, members.spend > 70)
    held = names(stage)

    again = stage.merchant.estimate(stage.contract, "members.spend > 70")

    assert again == replace(first, rho_micro=0)
    assert names(stage) == held


def test_an_estimate_that_was_interrupted_goes_on(stage: Stage) -> None:
    def die(event: object) -> None:
        if isinstance(event, Progress) and event.phase is Phase.WAIT:
            raise Killed

    definition = "tags.spend > 60"
    with pytest.raises(Killed):
        stage.merchant.estimate(stage.contract, definition, on_event=die)
    assert [one.state for one in stage.merchant.segments.list(stage.contract, ESTIMATES) if one.state.is_live] == [
        SegmentState.EVALUATING
    ]
    stage.restart()
    requests = len(stage.merchant._session.requests.segments(stage.contract))

    with at_work(stage.platform):
        found = stage.merchant.estimate(stage.contract, definition)

    assert found.at_least <= len([n for n in USERS if n in MEMBERS and n > 60])
    assert len(stage.merchant._session.requests.segments(stage.contract)) == requests


def test_who_asks_the_same_at_the_same_time_is_told_the_same(
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    size, ended = stage.merchant._sizes.size, []

    def size_and_end(contract: str, segment: str, version: int) -> SizeBand:
        band = size(contract, segment, version)
        stage.merchant.segments.invalidate(contract, segment)
        ended.append(band)
        return band

    monkeypatch.setattr(stage.merchant._sizes, "size", size_and_end)
    with at_work(stage.platform):
        found = stage.merchant.estimate(stage.contract, "not tags.spend > 60")

    assert [(band.at_least, band.below, band.at) for band in ended] == [(found.at_least, found.below, found.at)]


def test_a_platform_estimates_among_all_its_users(stage: Stage) -> None:
    before = spent(stage)
    stage.platform.agent().run(once=True)

    found = stage.platform.estimate(stage.contract, "tags.spend > 100", universe="platform")

    truth = len([person for person in USERS if person > 100])
    assert truth < (found.below or truth + 1)
    assert found.at_least <= truth + PADDING
    assert (found.universe, found.rho_micro) == (Universe.PLATFORM, COST)
    assert spent(stage) == before


def test_an_estimate_is_hidden_closed_short_and_goes_nowhere(stage: Stage) -> None:
    with at_work(stage.platform):
        stage.merchant.estimate(stage.contract, "members.spend > 90")
    (request,) = [
        held
        for held in stage.merchant._session.requests.segments(stage.contract)
        if held.definition == "members.spend > 90"
    ]

    assert (request.hidden, request.processable, request.channels) == (True, False, ())
    assert (request.expires - request.at).days == 1
    assert stage.merchant.segments.get(stage.contract, request.name).state == "invalidated"
    assert request.name not in [one.name for one in stage.merchant.segments.list(stage.contract)]


@pytest.mark.parametrize(
    ("definition", "universe", "error", "clause"),
    [
        ("members.spend >", "matched", ExpressionError, ""),
        ("members.spnd > 3", "matched", ExpressionError, ""),
        ("members.spend > 3", "platform", ExpressionError, ""),
        ("nobody-made-this", "matched", NotFoundError, ""),
        ("tags.opted_out", "matched", NotPermittedError, "grants"),
    ],
)
def test_what_can_t_be_estimated_creates_nothing(
    stage: Stage, definition: str, universe: Any, error: type[MiyunError], clause: str
) -> None:
    requests = stage.merchant._session.requests.segments(stage.contract)

    with pytest.raises(error) as refused:
        stage.merchant.estimate(stage.contract, definition, universe=universe)

    assert refused.value.clause == clause
    if error is ExpressionError:
        assert refused.value.text == definition  # type: ignore[attr-defined]
    assert stage.merchant._session.requests.segments(stage.contract) == requests


def test_predicates_of_estimates_are_counted_against_the_limit(stage: Stage) -> None:
    limit = 4
    with at_work(stage.platform):
        for least in range(91, 91 + limit):
            plan = stage.merchant.segments.explain(stage.contract, f"members.spend > {least}")
            if plan.owners[0].legs_asked == limit:
                break
            stage.merchant.estimate(stage.contract, f"members.spend > {least}")
    requests = stage.merchant._session.requests.segments(stage.contract)

    with pytest.raises(NotPermittedError) as refused:
        stage.merchant.estimate(stage.contract, "members.spend > 99")

    assert refused.value.clause == "legs_per_epoch"
    assert stage.merchant._session.requests.segments(stage.contract) == requests


class QuotingZone(FakeZone):
    """Answers with the quote that ``alter`` makes of a true one."""

    alter: Callable[[SegmentQuote], SegmentQuote] = staticmethod(lambda quote: quote)
    forged = False

    def on_QuoteSegment(self, caller: str, message: Any) -> Any:
        quote = self.alter(
            SegmentQuote(
                contract=self.contract.id,
                contract_digest=self.contract.digest(),
                definition=message.definition,
                universe=Universe(message.universe),
                meaning=message.definition,
                epoch=0,
                sequence=0,
                legs=(LegQuote(party=MERCHANT, predicate="members.spend > 3", asked=False),),
                owners=tuple(
                    OwnerQuote(party=party.name, legs=0, rho_micro=1, leased_micro=2, left_micro=3)
                    for party in self.contract.parties
                ),
                told=None,
                until=self.contract.expires,
                at=NOW,
            )
        )
        signature = bytes(64) if self.forged else self.key.sign(quote)
        return segment_pb2.QuoteSegmentResponse(statement=to_wire(quote, segment_pb2.SegmentQuote), signature=signature)


def explained(world: World, definition: str = "members.spend > 3") -> Any:
    return explain_segment(world.session(MERCHANT), world.contract.id, definition, Universe.MATCHED)


def test_a_quote_of_something_else_is_refused(make_world: Callable[..., World]) -> None:
    world = make_world(zone=QuotingZone)
    zone: Any = world.zone
    assert explained(world).legs[0].asked is False
    for change in (
        {"contract": "another"},
        {"contract_digest": bytes(32)},
        {"definition": "matched"},
        {"universe": Universe.PLATFORM},
        {"meaning": "matched"},
        {"legs": ()},
        {"legs": (LegQuote(party=PLATFORM, predicate="members.spend > 3", asked=True),)},
        {"owners": ()},
    ):
        zone.alter = lambda quote, change=change: replace(quote, **change)
        with pytest.raises(ReplayError):
            explained(world)
    zone.alter, zone.forged = (lambda quote: quote), True
    with pytest.raises(SignatureError):
        explained(world)


def test_before_a_fusion_and_beyond_the_budget_nothing_is_estimated(make_world: Callable[..., World]) -> None:
    world = make_world(zone=QuotingZone)
    contract = world.contract
    plan = explained(world)
    with pytest.raises(StateError, match="nothing is fused"):
        _require_possible(contract, MERCHANT, plan)
    dear = tuple(replace(share, rho_micro=4) for share in plan.owners)
    with pytest.raises(BudgetExceededError):
        _require_possible(contract, MERCHANT, replace(plan, epoch=1, owners=dear))
    _require_possible(contract, MERCHANT, replace(plan, epoch=1))
