"""What opens a vault: a passphrase, through Argon2id, or a key file, through HKDF.

A passphrase can be guessed, so each guess is made to cost 64 MiB and three passes over them (RFC 9106, second
recommended choice). A key file holds 256 random bits or more, which nobody guesses: one HKDF (RFC 5869) is enough.
"""

import os
import secrets
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from miyun.errors import KeyAccessError
from miyun.keys.files import write_private

PASSPHRASE_VARIABLE = "MIYUN_PASSPHRASE"  # noqa: S105 - a name, not a passphrase
KEY_FILE_VARIABLE = "MIYUN_KEY_FILE"
KEY_FILE_BYTES = 32
VAULT_KEY_BYTES = 32
ITERATIONS = 3
LANES = 4
MEMORY_KIB = 64 * 1024
_FORBIDDEN_MODE = stat.S_IRWXO | stat.S_IWGRP


@dataclass(frozen=True, slots=True)
class Passphrase:
    """A passphrase; two Unicode spellings of it (NFC, NFD) are the same one."""

    text: str = field(repr=False)

    def derive(self, salt: bytes) -> bytes:
        """The vault's wrapping key, 32 bytes.

        Raises:
            KeyAccessError: the passphrase is empty.
        """
        if not self.text:
            raise KeyAccessError("the passphrase is empty", hint="Give a passphrase, or use a key file.")
        kdf = Argon2id(salt=salt, length=VAULT_KEY_BYTES, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB)
        return kdf.derive(unicodedata.normalize("NFC", self.text).encode())


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file with at least 32 random bytes, which its owner alone can change and no stranger can read."""

    path: Path

    def derive(self, salt: bytes) -> bytes:
        """The vault's wrapping key, 32 bytes.

        Raises:
            KeyAccessError: there is no such file, or it is too short, or others can read or change it.
        """
        kdf = HKDF(algorithm=SHA256(), length=VAULT_KEY_BYTES, salt=salt, info=b"miyun/v1/key-file")
        return kdf.derive(self._read())

    def _read(self) -> bytes:
        try:
            mode = self.path.stat().st_mode
            data = self.path.read_bytes()
        except FileNotFoundError:
            raise KeyAccessError(
                f"the key file {self.path} does not exist",
                hint=f"Restore it from its backup, or set {KEY_FILE_VARIABLE} to where it is.",
            ) from None
        except OSError as error:
            raise KeyAccessError(
                f"the key file {self.path} can't be read: {error.strerror}",
                hint="Run as the user who owns the key file.",
            ) from None
        if mode & _FORBIDDEN_MODE:
            raise KeyAccessError(
                f"other users of this machine can read or change the key file {self.path}",
                hint=f"Close it with: chmod 600 {self.path}",
            )
        if len(data) < KEY_FILE_BYTES:
            raise KeyAccessError(
                f"the key file {self.path} holds fewer than {KEY_FILE_BYTES} bytes",
                hint="Use the key file that the home was created with.",
            )
        return data

    def ensure(self) -> None:
        """Write a fresh random key where there is no file yet."""
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_private(self.path, secrets.token_hex(KEY_FILE_BYTES).encode() + b"\n")


Unlock = Passphrase | KeyFile


def unlock_from_environment() -> Unlock | None:
    """The passphrase or key file that the environment names; None where it names none.

    Raises:
        KeyAccessError: it names both.
    """
    passphrase = os.environ.get(PASSPHRASE_VARIABLE)
    key_file = os.environ.get(KEY_FILE_VARIABLE)
    if passphrase and key_file:
        raise KeyAccessError(
            f"both {PASSPHRASE_VARIABLE} and {KEY_FILE_VARIABLE} are set", hint="Set only one of them."
        )
    if key_file:
        return KeyFile(Path(key_file))
    return Passphrase(passphrase) if passphrase else None
