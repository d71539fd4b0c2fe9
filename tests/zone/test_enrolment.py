"""Invitations, the directory, and the zone's own files."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from miyun.errors import ConfigError, InputError, NotPermittedError, PeerError
from miyun.keys.create import create_home
from miyun.keys.home import Home, HomeInfo, Role
from miyun.keys.identity import Identity
from miyun.transport.codec import from_wire
from miyun.transport.enrol import enrol
from miyun.transport.tls import make_request
from miyun.wire.v1 import identity_pb2
from miyun.zone.config import ZoneConfig, load_config, write_config
from miyun.zone.facade import Zone
from miyun.zone.operations import enrolment
from tests.zone.members import ANALYST, DAY, MERCHANT, NOW, ZONE, World


def new_home(world: World, folder: Path, name: str, role: Role = Role.PARTY) -> Home:
    kind = "merchant" if role is Role.PARTY else None
    info = HomeInfo(name=name, role=role, kind=kind, organisation=name.title(), created=NOW)
    return create_home(folder / name, info, world.key)


def test_a_join_code_is_good_once(world: World, tmp_path: Path) -> None:
    code = world.zone.invite(Role.PARTY, "greengrocer")
    enrol(new_home(world, tmp_path / "first", "greengrocer"), code)

    with pytest.raises(NotPermittedError, match="used"):
        enrol(new_home(world, tmp_path / "second", "greengrocer"), code)

    assert "greengrocer" in [member.name for member in world.zone.members()]


def test_a_join_code_ends(world: World, tmp_path: Path) -> None:
    code = world.zone.invite(Role.PARTY, "late", timedelta(hours=1))
    world.clock.now = NOW + timedelta(hours=1)

    with pytest.raises(NotPermittedError):
        enrol(new_home(world, tmp_path, "late"), code)


def test_the_same_enrolment_again_gets_the_same_certificate(world: World, tmp_path: Path) -> None:
    home = new_home(world, tmp_path, "twice")
    secret = world.zone.invite(Role.PARTY, "twice").secret
    request, (identity, signature) = make_request(home), home.identity()

    def ask() -> bytes:
        return enrolment.enrol(
            world.zone._core,
            world.zone._authority,
            secret=secret,
            request=request,
            identity=identity,
            signature=signature,
        )

    assert ask() == ask()


def test_a_code_admits_its_name_and_role_alone(world: World, tmp_path: Path) -> None:
    code = world.zone.invite(Role.PARTY, "right-name")

    with pytest.raises(NotPermittedError):
        enrol(new_home(world, tmp_path, "wrong-name"), replace(code, name="wrong-name"))
    with pytest.raises(NotPermittedError):
        enrol(new_home(world, tmp_path, "right-name", Role.ANALYST), replace(code, role=Role.ANALYST))


def test_an_identity_that_its_key_did_not_sign_is_refused(world: World, tmp_path: Path) -> None:
    home = new_home(world, tmp_path, "unsigned")
    identity, signature = home.identity()

    with pytest.raises(PeerError):
        enrolment.enrol(
            world.zone._core,
            world.zone._authority,
            secret=world.zone.invite(Role.PARTY, "unsigned").secret,
            request=make_request(home),
            identity=replace(identity, organisation="Somebody else"),
            signature=signature,
        )


def test_names_are_not_taken_over_by_another_role(world: World) -> None:
    with pytest.raises(InputError, match="member already"):
        world.zone.invite(Role.PARTY, ANALYST)
    with pytest.raises(InputError, match="own name"):
        world.zone.invite(Role.PARTY, ZONE)
    with pytest.raises(InputError):
        world.zone.invite(Role.ZONE, "another-zone")
    with pytest.raises(InputError):
        world.zone.invite(Role.PARTY, "No Name!")


def test_parties_find_each_other_s_keys(world: World) -> None:
    answer = world.platform.directory.GetIdentity(identity_pb2.GetIdentityRequest(name=MERCHANT))

    identity = from_wire(answer.identity, Identity)

    assert identity == world.merchant.home.identity()[0]
    world.merchant.home.signing_key.verify_key.verify(identity, answer.signature)


def test_only_a_zone_s_home_is_served(world: World) -> None:
    with pytest.raises(InputError, match="not for a zone"):
        Zone.open(world.folder / MERCHANT, world.key)


def test_configuration_is_written_and_read(tmp_path: Path) -> None:
    config = ZoneConfig(
        address="zone.example:7443", enrolment_address="zone.example:7444", listen="0.0.0.0:7443", workers=8
    )
    write_config(tmp_path, config)

    assert load_config(tmp_path) == config
    assert config.hosts == ("zone.example",)
    assert config.database_url(tmp_path) == f"sqlite:///{tmp_path}/zone.sqlite"
    with pytest.raises(ConfigError):
        write_config(tmp_path, config)


@pytest.mark.parametrize("text", ["address = 7", "address = 'nowhere'", "surprise = 1", "]", "\x00"])
def test_a_bad_configuration_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "zone.toml").write_text(text)

    with pytest.raises(ConfigError):
        load_config(tmp_path)


def test_a_zone_without_configuration_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no .*zone\.toml"):
        load_config(tmp_path)


def test_a_delegation_to_nobody_is_refused(world: World) -> None:
    contract = world.agree("to-nobody")

    with pytest.raises(InputError, match="no analyst"):
        world.merchant.delegate(contract, world.stranger, expires=NOW + DAY)
