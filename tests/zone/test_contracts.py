"""The life of a contract in the zone, and who may do what with it."""

from dataclasses import replace

import pytest

from miyun.audit.statements import AuditEntry
from miyun.contract.lifecycle import verify_revocation
from miyun.contract.statements import Revocation
from miyun.errors import ContractError, NotFoundError, NotPermittedError, SignatureError, StateError, TransportError
from miyun.transport.codec import from_wire, to_wire
from miyun.wire.v1 import contract_pb2, fusion_pb2, identity_pb2, segment_pb2
from tests.zone.matching import fuse_request, request_fusion
from tests.zone.members import DAY, MERCHANT, NOW, World


def test_a_contract_is_proposed_signed_and_activated(world: World) -> None:
    contract = world.draft("life")

    states = [
        world.merchant.propose(contract).state,
        world.platform.sign_contract(contract).state,
        world.merchant.sign_contract(contract).state,
        world.platform.activate_contract(contract).state,
    ]

    assert states == ["proposed", "proposed", "signed", "active"]
    world.signed(contract).verify()


def test_proposing_signing_and_activating_again_change_nothing(world: World) -> None:
    contract = world.agree("again")
    before = len(world.merchant.entries(contract).entries)

    world.platform.propose(contract)
    world.merchant.sign_contract(contract)
    world.platform.activate_contract(contract)

    assert len(world.merchant.entries(contract).entries) == before


def test_another_document_under_the_same_id_is_refused(world: World) -> None:
    contract = world.agree("taken")

    with pytest.raises(StateError, match="taken by another contract"):
        world.merchant.propose(replace(contract, legs_per_epoch=3))


def test_a_contract_between_others_is_refused(world: World) -> None:
    with pytest.raises(NotPermittedError) as refusal:
        world.stranger.propose(world.draft("others"))

    assert refusal.value.clause == "parties"


def test_a_contract_for_another_zone_or_key_is_refused(world: World) -> None:
    contract = world.draft("elsewhere")
    other_name = replace(contract, zone=replace(contract.zone, name="other-zone"))
    other_key = replace(contract, zone=replace(contract.zone, signing_key=contract.parties[0].signing_key))

    with pytest.raises(ContractError) as by_name:
        world.merchant.propose(other_name)
    with pytest.raises(ContractError) as by_key:
        world.merchant.propose(other_key)

    assert by_name.value.clause == "zone.name"
    assert by_key.value.clause in {"zone.signing_key", "parties[0].signing_key"}


def test_a_contract_with_a_party_that_never_enrolled_is_refused(world: World) -> None:
    contract = world.draft("unknown-party")
    ghost = replace(contract.parties[1], name="ghost")

    with pytest.raises(ContractError) as refusal:
        world.merchant.propose(replace(contract, parties=(contract.parties[0], ghost), channels=(), grants=()))

    assert refusal.value.clause == "parties[1].name"


def test_a_signature_by_another_key_is_refused(world: World) -> None:
    contract = world.draft("forged")
    world.merchant.propose(contract)
    forged = contract_pb2.ContractSignature(signer=MERCHANT, signature=world.platform.sign(contract))

    with pytest.raises(SignatureError):
        world.merchant.contracts.Sign(contract_pb2.SignContractRequest(contract=contract.id, signature=forged))


def test_nobody_hands_in_a_signature_for_another(world: World) -> None:
    contract = world.draft("handed-in")
    world.merchant.propose(contract)
    true = contract_pb2.ContractSignature(signer=MERCHANT, signature=world.merchant.sign(contract))

    with pytest.raises(SignatureError) as refusal:
        world.platform.contracts.Sign(contract_pb2.SignContractRequest(contract=contract.id, signature=true))

    assert refusal.value.clause == "parties[0].signing_key"


def test_activation_needs_both_signatures(world: World) -> None:
    contract = world.draft("half-signed")
    world.merchant.propose(contract)
    world.merchant.sign_contract(contract)

    with pytest.raises(ContractError) as refusal:
        world.merchant.activate_contract(contract)

    assert refusal.value.clause == "parties[1]"


def test_a_contract_looks_to_others_as_if_there_were_none(world: World) -> None:
    contract = world.agree("private")
    request = contract_pb2.GetContractRequest(contract=contract.id)
    nothing = contract_pb2.GetContractRequest(contract="no-such-contract")

    with pytest.raises(NotFoundError) as real:
        world.stranger.contracts.GetContract(request)
    with pytest.raises(NotFoundError) as missing:
        world.stranger.contracts.GetContract(nothing)

    assert real.value.message.replace(contract.id, "X") == missing.value.message.replace("no-such-contract", "X")
    assert contract.id not in [
        view.document for view in world.stranger.contracts.ListContracts(contract_pb2.ListContractsRequest()).contracts
    ]
    with pytest.raises(NotFoundError):
        world.stranger.entries(contract)


