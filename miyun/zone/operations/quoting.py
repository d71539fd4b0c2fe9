"""What a segment would need and cost, told before it is created. Nothing is written, drawn or charged."""

from datetime import datetime

from sqlalchemy import Connection

from miyun.contract.model import Contract, Universe
from miyun.errors import MalformedError
from miyun.privacy.bands import band
from miyun.segments.planning import Plan
from miyun.segments.quotes import LegQuote, OwnerQuote, SegmentQuote, ToldSize
from miyun.segments.statements import SUPPRESSION
from miyun.zone.core import Core
from miyun.zone.operations.access import contract_of_party, party_names
from miyun.zone.operations.counting import owners_of
from miyun.zone.operations.definitions import Definition, read_definition
from miyun.zone.operations.lookalikes import require_lookalikes
from miyun.zone.operations.releases import lease_book
from miyun.zone.operations.segments import require_live
from miyun.zone.operations.sizes import may_see_size, told_size
from miyun.zone.store.budget import SizeRelease
from miyun.zone.store.fusions import joined_fusion, newest_delta
from miyun.zone.store.generations import current_generations
from miyun.zone.store.legs import Predicate, predicates_asked


def quote_segment(
    core: Core, caller: str, contract_id: str, definition: str, universe: str
) -> tuple[SegmentQuote, bytes]:
    """What a definition, in its canonical text, would need and cost now. It says what both parties may know.

    Raises:
        NotFoundError, ContractError: there is no such contract in force, or no segment or lookalike that is named.
        ExpressionError: the definition can't be read, or mixes universes.
        StateError: a segment that is named is closed, or over.
    """
    now = core.clock()
    with core.reading() as connection:
        signed = contract_of_party(connection, contract_id, caller)
        signed.require_active(now)
        contract = signed.contract
        read = read_definition(connection, contract, definition, _universe(universe))
        for segment in read.references.values():
            require_live(segment, now)
        require_lookalikes(connection, contract.id, {part.lookalike for part in read.plan.best})
        quote = _quote(connection, contract, caller, definition, read, now=now)
    return quote, core.signing_key.sign(quote)


def _quote(
    connection: Connection, contract: Contract, caller: str, definition: str, read: Definition, *, now: datetime
) -> SegmentQuote:
    fusion = joined_fusion(connection, contract.id)
    epoch = 0 if fusion is None else fusion.epoch
    sequence = newest_delta(connection, contract.id, epoch)
    asked = predicates_asked(connection, contract.id, epoch, except_for=SUPPRESSION)
    meaning, universe = read.meaning.expression.text(), read.meaning.universe
    release = told_size(connection, contract, universe, meaning, epoch=epoch, sequence=sequence)
    charged = () if release else owners_of(contract, read.subjects)
    return SegmentQuote(
        contract=contract.id,
        contract_digest=contract.digest(),
        definition=definition,
        universe=universe,
        meaning=meaning,
        epoch=epoch,
        sequence=sequence,
        legs=_legs(contract, read.plan, asked, current_generations(connection, contract.id, epoch)),
        owners=tuple(
            _owner(connection, contract, name, legs=len(asked.get(name, ())), charged=name in charged, now=now)
            for name in party_names(contract)
        ),
        told=_told(contract, caller, read, release),
        until=read.ends(contract),
        at=now,
    )


def _legs(
    contract: Contract, planned: Plan, asked: dict[str, set[Predicate]], generations: dict[str, int]
) -> tuple[LegQuote, ...]:
    legs = ((contract.owner_of(leg.namespace).name, leg.predicate.text()) for leg in planned.legs)
    return tuple(
        LegQuote(
            party=owner,
            predicate=predicate,
            asked=(generations.get(owner, 0), predicate) in asked.get(owner, ()),
        )
        for owner, predicate in legs
    )


def _owner(
    connection: Connection, contract: Contract, name: str, *, legs: int, charged: bool, now: datetime
) -> OwnerQuote:
    book = lease_book(connection, contract, name)
    return OwnerQuote(
        party=name,
        legs=legs,
        rho_micro=contract.budget.size_rho_micro if charged else 0,
        leased_micro=book.remaining(now),
        left_micro=max(0, book.limit_micro - book.spent),
    )


def _told(contract: Contract, caller: str, read: Definition, release: SizeRelease | None) -> ToldSize | None:
    if release is None or not may_see_size(contract, caller, read.subjects):
        return None
    at_least, below = band(release.noised, contract.budget.suppress_below)
    return ToldSize(at_least=at_least, below=below, at=release.at)


def _universe(word: str) -> Universe:
    try:
        return Universe(word)
    except ValueError:
        raise MalformedError("a segment of a universe that there is not", hint="Update this party's program.") from None
