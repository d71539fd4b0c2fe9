"""What a refresh would do: this party's source of today beside what it told the zone in the newest epoch."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyroaring import BitMap

from miyun.contract.model import MOST_DELTA_ROWS, Contract
from miyun.errors import SourceError
from miyun.members.comparing import Difference, Different, Terms
from miyun.members.config import load_members_config
from miyun.members.reading import Progress
from miyun.members.roster import Roster
from miyun.members.roster_places import digest_of
from miyun.party.paging import paged
from miyun.party.refresh_plans import RefreshKind, RefreshPlan
from miyun.party.roster_changes import KnownRoster
from miyun.party.rosters import ChangePart
from miyun.party.scoring import ScoredRows, require_received, scored_today
from miyun.party.segments import SegmentsClient
from miyun.party.session import Session
from miyun.party.tasks.change_rows import digest_key
from miyun.party.tasks.predicate import rows_where_each
from miyun.segments.expression import Best
from miyun.segments.listing import Segment, SegmentFilter
from miyun.segments.parser import parse
from miyun.segments.planning import plan
from miyun.segments.predicates import plain_parts, rows_of

MOST_CHANGED_SHARE = 0.3
"""Of the rows: where more change, an epoch of its own is worth its cost."""
_MOST_ROWS = MOST_DELTA_ROWS // 3
"""A member that changes can free one place of a type and take two."""
_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan with what it is carried out with: a file of members who came or changed, and one of those who go."""

    plan: RefreshPlan
    rows: Path | None = None
    gone: Path | None = None

    def forget(self) -> None:
        """Delete the files."""
        for file in (self.rows, self.gone):
            if file is not None:
                file.unlink(missing_ok=True)


def prepare(session: Session, contract: Contract, on_progress: Progress | None = None) -> Prepared:
    """Compare the source with the newest epoch. Nothing is told to anybody.

    Raises:
        SourceError: the source can't be read, or has nobody who may be sent.
        ConfigError: the settings don't fit the source or the contract.
    """
    epoch = session.fusions.newest_epoch(contract.id)
    comparer = _Comparer(session, contract, epoch)
    if not epoch:
        return comparer.new_epoch("nothing is fused yet")
    try:
        if not contract.delta_bucket:
            return comparer.without_deltas(on_progress)
        return comparer.prepare(on_progress)
    except BaseException:
        comparer.forget()
        raise


