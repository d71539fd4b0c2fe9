"""A vault gives its secrets to the right passphrase or key file, keeps them through crashes and races, or says why."""

import base64
import copy
import json
import pickle
import subprocess
import sys
import threading
import unicodedata
from pathlib import Path

import pytest

from miyun.errors import KeyAccessError
from miyun.keys import unlock
from miyun.keys.vault import KeyFile, Passphrase, Vault, unlock_from_environment

RIGHT = Passphrase("correct horse")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "vault.json"


@pytest.fixture
def vault(path: Path) -> Vault:
    return Vault.create(path, RIGHT)


def test_what_was_put_is_there_after_opening_again(vault: Vault, path: Path) -> None:
    vault.put("scalar", b"\0secret\xff")
    vault.put("empty", b"")
    vault.put("gone", b"x")
    vault.delete("gone")
    vault.delete("never")

    opened = Vault.open(path, RIGHT)
    assert opened.get("scalar") == b"\0secret\xff"
    assert opened.get("empty") == b""
    assert opened.names() == {"scalar", "empty"}
    with pytest.raises(KeyAccessError, match="gone"):
        opened.get("gone")


def test_the_file_is_for_its_owner_alone_and_shows_no_secret(vault: Vault, path: Path) -> None:
    vault.put("scalar", b"top secret bytes")

    assert path.stat().st_mode & 0o777 == 0o600
    assert b"top secret" not in path.read_bytes()
    assert base64.b64encode(b"top secret")[:12] not in path.read_bytes()
    assert {item.name for item in path.parent.iterdir()} <= {"vault.json", "vault.json.lock"}


def test_a_wrong_passphrase_says_so(vault: Vault, path: Path) -> None:
    with pytest.raises(KeyAccessError, match="this passphrase does not open") as caught:
        Vault.open(path, Passphrase("wrong horse"))

    assert "wrong horse" not in str(caught.value)
    assert caught.value.hint


def test_a_passphrase_is_the_same_in_either_unicode_form(path: Path) -> None:
    Vault.create(path, Passphrase(unicodedata.normalize("NFC", "café")))

    Vault.open(path, Passphrase(unicodedata.normalize("NFD", "café")))


def test_an_empty_passphrase_is_refused(path: Path) -> None:
    with pytest.raises(KeyAccessError, match="empty"):
        Vault.create(path, Passphrase(""))
    assert not path.exists()


def test_a_key_file_is_written_where_there_is_none_and_opens_again(path: Path, tmp_path: Path) -> None:
    key = KeyFile(tmp_path / "keys" / "key")
    Vault.create(path, key).put("scalar", b"x")

    assert key.path.stat().st_mode & 0o777 == 0o600
    assert len(key.path.read_bytes()) >= 64
    assert Vault.open(path, key).get("scalar") == b"x"


def test_a_key_file_that_is_missing_short_or_open_to_others_says_so(path: Path, tmp_path: Path) -> None:
    key = KeyFile(tmp_path / "key")
    Vault.create(path, key)

    with pytest.raises(KeyAccessError, match="does not exist"):
        Vault.open(path, KeyFile(tmp_path / "elsewhere"))
    for mode in (0o604, 0o644, 0o620, 0o602):
        key.path.chmod(mode)
        with pytest.raises(KeyAccessError, match="other users") as caught:
            Vault.open(path, key)
        assert "chmod 600" in caught.value.hint
    key.path.chmod(0o600)
    key.path.write_bytes(b"short")
    with pytest.raises(KeyAccessError, match="fewer than 32 bytes"):
        Vault.open(path, key)
    key.path.write_bytes(b"another key, and long enough this time")
    with pytest.raises(KeyAccessError, match="this key file does not open"):
        Vault.open(path, key)


def test_a_missing_vault_and_an_existing_one_say_so(vault: Vault, path: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyAccessError, match="no vault"):
        Vault.open(tmp_path / "none", RIGHT)
    with pytest.raises(KeyAccessError, match="already"):
        Vault.create(path, RIGHT)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"format": "other"}',
        b'{"format": "miyun-vault-1", "salt": "", "key": "", "records": []}',
        b'{"format": "miyun-vault-1", "salt": "!", "key": "", "records": {}}',
        b'{"format": "miyun-vault-1", "salt": "", "key": "", "records": {"a": 1}}',
    ],
)
def test_a_corrupt_file_is_damaged_not_a_wrong_passphrase(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(KeyAccessError, match="damaged"):
        Vault.open(path, RIGHT)


def test_a_changed_record_and_a_record_under_another_name_are_damaged(vault: Vault, path: Path) -> None:
    vault.put("mine", b"first")
    vault.put("yours", b"second")
    content = json.loads(path.read_text())
    content["records"]["mine"], content["records"]["yours"] = content["records"]["yours"], "AAAA"
    path.write_text(json.dumps(content))

    for name in ("mine", "yours"):
        with pytest.raises(KeyAccessError, match="damaged"):
            vault.get(name)


def test_a_vault_replaced_under_an_open_one_is_not_written_to(vault: Vault, path: Path) -> None:
    path.unlink()
    other = Vault.create(path, RIGHT)
    other.put("scalar", b"other")

    with pytest.raises(KeyAccessError, match="replaced"):
        vault.put("scalar", b"mine")
    assert other.get("scalar") == b"other"


def test_a_failure_while_writing_leaves_the_old_content(
    vault: Vault, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.put("scalar", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("miyun.keys.files.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        vault.put("scalar", b"new")

    assert vault.get("scalar") == b"old"
    assert {item.name for item in path.parent.iterdir()} <= {"vault.json", "vault.json.lock"}


def test_threads_lose_nothing(vault: Vault) -> None:
    def put(worker: int) -> None:
        for number in range(10):
            vault.put(f"{worker}-{number}", bytes([worker, number]))

    threads = [threading.Thread(target=put, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {name: vault.get(name) for name in vault.names()} == {
        f"{worker}-{number}": bytes([worker, number]) for worker in range(4) for number in range(10)
    }


def test_processes_lose_nothing_and_see_each_other(vault: Vault, path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from miyun.keys.vault import Passphrase, Vault\n"
        f"vault = Vault.open(Path(sys.argv[1]), Passphrase({RIGHT.text!r}))\n"
        "for number in range(20): vault.put(f'{sys.argv[2]}-{number}', b'x')\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in ("a", "b")]

    assert [process.wait() for process in processes] == [0, 0]
    assert vault.names() == {f"{name}-{number}" for name in ("a", "b") for number in range(20)}


def test_the_derivation_is_what_the_docstring_says() -> None:
    """RFC 9106, 4: the second recommended option."""
    assert (unlock.ITERATIONS, unlock.LANES, unlock.MEMORY_KIB) == (3, 4, 65536)


def test_a_vault_and_its_unlock_show_nothing(vault: Vault) -> None:
    assert RIGHT.text not in repr(RIGHT) + repr(vault)
    for leave in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            leave(vault)


def test_the_environment_names_a_passphrase_a_key_file_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MIYUN_PASSPHRASE", raising=False)
    monkeypatch.delenv("MIYUN_KEY_FILE", raising=False)
    assert unlock_from_environment() is None
    monkeypatch.setenv("MIYUN_PASSPHRASE", "correct horse")
    assert unlock_from_environment() == RIGHT
    monkeypatch.setenv("MIYUN_KEY_FILE", "/run/secrets/key")
    with pytest.raises(KeyAccessError, match="both"):
        unlock_from_environment()
    monkeypatch.delenv("MIYUN_PASSPHRASE")
    assert unlock_from_environment() == KeyFile(Path("/run/secrets/key"))
