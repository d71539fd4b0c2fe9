"""The suite: every vector, and relations on keys that are drawn for the run, so that no list of answers passes.

What is wrong with an implementation is a check that fails. A process that dies or answers no question ends the run.
"""

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from miyun.errors import PeerError
from miyun.hazmat.scalars import SecretScalar
from miyun.pair.conformance.implementation import About, Implementation, Operation, Refused
from miyun.pair.conformance.vectors import Commutation, Eids, Encryption, Linted, Refusal, Rotation, Vectors
from miyun.pair.ids import match_key
from miyun.pair.lint import lint
from miyun.pair.secrets import SALT_BYTES

FRESH_ROWS = 25


class Group(StrEnum):
    VECTORS = "vectors"
    ORDER = "order"
    REFUSALS = "refusals"
    ROTATION = "rotation"
    EIDS = "eids"
    LINT = "lint"


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """``required``: where it fails, this implementation and others disagree. ``words``: what was wrong."""

    group: Group
    name: str
    required: bool
    outcome: Outcome
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    name: str
    version: str
    checks: tuple[Check, ...]

    def count(self, outcome: Outcome) -> int:
        return sum(check.outcome is outcome for check in self.checks)

    @property
    def failures(self) -> tuple[Check, ...]:
        """Those that were required."""
        return tuple(check for check in self.checks if check.required and check.outcome is Outcome.FAILED)

    def require_conformance(self) -> None:
        """Raises: PeerError: a required check failed, or everything was skipped."""
        if not self.failures and self.count(Outcome.PASSED):
            return
        what = f"{len(self.failures)} required checks failed" if self.failures else "every check was skipped"
        raise PeerError(
            f"{self.name} {self.version} does not conform: {what}",
            hint="The table says what was expected; docs/pair.md has the construction.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    group: Group
    name: str
    needs: frozenset[Operation]
    required: bool
    run: Callable[[], str]
    """Gives what is wrong, in words; nothing if all is well."""


def run_suite(
    implementation: Implementation,
    vectors: Vectors,
    *,
    groups: frozenset[Group] = frozenset(Group),
    on_progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Report:
    """Ask everything of the groups.

    Raises:
        PeerError: the implementation gave no answer, or none that is of the protocol.
    """
    about = implementation.about()
    planned = [one for one in _plan(implementation, vectors) if one.group in groups]
    checks = []
    for done, one in enumerate(planned, start=1):
        checks.append(_check(one, about))
        on_progress(done, len(planned))
    return Report(name=about.name, version=about.version, checks=tuple(checks))


def _check(planned: _Planned, about: About) -> Check:
    missing = planned.needs - about.operations
    outcome, words = Outcome.SKIPPED, f"it has no {', '.join(sorted(missing))}" if missing else ""
    if not missing:
        try:
            words = planned.run()
        except Refused as refused:
            words = f"refused: {refused}"
        outcome = Outcome.FAILED if words else Outcome.PASSED
    return Check(group=planned.group, name=planned.name, required=planned.required, outcome=outcome, words=words)


def _plan(tested: Implementation, vectors: Vectors) -> Iterator[_Planned]:
    def plan(
        group: Group, name: str, needs: Iterable[Operation], run: Callable[[], str], required: bool = True
    ) -> _Planned:
        return _Planned(group=group, name=name, needs=frozenset(needs), required=required, run=run)

    encrypt, reencrypt, decrypt = Operation.ENCRYPT, Operation.REENCRYPT, Operation.DECRYPT
    for one in vectors.encryption:
        yield plan(Group.VECTORS, one.name, [encrypt], _bound(_encryption, tested, one))
    for two in vectors.commutation:
        yield plan(Group.ORDER, two.name, [encrypt, reencrypt, decrypt], _bound(_commutation, tested, two))
    yield plan(Group.ORDER, "fresh keys, advertiser or publisher first", [encrypt, reencrypt], lambda: _fresh(tested))
    yield plan(Group.ORDER, "fresh keys, one taken off again", [encrypt, reencrypt, decrypt], lambda: _undone(tested))
    yield plan(Group.ORDER, "rows keep their order", [encrypt, reencrypt], lambda: _rows(tested))
    for refusal in vectors.refusals:
        name, required = refusal.name, refusal.required
        yield plan(Group.REFUSALS, name, [reencrypt], _bound(_refusal, tested, refusal), required)
    for rotation in vectors.rotation:
        yield plan(Group.ROTATION, rotation.name, [Operation.ISSUE], _bound(_rotation, tested, rotation))
    for eids in vectors.eids:
        yield plan(Group.EIDS, eids.name, [Operation.EIDS], _bound(_eids, tested, eids))
    for linted in vectors.lint:
        name, required = linted.name, linted.required
        yield plan(Group.LINT, name, [Operation.LINT], _bound(_linted, tested, linted), required)


def _bound(check: Callable[..., str], tested: Implementation, vector: object) -> Callable[[], str]:
    return lambda: check(tested, vector)


def _encryption(tested: Implementation, vector: Encryption) -> str:
    given = tested.encrypt(bytes.fromhex(vector.salt), bytes.fromhex(vector.key), vector.match_keys)
    return _differs("ids", given, vector.ids)


def _commutation(tested: Implementation, vector: Commutation) -> str:
    salt, kp, ka = (bytes.fromhex(text) for text in (vector.salt, vector.publisher_key, vector.advertiser_key))
    return (
        _differs("publisher's ids", tested.encrypt(salt, kp, vector.match_keys), vector.publisher_ids)
        or _differs("advertiser's ids", tested.encrypt(salt, ka, vector.match_keys), vector.advertiser_ids)
        or _differs("publisher first", tested.reencrypt(ka, vector.publisher_ids), vector.pair_ids)
        or _differs("advertiser first", tested.reencrypt(kp, vector.advertiser_ids), vector.pair_ids)
        or _differs("advertiser's key taken off", tested.decrypt(ka, vector.pair_ids), vector.publisher_ids)
        or _differs("publisher's key taken off", tested.decrypt(kp, vector.pair_ids), vector.advertiser_ids)
    )


def _fresh(tested: Implementation) -> str:
    salt, kp, ka, keys = _drawn()
    publisher_first = tested.reencrypt(ka, tested.encrypt(salt, kp, keys))
    return _differs("advertiser first", tested.reencrypt(kp, tested.encrypt(salt, ka, keys)), publisher_first)


def _undone(tested: Implementation) -> str:
    salt, kp, ka, keys = _drawn()
    ids = tested.encrypt(salt, kp, keys)
    return _differs("advertiser's key taken off", tested.decrypt(ka, tested.reencrypt(ka, ids)), ids)


def _rows(tested: Implementation) -> str:
    salt, kp, ka, keys = _drawn()
    together = tested.reencrypt(ka, tested.encrypt(salt, kp, keys))
    turned = tested.reencrypt(ka, tested.encrypt(salt, kp, keys[::-1]))
    if len(set(together)) != len(keys):
        return f"{len(set(together))} different ids for {len(keys)} people"
    return _differs("rows in reverse", turned, together[::-1])


def _drawn() -> tuple[bytes, bytes, bytes, list[str]]:
    keys = [match_key(f"{secrets.token_hex(8)}@example.com") for _ in range(FRESH_ROWS)]
    return secrets.token_bytes(SALT_BYTES), SecretScalar.random().to_bytes(), SecretScalar.random().to_bytes(), keys


def _refusal(tested: Implementation, vector: Refusal) -> str:
    try:
        tested.reencrypt((2).to_bytes(32, "little"), [vector.id])
    except Refused:
        return ""
    return "it was multiplied"


def _rotation(tested: Implementation, vector: Rotation) -> str:
    for day in vector.days:
        [given] = tested.issue(vector.generations, day.at, [vector.match_key]) or [[]]
        if wrong := _differs(f"ids on {day.at}", given, day.ids):
            return wrong
    return ""


def _eids(tested: Implementation, vector: Eids) -> str:
    request = tested.eids(vector.ids, vector.inserter, vector.matcher)
    if findings := lint(request):
        return f"{findings[0].path}: {findings[0].words}"
    return "" if request["user"]["eids"] == list(vector.eids) else "user.eids holds other things than were given"


def _linted(tested: Implementation, vector: Linted) -> str:
    if tested.lint(vector.request) is vector.valid:
        return ""
    rules = ", ".join(vector.rules)
    return f"it breaks: {rules}" if not vector.valid else "it breaks no rule"


def _differs(what: str, given: Sequence[str], expected: Sequence[str]) -> str:
    """The first difference, in words; nothing where there is none."""
    if len(given) != len(expected):
        return f"{what}: {len(given)} rather than {len(expected)}"
    for place, (one, other) in enumerate(zip(given, expected, strict=True)):
        if one != other:
            return f"{what}: row {place} is {one[:60]!r}, expected {other}"
    return ""
