"""A home is made whole, opens again, tells who it is, and keeps others out."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from miyun.errors import InputError, KeyAccessError, SignatureError, StateError
from miyun.keys.create import create_home
from miyun.keys.home import Home, HomeInfo, Role, ZoneLink, read_info
from miyun.keys.signing import VerifyKey
from miyun.keys.unsealing import sealing_key
from miyun.keys.vault import Passphrase

UNLOCK = Passphrase("correct horse")
CREATED = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
MERCHANT = HomeInfo(name="tea-shop", role=Role.PARTY, kind="merchant", organisation="茶铺", created=CREATED)
ZONE = HomeInfo(name="zone", role=Role.ZONE, organisation="Platform", created=CREATED)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return create_home(tmp_path / "homes" / "shop", MERCHANT, UNLOCK)


def test_a_home_opens_again_as_the_same(home: Home) -> None:
    again = Home.open(home.path, UNLOCK)

    assert again.info == read_info(home.path) == MERCHANT
    assert again.signing_key.to_bytes() == home.signing_key.to_bytes()
    assert again.identity()[0] == home.identity()[0]


def test_a_party_signs_who_it_is_and_can_open_what_is_sealed_to_it(home: Home) -> None:
    identity, signature = home.identity()

    VerifyKey(identity.signing_key).verify(identity, signature)
    assert (identity.name, identity.role, identity.kind) == ("tea-shop", "party", "merchant")
    assert identity.sealing_key == sealing_key(home).public_key.to_bytes()


@pytest.mark.parametrize("info", [ZONE, replace(ZONE, name="lab", role=Role.ANALYST)])
def test_only_a_party_has_a_sealing_key(tmp_path: Path, info: HomeInfo) -> None:
    home = create_home(tmp_path / "home", info, UNLOCK)

    assert home.identity()[0].sealing_key is None
    with pytest.raises(KeyAccessError):
        sealing_key(home)


def test_everything_in_it_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = create_home(tmp_path / "home", MERCHANT, UNLOCK)
        home.write_tls(home.certificate_path, b"pem")
        with home.lock("agent"):
            modes = {path: path.stat().st_mode & 0o777 for path in [home.path, *home.path.rglob("*")]}
    finally:
        os.umask(before)

    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_an_existing_home_is_not_overwritten(home: Home) -> None:
    with pytest.raises(KeyAccessError, match="already"):
        create_home(home.path, MERCHANT, UNLOCK)
    assert Home.open(home.path, UNLOCK).signing_key.to_bytes() == home.signing_key.to_bytes()


def test_an_empty_folder_is_tightened_and_a_shared_one_with_content_refused(tmp_path: Path) -> None:
    empty, shared = tmp_path / "empty", tmp_path / "shared"
    for folder in (empty, shared):
        folder.mkdir()
        folder.chmod(0o755)
    (shared / "notes.txt").write_text("ours")

    assert create_home(empty, MERCHANT, UNLOCK).path.stat().st_mode & 0o777 == 0o700
    with pytest.raises(KeyAccessError, match="other users"):
        create_home(shared, MERCHANT, UNLOCK)
    assert shared.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize(
    "info",
    [
        replace(MERCHANT, name="Tea"),
        replace(MERCHANT, name="t"),
        replace(MERCHANT, name="tea/../shop"),
        replace(MERCHANT, name="tea\n"),
        replace(MERCHANT, name="t" * 64),
        replace(MERCHANT, kind=None),
        replace(MERCHANT, kind="bank"),
        replace(MERCHANT, organisation=" "),
        replace(ZONE, kind="platform"),
    ],
)
def test_impossible_names_and_kinds_are_refused_and_leave_nothing(tmp_path: Path, info: HomeInfo) -> None:
    with pytest.raises(InputError) as caught:
        create_home(tmp_path / "home", info, UNLOCK)

    assert caught.value.hint
    assert not (tmp_path / "home").exists()


def test_no_home_and_a_damaged_home_say_so(home: Home, tmp_path: Path) -> None:
    for nowhere in (tmp_path / "nowhere", home.path / "home.json"):
        with pytest.raises(KeyAccessError, match="no home"):
            Home.open(nowhere, UNLOCK)
    (home.path / "home.json").write_text('{"name": "tea-shop"}')
    with pytest.raises(KeyAccessError, match="damaged"):
        Home.open(home.path, UNLOCK)


def test_the_link_to_a_zone_is_kept_and_its_signature_checked(home: Home, tmp_path: Path) -> None:
    zone = create_home(tmp_path / "zone", ZONE, UNLOCK)
    identity, signature = zone.identity()
    link = ZoneLink(address="zone.example:7443", zone=identity, signature=signature)
    with pytest.raises(KeyAccessError, match="not joined"):
        home.zone_link()
    home.write_zone_link(link)

    assert home.zone_link() == link
    assert link.verify_key() == zone.signing_key.verify_key
    with pytest.raises(SignatureError):
        replace(link, zone=replace(identity, organisation="Other")).verify_key()
    (home.path / "zone.json").write_text("{}")
    with pytest.raises(KeyAccessError, match="damaged"):
        home.zone_link()


def test_a_lock_keeps_another_process_out_until_it_is_released(home: Home) -> None:
    program = (
        "import sys; from pathlib import Path; from miyun.keys.home import Home\n"
        "from miyun.keys.vault import Passphrase\n"
        f"home = Home.open(Path(sys.argv[1]), Passphrase({UNLOCK.text!r}))\n"
        "with home.lock('agent'): print('locked', flush=True); sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(home.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "locked\n"

    with pytest.raises(StateError, match="another process"), home.lock("agent"):
        pass
    with home.lock("something-else"), pytest.raises(StateError), home.lock("something-else"):
        pass
    other.communicate("")
    with home.lock("agent"):
        pass


def test_a_home_shows_no_secret(home: Home) -> None:
    assert home.signing_key.to_bytes().hex() not in repr(home)
