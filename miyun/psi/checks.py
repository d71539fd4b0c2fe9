"""What the zone and the parties check of a fusion's statements, alike."""

from miyun.chunking import chunk_count, chunk_points
from miyun.contract.model import MOST_DELTA_ROWS, Contract
from miyun.errors import CapExceededError, ContractError, MalformedError, ReplayError, SignatureError
from miyun.keys.signing import VerifyKey
from miyun.psi.statements import (
    Announcement,
    FuseRequest,
    FusionReport,
    HandlesChunk,
    PointsChunk,
    Rebinds,
    TokensChunk,
)
from miyun.records import Statement

_ASK = "Ask the other side which version of Miyun it runs, and look into the audit log."


class PinnedKeys:
    """The signing keys that a contract pins, by name."""

    def __init__(self, contract: Contract) -> None:
        self._parties = {party.name: VerifyKey(party.signing_key) for party in contract.parties}
        self._zone = VerifyKey(contract.zone.signing_key)

    def verify_party(self, name: str, statement: Statement, signature: bytes) -> None:
        """Return if the party called ``name`` signed the statement.

        Raises:
            SignatureError: it did not, or the contract has no such party.
        """
        if name not in self._parties:
            raise SignatureError(
                f"this {statement.KIND} speaks for a party that the contract does not name",
                hint="Check the names in the contract.",
                clause="parties",
            )
        self._parties[name].verify(statement, signature)

    def verify_zone(self, statement: Statement, signature: bytes) -> None:
        """Return if the zone signed the statement; SignatureError if it did not."""
        self._zone.verify(statement, signature)


def check_request(contract: Contract, request: FuseRequest) -> None:
    """Refuse a request that was made under other terms.

    Raises:
        ContractError: another contract or another text of it, no party of it, or no possible epoch.
    """
    if request.contract != contract.id or request.contract_digest != contract.digest():
        raise ContractError(
            "the fusion was requested under another contract", hint="Sign and activate the contract on both sides."
        )
    if request.requester not in {party.name for party in contract.parties}:
        raise ContractError(
            "the fusion was requested by somebody who is no party of the contract",
            hint="Request the fusion as one of the two parties.",
            clause="parties",
        )
    if request.epoch < 1 or request.sequence < 0:
        raise ContractError("epochs count from 1, and deltas too", hint="Request the fusion again.")
    if request.generation < 0 or (request.generation and not request.sequence):
        raise ContractError("an epoch begins with the data that there is", hint="Request the fusion again.")
    if request.sequence and not contract.delta_bucket:
        raise ContractError(
            "the contract has no deltas: an epoch stays as it is",
            hint="Fuse anew, or agree on a contract with a delta_bucket.",
            clause="delta_bucket",
        )


def check_announcement(contract: Contract, request: FuseRequest, announcement: Announcement) -> None:
    """Refuse counts that do not fit the contract or each other.

    Raises:
        ReplayError: of another fusion.
        MalformedError: counts that contradict the contract's types, its padding or each other.
        CapExceededError: more points of a type than the contract ever lets the counterparty evaluate.
    """
    _check_fusion(request, announcement)
    if tuple(count.type for count in announcement.counts) != tuple(terms.type for terms in contract.identifiers):
        raise MalformedError(
            "the announcement does not list the contract's identifier types in their order",
            hint=_ASK,
            clause="identifiers",
        )
    for position, (count, terms) in enumerate(zip(announcement.counts, contract.identifiers, strict=True)):
        possible = MOST_DELTA_ROWS if request.sequence else announcement.handles
        if not 0 <= count.points <= possible or count.chunks != chunk_count(count.points):
            raise MalformedError(f"the announced counts of {count.type} contradict each other", hint=_ASK)
        if count.points > terms.evaluation_cap:
            raise CapExceededError(
                f"{announcement.party} announces {count.points:,} {count.type} points, "
                f"but the contract caps them at {terms.evaluation_cap:,}",
                hint="Send fewer rows, or agree on a new contract with a higher cap.",
                clause=f"identifiers[{position}].evaluation_cap",
            )
    counts = [count.points for count in announcement.counts]
    if request.sequence:
        _check_delta(contract, request, announcement)
        return
    if announcement.handles > sum(counts):
        raise MalformedError("the announcement has row handles that no point belongs to", hint=_ASK)
    if any(count % contract.padding_bucket for count in (announcement.handles, *counts)):
        raise MalformedError("the announced counts are not padded", hint=_ASK, clause="padding_bucket")


def _check_delta(contract: Contract, request: FuseRequest, announcement: Announcement) -> None:
    """The requester's numbers are padded, and never nothing; the other party changes nothing."""
    numbers = [announcement.handles, *(count.points for count in announcement.counts)]
    if announcement.party != request.requester:
        if any(numbers):
            raise MalformedError("rows of a party that did not ask for this delta", hint=_ASK)
        return
    if announcement.handles > MOST_DELTA_ROWS:
        raise MalformedError("a delta with more rows than a delta can have", hint=_ASK)
    if any(number <= 0 or number % contract.delta_bucket for number in numbers):
        raise MalformedError("the announced counts are not padded", hint=_ASK, clause="delta_bucket")


def check_rebinds(contract: Contract, request: FuseRequest, rebinds: Rebinds) -> None:
    """Refuse rebinds of another delta, or numbers of them that are not padded: ReplayError, MalformedError."""
    _check_fusion(request, rebinds)
    if not request.sequence or rebinds.party != request.requester:
        raise MalformedError("rebinds of a party that asked for no delta", hint=_ASK)
    if len(rebinds.counts) != len(contract.identifiers):
        raise MalformedError("rebinds that are not of the contract's identifier types", hint=_ASK)
    padded = all(not count % contract.delta_bucket for count in rebinds.counts)
    if not padded or any(not 0 < count <= MOST_DELTA_ROWS for count in rebinds.counts):
        raise MalformedError("the number of rebinds is not padded", hint=_ASK, clause="delta_bucket")


def check_place(
    request: FuseRequest, announcement: Announcement, chunk: PointsChunk | HandlesChunk | TokensChunk
) -> None:
    """Refuse a chunk that has no place in what its sender announced.

    Raises:
        ReplayError: of another fusion.
        MalformedError: an unknown type, a wrong total, a place outside, or a wrong number of points.
    """
    _check_fusion(request, chunk)
    for count in announcement.counts:
        if count.type == chunk.type:
            fits = chunk.chunks == count.chunks and 0 <= chunk.index < count.chunks
            if fits and chunk.count == chunk_points(count.points, chunk.index):
                return
    raise MalformedError(f"a {chunk.KIND} that does not fit what was announced", hint=_ASK)


def check_report(contract: Contract, request: FuseRequest, report: FusionReport) -> None:
    """Refuse a report about something else.

    Raises:
        ReplayError: of another fusion.
        MalformedError: other types than the contract's.
    """
    _check_fusion(request, report)
    if tuple(entry.type for entry in report.matches) != tuple(terms.type for terms in contract.identifiers):
        raise MalformedError("the match report does not list the contract's identifier types", hint=_ASK)


def _check_fusion(
    request: FuseRequest, statement: Announcement | Rebinds | PointsChunk | HandlesChunk | TokensChunk | FusionReport
) -> None:
    if (statement.contract, statement.job, statement.epoch) != (request.contract, request.job, request.epoch):
        raise ReplayError(f"a {statement.KIND} that belongs to another fusion", hint=_ASK)
