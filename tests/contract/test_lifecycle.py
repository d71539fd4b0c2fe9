from dataclasses import replace
from datetime import timedelta

import pytest

from miyun.contract.lifecycle import (
    ContractState,
    SignedContract,
    verify_contract_signature,
    verify_delegation,
    verify_revocation,
)
from miyun.contract.model import Contract
from miyun.contract.statements import Delegation, Revocation
from miyun.errors import ContractError, SignatureError

from .conftest import EXPIRES, NOW, STARTS, Signers


def revocation_of(contract: Contract, party: str = "shop") -> Revocation:
    return Revocation(contract=contract.id, contract_digest=contract.digest(), party=party, reason="moved on", at=NOW)


def delegation_of(contract: Contract, party: str = "shop") -> Delegation:
    return Delegation(
        contract=contract.id,
        contract_digest=contract.digest(),
        party=party,
        analyst="ann",
        analyst_key=b"k" * 32,
        expires=NOW + timedelta(days=1),
        at=NOW,
    )


def test_a_contract_goes_from_proposed_to_expired(drafted: Contract, signers: Signers) -> None:
    full = signers.sign(drafted)
    signed = replace(full, activated=False)
    by_one = SignedContract(contract=drafted, signatures={"shop": full.signatures["shop"]})

    assert SignedContract(contract=drafted).state(NOW) is ContractState.PROPOSED
    assert by_one.state(NOW) is ContractState.PROPOSED
    assert signed.state(NOW) is ContractState.SIGNED
    assert full.state(STARTS - timedelta(seconds=1)) is ContractState.SIGNED
    assert full.state(STARTS) is ContractState.ACTIVE
    assert full.state(EXPIRES - timedelta(seconds=1)) is ContractState.ACTIVE
    assert full.state(EXPIRES) is ContractState.EXPIRED
    assert replace(full, revocation=revocation_of(drafted)).state(NOW) is ContractState.REVOKED


def test_an_active_contract_passes(drafted: Contract, signers: Signers) -> None:
    signers.sign(drafted).require_active(NOW)


@pytest.mark.parametrize(("missing", "clause"), [("shop", "parties[0]"), ("feed", "parties[1]"), ("zone", "zone")])
def test_a_missing_signature_names_the_signer(drafted: Contract, signers: Signers, missing: str, clause: str) -> None:
    full = signers.sign(drafted)
    partial = replace(full, signatures={name: s for name, s in full.signatures.items() if name != missing})

    with pytest.raises(ContractError, match=missing) as caught:
        partial.require_active(NOW)

    assert caught.value.clause == clause


def test_what_is_out_of_force_names_the_clause(drafted: Contract, signers: Signers) -> None:
    full = signers.sign(drafted)
    refused = [
        (full, EXPIRES, "expires"),
        (full, STARTS - timedelta(seconds=1), "starts"),
        (replace(full, activated=False), NOW, "zone"),
        (replace(full, revocation=revocation_of(drafted, "feed")), NOW, "parties[1]"),
    ]

    for contract, now, clause in refused:
        with pytest.raises(ContractError) as caught:
            contract.require_active(now)
        assert caught.value.clause == clause
        assert caught.value.hint


def test_only_the_pinned_key_signs(drafted: Contract, signers: Signers) -> None:
    full = signers.sign(drafted)
    posing = replace(full, signatures={**full.signatures, "shop": signers.zone.sign(drafted)})

    with pytest.raises(SignatureError):
        posing.require_active(NOW)


def test_a_signature_is_of_one_text_only(drafted: Contract, signers: Signers) -> None:
    full = signers.sign(drafted)
    changed = replace(full, contract=replace(drafted, retention_days=3_000))

    with pytest.raises(SignatureError):
        changed.verify()


def test_a_stranger_signs_nothing(drafted: Contract, signers: Signers) -> None:
    with pytest.raises(ContractError) as caught:
        verify_contract_signature(drafted, "mallory", signers.shop.sign(drafted))

    assert caught.value.clause == "parties"


def test_either_party_revokes_and_nobody_else(drafted: Contract, signers: Signers) -> None:
    revocation = revocation_of(drafted)
    by_zone = revocation_of(drafted, "zone")

    verify_revocation(drafted, revocation, signers.shop.sign(revocation))
    with pytest.raises(SignatureError):
        verify_revocation(drafted, revocation, signers.zone.sign(revocation))
    with pytest.raises(ContractError):
        verify_revocation(drafted, by_zone, signers.zone.sign(by_zone))
    with pytest.raises(SignatureError):
        verify_revocation(replace(drafted, retention_days=1), revocation, signers.shop.sign(revocation))


def test_a_delegation_is_of_a_party_for_this_contract_and_ends(drafted: Contract, signers: Signers) -> None:
    delegation = delegation_of(drafted)
    signature = signers.shop.sign(delegation)
    forever = replace(delegation, expires=EXPIRES + timedelta(days=1))

    verify_delegation(drafted, delegation, signature, NOW)
    with pytest.raises(ContractError) as caught:
        verify_delegation(drafted, delegation, signature, delegation.expires)
    assert caught.value.clause == "expires"
    with pytest.raises(ContractError):
        verify_delegation(drafted, forever, signers.shop.sign(forever), EXPIRES)
    with pytest.raises(SignatureError):
        verify_delegation(drafted, replace(delegation, analyst_key=b"m" * 32), signature, NOW)
    with pytest.raises(SignatureError):
        verify_delegation(replace(drafted, retention_days=1), delegation, signature, NOW)
