"""Refreshes over real TLS: whatever changes in the tables, what is activated is what a plain join of them says."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from miyun.contract.jobs import JobState
from miyun.errors import ExpressionError, SourceError, StateError, UnconfirmedError, WaitingError
from miyun.party.generations import PendingRefresh
from miyun.party.refresh_plans import RefreshKind, RefreshPlan
from miyun.segments.listing import SegmentState
from miyun.segments.statements import DataRefresh
from tests.party.test_change_end_to_end import Stage, Table, at_stage, matched
from tests.party.world import MERCHANT, PLATFORM, row

SPENDERS, LATE = "members.spend > 20", "members.spend > 5000"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with at_stage(tmp_path, legs_per_epoch=40) as staged:
        staged.parties[MERCHANT].fuse("spring")
        yield staged


def create(stage: Stage, name: str, definition: str) -> None:
    merchant = stage.parties[MERCHANT]
    merchant.jobs.wait("spring", merchant.segments.create("spring", name, definition).id)


def spenders(stage: Stage, more_than: int) -> set[str]:
    table = stage.tables[MERCHANT]
    pairs = matched(table, stage.tables[PLATFORM])
    return {member for member in pairs if float(table[member]["spend"]) > more_than}


def shuffled(table: Table, prefix: str, chance: random.Random) -> None:
    """People come, go, come back, get other phones or spend otherwise, in no order."""
    for name in chance.sample(sorted(table), 3):
        del table[name]
    for _ in range(3):
        number = chance.randrange(60)
        table[f"{prefix}{number}"] = row(number, id=f"{prefix}{number}")
    for name in chance.sample(sorted(table), 2):
        table[name] = {**table[name], "phone": row(chance.randrange(60))["phone"]}
    if chance.random() < 0.6:
        for name in chance.sample(sorted(table), 4):
            table[name] = {**table[name], "spend": str(chance.randrange(100))}
    if chance.random() < 0.3:
        keys = list(table)
        chance.shuffle(keys)
        rows = {key: table[key] for key in keys}
        table.clear()
        table.update(rows)


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_whatever_changes_in_the_tables_is_true_after_a_refresh(stage: Stage, seed: int) -> None:
    create(stage, "everybody", "matched")
    create(stage, "spenders", SPENDERS)
    chance = random.Random(seed)

    for step in range(5):
        name = (MERCHANT, PLATFORM)[step % 3 == 2]
        if chance.random() < 0.3:
            added = {f"{'mu'[name == PLATFORM]}{n}": row(n) for n in chance.sample(range(60), 2)}
            stage.change(name, {key: {**values, "id": key} for key, values in added.items()}, set())
        shuffled(stage.tables[name], "mu"[name == PLATFORM], chance)
        stage.write(name)

        done = stage.parties[name].refresh("spring")

        assert done.plan.kind in {RefreshKind.DELTA, RefreshKind.EPOCH}
        assert done.job is not None
        assert done.job.state is JobState.DONE
        pairs = matched(stage.tables[MERCHANT], stage.tables[PLATFORM])
        assert stage.activated("everybody", MERCHANT) == set(pairs)
        assert stage.activated("everybody", PLATFORM) == set(pairs.values())
        if name == MERCHANT:
            assert stage.activated("spenders", MERCHANT) == spenders(stage, 20)
        assert stage.parties[name].refresh("spring").plan.kind is RefreshKind.NOTHING


def test_padding_answers_as_one_live_row_does_in_every_generation(stage: Stage) -> None:
    merchant = stage.parties[MERCHANT]
    create(stage, "spenders", SPENDERS)
    create(stage, "even", "not members.opted_out and members.spend > 12")
    table, session = stage.tables[MERCHANT], merchant._session
    for step in range(3):
        for name in sorted(table)[:6]:
            del table[name]
        for name in sorted(table)[::3]:
            table[name] = {**table[name], "spend": str(11 + 7 * step)}
        table[f"m{80 + step}"] = row(80 + step)
        stage.write(MERCHANT)

        done = merchant.refresh("spring").plan

        assert (done.kind, done.generation) == (RefreshKind.DELTA, step + 1)
        stage.activated("spenders", MERCHANT)
        stage.activated("even", MERCHANT)
        predicates = session.legs.predicates("spring", 1, step + 1)
        answers = [session.legs.bits("spring", 1, step + 1, text)[1] for text in sorted(predicates)]
        with session.rosters.open("spring", 1) as roster:
            live, padding = set(roster.live().tolist()), set(roster.padding().tolist())
            assert roster.orphans().size == 0
        said = {tuple(handle in bits for bits in answers) for handle in live}
        assert len(answers) == 2
        assert {tuple(handle in bits for bits in answers) for handle in padding} <= said


def test_a_statement_that_a_process_left_unsent_is_sent_by_the_next(stage: Stage) -> None:
    merchant = stage.parties[MERCHANT]
    create(stage, "big", LATE)
    stage.stop_agent(MERCHANT)
    stage.tables[MERCHANT]["m20"]["spend"] = "9000"
    stage.write(MERCHANT)
    terms = merchant.contracts.get("spring").contract
    statement = DataRefresh(
        contract="spring",
        contract_digest=terms.digest(),
        epoch=1,
        generation=1,
        party=MERCHANT,
        at=merchant._session.now(),
    )

    merchant._session.generations.begin(
        PendingRefresh(statement=statement, signature=merchant._session.sign(statement))
    )

    stage.start_agent(MERCHANT)
    deadline = time.monotonic() + 120
    while merchant.segments.get("spring", "big").version == 1:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert stage.activated("big", MERCHANT) == {"m20"}
    assert merchant._session.generations.pending("spring") is None
    merchant.audit_verify("spring")


def test_nothing_changed_costs_nothing(stage: Stage) -> None:
    merchant = stage.parties[MERCHANT]
    create(stage, "spenders", SPENDERS)
    jobs, spent = merchant.jobs.list("spring"), merchant.budget("spring")

    assert merchant.refreshes.plan("spring").kind is RefreshKind.NOTHING
    done = merchant.refresh("spring")

    assert (done.plan.kind, done.job, done.plan.stayed) == (RefreshKind.NOTHING, None, 40)
    assert (merchant.jobs.list("spring"), merchant.budget("spring")) == (jobs, spent)
    assert merchant.segments.get("spring", "spenders").version == 1


def test_other_data_of_the_same_rows_takes_no_delta(stage: Stage) -> None:
    merchant = stage.parties[MERCHANT]
    create(stage, "spenders", SPENDERS)
    create(stage, "big", LATE)
    create(stage, "everybody", "matched")
    table = stage.tables[MERCHANT]
    table["m20"]["spend"] = "9000"
    table["m21"]["joined"] = table["m21"].get("joined", "")
    stage.write(MERCHANT)

    told = merchant.refreshes.plan("spring")
    assert (told.kind, told.answers, told.generation) == (RefreshKind.DATA, 2, 1)
    assert merchant.refresh("spring").job is None

    assert stage.activated("big", MERCHANT) == {"m20"}
    assert stage.activated("spenders", MERCHANT) == spenders(stage, 20)
    versions = {name: merchant.segments.get("spring", name).version for name in ("big", "spenders", "everybody")}
    assert versions == {"big": 2, "spenders": 2, "everybody": 1}
    history = merchant.segments.history("spring", "big")
    assert [str(entry.record.cause) for entry in history] == ["refreshed", "created"]
    assert merchant.refresh("spring").plan.kind is RefreshKind.NOTHING
    merchant.audit_verify("spring")


def test_data_that_nobody_was_told_of_changes_nothing(stage: Stage) -> None:
    merchant = stage.parties[MERCHANT]
    create(stage, "big", LATE)
    stage.tables[MERCHANT]["m20"]["spend"] = "25"
    stage.write(MERCHANT)

    assert merchant.refresh("spring").plan.kind is RefreshKind.NOTHING

    create(stage, "spenders", SPENDERS)
    assert stage.activated("spenders", MERCHANT) == spenders(stage, 20)


def test_a_refresh_that_fails_leaves_no_rows_behind(stage: Stage) -> None:
    merchant = stage.parties[MERCHANT]
    create(stage, "big", LATE)
    stage.tables[MERCHANT]["m99"] = row(99)
    stage.write(MERCHANT)
    settings = stage.folder / MERCHANT / "party.toml"
    settings.write_text(settings.read_text("utf-8").replace('type = "number"', 'type = "text"'), "utf-8")

    with pytest.raises(ExpressionError):
        merchant.refresh("spring")

    left = [file.name for file in (stage.folder / MERCHANT / "rosters").iterdir() if "compared" in file.name]
    assert left == []
    assert merchant.segments.get("spring", "big").state is SegmentState.READY


def test_a_refresh_falls_back_to_an_epoch_with_words(stage: Stage) -> None:
    merchant = stage.parties[MERCHANT]
    for number in range(60, 75):
        stage.tables[MERCHANT][f"m{number}"] = row(number)
    stage.write(MERCHANT)

    done = merchant.refresh("spring")

    assert done.plan.kind is RefreshKind.EPOCH
    assert "changed" in done.plan.why
    assert done.job is not None
    assert done.job.subject == "2"


def test_a_table_that_was_cut_short_changes_nothing_until_somebody_says_so(stage: Stage) -> None:
    merchant = stage.parties[MERCHANT]
    create(stage, "everybody", "matched")
    members, table = stage.activated("everybody", MERCHANT), stage.tables[MERCHANT]
    jobs, spent = merchant.jobs.list("spring"), merchant.budget("spring")
    for kept in (20, 31):
        stage.tables[MERCHANT] = dict(list(table.items())[:kept])
        stage.write(MERCHANT)
        with pytest.raises(UnconfirmedError) as refused:
            merchant.refresh("spring")
        assert refused.value.hint.startswith("Look at the source")
    stage.tables[MERCHANT] = {name: {**row_, "phone": "", "email": ""} for name, row_ in table.items()}
    stage.write(MERCHANT)
    with pytest.raises(SourceError, match="nobody"):
        merchant.refresh("spring", agree=lambda _: True)
    assert (merchant.jobs.list("spring"), merchant.budget("spring")) == (jobs, spent)
    left = [file.name for file in (stage.folder / MERCHANT / "rosters").iterdir() if "compared" in file.name]
    assert left == []
    assert stage.activated("everybody", MERCHANT) == members

    stage.tables[MERCHANT] = dict(list(table.items())[:25])
    stage.write(MERCHANT)
    plans: list[RefreshPlan] = []
    done = merchant.refresh("spring", agree=lambda plan: not plans.append(plan))
    assert done.plan == plans[0]
    assert (done.plan.kind, done.plan.gone, done.plan.stayed) == (RefreshKind.EPOCH, 15, 25)
    assert "15 are gone" in done.plan.doubt
    assert stage.activated("everybody", MERCHANT) < members


def test_a_table_that_was_cut_short_is_noticed_without_deltas_too(tmp_path: Path) -> None:
    with at_stage(tmp_path, delta_bucket=0) as stage:
        merchant, table = stage.parties[MERCHANT], stage.tables[MERCHANT]
        merchant.fuse("spring")
        stage.tables[MERCHANT] = dict(list(table.items())[:20])
        stage.write(MERCHANT)
        with pytest.raises(UnconfirmedError, match="gone"):
            merchant.refresh("spring")
        stage.tables[MERCHANT] = {**dict(list(table.items())[2:]), "m90": row(90)}
        stage.write(MERCHANT)
        told = merchant.refreshes.plan("spring")
        assert (told.kind, told.doubt, told.came) == (RefreshKind.EPOCH, "", 1)


def test_the_other_party_begins_no_epoch_with_a_table_that_was_cut_short(stage: Stage) -> None:
    merchant, platform, table = stage.parties[MERCHANT], stage.parties[PLATFORM], stage.tables[MERCHANT]
    create(stage, "everybody", "matched")
    members = stage.activated("everybody", MERCHANT)
    stage.tables[MERCHANT] = dict(list(table.items())[:31])
    stage.write(MERCHANT)
    with pytest.raises(StateError, match="cut short"):
        platform.fuse("spring")
    rosters = [file.name for file in (stage.folder / MERCHANT / "rosters").iterdir()]
    assert all(name.startswith("spring.1.") for name in rosters)
    stage.tables[MERCHANT] = table
    stage.write(MERCHANT)
    assert stage.activated("everybody", MERCHANT) == members

    stage.tables[MERCHANT] = dict(list(table.items())[:32])
    stage.write(MERCHANT)
    assert platform.fuse("spring").epoch == 3
    stage.tables[MERCHANT] = dict(list(table.items())[:20])
    stage.write(MERCHANT)
    assert merchant.fuse("spring").epoch == 4, "its own party knows what it asks for"


def test_a_refresh_waits_for_a_fusion_under_way(stage: Stage) -> None:
    merchant = stage.parties[MERCHANT]
    job = merchant.request_fusion("spring")
    with pytest.raises(WaitingError):
        merchant.refresh("spring", wait=False)
    merchant.jobs.wait("spring", job.id)
