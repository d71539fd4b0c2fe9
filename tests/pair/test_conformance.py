"""The suite passes Miyun, finds what other implementations get wrong, and survives programs that misbehave."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from miyun.errors import InputError, MalformedError, PeerError
from miyun.pair.conformance.external import External
from miyun.pair.conformance.implementation import About, Miyun, Operation, Refused
from miyun.pair.conformance.protocol import respond
from miyun.pair.conformance.suite import Group, Outcome, Report, run_suite
from miyun.pair.conformance.vectors import SaltAndKey, load_vectors, vectors_text
from tests.pair.generate_vectors import document

VECTORS = load_vectors()
RESPONDER = (sys.executable, "-m", "miyun_cli", "pair", "conformance", "--respond")


def failed(implementation: Any, group: Group) -> set[str]:
    report = run_suite(implementation, VECTORS)
    others = {check.group for check in report.failures} - {group}
    assert not others, f"only {group} is wrong"
    return {check.name for check in report.failures}


def test_the_vectors_are_those_that_the_generator_makes() -> None:
    assert vectors_text() == document()


@pytest.mark.usefixtures("each_backend")
def test_miyun_conforms() -> None:
    report = run_suite(Miyun(), VECTORS)
    assert [check for check in report.checks if check.outcome is not Outcome.PASSED] == []
    assert {check.group for check in report.checks} == set(Group)
    report.require_conformance()


def test_miyun_conforms_as_another_program() -> None:
    seen: list[tuple[int, int]] = []
    with External(RESPONDER) as other:
        report = run_suite(other, VECTORS, on_progress=lambda done, total: seen.append((done, total)))
    assert report.count(Outcome.PASSED) == len(report.checks) == seen[-1][0] == seen[-1][1]
    assert (report.name, report.version) == (Miyun().about().name, Miyun().about().version)


class Unsalted(Miyun):
    def encrypt(self, salt: bytes, key: bytes, match_keys: Sequence[str]) -> list[str]:
        return super().encrypt(bytes(32), key, match_keys)


class Sorted(Miyun):
    def encrypt(self, salt: bytes, key: bytes, match_keys: Sequence[str]) -> list[str]:
        return sorted(super().encrypt(salt, key, match_keys))


class ForgetsTheSecondKey(Miyun):
    def reencrypt(self, key: bytes, ids: Sequence[str]) -> list[str]:
        return super().reencrypt((1).to_bytes(32, "little"), ids)


class MultipliesAnything(Miyun):
    def reencrypt(self, key: bytes, ids: Sequence[str]) -> list[str]:
        try:
            return super().reencrypt(key, ids)
        except Refused:
            return list(ids)


class NewestOnly(Miyun):
    def issue(self, generations: Sequence[SaltAndKey], at: date, match_keys: Sequence[str]) -> list[list[str]]:
        return [row[:1] for row in super().issue(generations, at, match_keys)]


class NeverEnds(Miyun):
    def issue(self, generations: Sequence[SaltAndKey], at: date, match_keys: Sequence[str]) -> list[list[str]]:
        begun = [one for one in generations if one.since <= at]
        rows = [super(NeverEnds, self).issue([one], one.since, match_keys) for one in reversed(begun)]
        return [[id_ for row in rows for id_ in row[place]] for place in range(len(match_keys))]


class OldestFirst(Miyun):
    def issue(self, generations: Sequence[SaltAndKey], at: date, match_keys: Sequence[str]) -> list[list[str]]:
        return [row[::-1] for row in super().issue(generations, at, match_keys)]


class OtherSource(Miyun):
    def eids(self, ids: Sequence[str], inserter: str, matcher: str) -> Mapping[str, Any]:
        request = json.loads(json.dumps(super().eids(ids, inserter, matcher)))
        request["user"]["eids"][0]["source"] = "pair-protocol.org"
        return request


class SwapsDomains(Miyun):
    def eids(self, ids: Sequence[str], inserter: str, matcher: str) -> Mapping[str, Any]:
        return super().eids(ids, matcher, inserter)


class AllIsWell(Miyun):
    def lint(self, request: str) -> bool:
        return True


class NothingIsWell(Miyun):
    def lint(self, request: str) -> bool:
        return False


@pytest.mark.parametrize(
    ("wrong", "group", "names"),
    [
        (MultipliesAnything, Group.REFUSALS, {"31 bytes", "URL-safe Base64", "the highest bit set"}),
        (NewestOnly, Group.ROTATION, {"a new salt every 30 days", "rotated early"}),
        (NeverEnds, Group.ROTATION, {"a new salt every 30 days", "rotated early"}),
        (OldestFirst, Group.ROTATION, {"a new salt every 30 days"}),
        (OtherSource, Group.EIDS, {"one id"}),
        (SwapsDomains, Group.EIDS, {"one id"}),
        (AllIsWell, Group.LINT, {"source in capitals", "atype 1", "the same id twice"}),
        (NothingIsWell, Group.LINT, {"one id", "two ids"}),
    ],
)
def test_what_is_wrong_fails_where_it_is_wrong(wrong: Callable[[], Any], group: Group, names: set[str]) -> None:
    assert names <= failed(wrong(), group)


@pytest.mark.parametrize("wrong", [Unsalted, Sorted, ForgetsTheSecondKey])
def test_a_wrong_construction_fails(wrong: Callable[[], Any]) -> None:
    report = run_suite(wrong(), VECTORS)
    assert {check.group for check in report.failures} & {Group.VECTORS, Group.ORDER}
    with pytest.raises(PeerError, match="does not conform"):
        report.require_conformance()


def test_answers_learnt_from_the_vectors_do_not_pass_the_drawn_keys() -> None:
    known = {key: id_ for one in VECTORS.encryption for key, id_ in zip(one.match_keys, one.ids, strict=True)}

    class Parrot(Miyun):
        def encrypt(self, salt: bytes, key: bytes, match_keys: Sequence[str]) -> list[str]:
            try:
                return [known[one] for one in match_keys]
            except KeyError:
                raise Refused("unknown") from None

    report = run_suite(Parrot(), VECTORS)
    assert any("fresh" in check.name and "refused" in check.words for check in report.failures)


def test_what_is_advised_only_does_not_fail() -> None:
    class Lenient(Miyun):
        def reencrypt(self, key: bytes, ids: Sequence[str]) -> list[str]:
            return list(ids) if ids and ids[0] == "A" * 43 + "=" else super().reencrypt(key, ids)

    report = run_suite(Lenient(), VECTORS)
    assert [check.name for check in report.checks if check.outcome is Outcome.FAILED] == ["the identity"]
    report.require_conformance()


def test_what_an_implementation_lacks_is_skipped_and_lacking_everything_is_no_pass() -> None:
    class Bare(Miyun):
        has: frozenset[Operation] = frozenset({Operation.ENCRYPT})

        def about(self) -> About:
            return About(name="bare", version="1", operations=self.has)

    report = run_suite(Bare(), VECTORS)
    assert {check.group for check in report.checks if check.outcome is Outcome.PASSED} == {Group.VECTORS}
    report.require_conformance()
    Bare.has = frozenset()
    with pytest.raises(PeerError, match="every check was skipped"):
        run_suite(Bare(), VECTORS).require_conformance()


def test_groups_are_chosen() -> None:
    report = run_suite(Miyun(), VECTORS, groups=frozenset({Group.EIDS}))
    assert {check.group for check in report.checks} == {Group.EIDS}


HELLO = '{"id": 1, "name": "it", "version": "1", "operations": ["encrypt"]}'


def program(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import sys, time\n{code}")


def run_of(code: str, *, seconds: float = 10) -> Report:
    with External(program(code), seconds=seconds) as other:
        return run_suite(other, VECTORS)


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("", PeerError, "ended"),
        ("print('no json', flush=True); sys.stdin.read()", MalformedError, "no JSON"),
        ("print('[]', flush=True); sys.stdin.read()", MalformedError, "not to this question"),
        ("print('{\"id\": 2}', flush=True); sys.stdin.read()", MalformedError, "not to this question"),
        ("print('{\"id\": 1}', flush=True); sys.stdin.read()", MalformedError, "without name"),
        ("print('[' * 100000, flush=True); sys.stdin.read()", MalformedError, "no JSON"),
        ("sys.stdout.write('x' * (3 << 20)); sys.stdout.flush(); sys.stdin.read()", MalformedError, "a line of more"),
        (f"print('{HELLO}', flush=True)", PeerError, "ended"),
        (
            f"print('{HELLO}', flush=True); print('{{\"id\": 2, \"ids\": [7]}}', flush=True); sys.stdin.read()",
            MalformedError,
            "without ids",
        ),
    ],
    ids=["silent end", "garbage", "list", "other id", "no fields", "deep", "endless line", "dies later", "no texts"],
)
def test_programs_that_misbehave_end_the_run_with_words(code: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        run_of(code)


def test_a_program_that_hangs_is_stopped() -> None:
    with pytest.raises(PeerError, match="no answer within"), External(program("time.sleep(600)"), seconds=0.2) as other:
        other.about()
    assert other._process.returncode is not None


def test_a_program_that_never_reads_is_stopped_too() -> None:
    command = program(f"print('{HELLO}', flush=True); time.sleep(600)")
    with External(command, seconds=1) as other:
        other.about()
        with pytest.raises(PeerError, match="no answer within"):
            other.encrypt(bytes(32), bytes(32), ["0" * 64] * 20_000)


def test_refusals_are_checks_that_failed_and_their_words_command_no_terminal() -> None:
    code = f"""
