"""The whole statement, in order, and its text."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from miyun.contract.leakage.collusion import collusion_lines
from miyun.contract.leakage.disclosure import third_party_lines
from miyun.contract.leakage.fusion import party_lines, zone_lines
from miyun.contract.leakage.grants import analyst_lines, grant_lines
from miyun.contract.leakage.intersections import intersection_lines
from miyun.contract.leakage.lines import LeakageLine
from miyun.contract.leakage.locations import location_lines
from miyun.contract.leakage.releases import budget_lines, term_lines
from miyun.contract.leakage.rows import row_lines
from miyun.contract.model import Contract, PartyKind
from miyun.words import Language, Words

_TITLE = Words(en="Leakage statement: who will learn what", zh="泄露声明：谁将知道什么")
_LOUD = Words(en="ATTENTION", zh="注意")
_WHEN = Words(en="When", zh="时间")
_CLAUSE = Words(en="clause", zh="条款")


def leakage(contract: Contract) -> tuple[LeakageLine, ...]:
    """All that anybody learns under the contract, as lines that each name their clause."""
    return tuple(_lines(contract))


def render(lines: Sequence[LeakageLine], language: Language) -> str:
    """The statement in plain words, under one heading for each who learns."""
    paragraphs = [_TITLE.in_language(language)]
    for name, group in groupby(lines, key=lambda line: line.name):
        items = "\n".join(_item(line, language) for line in group)
        paragraphs.append(f"{name.in_language(language)}\n{items}")
    return "\n\n".join(paragraphs) + "\n"


def _lines(contract: Contract) -> Iterator[LeakageLine]:
    yield from term_lines(contract)
    yield from budget_lines(contract)
    yield from row_lines(contract)
    yield from intersection_lines(contract)
    yield from location_lines(contract)
    for party in contract.parties:
        yield from party_lines(contract, party)
        yield from grant_lines(contract, party)
    yield from third_party_lines(contract)
    yield from zone_lines(contract)
    for kind in (PartyKind.PLATFORM, PartyKind.MERCHANT):
        yield from collusion_lines(contract, contract.owner_of(kind.namespace))
    yield from analyst_lines(contract)


def _item(line: LeakageLine, language: Language) -> str:
    stop, colon = (". ", ": ") if language == "en" else ("。", ":")
    mark = f"!! {_LOUD.in_language(language)}{colon}" if line.loud else ""
    learns = line.learns.in_language(language)
    when = f"{_WHEN.in_language(language)}{colon}{line.when.in_language(language)}"
    return f"  - {mark}{learns}{stop}{when} [{_CLAUSE.in_language(language)} {line.clause}]"
