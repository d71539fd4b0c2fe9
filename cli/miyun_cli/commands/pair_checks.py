"""``miyun pair lint`` and ``conformance``: bid requests, and implementations of PAIR, checked."""

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, Literal

import typer

from miyun.errors import InputError
from miyun_cli.invocation import Invocation, command
from miyun_cli.output import show_table
from miyun_cli.watching import counted

if TYPE_CHECKING:
    from rich.console import Console

    from miyun.pair.conformance.suite import Report
    from miyun.pair.rules import Finding

GroupName = Literal["vectors", "order", "refusals", "rotation", "eids", "lint"]
SHOWN = 1_000
"""Findings that are listed; all are counted."""


def add_to(pair: typer.Typer) -> None:
    command(pair, "lint", lint)
    command(pair, "conformance", conformance)


def lint(
    invocation: Invocation,
    file: Annotated[Path, typer.Argument(help="A bid request, or one a line; - reads the input.", dir_okay=False)],
    *,
    prebid: Annotated[bool, typer.Option("--prebid", help="It holds values of pairId from browsers instead.")] = False,
) -> None:
    """Check bid requests for what makes buyers drop the ids.

    Exits with 2 where there is an error; warnings leave it at 0.
    """
    from miyun.pair.lint import lint_stored, lint_text
    from miyun.pair.rules import Severity

    requests = errors = 0
    listed: list[tuple[int, Finding]] = []
    by_rule: Counter[str] = Counter()
    faulty: set[int] = set()
    for line, text in _texts(file, each_line=prebid):
        requests += 1
        for finding in lint_stored(text.decode("utf-8", "replace")) if prebid else lint_text(text):
            by_rule[finding.rule] += 1
            if finding.severity is Severity.ERROR:
                errors += 1
                faulty.add(line)
            if len(listed) < SHOWN:
                listed.append((line, finding))
    document = {
        "requests": requests,
        "faulty": len(faulty),
        "errors": errors,
        "warnings": by_rule.total() - errors,
        "by_rule": dict(by_rule.most_common()),
        "findings": [_plain(line, finding) for line, finding in listed],
    }
    invocation.show(document, lambda console: _show_findings(console, listed, requests))
    if by_rule.total() > len(listed):
        invocation.note(f"The first {len(listed):,} of {by_rule.total():,} findings are listed.")
    if not requests:
        raise InputError(f"{file} is empty", hint="Give a bid request as JSON.")
    if errors:
        raise InputError(
            f"{len(faulty):,} of {requests:,} bid requests have errors", hint="The table says what each rule asks for."
        )


def conformance(
    invocation: Invocation,
    program: Annotated[
        list[str] | None, typer.Argument(metavar="-- PROGRAM...", help="What to test; Miyun itself if left out.")
    ] = None,
    *,
    only: Annotated[GroupName | None, typer.Option("--only", help="Only these checks.")] = None,
    vectors: Annotated[
        Path | None, typer.Option("--vectors", dir_okay=False, help="Other vectors of the same form.")
    ] = None,
    print_vectors: Annotated[bool, typer.Option("--print", help="Print the vectors and test nothing.")] = False,
    respond: Annotated[
        bool, typer.Option("--respond", help="Be the program that is tested, to see how one answers.")
    ] = False,
) -> None:
    """Test an implementation of PAIR with vectors and fresh keys.

    PROGRAM answers questions on its standard input, one JSON object a line; docs/pair.md has the protocol. Exits with 8
    where a required check fails.
    """
    from miyun.pair.conformance.external import External
    from miyun.pair.conformance.implementation import Miyun
    from miyun.pair.conformance.suite import Group, run_suite
    from miyun.pair.conformance.vectors import load_vectors, vectors_text

    if print_vectors:
        typer.echo(vectors_text(), nl=False)
        return
    if respond:
        _respond()
        return
    asked = load_vectors(vectors)
    groups = frozenset([Group(only)] if only else Group)
    with nullcontext(Miyun()) if not program else External(program) as tested, counted(invocation, "checks") as bar:
        report = run_suite(tested, asked, groups=groups, on_progress=bar)
    invocation.show(report, lambda console: _show_report(console, report))
    report.require_conformance()


def _respond() -> None:
    from miyun.pair.conformance.implementation import Miyun
    from miyun.pair.conformance.protocol import respond

    lines = TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="replace")
    for answer in respond(lines, Miyun()):
        sys.stdout.write(answer + "\n")
        sys.stdout.flush()


def _texts(path: Path, *, each_line: bool) -> Iterator[tuple[int, bytes]]:
    """Bid requests and their lines: a file is one, or, where its first line is one by itself, has one a line."""
    if str(path) == "-":
        yield from _split(sys.stdin.buffer, each_line=each_line)
        return
    try:
        with path.open("rb") as file:
            yield from _split(file, each_line=each_line or path.suffix in {".jsonl", ".ndjson"})
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}", hint="Give a file of bid requests.") from None


def _split(file: BinaryIO, *, each_line: bool) -> Iterator[tuple[int, bytes]]:
    from miyun.pair.lint import MAX_BYTES, is_object

    first = file.readline(MAX_BYTES + 1)
    if not (each_line or is_object(first)):
        whole = first + file.read(MAX_BYTES + 1)
        if whole.strip():
            yield 1, whole
        return
    number, line = 1, first
    while line:
        if line.strip():
            yield number, line
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_BYTES)
        number, line = number + 1, file.readline(MAX_BYTES + 1)


def _plain(line: int, finding: "Finding") -> dict[str, object]:
    return {
        "line": line,
        "severity": finding.severity,
        "rule": finding.rule,
        "path": finding.path,
        "words": finding.words,
        "why": finding.rule.why,
    }


def _show_findings(console: "Console", findings: list[tuple[int, "Finding"]], requests: int) -> None:
    show_table(
        console,
        ("line", "", "rule", "where", "found", "because"),
        (
            (line, finding.severity, finding.rule, finding.path, finding.words, finding.rule.why)
            for line, finding in findings
        ),
        empty=f"Bid requests: {requests:,}. Nothing is wrong.",
    )


def _show_report(console: "Console", report: "Report") -> None:
    from miyun.pair.conformance.suite import Group, Outcome

    def number(group: Group, outcome: Outcome) -> int:
        return sum(check.group is group and check.outcome is outcome for check in report.checks)

    console.print(f"{report.name} {report.version}", markup=False, highlight=False)
    show_table(
        console,
        ("checks", *Outcome),
        (
            (group, *(number(group, outcome) for outcome in Outcome))
            for group in Group
            if any(check.group is group for check in report.checks)
        ),
        empty="There are no checks.",
    )
    others = [check for check in report.checks if check.outcome is not Outcome.PASSED]
    if others:
        show_table(
            console,
            ("checks", "name", "outcome", "required", "because"),
            ((check.group, check.name, check.outcome, check.required, check.words) for check in others),
            empty="",
        )
