"""A home's secrets, encrypted at rest.

A random vault key encrypts each record (AES-256-GCM, the record's name as associated data). It is itself encrypted
under a key derived from the passphrase or the key file.
"""

import base64
import json
import secrets
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from filelock import FileLock

from miyun.errors import KeyAccessError
from miyun.keys.files import write_private
from miyun.keys.secret import Secret
from miyun.keys.unlock import VAULT_KEY_BYTES, KeyFile, Passphrase, Unlock, unlock_from_environment

__all__ = ["KeyFile", "Passphrase", "Unlock", "Vault", "unlock_from_environment"]

FORMAT = "miyun-vault-1"
NONCE_BYTES = 12
SALT_BYTES = 16

_RECORD = b"miyun/v1/vault-record\0"
_VAULT_KEY = b"miyun/v1/vault-key\0"


class Vault(Secret):
    """Named secrets in one file, mode 0600. Safe to use from several threads and processes at once.

    Each call reads the file anew, so that one process sees what another has put.
    """

    __slots__ = ("_aead", "_lock", "_path", "_wrapped")

    def __init__(self, path: Path, key: bytes, wrapped: str) -> None:
        self._path = path
        self._aead = AESGCM(key)
        self._wrapped = wrapped
        self._lock = FileLock(path.with_name(path.name + ".lock"), mode=0o600)

    @classmethod
    def create(cls, path: Path, unlock: Unlock) -> "Vault":
        """A new, empty vault. A key file that does not exist yet is written with a fresh random key.

        Raises:
            KeyAccessError: there is a vault already, or the key file is unfit.
        """
        if path.exists():
            raise KeyAccessError(f"there is a vault at {path} already", hint="Choose another home folder.")
        if isinstance(unlock, KeyFile):
            unlock.ensure()
        salt, key = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(VAULT_KEY_BYTES)
        wrapped = _encode(_encrypt(AESGCM(unlock.derive(salt)), key, _VAULT_KEY))
        write_private(path, _dump({"format": FORMAT, "salt": _encode(salt), "key": wrapped, "records": {}}))
        return cls(path, key, wrapped)

    @classmethod
    def open(cls, path: Path, unlock: Unlock) -> "Vault":
        """Open an existing vault.

        Raises:
            KeyAccessError: there is none, it is damaged, or the passphrase or key file is not the right one.
        """
        content = _load(path)
        salt, wrapped = _decode(path, content["salt"]), _decode(path, content["key"])
        try:
            key = _decrypt(AESGCM(unlock.derive(salt)), wrapped, _VAULT_KEY)
        except InvalidTag:
            what = "key file" if isinstance(unlock, KeyFile) else "passphrase"
            raise KeyAccessError(
                f"this {what} does not open {path}", hint=f"Give the {what} that the home was created with."
            ) from None
        return cls(path, key, content["key"])

    def get(self, name: str) -> bytes:
        """The secret called ``name``.

        Raises:
            KeyAccessError: the vault holds none, or it is damaged.
        """
        record = self._load()["records"].get(name)
        if record is None:
            raise KeyAccessError(
                f"the vault holds no secret called {name}", hint="Restore the vault from its newest backup."
            )
        try:
            return _decrypt(self._aead, _decode(self._path, record), _RECORD + name.encode())
        except InvalidTag:
            raise _damaged(self._path) from None

    def put(self, name: str, value: bytes) -> None:
        """Store a secret, durably before this returns; replaces what was there."""
        sealed = _encode(_encrypt(self._aead, value, _RECORD + name.encode()))
        with self._lock:
            content = self._load()
            content["records"][name] = sealed
            write_private(self._path, _dump(content))

    def delete(self, name: str) -> None:
        """Forget a secret; one that is not there is no error. Old blocks may stay on the disk, encrypted."""
        with self._lock:
            content = self._load()
            if content["records"].pop(name, None) is not None:
                write_private(self._path, _dump(content))

    def names(self) -> frozenset[str]:
        return frozenset(self._load()["records"])

    def _load(self) -> dict[str, Any]:
        content = _load(self._path)
        if content["key"] != self._wrapped:
            raise KeyAccessError(f"{self._path} was replaced by another vault", hint="Start the command again.")
        return content


def _encrypt(aead: AESGCM, plaintext: bytes, place: bytes) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + aead.encrypt(nonce, plaintext, place)


def _decrypt(aead: AESGCM, sealed: bytes, place: bytes) -> bytes:
    if len(sealed) < NONCE_BYTES:
        raise InvalidTag
    return aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decode(path: Path, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise _damaged(path) from None


def _dump(content: dict[str, Any]) -> bytes:
    return json.dumps(content, indent=1, sort_keys=True).encode() + b"\n"


def _load(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise KeyAccessError(f"there is no vault at {path}", hint="Create a home with: miyun init") from None
    except OSError as error:
        raise KeyAccessError(f"{path} can't be read: {error.strerror}", hint="Run as the user who owns it.") from None
    except ValueError:
        raise _damaged(path) from None
    if not _is_vault(content):
        raise _damaged(path)
    vault: dict[str, Any] = content
    return vault


def _is_vault(content: object) -> bool:
    return (
        isinstance(content, dict)
        and content.get("format") == FORMAT
        and isinstance(content.get("salt"), str)
        and isinstance(content.get("key"), str)
        and isinstance(content.get("records"), dict)
        and all(isinstance(record, str) for record in content["records"].values())
    )


def _damaged(path: Path) -> KeyAccessError:
    return KeyAccessError(f"the vault {path} is damaged", hint="Restore it from its newest backup.")
