"""Miyun's intersection-sum, both parties' machines in one process. Messages are sealed, signed and handed over.

What an agent does besides is left out: reading tables, storing what is sent, the zone in between.
"""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bench.workers.channel import Answer, Work, serve
from miyun.contract.draft import draft_contract
from miyun.contract.model import MATCHED, Contract, IdentifierTerms
from miyun.hazmat.scalars import SecretScalar
from miyun.kernels import kernels
from miyun.keys.identity import Identity
from miyun.keys.signing import SigningKey
from miyun.keys.unsealing import SealingKey
from miyun.paillier.fixed_base import FixedBase
from miyun.paillier.private import PrivateKey
from miyun.privacy import noise
from miyun.psi.intersection_sum.exchange import Await, AwaitOpening, Open, Send
from miyun.psi.intersection_sum.holder import Holder
from miyun.psi.intersection_sum.matcher import Matcher
from miyun.psi.intersection_sum.points import holder_points, matcher_points
from miyun.psi.intersection_sum.statements import IntersectionRequest, SummedColumn
from miyun.psi.intersection_sum.totals import ColumnValues

HOLDER, MATCHER, ZONE = "merchant", "platform", "zone"
PARTIES = (HOLDER, MATCHER)
CHARGE = 10_000
"""Millionths of ρ, for the totals and for the size each."""


class Keys:
    """Of everybody whom a contract names."""

    def __init__(self) -> None:
        self.signing = {name: SigningKey.generate() for name in (*PARTIES, ZONE)}
        self.sealing = {name: SealingKey.generate() for name in PARTIES}

    def contract(self, rows: int) -> Contract:
        """With grants of a sum and a size, and room for so many rows a side and some dummies."""
        return draft_contract(
            id="bench",
            zone=self._identity(ZONE, "zone"),
            merchant=self._identity(HOLDER, "party"),
            platform=self._identity(MATCHER, "party"),
            identifiers=(IdentifierTerms(type="phone", profile="e164-cn", evaluation_cap=2 * rows + 10_000),),
            expires=datetime.now(UTC).replace(microsecond=0) + timedelta(days=1),
            insights=(MATCHED,),
            consent_required=False,
            padding_bucket=1,
        )

    def _identity(self, name: str, role: str) -> Identity:
        party = role == "party"
        return Identity(
            name=name,
            role=role,
            kind=name if party else None,
            organisation=name.title(),
            signing_key=self.signing[name].verify_key.to_bytes(),
            sealing_key=self.sealing[name].public_key.to_bytes() if party else None,
        )


class Unclaimed:
    """No points were seen before; the machines themselves refuse repeats within a run."""

    def claim(self, points: bytes) -> None: ...


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``bits``; phones of ``matcher`` and ``holder``, ``numbers`` of the latter, at most ``largest``."""
    keys, reader = Keys(), PrivateKey.generate(task["bits"])
    contract = keys.contract(len(task["holder"]))
    matcher_values, holder_values = ([phone.encode() for phone in task[side]] for side in ("matcher", "holder"))
    numbers = ColumnValues(values=np.array(task["numbers"], np.int64), known=np.ones(len(task["numbers"]), np.bool_))
    noise.warm()

    def work(_: Answer) -> Answer:
        begun = time.monotonic()
        request = _request(contract, task["largest"])
        scalars = {name: SecretScalar.random() for name in PARTIES}
        own = holder_points(request, holder_values, scalars[HOLDER])
        holder = Holder(
            contract,
            request,
            own,
            scalars[HOLDER],
            keys.sealing[HOLDER],
            subjects=frozenset(),
            numbers=[numbers],
            reader=reader,
            randomness=FixedBase(reader.public_key),
        )
        matcher = Matcher(
            contract,
            request,
            matcher_points(request, matcher_values, scalars[MATCHER]),
            scalars[MATCHER],
            keys.sealing[MATCHER],
            subjects=frozenset(),
        )
        _play(keys, {HOLDER: holder, MATCHER: matcher})
        (total,), size = holder.totals(), matcher.size()
        return {
            "figures": {"seconds": time.monotonic() - begun},
            "matched": [size.size, size.scale],
            "total": [total.total, total.total_scale],
            "known": [total.known, total.known_scale],
        }

    return {"version": kernels().words}, work


def _request(contract: Contract, largest: int) -> IntersectionRequest:
    return IntersectionRequest(
        contract=contract.id,
        contract_digest=contract.digest(),
        job="job-1",
        requester=HOLDER,
        holder=HOLDER,
        type="phone",
        holder_rows="",
        matcher_rows="",
        columns=(SummedColumn(name="members.spend", low=0, high=largest, step="1"),),
        totals_rho_micro=CHARGE,
        size_rho_micro=CHARGE,
        exact_for=(),
        at=datetime.now(UTC).replace(microsecond=0),
    )


def _play(keys: Keys, machines: dict[str, Holder | Matcher]) -> None:
    """Hand messages over until nothing is due any more."""
    openings: dict[str, tuple[Any, bytes]] = {}
    letters: dict[tuple[Any, int], tuple[Any, bytes, bytes]] = {}
    moved = True
    while moved:
        moved = any(_step(keys, name, machine, openings, letters) for name, machine in machines.items())


def _step(
    keys: Keys,
    name: str,
    machine: Holder | Matcher,
    openings: dict[str, tuple[Any, bytes]],
    letters: dict[tuple[Any, int], tuple[Any, bytes, bytes]],
) -> bool:
    """Do what is due, if it can be done."""
    match machine.exchange.next_action():
        case Open(opening):
            openings[name] = opening, keys.signing[name].sign(opening)
            machine.exchange.on_opened()
        case AwaitOpening(party) if party in openings:
            machine.on_opening(*openings[party])
        case Send(step, index):
            chunk, sealed = machine.message(step, index)
            letters[step, index] = chunk, keys.signing[name].sign(chunk), sealed
            machine.exchange.on_sent(step, index)
        case Await(step, index) if (step, index) in letters:
            machine.take(*letters.pop((step, index)), Unclaimed())
        case _:
            return False
    return True


serve(prepare)
