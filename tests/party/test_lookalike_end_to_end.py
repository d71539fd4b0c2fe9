"""Lookalikes through a real zone over TLS, with both agents: a planted preference is found, and no other."""

import csv
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from miyun.contract.draft import DEFAULT_BUDGET
from miyun.contract.model import LOOKALIKE, MATCHED, Grant, Rung
from miyun.errors import InputError, NotPermittedError, StateError
from miyun.insight.separation import Separation
from miyun.members.catalogue_file import read_catalogue
from miyun.party.lookalikes import LookalikeWeights, Seed
from tests.party.live import Stage, at_work, staged
from tests.party.world import MERCHANT, PLATFORM, row

MEMBERS, USERS = range(600), range(200, 1_400)
MATCH = frozenset(MEMBERS) & frozenset(USERS)
LIKED, OTHERS = range(10), range(10, 40)
"""Tags of which every fourth person carries many, and tags that are all the same to everybody."""
RHO = 1_000_000
"""A moderate charge: a portrait of six tags a person has σ < 3 with it, and as much own noise again."""

CATALOGUE = "id,name,parent,type\ninterest,兴趣,,group\n" + "".join(
    f"t{tag},标签{tag},interest,flag\n" for tag in (*LIKED, *OTHERS)
)
BUDGET = replace(DEFAULT_BUDGET, rho_micro=50_000_000, lease_rho_micro=4_000_000, size_rho_micro=100_000)
GRANTS = [
    *(Grant(owner=PLATFORM, subject=of, rung=Rung.INSIGHT, recipient=MERCHANT) for of in (MATCHED, "tags")),
    *(Grant(owner=PLATFORM, subject=LOOKALIKE, rung=rung, recipient=MERCHANT) for rung in (Rung.USE, Rung.SIZE)),
    *(
        Grant(owner=MERCHANT, subject=of, rung=Rung.INSIGHT, recipient=PLATFORM)
        for of in (MATCHED, "members.spend", "members.visits")
    ),
    Grant(owner=MERCHANT, subject="members.spend", rung=Rung.ACTIVATE, recipient=PLATFORM),
]


def likes_tea(person: int) -> bool:
    return person % 4 == 0


def carried() -> dict[int, set[int]]:
    """Which tags each user carries."""
    chance = random.Random(7)
    return {
        user: {tag for tag in LIKED if chance.random() < (0.5 if likes_tea(user) else 0.1)}
        | {tag for tag in OTHERS if chance.random() < 0.06}
        for user in USERS
    }


