"""Bid requests checked for what makes buyers ignore PAIR ids, or what gives people away.

The rules are those of PAIR 1.1 ("Activating PAIR campaign", "Publishers", 4) and OpenRTB 2.6, 3.2.27 and 3.2.28. A
request comes from anywhere: whatever it holds gives findings, never a crash.
"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, Final

from miyun.errors import MalformedError
from miyun.pair.domains import fault_of
from miyun.pair.eids import AGENT_TYPE, MATCH_METHOD, SOURCE, STORAGE_KEY
from miyun.pair.ids import PublisherIds
from miyun.pair.keyset import MOST_IN_FORCE
from miyun.pair.rules import Finding, Rule

MAX_BYTES: Final = 1 << 20
"""No bid request is longer."""

_CHECKED: Final = 16
"""Of so many ids that something is wrong anyway, the first are looked at."""

_HASH = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{40}|[0-9a-fA-F]{64}").fullmatch
_PHONE = re.compile(r"\+?[0-9][0-9 ().-]{6,20}").fullmatch
_ELSEWHERE = ("user.ext.eids", "eids", "ext.eids")
_EARLIER_SOURCE = "google.com"
"""Of Prebid's first module for PAIR, before the protocol went to the IAB Tech Lab."""


def lint_text(text: str | bytes) -> list[Finding]:
    """The findings on a bid request as it is sent; none where all is well."""
    if len(text) > MAX_BYTES:
        return [Finding(rule=Rule.UNREADABLE, path="", words=f"longer than {MAX_BYTES:,}")]
    repeated: list[str] = []

    def remember(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) < len(pairs):
            repeated.extend(name for name in names if sum(name == other for other, _ in pairs) > 1)
        return names

    try:
        request = json.loads(text, object_pairs_hook=remember, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        where = f" at character {error.pos}" if isinstance(error, json.JSONDecodeError) else ""
        return [Finding(rule=Rule.UNREADABLE, path="", words=f"no JSON{where}")]
    twice = [Finding(rule=Rule.REPEATED_NAME, path="", words=f"{name[:40]!r} is there twice") for name in repeated]
    return twice + lint(request)


def is_object(text: bytes) -> bool:
    """Whether this is one JSON object and nothing more."""
    return all(finding.rule is not Rule.UNREADABLE for finding in lint_text(text))


def lint(request: object) -> list[Finding]:
    """The same for a request that was read already."""
    if not isinstance(request, dict):
        return [Finding(rule=Rule.UNREADABLE, path="", words=f"{_kind(request)} rather than an object")]
    return [*_misplaced(request), *_in_place(request)]


def lint_stored(value: str) -> list[Finding]:
    """The findings on the value that Prebid reads from a browser's storage."""
    try:
        texts = json.loads(base64.b64decode(value.strip(), validate=True))
    except (ValueError, RecursionError):
        texts = None
    if not isinstance(texts, list):
        return [Finding(rule=Rule.UNREADABLE, path=STORAGE_KEY, words="not Base64 of a JSON array")]
    ids = [(f"{STORAGE_KEY}[{place}]", text) for place, text in enumerate(texts)]
    each = [finding for path, text in ids[:_CHECKED] for finding in _id(path, text)]
    return [*each, *_together(STORAGE_KEY, ids)]


def _in_place(request: dict[str, Any]) -> Iterator[Finding]:
    user = request.get("user")
    eids = user.get("eids") if isinstance(user, dict) else None
    if eids is None:
        yield Finding(rule=Rule.ABSENT, path="user.eids", words="there is none")
        return
    if not isinstance(eids, list):
        yield Finding(rule=Rule.UIDS, path="user.eids", words=f"{_kind(eids)} rather than an array")
        return
    found = [(f"user.eids[{place}]", eid) for place, eid in enumerate(eids) if _is_pair(eid)]
    if not found:
        yield Finding(rule=Rule.ABSENT, path="user.eids", words="none of its objects is of PAIR")
    for path, eid in found:
        yield from _eid(path, eid, request)
    if len(found) > 1:
        yield Finding(rule=Rule.SEVERAL_OBJECTS, path="user.eids", words=f"{len(found)} objects of PAIR")
    yield from _together("user.eids", [pair for path, eid in found for pair in _ids_of(path, eid)])


def _misplaced(request: dict[str, Any]) -> Iterator[Finding]:
    for path in _ELSEWHERE:
        place: Any = request
        for name in path.split("."):
            place = place.get(name) if isinstance(place, dict) else None
        if isinstance(place, list) and any(_is_pair(eid) for eid in place):
            yield Finding(rule=Rule.PLACEMENT, path=path, words="PAIR ids are here, where nobody looks")


def _is_pair(eid: object) -> bool:
    """Whether an object is, or was meant as, one of PAIR."""
    if not isinstance(eid, dict):
        return False
    source = eid.get("source")
    if isinstance(source, str) and "pair" in source.lower():
        return True
    if source in (None, "", _EARLIER_SOURCE) or not isinstance(source, str):
        return any(not [*_id("", text)] for _, text in _ids_of("", eid)[:_CHECKED])
    return False


def _eid(path: str, eid: dict[str, Any], request: dict[str, Any]) -> Iterator[Finding]:
    if (source := eid.get("source")) != SOURCE:
        shown = f"{source[:80]!r}" if isinstance(source, str) else "missing" if source is None else _kind(source)
        yield Finding(rule=Rule.SOURCE, path=f"{path}.source", words=f"{shown}, not {SOURCE!r}")
    yield from _domain(path, eid, "inserter", Rule.INSERTER)
    yield from _domain(path, eid, "matcher", Rule.MATCHER)
    site = request.get("site")
    domain = site.get("domain") if isinstance(site, dict) else None
    inserter = eid.get("inserter")
    if isinstance(domain, str) and isinstance(inserter, str) and _bare(domain) != _bare(inserter):
        words = f"{inserter[:80]!r}, while site.domain is {domain[:80]!r}"
        yield Finding(rule=Rule.INSERTER_ELSEWHERE, path=f"{path}.inserter", words=words)
    yield from _number(path, eid, "mm", MATCH_METHOD, Rule.MATCH_METHOD)
    uids = eid.get("uids")
    if not isinstance(uids, list) or not uids:
        words = "missing" if uids is None else "empty" if uids == [] else f"{_kind(uids)} rather than an array"
        yield Finding(rule=Rule.UIDS, path=f"{path}.uids", words=words)
        return
    for place, uid in enumerate(uids[:_CHECKED]):
        yield from _uid(f"{path}.uids[{place}]", uid)


def _uid(path: str, uid: object) -> Iterator[Finding]:
    if not isinstance(uid, dict):
        yield Finding(rule=Rule.UIDS, path=path, words=f"{_kind(uid)} rather than an object")
        return
    yield from _number(path, uid, "atype", AGENT_TYPE, Rule.AGENT_TYPE)
    if uid.get("ext"):
        yield Finding(rule=Rule.EXTENSION, path=f"{path}.ext", words="there is one")
    yield from _id(f"{path}.id", uid.get("id"))


def _id(path: str, text: object) -> Iterator[Finding]:
    if not isinstance(text, str):
        words = "missing" if text is None else f"{_kind(text)} rather than text"
        yield Finding(rule=Rule.ENCODING, path=path, words=words)
    elif "@" in text or _PHONE(text):
        yield Finding(rule=Rule.RAW_IDENTIFIER, path=path, words="an address in the clear")
    elif _HASH(text):
        yield Finding(rule=Rule.RAW_IDENTIFIER, path=path, words="a hexadecimal hash")
    elif words := _misspelled(text):
        yield Finding(rule=Rule.ENCODING, path=path, words=words)
    else:
        try:
            PublisherIds.decode([text])
        except MalformedError:
            yield Finding(rule=Rule.POINT, path=path, words=_no_point(text))


def _misspelled(text: str) -> str:  # noqa: PLR0911 - one return per fault
    """What is wrong with the Base64 of 32 bytes, in words; empty if nothing is."""
    if text != text.strip():
        return "white space around it"
    if "%" in text:
        return "percent-encoded"
    if "-" in text or "_" in text:
        return "URL-safe Base64 (- and _ for + and /)"
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return "without its = at the end" if re.fullmatch(r"[A-Za-z0-9+/]{43}", text) else "no Base64"
    if len(raw) == 44:
        return "encoded twice"
    if len(raw) != 32:
        return f"{len(raw)} bytes rather than 32"
    return "" if base64.b64encode(raw).decode() == text else "Base64 whose last bits are not zero"


def _no_point(text: str) -> str:
    return "the identity" if not any(base64.b64decode(text)) else "no canonical point"


def _together(path: str, ids: list[tuple[str, object]]) -> Iterator[Finding]:
    seen: set[str] = set()
    for place, text in ids:
        if isinstance(text, str) and text in seen:
            yield Finding(rule=Rule.DUPLICATE, path=place, words="the same id once more")
        elif isinstance(text, str):
            seen.add(text)
    if len(seen) > MOST_IN_FORCE:
        yield Finding(rule=Rule.TOO_MANY, path=path, words=f"{len(seen)} ids")


def _ids_of(path: str, eid: dict[str, Any]) -> list[tuple[str, object]]:
    uids = eid.get("uids")
    listed = uids if isinstance(uids, list) else []
    return [(f"{path}.uids[{n}].id", uid.get("id")) for n, uid in enumerate(listed) if isinstance(uid, dict)]


def _domain(path: str, eid: dict[str, Any], name: str, rule: Rule) -> Iterator[Finding]:
    value = eid.get(name)
    if not isinstance(value, str):
        words = "missing" if value is None else f"{_kind(value)} rather than text"
        yield Finding(rule=rule, path=f"{path}.{name}", words=words)
    elif fault := fault_of(value):
        yield Finding(rule=rule, path=f"{path}.{name}", words=f"{value[:80]!r} {fault}")


def _number(path: str, holder: dict[str, Any], name: str, wanted: int, rule: Rule) -> Iterator[Finding]:
    value = holder.get(name)
    if type(value) is not int or value != wanted:
        shown = "missing" if value is None else str(value) if type(value) is int and 0 <= value < 1000 else _kind(value)
        yield Finding(rule=rule, path=f"{path}.{name}", words=f"{shown}, not the whole number {wanted}")


def _bare(domain: str) -> str:
    return domain.lower().removeprefix("www.")


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "an array"
    return "an object"


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
