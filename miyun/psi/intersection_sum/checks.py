"""What both parties check of an intersection-sum's statements, alike."""

import re

from miyun.contract.model import Contract, IdentifierTerms
from miyun.contract.permissions import permit_intersection
from miyun.errors import CapExceededError, ContractError, MalformedError, ReplayError
from miyun.psi.intersection_sum.dummies import DummyPool
from miyun.psi.intersection_sum.statements import TOTALS_PER_COLUMN, IntersectionOpening, IntersectionRequest

LARGEST_NUMBER = 1 << 40
"""The largest bound of a column, in steps: its noise stays far inside 64 bits."""

_STEP = re.compile(r"(?=.*[1-9])(0|[1-9][0-9]{0,11})(\.[0-9]{0,11}[1-9])?").fullmatch
_ASK = "Ask the other side which version of Miyun it runs, and look into the audit log."
_AGAIN = "Request it again with other terms."


def check_request(contract: Contract, request: IntersectionRequest, *, subjects: frozenset[str]) -> None:
    """Refuse a request under other terms, or one that can't be computed.

    ``subjects`` are the columns by which the parties' rows are cut.

    Raises:
        ContractError: another contract or another text of it, no party or type of it, impossible columns or charges.
        NotPermittedError: a grant is missing.
    """
    if request.contract != contract.id or request.contract_digest != contract.digest():
        raise ContractError(
            "the intersection was requested under another contract",
            hint="Sign and activate the contract on both sides.",
        )
    names = {party.name for party in contract.parties}
    if not {request.requester, request.holder} <= names:
        raise ContractError(
            "the intersection was requested by or of somebody who is no party of the contract",
            hint="Request it as one of the two parties.",
            clause="parties",
        )
    if request.type not in {terms.type for terms in contract.identifiers}:
        raise ContractError(
            "the contract has no such identifier type",
            hint="Choose one of: " + ", ".join(terms.type for terms in contract.identifiers) + ".",
            clause="identifiers",
        )
    permit_intersection(
        contract,
        holder=request.holder,
        sums=bool(request.columns),
        exact_for=request.exact_for,
        subjects=subjects,
    )
    _check_columns(request)
    _check_charges(contract, request)


def check_opening(contract: Contract, request: IntersectionRequest, opening: IntersectionOpening) -> None:
    """Refuse numbers that do not fit the contract.

    Raises:
        ReplayError: of another request.
        MalformedError: no party, a number of rows that is not padded or lacks the dummies, a key too many or missing.
        CapExceededError: more rows than the contract ever lets the counterparty evaluate.
    """
    if (opening.contract, opening.job, opening.request_digest) != (request.contract, request.job, request.digest()):
        raise ReplayError("an opening that belongs to another intersection", hint=_ASK)
    if opening.party not in {party.name for party in contract.parties}:
        raise MalformedError("an opening of somebody who is no party", hint=_ASK)
    encrypts = opening.party == request.holder and bool(request.columns)
    if encrypts != bool(opening.modulus) or encrypts != bool(opening.proof):
        raise MalformedError("an opening with a key where none belongs, or without one", hint=_ASK)
    pool = DummyPool.of(request.size_rho_micro).size
    if opening.rows < pool or (opening.rows - pool) % contract.padding_bucket:
        raise MalformedError("the opening's rows are not padded", hint=_ASK, clause="padding_bucket")
    position, terms = _identifier(contract, request.type)
    if opening.rows > terms.evaluation_cap:
        raise CapExceededError(
            f"{opening.party} brings {opening.rows:,} {request.type} points, {pool:,} dummies among them, "
            f"but the contract caps them at {terms.evaluation_cap:,}",
            hint="Bring fewer rows, or agree on a new contract with a higher cap.",
            clause=f"identifiers[{position}].evaluation_cap",
        )


def _check_columns(request: IntersectionRequest) -> None:
    if not request.columns and request.holder in request.exact_for:
        raise ContractError("without columns the holder learns nothing, and no exact size either", hint=_AGAIN)
    if len({column.name for column in request.columns}) != len(request.columns):
        raise ContractError("a column is to be summed twice", hint=_AGAIN)
    for column in request.columns:
        bound = max(abs(column.low), abs(column.high))
        if column.low >= column.high or bound > LARGEST_NUMBER or not _STEP(column.step):
            raise ContractError(
                f"the range of {column.name} can't be summed",
                hint=f"Declare a lower end, an upper one, within {LARGEST_NUMBER:,} steps, and a decimal step.",
            )


def _check_charges(contract: Contract, request: IntersectionRequest) -> None:
    """Noise where there is something to noise, and nowhere else."""
    least = TOTALS_PER_COLUMN * len(request.columns)
    matcher = contract.counterparty(request.holder).name
    if not (request.totals_rho_micro >= least if least else request.totals_rho_micro == 0):
        raise ContractError("the charge for the totals does not fit the columns", hint=_AGAIN)
    if (request.size_rho_micro <= 0) != (matcher in request.exact_for) or request.size_rho_micro < 0:
        raise ContractError("the charge for the size does not fit whether it is exact", hint=_AGAIN)


def _identifier(contract: Contract, type_: str) -> tuple[int, IdentifierTerms]:
    terms = contract.identifier(type_)
    return contract.identifiers.index(terms), terms
