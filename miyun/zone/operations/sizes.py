"""Sizes: a noised count, drawn once per definition and epoch, charged to its owners, answered as a band for ever."""

import hashlib
from dataclasses import dataclass

import rfc8785
from sqlalchemy import Connection

from miyun.contract.model import Contract, Universe
from miyun.contract.permissions import permit_size
from miyun.errors import InputError, NotPermittedError, StateError, WaitingError
from miyun.privacy.bands import band
from miyun.privacy.noise import discrete_gaussian, scale_for
from miyun.privacy.quotes import SizeQuote
from miyun.privacy.statements import SizeBand, SizeRequest
from miyun.transport.peer import Peer
from miyun.zone.core import Change, Core
from miyun.zone.operations.admission import Question, admit
from miyun.zone.operations.counting import count_sensitivity, owners_of, rankings
from miyun.zone.operations.evaluation import generations_of
from miyun.zone.operations.releases import SIZE, charge_owners, lease_book
from miyun.zone.operations.selections import held_selection
from miyun.zone.store import budget as store
from miyun.zone.store.budget import SizeRelease
from miyun.zone.store.segments import StoredSegment, Version, find_version


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What a version is made from: the rows of an epoch after a delta, and data of these generations."""

    epoch: int
    sequence: int
    generations: str


def ask_size(core: Core, peer: Peer, request: SizeRequest, signature: bytes) -> tuple[SizeBand, bytes]:
    """The band of a segment's version (0: the newest).

    Raises:
        NotPermittedError: the contract grants it to nobody for whom the caller may ask.
        BudgetExceededError, WaitingError: no room in the contract's budget, or in an owner's leases.
        StateError: the version is erased, or padding may outnumber the rows that are counted.
    """
    with core.changing() as change:
        question = Question(
            contract=request.contract,
            segment=request.segment,
            peer=peer,
            at=change.at,
            signed=(request, signature),
        )
        contract, segment = admit(change.connection, question)
        version = request.version or segment.version
        evaluated = _version(change.connection, segment, version)
        release = store.find_size_release(change.connection, contract.id, _release_key(contract, segment, evaluated))
        if release is None:
            release = _release(core, change, contract, segment, evaluated)
        return _signed_band(core, contract, segment, version, release)


def released_size(
    core: Core, connection: Connection, contract: Contract, segment: StoredSegment, version: int
) -> tuple[SizeBand, bytes] | None:
    """The signed band of a version of which a size was told before, for nothing; else None."""
    evaluated = find_version(connection, contract.id, segment.job, version)
    if evaluated is None:
        return None
    release = store.find_size_release(connection, contract.id, _release_key(contract, segment, evaluated))
    return None if release is None else _signed_band(core, contract, segment, version, release)


def quote_size(core: Core, peer: Peer, contract_id: str, segment_name: str) -> SizeQuote:
    """What asking for a segment's newest size would be charged to each owner. Costs nothing."""
    question = Question(contract=contract_id, segment=segment_name, peer=peer, at=core.clock())
    with core.reading() as connection:
        contract, segment = admit(connection, question)
        evaluated = find_version(connection, contract_id, segment.job, segment.version)
        released = evaluated and store.find_size_release(
            connection, contract.id, _release_key(contract, segment, evaluated)
        )
        books = [lease_book(connection, contract, owner) for owner in owners_of(contract, segment.subjects)]
    return SizeQuote(
        rho_micro=contract.budget.size_rho_micro if released is None else 0,
        remaining_micro=min(book.remaining(question.at) for book in books),
    )


def _signed_band(
    core: Core, contract: Contract, segment: StoredSegment, version: int, release: SizeRelease
) -> tuple[SizeBand, bytes]:
    at_least, below = band(release.noised, contract.budget.suppress_below)
    answer = SizeBand(
        contract=contract.id,
        segment=segment.name,
        version=version,
        at_least=at_least,
        below=below,
        at=release.at,
    )
    return answer, core.signing_key.sign(answer)


def _version(connection: Connection, segment: StoredSegment, version: int) -> Version:
    evaluated = find_version(connection, segment.contract, segment.job, version)
    if evaluated is not None:
        return evaluated
    if version == segment.version:
        raise WaitingError(
            f"segment {segment.name} is being evaluated", hint="Wait until its job is done: miyun job list"
        )
    raise InputError(
        f"segment {segment.name} has no version {version}", hint=f"The newest version is {segment.version}."
    )


def told_size(
    connection: Connection, contract: Contract, universe: Universe, meaning: str, *, epoch: int, sequence: int
) -> SizeRelease | None:
    """The noised size that was told of any segment of this meaning, in this epoch after this delta, of today's data."""
    generations = generations_of(connection, contract, epoch, meaning, universe)
    key = _key(contract, universe, meaning, _Made(epoch=epoch, sequence=sequence, generations=generations))
    return store.find_size_release(connection, contract.id, key)


def may_see_size(contract: Contract, caller: str, subjects: frozenset[str]) -> bool:
    """Whether a party may know a size that was told before."""
    try:
        permit_size(contract, caller, subjects)
    except NotPermittedError:
        return False
    return True


def _release_key(contract: Contract, segment: StoredSegment, evaluated: Version) -> str:
    made = _Made(epoch=evaluated.epoch, sequence=evaluated.sequence, generations=evaluated.generations)
    return _key(contract, segment.universe, segment.meaning, made)


def _key(contract: Contract, universe: Universe, meaning: str, made: _Made) -> str:
    when = f"{made.epoch}.{made.sequence}.{made.generations}"
    asked = rfc8785.dumps([SIZE, contract.digest().hex(), universe, meaning, when])
    return hashlib.sha256(asked).hexdigest()


def _release(core: Core, change: Change, contract: Contract, segment: StoredSegment, evaluated: Version) -> SizeRelease:
    """Draw the noised size, in the transaction that charges for it."""
    epoch = evaluated.epoch
    selection = held_selection(change.connection, contract, segment.job, epoch)
    if not evaluated.held or selection is None:
        raise StateError(
            f"version {evaluated.number} of segment {segment.name} is erased, and its size was never asked for",
            hint="Ask for the newest version.",
        )
    rho_micro = contract.budget.size_rho_micro
    key = _release_key(contract, segment, evaluated)
    sensitivity = count_sensitivity(
        change.connection, contract, epoch, segment.universe, segment.subjects, ranked=rankings(segment)
    )
    owners = owners_of(contract, segment.subjects)
    charge_owners(core, change, contract, release=key, purpose=SIZE, rho_micro=rho_micro, owners=owners)
    (noised,) = discrete_gaussian([len(selection.numbers)], scale_for(rho_micro, sensitivity))
    release = SizeRelease(contract=contract.id, release=key, noised=noised, at=change.at)
    store.add_size_release(change.connection, release)
    return release
