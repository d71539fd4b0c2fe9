"""Who may ask: known by a token, and not more often than agreed."""

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from miyun.answers.config import AnswersConfig, AskerConfig
from miyun.errors import NotFoundError
from miyun.keys.home import Home

TOKEN_BYTES: Final = 32

_PREFIX = "answers/token/"
_HASH_BYTES = 32
_KEPT = 2


class Tokens:
    """Hashes of tokens in a home's vault; the tokens themselves are kept by nobody but their askers."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def draw(self, asker: str, config: AnswersConfig, *, withdraw: bool = False) -> str:
        """A new token of 256 bits. The one before stays good until the next one, unless it is to be withdrawn.

        Raises:
            NotFoundError: the configuration has no such asker.
        """
        if asker not in config.askers:
            raise NotFoundError(
                f"no asker is called {asker[:80]}", hint=f"Describe it in party.toml: [answers.askers.{asker[:80]}]"
            )
        token = base64.urlsafe_b64encode(secrets.token_bytes(TOKEN_BYTES)).rstrip(b"=").decode()
        record = _PREFIX + asker
        with self._home.lock("answers-tokens", timeout=30):
            before = b"" if withdraw or record not in self._home.vault.names() else self._home.vault.get(record)
            self._home.vault.put(record, (_hash(token) + before)[: _KEPT * _HASH_BYTES])
        return token

    def hashes(self) -> dict[str, tuple[bytes, ...]]:
        """By asker, the hashes of the tokens that are good."""
        found = {}
        for name in sorted(self._home.vault.names()):
            if name.startswith(_PREFIX):
                held = self._home.vault.get(name)
                found[name.removeprefix(_PREFIX)] = tuple(
                    held[at : at + _HASH_BYTES] for at in range(0, len(held), _HASH_BYTES)
                )
        return found


@dataclass(frozen=True, slots=True)
class Asker:
    """``targets``: audiences and what the asker calls them. ``third_party``: whose it is, if not the party's own."""

    name: str
    targets: Mapping[str, str]
    rate: "Rate"
    third_party: str = ""


class Rate:
    """A token bucket that holds what may be asked in a second."""

    __slots__ = ("_clock", "_filled", "_left", "_lock", "_most")

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = per_second
        self._left = float(per_second)
        self._clock = clock
        self._filled = clock()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether one more may be asked now."""
        with self._lock:
            now = self._clock()
            self._left = min(self._most, self._left + (now - self._filled) * self._most)
            self._filled = now
            if self._left < 1:
                return False
            self._left -= 1
            return True


class Askers:
    """All who may ask. ``renew`` replaces their tokens while they ask."""

    def __init__(self, configs: Mapping[str, AskerConfig], hashes: Mapping[str, tuple[bytes, ...]]) -> None:
        self._askers = {
            name: Asker(name, config.targets, Rate(config.requests_per_second), config.third_party)
            for name, config in configs.items()
        }
        self._known: tuple[tuple[bytes, Asker], ...] = ()
        self.renew(hashes)

    def renew(self, hashes: Mapping[str, tuple[bytes, ...]]) -> None:
        """From here on these tokens are good."""
        self._known = tuple((hash_, asker) for name, asker in self._askers.items() for hash_ in hashes.get(name, ()))

    def find(self, token: str) -> Asker | None:
        """Whose token it is. Takes as long for one token as for another."""
        presented, found = _hash(token), None
        for hash_, asker in self._known:
            if hmac.compare_digest(hash_, presented):
                found = asker
        return found


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
