"""Generations of a party's data within an epoch: begun by its word, or by a delta; what derives from it is renewed."""

from miyun.audit.events import Event, Fact
from miyun.contract.jobs import JobKind
from miyun.contract.model import Contract
from miyun.contract.permissions import permit_leg_count
from miyun.errors import NotPermittedError, ReplayError, WaitingError
from miyun.psi.statements import FuseRequest
from miyun.segments.statements import SUPPRESSION, DataRefresh
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import active_contract, require_terms, verify_party
from miyun.zone.operations.evaluation import evaluate_refreshed, live_predicates
from miyun.zone.operations.history import SignedReceipt, receipt, record_statement
from miyun.zone.store import generations as store
from miyun.zone.store.fusions import joined_fusion
from miyun.zone.store.generations import Generation
from miyun.zone.store.jobs import open_jobs
from miyun.zone.store.legs import predicates_asked


def refresh_data(core: Core, caller: str, statement: DataRefresh, signature: bytes) -> SignedReceipt:
    """Begin a generation of a party's data, whose rows are the same: its predicates are asked anew.

    Raises:
        NotPermittedError: more predicates in this epoch than the contract allows, or it has no deltas.
        ReplayError: of another epoch, or not a newer generation.
        WaitingError: a fusion or a delta is under way.
    """
    with core.changing() as change:
        contract = active_contract(change, statement.contract, caller)
        verify_party(contract, caller, statement.party, statement, signature)
        require_terms(contract, statement.contract_digest, statement)
        generation = Generation(
            contract=contract.id,
            epoch=statement.epoch,
            party=statement.party,
            number=statement.generation,
            statement_digest=statement.digest(),
        )
        if not store.holds_generation(change.connection, generation):
            _require_next(change, contract, statement)
            store.add_generation(change.connection, generation)
            facts: dict[Fact, str | int] = {Fact.EPOCH: statement.epoch, Fact.GENERATION: statement.generation}
            record_statement(change, contract.id, Event.DATA_REFRESHED, caller, statement, facts=facts)
            evaluate_refreshed(change, contract, statement.epoch, statement.party)
            change.work_for.add(contract.id)
        return receipt(core, change, contract.id, "", statement)


def require_generation(change: Change, contract: Contract, request: FuseRequest) -> None:
    """Pass for a delta that leaves its requester's data as it is, or brings a newer generation that may be asked about.

    Raises:
        ReplayError: an older generation.
        NotPermittedError: that would be more predicates in this epoch than the contract allows.
    """
    current = store.current_generations(change.connection, contract.id, request.epoch).get(request.requester, 0)
    if request.sequence and request.generation < current:
        raise ReplayError("a delta of older data than there is", hint="Ask for the delta again.")
    if request.generation > current:
        _require_room(change, contract, request.epoch, request.requester)


def begin_generation(change: Change, request: FuseRequest) -> bool:
    """Note the generation that a delta brings; False where it leaves its requester's data as it is."""
    current = store.current_generations(change.connection, request.contract, request.epoch)
    if request.generation <= current.get(request.requester, 0):
        return False
    store.add_generation(
        change.connection,
        Generation(
            contract=request.contract,
            epoch=request.epoch,
            party=request.requester,
            number=request.generation,
            statement_digest=request.digest(),
        ),
    )
    return True


def _require_next(change: Change, contract: Contract, statement: DataRefresh) -> None:
    if not contract.delta_bucket:
        raise NotPermittedError(
            "the contract has no deltas: what was said in an epoch stays as it is",
            hint="Fuse anew, or agree on a contract with a delta_bucket.",
            clause="delta_bucket",
        )
    joined = joined_fusion(change.connection, contract.id)
    if joined is None or joined.epoch != statement.epoch:
        raise ReplayError("data of another epoch than the one that there is", hint="Refresh again.")
    for job in open_jobs(change.connection, [contract.id], JobKind.FUSE):
        raise WaitingError(f"fusion {job.id} of epoch {job.subject} is not finished", hint="Wait for it.")
    current = store.current_generations(change.connection, contract.id, statement.epoch)
    if statement.generation <= current.get(statement.party, 0):
        raise ReplayError("no newer generation of the data than there is", hint="Refresh again.")
    _require_room(change, contract, statement.epoch, statement.party)


def _require_room(change: Change, contract: Contract, epoch: int, party: str) -> None:
    """Hold the contract's limit of predicates: what live segments are made of is asked once more."""
    asked = predicates_asked(change.connection, contract.id, epoch, except_for=SUPPRESSION).get(party, set())
    permit_leg_count(contract, len(asked) + len(live_predicates(change, contract, epoch, party)))
