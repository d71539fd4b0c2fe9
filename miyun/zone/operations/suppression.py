"""Opt-outs in an activation: both owners are asked for theirs, once per activation."""

from sqlalchemy import Connection

from miyun.contract.jobs import Job
from miyun.contract.model import Contract
from miyun.segments.statements import SUPPRESSION
from miyun.zone.core import Change
from miyun.zone.operations.access import party_names
from miyun.zone.operations.jobs import move_job
from miyun.zone.store import legs as store
from miyun.zone.store.activations import Activation, find_activation
from miyun.zone.store.fusions import row_handles
from miyun.zone.store.legs import StoredLeg

STEPS = 4
"""Of an activation: two owners' opt-outs, the sealing, the delivery."""


def ask_suppressions(change: Change, contract: Contract, activation: Activation) -> None:
    rows = row_handles(change.connection, contract.id, activation.epoch)
    for name in party_names(contract):
        store.ask_leg(
            change.connection,
            StoredLeg(
                contract=contract.id,
                job=activation.job,
                epoch=activation.epoch,
                party=name,
                generation=0,
                predicate=SUPPRESSION,
                first=0,
                handles=rows[name],
                received=False,
            ),
        )


def missing_suppressions(connection: Connection, contract: Contract, job: Job) -> tuple[str, ...]:
    """The owners whose opt-outs are not in yet."""
    activation = find_activation(connection, contract.id, job.id)
    if activation is None or activation.audience is not None:
        return ()
    legs = store.legs_of(connection, contract.id, job.id, activation.epoch)
    missing = {leg.party for leg in legs if not leg.received}
    return tuple(name for name in party_names(contract) if name in missing)


def follow_suppressions(change: Change, contract: Contract, job: Job) -> Job:
    """Carry over to the activation's job whose opt-outs are in."""
    missing = missing_suppressions(change.connection, contract, job)
    return move_job(change, job, waiting_for=missing, done=len(contract.parties) - len(missing), total=STEPS)
