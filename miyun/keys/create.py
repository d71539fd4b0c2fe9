"""Making a home: every private key is generated here and never leaves it. The zone never imports this."""

import stat
from pathlib import Path

from miyun.errors import InputError, KeyAccessError
from miyun.keys.files import FOLDER_MODE, make_private_folder, write_private
from miyun.keys.home import INFO_FILE, SEALING_PUBLIC_KEY, SIGNING_KEY, VAULT_FILE, Home, HomeInfo, Role
from miyun.keys.signing import SigningKey
from miyun.keys.unsealing import VAULT_NAME, SealingKey
from miyun.keys.vault import Unlock, Vault
from miyun.names import check_name

KINDS = frozenset({"merchant", "platform"})


def create_home(path: Path, info: HomeInfo, unlock: Unlock) -> Home:
    """A new home with a signing key and, for a party, a sealing key.

    A key file that does not exist yet is written with a fresh random key.

    Raises:
        InputError: the name or the kind is not possible.
        KeyAccessError: there is a home already, others can enter the folder, or the key file is unfit.
    """
    _check(info)
    if (path / INFO_FILE).exists() or (path / VAULT_FILE).exists():
        raise KeyAccessError(f"there is a home at {path} already", hint="Choose another folder.")
    make_private_folder(path)
    _close_to_others(path)
    vault = Vault.create(path / VAULT_FILE, unlock)
    vault.put(SIGNING_KEY, SigningKey.generate().to_bytes())
    if info.role is Role.PARTY:
        key = SealingKey.generate()
        vault.put(VAULT_NAME, key.to_bytes())
        vault.put(SEALING_PUBLIC_KEY, key.public_key.to_bytes())
    write_private(path / INFO_FILE, info.canonical_bytes())
    return Home(path, info, vault)


def _close_to_others(path: Path) -> None:
    """Tighten an empty folder that was there before; one with content may be somebody's on purpose."""
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO) == 0:
        return
    if any(path.iterdir()):
        raise KeyAccessError(
            f"other users of this machine can enter {path}",
            hint=f"Choose a new folder, or close this one with: chmod 700 {path}",
        )
    path.chmod(FOLDER_MODE)


def _check(info: HomeInfo) -> None:
    check_name(info.name)
    if not info.organisation.strip():
        raise InputError("the organisation has no name", hint="Say which organisation operates this process.")
    if info.role is Role.PARTY and info.kind not in KINDS:
        raise InputError("a party is a merchant or a platform", hint="Choose one: --kind merchant or --kind platform.")
    if info.role is not Role.PARTY and info.kind is not None:
        raise InputError(f"only a party has a kind, not a {info.role}", hint="Leave --kind out.")
