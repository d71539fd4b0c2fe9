"""What a party signs, and what it takes the zone's word for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

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


@pytest.mark.parametrize("end", ["revoked", "expired"])
def test_a_contract_that_is_over_leaves_no_scalar_and_no_roster(world: World, end: str) -> None:
    step(world, MERCHANT, world.begin())
    assert list(world.merchant.path.glob("rosters/*"))
    if end == "revoked":
        world.zone.state = "revoked"
    else:
        world.clock.now = world.contract.expires
    Upkeep(world.session(MERCHANT), lambda event: None).run()
    assert not list(world.merchant.path.glob("rosters/*"))
    assert not [name for name in world.merchant.vault.names() if name.startswith("blinding/")]
    assert world.session(MERCHANT).fusions.exchanging() == ()
