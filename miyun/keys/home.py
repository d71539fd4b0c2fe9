"""A home: the folder that holds a process's keys, certificate, link to its zone, and state."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from filelock import FileLock, Timeout

from miyun.errors import KeyAccessError, MalformedError, StateError
from miyun.keys.files import make_private_folder, write_private
from miyun.keys.identity import Identity
from miyun.keys.secret import Secret
from miyun.keys.signing import SigningKey, VerifyKey
from miyun.keys.vault import Unlock, Vault
from miyun.records import Record

INFO_FILE = "home.json"
VAULT_FILE = "vault.json"
ZONE_FILE = "zone.json"
SIGNING_KEY = "signing-key"
SEALING_PUBLIC_KEY = "sealing-public-key"


class Role(StrEnum):
    PARTY = "party"
    ZONE = "zone"
    ANALYST = "analyst"


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeInfo(Record):
    """Whose home it is. Only a party has a kind: ``merchant`` or ``platform``."""

    name: str
    role: Role
    kind: str | None = None
    organisation: str
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneLink(Record):
    """The zone that a home has joined: where it listens, and who it says it is, signed with its own key."""

    address: str
    zone: Identity
    signature: bytes

    def verify_key(self) -> VerifyKey:
        """The zone's key, after its signature on its own identity was checked.

        Raises:
            SignatureError, MalformedError: the identity is not signed by the key it names.
        """
        key = VerifyKey(self.zone.signing_key)
        key.verify(self.zone, self.signature)
        return key


class Home(Secret):
    """An opened home. Folders are 0700, files 0600."""

    __slots__ = ("info", "path", "signing_key", "vault")

    def __init__(self, path: Path, info: HomeInfo, vault: Vault) -> None:
        self.path = path
        self.info = info
        self.vault = vault
        self.signing_key = SigningKey.from_bytes(vault.get(SIGNING_KEY))

    @classmethod
    def open(cls, path: Path, unlock: Unlock) -> "Home":
        """Open an existing home.

        Raises:
            KeyAccessError: there is none, it is damaged, or the passphrase or key file is not the right one.
        """
        return cls(path, read_info(path), Vault.open(path / VAULT_FILE, unlock))

    @property
    def certificate_path(self) -> Path:
        """The certificate that the zone issued to this home, PEM."""
        return self._tls_folder / "certificate.pem"

    @property
    def authority_path(self) -> Path:
        """The certificate of the zone's own authority, PEM."""
        return self._tls_folder / "authority.pem"

    @property
    def _tls_folder(self) -> Path:
        return self.path / "tls"

    def identity(self) -> tuple[Identity, bytes]:
        """Who this home says it is, and its signature."""
        is_party = self.info.role is Role.PARTY
        identity = Identity(
            name=self.info.name,
            role=self.info.role.value,
            kind=self.info.kind,
            organisation=self.info.organisation,
            signing_key=self.signing_key.verify_key.to_bytes(),
            sealing_key=self.vault.get(SEALING_PUBLIC_KEY) if is_party else None,
        )
        return identity, self.signing_key.sign(identity)

    def zone_link(self) -> ZoneLink:
        """The zone that this home has joined.

        Raises:
            KeyAccessError: it has joined none, or the file is damaged.
        """
        path = self.path / ZONE_FILE
        try:
            return ZoneLink.from_canonical(path.read_bytes())
        except FileNotFoundError:
            raise KeyAccessError(
                "this home has not joined a zone yet",
                hint="Ask the zone's operator for a join code, then join with it: miyun join CODE",
            ) from None
        except MalformedError:
            raise KeyAccessError(f"{path} is damaged", hint="Restore it from a backup, or join again.") from None

    def write_zone_link(self, link: ZoneLink) -> None:
        write_private(self.path / ZONE_FILE, link.canonical_bytes())

    def read_tls(self, path: Path) -> bytes:
        """Read ``certificate_path`` or ``authority_path``.

        Raises:
            KeyAccessError: the file is not there.
        """
        try:
            return path.read_bytes()
        except OSError:
            raise KeyAccessError(f"{path} can't be read", hint="Restore it from a backup, or join again.") from None

    def write_tls(self, path: Path, pem: bytes) -> None:
        """Write a certificate to ``certificate_path`` or ``authority_path``."""
        make_private_folder(path.parent)
        write_private(path, pem)

    @contextmanager
    def lock(self, name: str, timeout: float = 0) -> Iterator[None]:
        """Keep other processes of this home out while the block runs. ``timeout`` is in seconds; negative waits on.

        Raises:
            StateError: another process holds the lock for longer than that.
        """
        folder = self.path / "locks"
        make_private_folder(folder)
        lock = FileLock(folder / f"{name}.lock", mode=0o600)
        try:
            lock.acquire(timeout=timeout)
        except Timeout:
            raise StateError(
                f"another process is using this home ({name})", hint="Wait until it has finished, or stop it."
            ) from None
        try:
            yield
        finally:
            lock.release()


def read_info(path: Path) -> HomeInfo:
    """Whose home it is; needs no passphrase.

    Raises:
        KeyAccessError: there is no home, or it is damaged.
    """
    file = path / INFO_FILE
    try:
        return HomeInfo.from_canonical(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise KeyAccessError(f"there is no home at {path}", hint="Create one with: miyun init") from None
    except OSError as error:
        raise KeyAccessError(f"{file} can't be read: {error.strerror}", hint="Run as the user who owns it.") from None
    except MalformedError:
        raise KeyAccessError(f"{file} is damaged", hint="Restore it from its newest backup.") from None
