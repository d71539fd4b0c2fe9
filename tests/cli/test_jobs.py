"""Fusions, segments, activations, sizes and the audit log from the command line."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from miyun_cli.bars import Bars
from miyun_cli.invocation import Invocation
from miyun_cli.watching import in_lines, line_of

from miyun.audit.chain import next_entry
from miyun.audit.events import Event, Fact
from miyun.audit.verify import AuditFindings, Disagreement, Finding
from miyun.contract.jobs import JobState
from miyun.contract.model import Universe
from miyun.errors import NotFoundError
from miyun.kernels import kernels
from miyun.keys.home import Role
from miyun.names import estimate_name
from miyun.party.budgets import BudgetView
from miyun.party.progress import Phase, Progress, TaskFinished, TaskRefused, TaskStarted, Warned, ZoneLost
from miyun.party.versions import PastVersion
from miyun.privacy.quotes import SizeQuote
from miyun.segments.listing import Cause, SegmentFilter, SegmentState, VersionRecord
from tests.cli import samples
from tests.cli.conftest import Miyun, Standin

EVENTS = [
    TaskStarted(contract="spring", job="j-1", kind="fuse"),
    Progress(contract="spring", job="j-1", phase=Phase.PREPARE, done=10, total=0),
    Progress(contract="spring", job="j-1", phase=Phase.EXCHANGE, done=5_000, total=10_000),
    TaskRefused(contract="spring", job="j-2", kind="leg", code="not-permitted", reason="no grant", clause="grants[1]"),
    Warned(contract="spring", message="the budget is low", hint="Raise it."),
    ZoneLost(reason="connection refused", retry_seconds=2),
    TaskFinished(contract="spring", job="j-1", kind="fuse"),
]


def fusing(contract: str, on_event: Any) -> Any:
    for event in EVENTS:
        on_event(event)
    return samples.REPORT


def test_fuse_shows_noised_counts_and_tells_of_events(party: Standin, miyun: Miyun) -> None:
    party.answers["fuse"] = fusing
    outcome = miyun("fuse", "spring")
    assert outcome.status == 0
    assert "4,561" in outcome.out
    assert "20.0" in outcome.out
    assert "refused: no grant [grants[1]]" in outcome.err
    assert "5,000" not in outcome.err


def test_fuse_for_scripts_prints_the_report_alone(party: Standin, miyun: Miyun) -> None:
    party.answers["fuse"] = fusing
    outcome = miyun("fuse", "spring", "--json")
    assert outcome.err == ""
    assert outcome.document["matches"] == [
        {"type": "phone", "matched": 4561},
        {"type": "email", "matched": -3},
    ]


def test_fuse_can_leave_the_waiting(party: Standin, miyun: Miyun) -> None:
    party.answers["request_fusion"] = samples.job("fuse", JobState.WAITING_FOR_PARTY, "1")
    outcome = miyun("fuse", "spring", "--no-wait", "--json")
    assert outcome.document["waiting_for"] == ["square"]


def test_bars_tell_phases_rate_and_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as bars:
        for event in EVENTS:
            bars.on_event(event)
        bars.on_event(Progress(contract="spring", job="j-1", phase=Phase.EXCHANGE, done=10_000, total=10_000))
    shown = capsys.readouterr().err
    assert "exchanging points" in shown
    assert "10,000 of 10,000" in shown
    assert "the budget is low. Raise it." in shown


def test_a_task_that_is_taken_up_again_is_told_once() -> None:
    told: list[str] = []
    on_event = in_lines(told.append)
    started, finished = EVENTS[0], EVENTS[-1]
    for event in (started, started, finished, started):
        on_event(event)
    assert told == [line_of(started), line_of(finished), line_of(started)]


def test_every_event_has_words() -> None:
    assert all(line_of(event) for event in EVENTS)


def test_the_agent_runs_once_or_on(party: Standin, miyun: Miyun) -> None:
    runs = []

    class Agent:
        def run(self, *, once: bool, on_event: Any) -> None:
            runs.append(once)
            on_event(EVENTS[0])

    party.answers["agent"] = Agent
    said = miyun("agent", "run", "--once").err
    assert said.startswith(f"ristretto255: {kernels().words}\n")
    assert "fuse started" in said
    assert miyun("agent", "run").status == 0
    assert runs == [True, False]


def test_reports_of_older_epochs(party: Standin, miyun: Miyun) -> None:
    party.answers["report"] = samples.REPORT
    assert miyun("report", "spring", "--epoch", "1", "--json").document["epoch"] == 1
    assert party.calls[-1] == ("report", ("spring", 1), {})


def test_a_segment_is_created_and_waited_for(party: Standin, miyun: Miyun) -> None:
    party.answers["segments.create"] = samples.job(state=JobState.RUNNING)
    party.answers["jobs.wait"] = samples.job()
    outcome = miyun(
        *("segment", "create", "spring", "sleepers", "members.spend_90d > 1000", "--channel", "ads"),
        *("--expires", "2027-01-31", "--wait", "--json"),
    )
    assert outcome.document["state"] == "done"
    create, wait = party.calls
    assert create[1] == ("spring", "sleepers", "members.spend_90d > 1000")
    assert (create[2]["channels"], create[2]["universe"]) == (("ads",), "matched")
    assert create[2]["expires"].isoformat() == "2027-01-31T00:00:00+00:00"
    assert wait[1][:2] == ("spring", "j-1")


def test_a_segment_of_the_platforms_rows_is_created(party: Standin, miyun: Miyun) -> None:
    party.answers["segments.create"] = samples.job(state=JobState.RUNNING)
    assert miyun("segment", "create", "spring", "tea", "tags.tea", "--universe", "platform").status == 0
    assert party.calls[0][2]["universe"] == "platform"
    assert miyun("segment", "create", "spring", "tea", "tags.tea", "--universe", "everybody").status == 2


def test_a_segment_is_created_by_a_code_of_ones_own(party: Standin, miyun: Miyun) -> None:
    party.answers["segments.create"] = samples.job(state=JobState.RUNNING)
    options = ("--code", "CRM/17", "--hidden", "--not-processable")
    assert miyun("segment", "create", "spring", "sleepers", *options).status == 0
    assert {name: party.calls[0][2][name] for name in ("code", "hidden", "processable")} == {
        "code": "CRM/17",
        "hidden": True,
        "processable": False,
    }


def test_a_list_is_narrowed_and_cut(party: Standin, miyun: Miyun) -> None:
    party.answers["segments.list"] = (samples.segment("b"),)
    narrowed = ("--state", "ready", "--owner", "shop", "--universe", "matched", "--prefix", "sl", "--code", "C1")
    outcome = miyun("segment", "list", "spring", *narrowed, "--hidden", "--limit", "1", "--after", "a", "--json")
    assert [segment["code"] for segment in outcome.document] == ["crm-7"]
    ((_, (_, wanted), page),) = party.calls
    assert page == {"limit": 1, "after": "a"}
    assert wanted == SegmentFilter(
        state=SegmentState.READY,
        universe=Universe.MATCHED,
        owner="shop",
        prefix="sl",
        codes=("C1",),
        hidden=True,
    )


def test_several_segments_are_shown_at_once(party: Standin, miyun: Miyun) -> None:
    pages = {"": (samples.segment("a"),), "a": (samples.segment("b"),), "b": ()}
    party.answers["segments.list"] = lambda contract, wanted, limit, after: pages[after]
    outcome = miyun("segment", "show", "spring", "a", "b", "--json")
    assert [segment["name"] for segment in outcome.document] == ["a", "b"]
    assert "there is no segment c" in miyun("segment", "show", "spring", "a", "c", "--json").error["message"]


def test_a_segment_is_changed_one_thing_after_the_other(party: Standin, miyun: Miyun) -> None:
    for action in ("narrow", "expire", "set_hidden", "set_processable"):
        party.answers[f"segments.{action}"] = samples.segment()
    options = ("--channel", "ads", "--expires", "2027-01-31", "--hide", "--not-processable")
    assert "crm-7" in miyun("segment", "change", "spring", "sleepers", *options).out
    assert [(path, arguments[2:]) for path, arguments, _ in party.calls] == [
        ("segments.narrow", (("ads",),)),
        ("segments.expire", (datetime(2027, 1, 31, tzinfo=UTC),)),
        ("segments.set_hidden", (True,)),
        ("segments.set_processable", (False,)),
    ]
    assert "nothing to change" in miyun("segment", "change", "spring", "sleepers", "--json").error["message"]


def test_history_shows_versions_and_sizes(party: Standin, miyun: Miyun) -> None:
    first = VersionRecord(number=1, epoch=1, cause=Cause.CREATED, begun=samples.AT, evaluated=samples.AT)
    second = replace(first, number=2, epoch=2, cause=Cause.FUSED, evaluated=None)
    party.answers["segments.history"] = (
        PastVersion(record=second, size=None),
        PastVersion(record=first, size=samples.band(500, 1_000)),
    )
    document = miyun("segment", "history", "spring", "sleepers", "--json").document
    assert [entry["record"]["number"] for entry in document] == [2, 1]
    assert document[1]["size"]["at_least"] == 500
    shown = miyun("segment", "history", "spring", "sleepers").out
    assert "500 to 999" in shown
    assert "fused" in shown


def test_all_pages_of_segments_are_listed(party: Standin, miyun: Miyun) -> None:
    pages = {"": (samples.segment("a"), samples.segment("b")), "b": (samples.segment("c"),), "c": ()}
    party.answers["segments.list"] = lambda contract, wanted, limit, after: pages[after]
    assert [segment["name"] for segment in miyun("segment", "list", "spring", "--json").document] == ["a", "b", "c"]
    assert "members.spend_90d > 1000" in miyun("segment", "list", "spring").out


@pytest.mark.parametrize(
    ("arguments", "path", "passed"),
    [
        (("show", "spring", "sleepers"), "segments.get", ("spring", "sleepers")),
        (("rename", "spring", "sleepers", "lazy"), "segments.rename", ("spring", "sleepers", "lazy")),
        (("invalidate", "spring", "sleepers"), "segments.invalidate", ("spring", "sleepers")),
    ],
)
def test_single_segments(
    arguments: tuple[str, ...], path: str, passed: tuple[str, ...], party: Standin, miyun: Miyun
) -> None:
    party.answers[path] = samples.segment()
    assert miyun("segment", *arguments, "--json").document["version"] == 2
    assert party.calls == [(path, passed, {})]
    assert "ready" in miyun("segment", *arguments).out


def test_an_activation_says_where_the_file_is(party: Standin, miyun: Miyun, tmp_path: Path) -> None:
    party.answers["activate"] = samples.job("activate", JobState.RUNNING)
    party.answers["jobs.wait"] = samples.job("activate")
    party.answers["delivery"] = tmp_path / "sleepers.csv"
    arguments = ("activate", "spring", "sleepers", "--to", "shop", "--channel", "messages", "--key", "k-1")
    assert "file" not in miyun(*arguments, "--json").document
    assert party.calls == [
        (
            "activate",
            ("spring", "sleepers"),
            {"recipient": "shop", "channel": "messages", "version": 0, "key": "k-1"},
        )
    ]
    assert miyun(*arguments, "--wait", "--json").document["file"] == str(tmp_path / "sleepers.csv")
    assert str(tmp_path / "sleepers.csv") in miyun(*arguments, "--wait").out.replace("\n", "")


def test_a_file_at_the_other_party_is_not_shown(party: Standin, miyun: Miyun) -> None:
    party.answers["jobs.get"] = samples.job("activate")
    party.answers["delivery"] = NotFoundError("no file here")
    assert "file" not in miyun("job", "show", "spring", "j-1", "--json").document


def test_jobs_are_listed_by_state(party: Standin, miyun: Miyun) -> None:
    party.answers["jobs.list"] = (samples.job("fuse", JobState.WAITING_FOR_PARTY, "1"),)
    assert "square" in miyun("job", "list", "spring").out
    miyun("job", "list", "spring", "--state", "done", "--limit", "5")
    assert party.calls[-1][2] == {"state": JobState.DONE, "limit": 5}
    assert miyun("job", "list", "spring", "--state", "gone").status == 2


def test_jobs_of_estimates_are_called_so(party: Standin, miyun: Miyun) -> None:
    estimated = samples.job(subject=f"{estimate_name('spring', 'shop', 'matched')}@1")
    party.answers |= {"jobs.list": (estimated, samples.job(subject="estimate-2@1")), "jobs.get": estimated}
    listed = [line.split() for line in miyun("job", "list", "spring").out.splitlines()]
    assert [line[1] for line in listed if line and line[0].startswith("j")] == ["kind", "estimate", "segment"]
    assert "estimate\n" in miyun("job", "show", "spring", "j-1").out
    assert miyun("job", "list", "spring", "--json").document[0]["kind"] == "segment"


def test_a_job_is_waited_for(party: Standin, miyun: Miyun) -> None:
    party.answers["jobs.wait"] = samples.job()
    assert miyun("job", "wait", "spring", "j-1", "--timeout", "5", "--json").document["state"] == "done"
    assert party.calls[-1][2] == {"timeout": 5.0}


@pytest.mark.parametrize(
    ("band", "words"),
    [
        (samples.band(0, 100), "below 100"),
        (samples.band(1_000, 2_000), "1,000 to 1,999"),
        (samples.band(50_000, None), "at least 50,000"),
    ],
)
@pytest.mark.parametrize("role", [Role.PARTY, Role.ANALYST])
def test_parties_and_analysts_ask_for_bands(
    band: Any, words: str, role: Role, miyun: Miyun, monkeypatch: pytest.MonkeyPatch
) -> None:
    asker = Standin()
    asker.answers = {"size": band, "quote": SizeQuote(rho_micro=1_000, remaining_micro=5_000)}
    monkeypatch.setattr(Invocation, "role", lambda self: role)
    monkeypatch.setattr(Invocation, role.value, lambda self: asker)
    assert words in miyun("size", "spring", "sleepers").out
    assert miyun("size", "spring", "sleepers", "--json").document["at_least"] == band.at_least
    assert "ρ = 0.001" in miyun("size", "spring", "sleepers", "--quote").out
    assert [path for path, _, _ in asker.calls] == ["size", "size", "quote"]


def test_the_budget_in_words_and_numbers(party: Standin, miyun: Miyun) -> None:
    party.answers["budget"] = BudgetView(
        contract="spring",
        limit_micro=100_000,
        leased_micro=20_000,
        spent_micro=3_500,
        remaining_micro=16_500,
        epsilon=0.53,
        delta_exponent=9,
        total_micro=5_000_000,
        total_leased_micro=20_000,
    )
    shown = miyun("budget", "spring").out
    assert "ρ = 0.0165" in shown
    assert "ε = 0.53 at δ = 10^-9" in shown
    assert miyun("budget", "spring", "--json").document["epsilon"] == 0.53


def test_the_history_is_shown_in_order(party: Standin, miyun: Miyun) -> None:
    first = next_entry(
        None, contract="spring", event=Event.LEASE, actor="shop", facts={Fact.RHO_MICRO: "20000"}, at=samples.AT
    )
    party.answers["audit_entries"] = (first,)
    assert "20000" in miyun("audit", "show", "spring").out
    assert miyun("audit", "show", "spring", "--json").document[0]["sequence"] == 1


def test_a_disagreement_is_shown_and_fails(party: Standin, miyun: Miyun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Invocation, "role", lambda self: Role.PARTY)
    assert "Name one" in miyun("audit", "verify").err
    party.answers["audit_verify"] = AuditFindings(findings=(), zone_entries=7, own_entries=5, receipts=4)
    assert miyun("audit", "verify", "spring").status == 0
    finding = Finding(disagreement=Disagreement.FORKED, sequence=3, what="two heads at entry 3")
    party.answers["audit_verify"] = AuditFindings(findings=(finding,), zone_entries=7, own_entries=5, receipts=4)
    outcome = miyun("audit", "verify", "spring", "--json")
    assert outcome.status == 9
    assert outcome.document["findings"][0]["sequence"] == 3
    assert "two heads at entry 3" in outcome.err