print('{HELLO}', flush=True)
sys.stdin.readline()
for number, line in enumerate(sys.stdin, 2):
    print('{{"id": ' + str(number) + ', "refused": "\\\\u001b[2Jno"}}', flush=True)
"""
    report = run_of(code)
    words = {check.words for check in report.failures}
    assert words == {"refused: �[2Jno"}


def test_a_command_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be started"):
        External([str(tmp_path / "nothing")])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "x",
        "[]",
        "7",
        "{}",
        '{"id": 1}',
        '{"id": 1, "operation": "launch"}',
        '{"id": 1, "operation": "encrypt"}',
        '{"id": 1, "operation": "encrypt", "salt": 5, "key": "", "match_keys": []}',
        '{"id": 1, "operation": "encrypt", "salt": "zz", "key": "", "match_keys": []}',
        '{"id": 1, "operation": "reencrypt", "key": "00", "ids": [1]}',
        '{"id": 1, "operation": "issue", "generations": [], "at": "2026-01-01", "match_keys": []}',
        '{"id": 1, "operation": "issue", "generations": 5, "at": "x", "match_keys": []}',
        f'{{"id": 1, "operation": "issue", "generations": [{{"since": "9999-12-31", "salt": "{"00" * 32}", '
        f'"key": "{"01" * 32}"}}], "at": "9999-12-31", "match_keys": []}}',
        '{"id": 1, "operation": "eids", "ids": "x", "inserter": 1, "matcher": null}',
        '{"id": 1, "operation": "lint", "request": 5}',
        "[" * 100_000,
    ],
)
def test_the_responder_refuses_what_is_no_question(line: str) -> None:
    [answer] = [json.loads(text) for text in respond([line], Miyun())]
    assert set(answer) == {"id", "refused"}


def test_the_responder_ends_with_its_input() -> None:
    asked = '{"id": 9, "operation": "lint", "request": "\\ud800"}\nx\n'
    ended = subprocess.run(RESPONDER, input=asked, capture_output=True, text=True, check=True, timeout=60)
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(answer["id"], "refused" in answer) for answer in answers] == [(9, False), (None, True)]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": 5}', vectors_text().replace('"salt": "', '"salt": "zz'), "\ud800"]
)
def test_other_vectors_are_read_or_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "vectors.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match="holds no vectors"):
        load_vectors(path)


def test_the_own_vectors_are_read_from_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "vectors.json"
    path.write_text(vectors_text(), encoding="utf-8")
    assert load_vectors(path) == VECTORS
    with pytest.raises(InputError, match="holds no vectors"):
        load_vectors(tmp_path / "nothing.json")
