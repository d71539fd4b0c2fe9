"""Sizes: a noised count, drawn once per definition and epoch, charged to both owners, answered as a band for ever.

An analyst sees no difference between a contract or a segment that isn't there and one that it may not ask about.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import rfc8785
from sqlalchemy import Connection

from miyun.contract.lifecycle import verify_delegation
from miyun.contract.model import Contract
from miyun.contract.permissions import permit_size
from miyun.contract.statements import Delegation
from miyun.errors import InputError, MiyunError, NotPermittedError, StateError, WaitingError
from miyun.keys.home import Role
from miyun.keys.signing import VerifyKey
from miyun.privacy.bands import band
from miyun.privacy.noise import discrete_gaussian, scale_for
from miyun.privacy.sensitivity import size as size_sensitivity
from miyun.privacy.statements import SizeBand, SizeRequest
from miyun.transport.peer import Peer
from miyun.zone.bitmaps import read_bitmap
from miyun.zone.core import Change, Core
from miyun.zone.operations.access import active_contract, party_names, verify_party
from miyun.zone.operations.releases import SIZE, charge_owners, lease_book
from miyun.zone.operations.segments import require_live, require_segment
from miyun.zone.store import budget as store
from miyun.zone.store.budget import SizeRelease
from miyun.zone.store.bulk import count_pairs
from miyun.zone.store.contracts import delegations_to, find_contract
from miyun.zone.store.segments import StoredSegment, epoch_of_version, get_selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """In millionths of rho: what asking would be charged (0: released before), and what the leases still hold."""

    rho_micro: int
    remaining_micro: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proof:
    request: SizeRequest
    signature: bytes


def ask_size(core: Core, peer: Peer, request: SizeRequest, signature: bytes) -> tuple[SizeBand, bytes]:
    """The band of a segment's version (0: the newest).

    Raises:
        NotPermittedError: the contract grants it to nobody for whom the caller may ask.
        BudgetExceededError, WaitingError: no room in the contract's budget, or in an owner's leases.
    """
    with core.changing() as change:
        proof = _Proof(request=request, signature=signature)
        contract, segment = _admitted(change, peer, request.contract, request.segment, proof)
        version = request.version or segment.version
        epoch = _epoch(change.connection, segment, version)
        release = store.find_size_release(change.connection, contract.id, _release_key(contract, segment, epoch))
        if release is None:
            release = _release(core, change, contract, segment, epoch)
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


def quote_size(core: Core, peer: Peer, contract_id: str, segment_name: str) -> Quote:
    """What asking for a segment's newest size would be charged to each owner. Costs nothing."""
    with core.changing() as change:
        contract, segment = _admitted(change, peer, contract_id, segment_name, None)
        released = store.find_size_release(
            change.connection, contract.id, _release_key(contract, segment, segment.epoch)
        )
        remaining = min(
            lease_book(change.connection, contract, owner).remaining(change.at) for owner in party_names(contract)
        )
        return Quote(
            rho_micro=0 if released else contract.budget.size_rho_micro,
            remaining_micro=remaining,
        )


def _admitted(
    change: Change, peer: Peer, contract_id: str, segment_name: str, proof: _Proof | None
) -> tuple[Contract, StoredSegment]:
    """The contract and the live segment, where the caller may ask for its size."""
    if peer.role is Role.ANALYST:
        return _admitted_analyst(change, peer.name, contract_id, segment_name, proof)
    contract = active_contract(change, contract_id, peer.name)
    if proof is not None:
        verify_party(contract, peer.name, proof.request.asker, proof.request, proof.signature)
    segment = require_segment(change.connection, contract.id, segment_name)
    require_live(segment, change.at)
    permit_size(contract, peer.name, segment.subjects)
    return contract, segment


def _admitted_analyst(
    change: Change, analyst: str, contract_id: str, segment_name: str, proof: _Proof | None
) -> tuple[Contract, StoredSegment]:
    refusal = NotPermittedError(
        f"{analyst} may not ask for the size of this segment, or there is none",
        hint="Check the names of contract and segment; ask a party of the contract to delegate, with a grant of size.",
    )
    signed = find_contract(change.connection, contract_id)
    if signed is None:
        raise refusal
    contract = signed.contract
    try:
        signed.require_active(change.at)
        segment = require_segment(change.connection, contract.id, segment_name)
        require_live(segment, change.at)
    except MiyunError:
        raise refusal from None
    if not any(
        _delegated(contract, segment, signed_delegation, proof, change.at)
        for signed_delegation in delegations_to(change.connection, contract.id, analyst)
    ):
        raise refusal
    return contract, segment


def _delegated(
    contract: Contract,
    segment: StoredSegment,
    signed: tuple[Delegation, bytes],
    proof: _Proof | None,
    now: datetime,
) -> bool:
    """Whether a delegation is in force, its party may learn the size, and its analyst's key made the request."""
    delegation, signature = signed
    try:
        verify_delegation(contract, delegation, signature, now)
        permit_size(contract, delegation.party, segment.subjects)
        if proof is not None:
            VerifyKey(delegation.analyst_key).verify(proof.request, proof.signature)
    except MiyunError:
        return False
    return proof is None or proof.request.asker == delegation.analyst


def _epoch(connection: Connection, segment: StoredSegment, version: int) -> int:
    epoch = epoch_of_version(connection, segment.contract, segment.job, version)
    if epoch is not None:
        return epoch
    if version == segment.version:
        raise WaitingError(
            f"segment {segment.name} is being evaluated", hint="Wait until its job is done: miyun job list"
        )
    raise InputError(
        f"segment {segment.name} has no version {version}", hint=f"The newest version is {segment.version}."
    )


def _release_key(contract: Contract, segment: StoredSegment, epoch: int) -> str:
    asked = rfc8785.dumps([SIZE, contract.digest().hex(), segment.meaning, epoch])
    return hashlib.sha256(asked).hexdigest()


def _release(core: Core, change: Change, contract: Contract, segment: StoredSegment, epoch: int) -> SizeRelease:
    """Draw the noised size, in the transaction that charges for it."""
    selection = get_selection(change.connection, contract.id, segment.job, epoch)
    if selection is None:
        raise StateError(
            f"epoch {epoch} of segment {segment.name} is erased, and its size was never asked for",
            hint="Ask for the newest version.",
        )
    rho_micro = contract.budget.size_rho_micro
    key = _release_key(contract, segment, epoch)
    charge_owners(core, change, contract, release=key, purpose=SIZE, rho_micro=rho_micro)
    scale = scale_for(rho_micro, size_sensitivity(len(contract.identifiers)))
    exact = len(read_bitmap(selection, count_pairs(change.connection, contract.id, epoch)))
    (noised,) = discrete_gaussian([exact], scale)
    release = SizeRelease(contract=contract.id, release=key, noised=noised, at=change.at)
    store.add_size_release(change.connection, release)
    return release