CARRIED = carried()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Fused, with the platform's agent at work, and two seeds: who likes tea spends 9, and every other four visit."""
    members = [row(n, spend="9" if likes_tea(n) else "5", visits="1" if n // 4 % 2 else "0") for n in MEMBERS]
    with (
        staged(
            tmp_path_factory.mktemp("lookalike"),
            members=members,
            users=[row(n, id=f"u{n}") for n in USERS],
            catalogue=CATALOGUE,
            pairs=[(f"u{user}", f"t{tag}", "") for user, tags in CARRIED.items() for tag in sorted(tags)],
            grants=GRANTS,
            attributes='[members.attributes.visits]\ntype = "number"\n',
            budget=BUDGET,
        ) as made,
        at_work(made.platform),
    ):
        made.merchant.fuse(made.contract)
        for name, definition in (("payers", "members.spend > 8"), ("others", "members.visits > 0")):
            job = made.merchant.segments.create(made.contract, name, definition)
            made.merchant.jobs.wait(made.contract, job.id)
        yield made


def release(stage: Stage, name: str, seed: str) -> LookalikeWeights:
    return stage.merchant.lookalike.release(
        stage.contract,
        name,
        seed=seed,
        catalogue=read_catalogue(stage.catalogue),
        branches=["interest"],
        per_person=6,
        portrait_rho_micro=RHO,
        rho_micro=RHO,
    )


@pytest.fixture(scope="module")
def tea(stage: Stage) -> LookalikeWeights:
    return release(stage, "tea-lovers", "payers")


def scores(stage: Stage, name: str) -> dict[int, int]:
    """Of each user, in the clear, by the weights that the platform was given."""
    received = stage.platform._session.lookalikes.received(stage.contract, name)
    assert received is not None
    return {user: sum(received.weights.get(f"t{tag}", 0) for tag in tags) for user, tags in CARRIED.items()}


def test_the_weights_tell_what_the_seed_likes(tea: LookalikeWeights) -> None:
    liked = [tea.weights.get(f"兴趣/标签{tag}", 0) for tag in LIKED]
    others = [tea.weights.get(f"兴趣/标签{tag}", 0) for tag in OTHERS]

    assert tea.tags == len(LIKED) + len(OTHERS)
    assert min(liked) > 0
    assert abs(sum(others)) / len(others) < 0.5 * sum(liked) / len(liked)


def test_the_platform_has_exactly_these_weights(stage: Stage, tea: LookalikeWeights) -> None:
    received = stage.platform._session.lookalikes.received(stage.contract, "tea-lovers")
    assert received is not None
    assert {f"兴趣/标签{tag[1:]}": weight for tag, weight in received.weights.items()} == dict(tea.weights)


def test_the_same_release_is_the_same_bytes_and_costs_nothing(stage: Stage, tea: LookalikeWeights) -> None:
    stage.merchant.agent().run(once=True)
    before = stage.merchant._session.lookalikes.released(stage.contract, "tea-lovers")
    spent = stage.merchant.budget(stage.contract).spent_micro
    stage.restart()
    again = release(stage, "tea-lovers", "payers")
    stage.merchant.agent().run(once=True)

    assert again.weights == tea.weights
    assert again.job == tea.job
    assert stage.merchant._session.lookalikes.released(stage.contract, "tea-lovers") == before
    assert stage.merchant.budget(stage.contract).spent_micro == spent
    with pytest.raises(StateError, match="stays that"):
        release(stage, "tea-lovers", "others")


def test_it_is_charged_to_the_merchants_rows_alone(stage: Stage, tea: LookalikeWeights) -> None:
    charges = {}
    stage.merchant.agent().run(once=True)
    for party in (stage.merchant, stage.platform):
        book = party._session.ledger.charges(stage.contract)
        charges[party.name] = [charge.rho_micro for charge, _ in book if charge.purpose == "lookalike"]
    assert charges == {MERCHANT: [RHO], PLATFORM: []}


def activated(stage: Stage, segment: str) -> set[int]:
    """The users that the platform is handed."""
    job = stage.merchant.activate(stage.contract, segment, recipient=PLATFORM, channel="platform-ads")
    stage.merchant.jobs.wait(stage.contract, job.id)
    with stage.platform.delivery(stage.contract, job.id).open(newline="") as file:
        return {int(line[0][1:]) for line in list(csv.reader(file))[1:]}


def best_of(stage: Stage, count: int) -> tuple[set[int], set[int]]:
    """Who is surely among the best, and who may be, as others score the same."""
    of = scores(stage, "tea-lovers")
    least = sorted(of.values(), reverse=True)[count - 1]
    return {user for user in USERS if of[user] > least}, {user for user in USERS if of[user] == least}


def test_the_best_users_are_those_of_the_highest_scores(stage: Stage, tea: LookalikeWeights) -> None:
    stage.merchant.lookalike.create(stage.contract, "prospects", "tea-lovers", count=300)
    found = activated(stage, "prospects")

    surely, maybe = best_of(stage, 300)
    assert len(found) == 300
    assert surely <= found <= surely | maybe
    assert sum(map(likes_tea, found)) > 0.7 * len(found)
    assert found - MATCH


def test_the_best_of_the_match(stage: Stage, tea: LookalikeWeights) -> None:
    stage.merchant.segments.create(stage.contract, "audience", "matched and tags.best(300, 'tea-lovers')")
    surely, maybe = best_of(stage, 300)
    assert surely & MATCH <= activated(stage, "audience") <= (surely | maybe) & MATCH


def test_with_and_without_the_seed(stage: Stage, tea: LookalikeWeights) -> None:
    lookalike, seed = stage.merchant.lookalike, {user for user in MATCH if likes_tea(user)}
    surely, maybe = best_of(stage, 300)
    lookalike.create(stage.contract, "with-seed", "tea-lovers", count=300, seed=Seed.WITH)
    assert surely | seed <= activated(stage, "with-seed") <= surely | maybe | seed
    lookalike.create(stage.contract, "without-seed", "tea-lovers", count=300, seed=Seed.WITHOUT)
    assert surely - seed <= activated(stage, "without-seed") <= (surely | maybe) - seed


def test_a_seed_that_may_not_be_disclosed_is_only_as_scored(stage: Stage) -> None:
    release(stage, "anybody", "others")
    for seed in (Seed.WITH, Seed.WITHOUT):
        with pytest.raises(NotPermittedError, match="which knows who scores best") as refused:
            stage.merchant.lookalike.create(stage.contract, "hidden", "anybody", count=10, seed=seed)
        assert refused.value.clause == "grants"
        assert "members.visits" in refused.value.message
    stage.merchant.lookalike.create(stage.contract, "shown", "anybody", count=10)


def test_sizes_of_who_scores_best(stage: Stage, tea: LookalikeWeights) -> None:
    job = stage.merchant.segments.create(stage.contract, "sized", "matched and tags.best(600, 'tea-lovers')")
    stage.merchant.jobs.wait(stage.contract, job.id)
    size = stage.merchant.size(stage.contract, "sized")
    surely, _ = best_of(stage, 600)
    assert size.at_least - 100 <= len(surely & MATCH)
    with pytest.raises(InputError, match="only the size is told"):
        stage.merchant.insight.portrait(
            stage.contract, ["sized"], catalogue=read_catalogue(stage.catalogue), branches=["interest"], rho_micro=RHO
        )


def report(stage: Stage, name: str) -> Separation:
    return stage.merchant.lookalike.report(stage.contract, name, rho_micro=2 * RHO)


def test_the_report_counts_seed_and_base_by_score(stage: Stage, tea: LookalikeWeights) -> None:
    found = report(stage, "tea-lovers")

    received = stage.platform._session.lookalikes.received(stage.contract, "tea-lovers")
    assert received is not None
    of = scores(stage, "tea-lovers")
    part = {user: sum(of[user] < edge for edge in received.edges) for user in MATCH}
    for counted, scale, people in (
        (found.seed, found.seed_scale, [user for user in MATCH if likes_tea(user)]),
        (found.base, found.base_scale, MATCH),
    ):
        exact = [sum(part[user] == at for user in people) for at in range(10)]
        assert all(abs(one - other) < 6 * scale for one, other in zip(counted, exact, strict=True))
    assert found.auc.low > 0.65
    assert 0.7 < found.auc.value < 0.95
    assert report(stage, "tea-lovers") == found
    assert found.origin is not None
    assert found.to_plain()["seed"] == {"name": "payers", "version": 1}


def test_a_seed_of_no_kind_is_not_told_apart(stage: Stage) -> None:
    release(stage, "anybody", "others")
    found = report(stage, "anybody")

    assert abs(found.auc.value - 0.5) < 0.12
    assert found.auc.low < 0.55


def test_a_report_is_no_portrait_of_a_board(stage: Stage, tea: LookalikeWeights) -> None:
    report(stage, "tea-lovers")
    (day,) = stage.merchant.insight.board(stage.contract, "payers").days
    assert len(day.totals.tags.ids) == len(LIKED) + len(OTHERS)


def test_a_new_epoch_scores_again_by_the_same_weights(stage: Stage, tea: LookalikeWeights) -> None:
    stage.merchant.lookalike.create(stage.contract, "standing", "tea-lovers", count=200)
    first = activated(stage, "standing")
    stage.merchant.fuse(stage.contract)
    [job] = [job for job in stage.merchant.jobs.list(stage.contract) if job.subject == "standing@2"]
    stage.merchant.jobs.wait(stage.contract, job.id)

    surely, maybe = best_of(stage, 200)
    assert surely <= first & activated(stage, "standing")
    assert activated(stage, "standing") <= surely | maybe


def test_both_histories_agree(stage: Stage, tea: LookalikeWeights) -> None:
    for party in (stage.merchant, stage.platform):
        assert party.audit_verify(stage.contract).findings == ()