def test_an_analyst_can_call_nothing_but_sizes(world: World) -> None:
    contract = world.agree("no-analysts")

    with pytest.raises(NotPermittedError):
        world.analyst.contracts.GetContract(contract_pb2.GetContractRequest(contract=contract.id))
    with pytest.raises(NotPermittedError):
        world.analyst.segments.ListSegments(segment_pb2.ListSegmentsRequest(contract=contract.id))
    with pytest.raises(NotFoundError):
        world.analyst.directory.GetIdentity(identity_pb2.GetIdentityRequest(name=MERCHANT))


def test_nothing_begins_before_activation(world: World) -> None:
    contract = world.draft("not-yet")
    world.merchant.propose(contract)
    for party in world.parties:
        party.sign_contract(contract)

    with pytest.raises(ContractError) as refusal:
        request_fusion(world.merchant, contract)

    assert refusal.value.clause == "zone"


def test_a_revoked_contract_permits_nothing_more(world: World) -> None:
    contract = world.agree("revoked")
    request_fusion(world.merchant, contract)

    assert world.platform.revoke(contract).state == "revoked"
    shown = world.merchant.contracts.GetContract(contract_pb2.GetContractRequest(contract="revoked"))
    verify_revocation(contract, from_wire(shown.revocation, Revocation), shown.revocation_signature)

    with pytest.raises(ContractError) as refusal:
        request_fusion(world.merchant, contract, job="fuse-later")
    assert refusal.value.clause == "parties[1]"
    job = world.finished(contract, "fuse-1")
    assert (job.state, job.error_code) == ("failed", "contract")
    assert world.merchant.tasks() == []


def test_only_a_party_revokes_by_its_own_key(world: World) -> None:
    contract = world.agree("not-yours")

    with pytest.raises(NotFoundError):
        world.stranger.revoke(contract)

    assert world.signed(contract).revocation is None


def test_an_expired_contract_permits_nothing_more(world: World) -> None:
    contract = world.agree("short", expires=NOW + DAY)
    world.clock.now = NOW + DAY

    with pytest.raises(ContractError) as refusal:
        request_fusion(world.merchant, contract)

    assert refusal.value.clause == "expires"


def test_history_is_signed_and_chained(world: World) -> None:
    contract = world.agree("history")

    answer = world.platform.entries(contract)
    entries = [from_wire(entry, AuditEntry) for entry in answer.entries]

    assert [entry.event for entry in entries] == [
        "contract-proposed",
        "contract-signed",
        "contract-signed",
        "contract-activated",
    ]
    assert world.zone.audit_verify()[contract.id] == 4
    assert answer.head.hash == entries[-1].hash


def test_history_is_given_in_pages(world: World) -> None:
    contract = world.agree("pages")

    first = world.platform.entries(contract, limit=3).entries
    rest = world.platform.entries(contract, after=3, limit=3).entries

    assert [entry.sequence for entry in (*first, *rest)] == [1, 2, 3, 4]


def test_a_delegation_names_an_enrolled_analyst(world: World) -> None:
    contract = world.agree("delegations")

    world.merchant.delegate(contract, world.analyst)
    world.merchant.delegate(contract, world.analyst)

    events = [entry.event for entry in world.merchant.entries(contract).entries]
    assert events.count("delegation") == 1


def test_a_party_posing_as_another_is_refused_whatever_key_it_uses(world: World) -> None:
    contract = world.agree("posing")
    request = fuse_request(contract, MERCHANT, 1)
    statement = to_wire(request, fusion_pb2.FuseRequest)

    for signer in world.parties:
        message = fusion_pb2.RequestFusionRequest(statement=statement, signature=signer.sign(request))
        with pytest.raises(SignatureError) as refusal:
            world.platform.fusions.RequestFusion(message)
        assert refusal.value.clause == "parties[0].signing_key"


def test_a_request_signed_with_another_key_is_refused(world: World) -> None:
    contract = world.agree("wrong-key")
    request = fuse_request(contract, MERCHANT, 1)
    message = fusion_pb2.RequestFusionRequest(
        statement=to_wire(request, fusion_pb2.FuseRequest), signature=world.platform.sign(request)
    )

    with pytest.raises(SignatureError) as refusal:
        world.merchant.fusions.RequestFusion(message)

    assert refusal.value.clause == "parties[0].signing_key"


def test_an_oversized_contract_is_refused(world: World) -> None:
    with pytest.raises(ContractError, match="larger than"):
        world.merchant.contracts.Propose(contract_pb2.ProposeRequest(document=bytes(300 << 10)))


def test_messages_beyond_the_limit_are_refused(world: World) -> None:
    with pytest.raises(TransportError):
        world.merchant.contracts.Propose(contract_pb2.ProposeRequest(document=bytes(17 << 20)))
