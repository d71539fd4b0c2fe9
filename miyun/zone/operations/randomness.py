"""Which randomness the zone makes in advance: for the newest key of each reader, and for questions that are open."""

from datetime import timedelta
from typing import Final

from sqlalchemy import Connection

from miyun.aggregates.chunks import CHUNK_HANDLES
from miyun.aggregates.job import permit_circuit
from miyun.aggregates.statements import Circuit, InsightRequest, ReaderKey
from miyun.contract.jobs import Job, JobKind
from miyun.contract.lifecycle import ContractState
from miyun.contract.model import Contract
from miyun.errors import NotPermittedError
from miyun.paillier.public import PublicKey
from miyun.zone.core import Core
from miyun.zone.pools import ShortOrUniform, Wanted
from miyun.zone.store import insights as store
from miyun.zone.store.contracts import unclosed_contracts
from miyun.zone.store.fusions import joined_fusion, row_handles
from miyun.zone.store.jobs import open_jobs, signed_request

LIVELY: Final = timedelta(minutes=2)
"""A question that has moved within this time is being answered."""


def wanted_pools(core: Core) -> tuple[Wanted, ...]:
    """Pools to keep. While questions are being answered, randomness for them alone is made; else for the next ones."""
    due: list[Wanted] = []
    ahead: list[Wanted] = []
    lively = False
    now = core.clock()
    with core.reading() as connection:
        for signed in unclosed_contracts(connection, store.contracts_with_keys(connection)):
            if signed.state(now) is not ContractState.ACTIVE:
                continue
            contract = signed.contract
            for job in open_jobs(connection, [contract.id], JobKind.INSIGHT):
                due += _due(connection, contract, job)
                lively = lively or now - job.updated < LIVELY
            ahead += _ahead(connection, contract)
    if lively:
        ahead = [Wanted(of=item.of, values=0) for item in ahead]
    return _merged((*due, *ahead))


def _due(connection: Connection, contract: Contract, job: Job) -> list[Wanted]:
    """For the rows of a question that are not encrypted yet."""
    request = InsightRequest.from_canonical(signed_request(connection, contract.id, job.id).request)
    insight = store.find_insight(connection, contract.id, job.id)
    key = store.find_key(connection, contract.id, request.requester, request.key_digest)
    if request.circuit is not Circuit.SELECTION or insight is None or key is None:
        return []
    return [Wanted(of=_of(key.statement), values=max(insight.handles - job.done * CHUNK_HANDLES, 0))]


def _ahead(connection: Connection, contract: Contract) -> list[Wanted]:
    """For one question of each party that may ask, about all rows of the newest epoch."""
    fusion = joined_fusion(connection, contract.id)
    wanted = []
    for party in contract.parties:
        newest = store.newest_key(connection, contract.id, party.name)
        if newest is None or not _may_ask(contract, party.name):
            continue
        values = 0
        if fusion is not None:
            owner = contract.counterparty(party.name).name
            values = row_handles(connection, contract.id, fusion.epoch)[owner]
        wanted.append(Wanted(of=_of(newest.statement), values=values))
    return wanted


def _may_ask(contract: Contract, party: str) -> bool:
    try:
        permit_circuit(contract, Circuit.SELECTION, party)
    except NotPermittedError:
        return False
    return True


def _of(key: ReaderKey) -> ShortOrUniform:
    return ShortOrUniform(PublicKey(key.modulus), key.short_exponents)


def _merged(wanted: tuple[Wanted, ...]) -> tuple[Wanted, ...]:
    most: dict[ShortOrUniform, int] = {}
    for item in wanted:
        most[item.of] = max(most.get(item.of, 0), item.values)
    return tuple(Wanted(of=of, values=values) for of, values in most.items())