class _Comparer:
    def __init__(self, session: Session, contract: Contract, epoch: int) -> None:
        self._session = session
        self._contract = contract
        self._epoch = epoch
        self._config = load_members_config(session.config_path)
        self._generation = session.generations.current(contract.id, epoch)
        self._files = {part: session.rosters.compared_file(contract.id, epoch, part) for part in ChangePart}

    @cached_property
    def _key(self) -> str:
        return digest_key(self._session, self._contract, self._epoch)

    def prepare(self, on_progress: Progress | None) -> Prepared:
        with self._session.rosters.open(self._contract.id, self._epoch) as roster:
            handles = self._session.fusions.handles(self._contract.id, self._epoch)
            places = self._session.rosters.places(self._contract.id, self._epoch, self._key)
            held = self._session.roster_changes.known(places, self._contract.id, self._epoch, handles)
            most = min(_MOST_ROWS, int(MOST_CHANGED_SHARE * len(roster.live())))
            found = self._compare(roster, held, most, on_progress)
            if found.who is None:
                self.forget()
                return self.new_epoch(f"more than {most:,} members changed", found)
            _suppose(roster, held, found.who)
            due = self._due(roster)
        room = self._contract.legs_per_epoch - self._session.legs.count(self._contract.id, self._epoch)
        if len(due) > room:
            self.forget()
            why = f"{len(due)} predicates are to be answered anew, and the epoch has room for {room}"
            return self.new_epoch(why, found)
        return self._prepared(found, found.who, due)

    def without_deltas(self, on_progress: Progress | None) -> Prepared:
        """Whatever changed takes a new epoch; members are told by their ids, since no identifiers are kept."""
        with self._session.rosters.open(self._contract.id, self._epoch) as roster:
            found = self._compare(roster, None, 0, on_progress)
        return self.new_epoch("the contract has no deltas (delta_bucket)", found)

    def forget(self) -> None:
        """Delete the copies of rows."""
        for file in self._files.values():
            file.unlink(missing_ok=True)

    def new_epoch(self, why: str, found: Difference | None = None) -> Prepared:
        return Prepared(plan=self._plan(RefreshKind.EPOCH, why, found))

    def _compare(self, roster: Roster, held: KnownRoster | None, most: int, on_progress: Progress | None) -> Difference:
        terms = Terms(
            identifiers=self._contract.identifiers,
            consent=self._contract.consent,
            digest=lambda value: digest_of(self._key, value),
        )
        rows = self._files[ChangePart.ADD]
        found = roster.compare(held, self._config, terms, rows, most=most, on_progress=on_progress)
        if found.gone and not found.stayed + found.came + found.changed:
            raise SourceError(
                "nobody in the member table may be sent, so the fusion stays as it is",
                hint="Look at the source: miyun members check says why rows are left out.",
            )
        return found

    def _prepared(self, found: Difference, who: Different, due: Collection[str]) -> Prepared:
        kind, why = RefreshKind.NOTHING, "the source says what it said"
        if found.count:
            kind, why = RefreshKind.DELTA, "members changed"
        elif due:
            kind, why = RefreshKind.DATA, "what was said of members holds no longer"
        if who.gone:
            ids = pa.table({self._config.id: pa.array(who.gone, pa.string())})
            pq.write_table(ids, self._files[ChangePart.REMOVE])
        rows, gone = (file if file.is_file() else None for file in self._files.values())
        return Prepared(plan=self._plan(kind, why, found, answers=len(due)), rows=rows, gone=gone)

    def _plan(self, kind: RefreshKind, why: str, found: Difference | None, *, answers: int = 0) -> RefreshPlan:
        return RefreshPlan(
            contract=self._contract.id,
            kind=kind,
            why=why,
            epoch=self._epoch,
            came=found.came if found else 0,
            changed=found.changed if found else 0,
            gone=found.gone if found else 0,
            stayed=found.stayed if found else 0,
            answers=answers,
            generation=self._generation + bool(answers),
            doubt=self._doubt(found) if found else "",
        )

    def _doubt(self, found: Difference) -> str:
        """Why the source may be cut short or damaged: more members than agreed can't be found by it any more."""
        config, contract = self._session.config, self._contract.id
        before = found.stayed + found.changed + found.gone
        if not config.loses_too_many(contract, found.gone + found.changed, before):
            return ""
        return (
            f"of {before:,} members {found.gone:,} are gone and {found.changed:,} have other identifiers,"
            f" more than {config.most_lost_percent(contract)} %"
        )

    def _due(self, roster: Roster) -> frozenset[str]:
        """The predicates to be answered anew: all that segments are made of, if one would be answered otherwise."""
        said = self._session.legs.predicates(self._contract.id, self._epoch, self._generation)
        due = said & self._live_predicates() if said else said
        return due if self._is_any_stale(roster, due) else frozenset()

    def _live_predicates(self) -> frozenset[str]:
        """Own predicates that segments are made of."""
        own = self._contract.party(self._session.name).kind.namespace
        client, found = SegmentsClient(self._session), set[str]()

        def page_after(name: str) -> tuple[Segment, ...]:
            return client.list(self._contract.id, SegmentFilter(hidden=True), limit=_PAGE, after=name)

        for segment in paged(page_after):
            if segment.state.is_live:
                legs = plan(parse(segment.definition), segment.universe).legs
                found |= {leg.predicate.text() for leg in legs if leg.namespace == own}
        return frozenset(found)

    def _is_any_stale(self, roster: Roster, texts: Collection[str]) -> bool:
        """Whether one of these predicates would be answered otherwise today, of rows that are there."""
        predicates = {text: parse(text) for text in sorted(texts)}
        parts = dict.fromkeys(part for predicate in predicates.values() for part in plain_parts(predicate))
        where = rows_where_each(self._session, self._contract, self._config, roster, parts)

        @cache
        def scores(lookalike: str) -> ScoredRows:
            return scored_today(self._session, roster, require_received(self._session, self._contract.id, lookalike))

        def best(part: Best) -> BitMap:
            return scores(part.lookalike).best(part.count, roster)

        live = BitMap(roster.live())
        for text, predicate in predicates.items():
            covered, told = self._session.legs.bits(self._contract.id, self._epoch, self._generation, text)
            today = rows_of(predicate, roster.universe, where=where.__getitem__, best=best)
            if (today ^ told) & live & BitMap(range(covered)):
                return True
        return False


def _suppose(roster: Roster, held: KnownRoster, who: Different) -> None:
    """Show the rows as they will be: without who goes, and with who comes back to an old place."""
    back = held.handles_of([*who.came, *who.changed])
    gone = held.handles_of(who.gone)
    rows: list[tuple[int, str | None]] = [(handle, member) for member, handle in back.items()]
    roster.suppose(rows + [(handle, None) for handle in gone.values()])
