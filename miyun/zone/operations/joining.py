"""From tokens to a match: the join, its noisy report, and the turn of the epoch. The worker runs this."""

import hashlib
import math
from collections.abc import Iterable

import rfc8785
from sqlalchemy import Connection

from miyun.audit.events import Event, Fact
from miyun.contract.model import Contract
from miyun.errors import BudgetExceededError, MalformedError, WaitingError
from miyun.privacy.noise import discrete_gaussian, scale_for
from miyun.privacy.sensitivity import match_report_l2
from miyun.psi.join import Matches
from miyun.psi.join_chunks import ChunkedColumn, join_chunks
from miyun.psi.statements import FusionReport, TypeMatches
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import active_contract, party_names
from miyun.zone.operations.evaluation import evaluate_anew
from miyun.zone.operations.history import record
from miyun.zone.operations.jobs import fail_job, finish_job, move_job, require_job
from miyun.zone.operations.match_index import lay_out
from miyun.zone.operations.releases import MATCH_REPORT, charge_owners, owners_without_room
from miyun.zone.operations.retention import erase_epoch, fail_fusion
from miyun.zone.store import fusions as store
from miyun.zone.store.bulk import erase_values, matches_by_type, put_pairs, token_chunks
from miyun.zone.store.fusions import Fusion, FusionState, Lane


def join_fusion(core: Core, contract: Contract, fusion: Fusion) -> None:
    """Join a fusion whose tokens are all in, erase the epochs before it, and begin to evaluate live segments anew."""
    try:
        with core.reading() as connection:
            matches = join_chunks(_columns(connection, contract, fusion.job), core.join_room)
        with core.changing() as change:
            active_contract(change, contract.id, contract.parties[0].name)
            held = store.find_fusion(change.connection, contract.id, fusion.epoch)
            if held is None or held.state is not FusionState.JOINING:
                return
            _keep(core, change, contract, fusion, matches)
    except MalformedError as error:
        with core.changing() as change:
            change.news_for.update(party_names(contract))
            fail_fusion(change, contract.id, fusion)
            job = require_job(change.connection, contract.id, fusion.job)
            fail_job(change, job, code=error.code, reason=error.message)


def report_fusion(core: Core, contract: Contract, fusion: Fusion) -> bool:
    """Release the match report of a joined fusion, if the owners' leases hold it. False where they don't yet."""
    with core.changing() as change:
        active_contract(change, contract.id, contract.parties[0].name)
        job = require_job(change.connection, contract.id, fusion.job)
        try:
            report = _release(core, change, contract, fusion)
        except WaitingError:
            waiting = owners_without_room(change, contract, contract.budget.match_report_rho_micro)
            if job.waiting_for != waiting:
                move_job(change, job, waiting_for=waiting, blocked=False)
            return False
        except BudgetExceededError as error:
            store.set_state(change.connection, fusion, FusionState.REPORTED)
            fail_job(change, job, code=error.code, reason=f"the rows are matched, without a report: {error.message}")
            return True
        store.put_report(change.connection, fusion, report, core.signing_key.sign(report))
        finish_job(change, job)
        return True


def _keep(core: Core, change: Change, contract: Contract, fusion: Fusion, matches: Iterable[Matches]) -> None:
    before = store.joined_fusion(change.connection, contract.id)
    if before is not None:
        erase_epoch(core, change, contract.id, before)
    put_pairs(change.connection, contract.id, fusion.epoch, matches)
    if contract.delta_bucket:
        lay_out(change.connection, contract, fusion, core.join_room.folder)
    erase_values(change.connection, contract.id, fusion.job)
    store.set_joined(change.connection, fusion, change.at)
    record(
        change,
        contract.id,
        Event.FUSION_JOINED,
        core.name,
        {Fact.JOB: fusion.job, Fact.EPOCH: fusion.epoch},
    )
    evaluate_anew(change, contract, fusion.epoch)
    change.work_for.add(contract.id)


def _columns(connection: Connection, contract: Contract, job: str) -> tuple[tuple[ChunkedColumn, ChunkedColumn], ...]:
    """Both sides' tokens of each identifier type."""
    announced = store.list_announcements(connection, contract.id, job)
    left, right = (
        tuple(
            _column(connection, Lane(contract=contract.id, job=job, type=count.type, sender=name), count.points)
            for count in announced[name][0].counts
        )
        for name in party_names(contract)
    )
    return tuple(zip(left, right, strict=True))


def _column(connection: Connection, lane: Lane, rows: int) -> ChunkedColumn:
    return ChunkedColumn(rows=rows, chunks=token_chunks(connection, lane))


def _release(core: Core, change: Change, contract: Contract, fusion: Fusion) -> FusionReport:
    types = [terms.type for terms in contract.identifiers]
    rho_micro = contract.budget.match_report_rho_micro
    asked = rfc8785.dumps([MATCH_REPORT, contract.digest().hex(), fusion.epoch])
    charge_owners(
        core,
        change,
        contract,
        release=hashlib.sha256(asked).hexdigest(),
        purpose=MATCH_REPORT,
        rho_micro=rho_micro,
        owners=party_names(contract),
    )
    scale = scale_for(rho_micro, match_report_l2(len(types)))
    exact = matches_by_type(change.connection, contract.id, fusion.epoch, len(types))
    return FusionReport(
        contract=contract.id,
        job=fusion.job,
        epoch=fusion.epoch,
        matches=tuple(
            TypeMatches(type=type_, matched=noised)
            for type_, noised in zip(types, discrete_gaussian(exact, scale), strict=True)
        ),
        noise_scale_milli=math.ceil(scale * 1000),
        at=change.at,
    )
