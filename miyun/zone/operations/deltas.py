"""A delta's end: what one party changed is bound, the match is made anew where it reaches, segments are renewed.

All of it is one transaction. A delta that can't be bound fails, and leaves the epoch as it was.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap
from sqlalchemy import Connection

from miyun.audit.events import Event, Fact
from miyun.contract.model import Contract
from miyun.errors import InternalError, MalformedError
from miyun.psi.chunks import read_rebinds
from miyun.psi.join import Matches
from miyun.psi.rematch import NONE, Gained, Numbers, Rematch, rematch
from miyun.psi.statements import FuseRequest
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import active_contract, party_names
from miyun.zone.operations.evaluation import NewHandles, evaluate_delta
from miyun.zone.operations.generations import begin_generation
from miyun.zone.operations.history import record
from miyun.zone.operations.jobs import fail_job, finish_job, require_job
from miyun.zone.operations.match_index import IndexSide, open_index
from miyun.zone.operations.retention import fail_fusion, fail_unfinished
from miyun.zone.store import fusions as store
from miyun.zone.store.bulk import (
    PAIRS,
    count_pairs,
    erase_values,
    get_live,
    put_live,
    put_pairs,
    rows_of,
    token_chunks,
)
from miyun.zone.store.fusions import Fusion, FusionState, Lane
from miyun.zone.store.jobs import signed_request
from miyun.zone.store.pages import DTYPES, Part, blank


@dataclass(frozen=True, slots=True, kw_only=True)
class _Delta:
    """What is known before: how many handles and points of each type the requester had."""

    request: FuseRequest
    side: int
    first_handle: int
    handles: int
    first_points: tuple[int, ...]


def apply_delta(core: Core, contract: Contract, delta: Fusion) -> None:
    """Bind what a delta brought, of which everything is in; begin to evaluate live segments anew."""
    try:
        with core.changing() as change:
            active_contract(change, contract.id, contract.parties[0].name)
            held = store.find_fusion(change.connection, contract.id, delta.epoch, delta.sequence)
            if held is None or held.state is not FusionState.JOINING:
                return
            _apply(core, change, contract, delta)
    except MalformedError as error:
        with core.changing() as change:
            change.news_for.update(party_names(contract))
            fail_fusion(change, contract.id, delta)
            job = require_job(change.connection, contract.id, delta.job)
            fail_job(change, job, code=error.code, reason=error.message)


def _apply(core: Core, change: Change, contract: Contract, delta: Fusion) -> None:
    connection = change.connection
    began = store.find_fusion(connection, contract.id, delta.epoch)
    if began is None:
        raise InternalError("a delta of an epoch that never began")
    known = _known(connection, contract, delta)
    pages, sides = open_index(connection, contract, began)
    pages.at_hand()
    changed = _bind(connection, contract, delta, known, sides[known.side])
    touched: list[Iterable[int]] = [(), ()]
    touched[known.side] = changed.tolist()
    result = rematch(len(contract.identifiers), *sides, (touched[0], touched[1]))
    _keep_pairs(connection, contract, delta.epoch, sides, result)
    _keep_rows(connection, contract, delta.epoch, sides[known.side], changed)
    pages.flush()
    erase_values(connection, contract.id, delta.job)
    fail_unfinished(change, contract.id, delta.epoch, "rows were changed")
    store.set_applied(connection, delta, change.at)
    facts: dict[Fact, str | int] = {Fact.JOB: delta.job, Fact.EPOCH: delta.epoch, Fact.SEQUENCE: delta.sequence}
    record(change, contract.id, Event.DELTA_APPLIED, core.name, facts)
    finish_job(change, require_job(connection, contract.id, delta.job))
    request = known.request
    renewed = begin_generation(change, request)
    grown = NewHandles(party=request.requester, first=known.first_handle, handles=known.handles, renewed=renewed)
    evaluate_delta(change, contract, delta.epoch, grown)
    change.news_for.update(party_names(contract))
    change.work_for.add(contract.id)


def _known(connection: Connection, contract: Contract, delta: Fusion) -> _Delta:
    request = FuseRequest.from_canonical(signed_request(connection, contract.id, delta.job).request)
    before = [
        announced
        for announced in store.announced(connection, contract.id, delta.epoch)
        if announced.party == request.requester
    ]
    first_handle = sum(announced.handles for announced in before)
    added = store.list_announcements(connection, contract.id, delta.job)[request.requester][0].handles
    if first_handle + added >= NONE:
        raise MalformedError("more row handles than there can be in an epoch")
    return _Delta(
        request=request,
        side=party_names(contract).index(request.requester),
        first_handle=first_handle,
        handles=first_handle + added,
        first_points=tuple(
            sum(announced.counts[place].points for announced in before) for place in range(len(contract.identifiers))
        ),
    )


def _bind(connection: Connection, contract: Contract, delta: Fusion, known: _Delta, side: IndexSide) -> Numbers:
    """Take in new points and rebinds; gives the handles of which a binding changed."""
    found = store.find_rebinds(connection, contract.id, delta.job)
    if found is None:
        raise InternalError("a delta is complete without its rebinds")
    changed: list[Numbers] = []
    for type_index, (positions, handles) in enumerate(read_rebinds(*found)):
        if np.any(positions >= known.first_points[type_index]):
            raise MalformedError("a rebind of a point that was never sent")
        if np.any((handles >= known.handles) & (handles != NONE)):
            raise MalformedError("a rebind to a row handle that was not announced")
        before = side.points(type_index, positions)["handle"].astype(np.uint32)
        freed = before[before != NONE]
        side.unbind(type_index, freed)
        side.bind(type_index, positions, handles)
        type_ = contract.identifiers[type_index].type
        lane = Lane(contract=contract.id, job=delta.job, type=type_, sender=known.request.requester)
        chunks = list(token_chunks(connection, lane))
        tokens = b"".join(chunk.tokens for chunk in chunks)
        added = np.concatenate([chunk.handles for chunk in chunks])
        if np.unique(added).size < added.size:
            raise MalformedError("two points of one identifier type at one row handle")
        side.bind(type_index, side.append(type_index, known.first_points[type_index], tokens), added)
        changed += [freed, handles[handles != NONE], added]
    return np.unique(np.concatenate(changed))


def _keep_pairs(
    connection: Connection, contract: Contract, epoch: int, sides: Sequence[IndexSide], result: Rematch
) -> None:
    """Take out the pairs that are lost, and append those that are gained."""
    count = count_pairs(connection, contract.id, epoch)
    live = get_live(connection, contract.id, epoch, PAIRS)
    live = BitMap(range(count)) if live is None else live
    lost = [np.array([pair[place] for pair in result.lost], np.uint32) for place in range(2)]
    live -= BitMap(sides[0].matched(lost[0])["pair"].tolist())
    for side, handles in zip(sides, lost, strict=True):
        side.match(handles, blank(Part.MATES, handles.size))
    if result.gained:
        put_pairs(connection, contract.id, epoch, [_matches(result.gained)])
    _match_gained(sides, result.gained, count)
    live |= BitMap(range(count, count + len(result.gained)))
    put_live(connection, contract.id, epoch, PAIRS, live)


def _matches(gained: Sequence[Gained]) -> Matches:
    return Matches(
        left=np.array([pair.left for pair in gained], np.uint32),
        right=np.array([pair.right for pair in gained], np.uint32),
        type_index=np.array([pair.type_index for pair in gained], np.uint8),
    )


def _match_gained(sides: Sequence[IndexSide], gained: Sequence[Gained], first: int) -> None:
    matches = _matches(gained)
    numbers = np.arange(first, first + len(gained), dtype=np.uint32)
    for side, own, mate in zip(sides, (matches.left, matches.right), (matches.right, matches.left), strict=True):
        rows = np.zeros(len(gained), DTYPES[Part.MATES])
        rows["pair"], rows["mate"], rows["type"] = numbers, mate, matches.type_index
        side.match(own, rows)


def _keep_rows(connection: Connection, contract: Contract, epoch: int, side: IndexSide, changed: Numbers) -> None:
    """A row is there as long as a point is bound to it."""
    live = get_live(connection, contract.id, epoch, rows_of(side.place))
    if live is None:
        handles = store.row_handles(connection, contract.id, epoch)
        live = BitMap(range(handles[party_names(contract)[side.place]]))
    bound = np.zeros(changed.size, np.bool_)
    for type_index in range(len(contract.identifiers)):
        bound |= side.positions(type_index, changed) != NONE
    live -= BitMap(changed[~bound].tolist())
    live |= BitMap(changed[bound].tolist())
    put_live(connection, contract.id, epoch, rows_of(side.place), live)
