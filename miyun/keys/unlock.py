"""What opens a vault: a passphrase or a key file."""

import os
import secrets
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from miyun.errors import KeyAccessError
from miyun.keys.files import write_private

PASSPHRASE_VARIABLE = "MIYUN_PASSPHRASE"  # noqa: S105 - a name, not a passphrase
KEY_FILE_VARIABLE = "MIYUN_KEY_FILE"
KEY_FILE_BYTES = 32
_FORBIDDEN_MODE = stat.S_IRWXO | stat.S_IWGRP


@dataclass(frozen=True, slots=True)
class Passphrase:
    """A passphrase; two Unicode spellings of it (NFC, NFD) are the same one."""

    text: str = field(repr=False)

    def secret(self) -> bytes:
        if not self.text:
            raise KeyAccessError("the passphrase is empty", hint="Give a passphrase, or use a key file.")
        return unicodedata.normalize("NFC", self.text).encode()


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file with at least 32 random bytes, which its owner alone can change and no stranger can read."""

    path: Path

    def secret(self) -> bytes:
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
