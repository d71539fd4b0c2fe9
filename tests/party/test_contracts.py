"""What a party signs, and what it takes the zone's word for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from miyun.audit.events import Event
from miyun.contract.model import Contract
from miyun.errors import ConfigError, ContractError, MalformedError, StateError, TransportError
from miyun.keys.signing import SigningKey
from miyun.party.contract_views import read_view, take
from miyun.party.contracts import ContractsClient
from miyun.party.progress import Warned
from miyun.party.upkeep import Upkeep
from miyun.wire.v1 import contract_pb2
from tests.party.test_fuse import step
from tests.party.world import MERCHANT, PLATFORM, ZONE, World


@pytest.fixture
def client(world: World) -> ContractsClient:
    return ContractsClient(world.session(MERCHANT))


def foreign() -> bytes:
    return SigningKey.generate().verify_key.to_bytes()


def other_keys(contract: Contract) -> Contract:
    return replace(contract, parties=(replace(contract.parties[0], signing_key=foreign()), contract.parties[1]))


def other_zone(contract: Contract) -> Contract:
    return replace(contract, zone=replace(contract.zone, signing_key=foreign()))


def other_organisation(contract: Contract) -> Contract:
    return replace(contract, parties=(replace(contract.parties[0], organisation="Else"), contract.parties[1]))


@pytest.mark.parametrize(
    ("change", "clause"),
    [(other_keys, "parties[0]"), (other_organisation, "parties[0]"), (other_zone, "zone")],
)
def test_a_contract_over_other_keys_is_not_signed(
    world: World, client: ContractsClient, change: Callable[[Contract], Contract], clause: str
) -> None:
    with pytest.raises(ContractError) as refused:
        client.sign(change(replace(world.contract, id="autumn")))
    assert refused.value.clause == clause
    assert world.session(MERCHANT).accepted.ids() == ("spring",)
    assert not world.zone.sent(MERCHANT, "Sign")


def test_a_contract_with_another_profile_than_the_own_configuration_is_not_signed(
    world: World, client: ContractsClient
) -> None:
    identifiers = (world.contract.identifiers[0], replace(world.contract.identifiers[1], profile="uid2"))
    with pytest.raises(ConfigError) as refused:
        client.sign(replace(world.contract, id="autumn", identifiers=identifiers))
    assert refused.value.clause == "identifiers[1].profile"


def test_another_document_under_the_same_id_is_not_signed(world: World, client: ContractsClient) -> None:
    with pytest.raises(StateError):
        client.sign(replace(world.contract, legs_per_epoch=5))


def test_signing_again_is_the_same_signature(world: World, client: ContractsClient) -> None:
    assert client.sign(world.contract).accepted
    assert client.sign(world.contract).accepted
    first, second = world.zone.sent(MERCHANT, "Sign")
    assert first == second


def test_signatures_that_do_not_verify_are_not_taken(world: World) -> None:
    contract = replace(world.contract, id="autumn")
    view = contract_pb2.ContractView(document=contract.canonical_bytes(), state="active")
    view.signatures.add(signer=PLATFORM, signature=world.zone.key.sign(contract))
    view.signatures.add(signer=ZONE, signature=world.zone.key.sign(contract))
    view.signatures.add(signer="nobody", signature=bytes(64))
    session = world.session(MERCHANT)
    session.accepted.accept(contract, MERCHANT, world.merchant.signing_key.sign(contract))
    take(session, view, read_view(view))
    assert set(session.accepted.get("autumn").signatures) == {MERCHANT, ZONE}
    with pytest.raises(ContractError) as refused:
        session.accepted.active("autumn", world.clock())
    assert refused.value.clause == "parties[1]"


def test_another_document_from_the_zone_is_refused_and_told(world: World) -> None:
    changed = replace(world.contract, legs_per_epoch=99)
    view = contract_pb2.ContractView(document=changed.canonical_bytes(), state="active")
    with pytest.raises(MalformedError):
        take(world.session(MERCHANT), view, read_view(view))
    told: list[Any] = []
    world.zone.change = lambda caller, method, answer: contract_pb2.ListContractsResponse(contracts=[view])
    Upkeep(world.session(MERCHANT), told.append).run()
    assert [type(event) for event in told] == [Warned]


def test_a_revocation_holds_even_if_the_zone_is_away(world: World, client: ContractsClient) -> None:
    def fail(caller: str, method: str, message: Any) -> None:
        raise TransportError("gone")

    world.zone.before = fail
    with pytest.raises(TransportError):
        client.revoke("spring", "enough")
    with pytest.raises(ContractError):
        world.restart(MERCHANT).accepted.active("spring", world.clock())


def test_a_revocation_by_the_other_party_is_for_good(world: World) -> None:
    world.zone.revoke(world.platform)
    Upkeep(world.session(MERCHANT), lambda event: None).run()
    world.zone.state, world.zone.revocation = "active", None
    session = world.restart(MERCHANT)
    Upkeep(session, lambda event: None).run()
    with pytest.raises(ContractError) as refused:
        session.accepted.active("spring", world.clock())
    assert refused.value.clause == "parties[1]"
    assert [entry.event for entry in session.audit_log.entries("spring")] == [Event.CONTRACT_REVOKED]


Claim = Callable[[World], None]


def without_proof(world: World) -> None:
    world.zone.state = "revoked"


def signed_by_nobody(world: World) -> None:
    world.zone.revoke(world.platform)
    assert world.zone.revocation is not None
    world.zone.revocation.signature = bytes(64)


def signed_by_somebody_else(world: World) -> None:
    world.zone.revoke(world.platform, party=MERCHANT)


def of_another_contract(world: World) -> None:
    world.zone.revoke(world.platform, contract_digest=bytes(32))


def in_the_zones_name(world: World) -> None:
    world.zone.revoke(world.platform, party=ZONE)


@pytest.mark.parametrize(
    "claim", [without_proof, signed_by_nobody, signed_by_somebody_else, of_another_contract, in_the_zones_name]
)
def test_the_zones_word_alone_halts_a_contract_and_does_not_end_it(world: World, claim: Claim) -> None:
    step(world, MERCHANT, world.begin())
    claim(world)
    told: list[Any] = []
    Upkeep(world.session(MERCHANT), told.append).run()

    assert ["no party has signed that" in event.message for event in told] == [True]
    session = world.restart(MERCHANT)
    with pytest.raises(ContractError, match="no party has signed that"):
        session.accepted.active("spring", world.clock())
    assert world.zone.leases == []
    assert session.fusions.exchanging()
    assert list(world.merchant.path.glob("rosters/*"))

    world.zone.state, world.zone.revocation = "active", None
    Upkeep(session, told.append).run()
    assert session.accepted.active("spring", world.clock()) == world.contract


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_contract_that_is_over_leaves_no_scalar_and_no_roster(world: World, end: str) -> None:
    step(world, MERCHANT, world.begin())
    assert list(world.merchant.path.glob("rosters/*"))
    if end == "revoked":
        world.zone.revoke(world.platform)
    else:
        world.clock.now = world.contract.expires
    Upkeep(world.session(MERCHANT), lambda event: None).run()
    assert not list(world.merchant.path.glob("rosters/*"))
    assert not [name for name in world.merchant.vault.names() if name.startswith("blinding/")]
    assert world.session(MERCHANT).fusions.exchanging() == ()
