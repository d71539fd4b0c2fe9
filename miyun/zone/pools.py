"""Randomness for selections under readers' keys, made in advance on a thread of its own."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import structlog

from miyun.errors import ConfigError
from miyun.paillier.fixed_base import FixedBase
from miyun.paillier.pool import Pool
from miyun.paillier.public import Kind, PublicKey, Randomness

MOST_KEYS: Final = 8
"""Keys whose tables are held in memory, 47 MB each."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Uniform rⁿ, for keys that don't admit short exponents. A Randomness."""

    public_key: PublicKey
    kind: ClassVar[Kind] = Kind.UNIFORM

    def take(self, count: int) -> bytes:
        return self.public_key.encrypt([0] * count).data


class Pools:
    """The pools of all readers' keys below ``folder``, each of at most ``most_values``."""

    def __init__(self, folder: Path, most_values: int) -> None:
        self._folder = folder
        self._most_values = most_values
        self._condition = threading.Condition()
        self._sources: dict[tuple[PublicKey, bool], Randomness] = {}
        self._wanted: dict[tuple[PublicKey, bool], int] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def randomness(self, key: PublicKey, *, short: bool) -> Randomness:
        """What rows under a key are encrypted with: short exponents where its owner says that it admits them.

        It comes from a pool, where this file system can have one that is safe.
        """
        with self._condition:
            source = self._sources.pop((key, short), None) or self._open(key, short)
            self._sources[key, short] = source
            while len(self._sources) > MOST_KEYS:
                del self._sources[next(iter(self._sources))]
            return source

    def want(self, key: PublicKey, count: int, *, short: bool) -> None:
        """Have so many values made, as soon as there is time."""
        with self._condition:
            self._wanted[key, short] = min(count, self._most_values)
            self._condition.notify_all()

    def drop(self, key: PublicKey, *, short: bool) -> None:
        """Nothing is encrypted under this key any more."""
        with self._condition:
            self._wanted.pop((key, short), None)
        source = self.randomness(key, short=short)
        if isinstance(source, Pool):
            source.clear()
        with self._condition:
            self._sources.pop((key, short), None)

    def start(self) -> None:
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="zone-pools", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Return when the values under way are made."""
        self._stop.set()
        with self._condition:
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _open(self, key: PublicKey, short: bool) -> Randomness:
        source: Randomness = FixedBase(key) if short else Uniform(key)
        if not self._most_values:
            return source
        try:
            return Pool(self._folder, source, on_discard=lambda reason: _log.warning("pool discarded", reason=reason))
        except ConfigError as error:
            _log.warning("no pool", reason=error.message)
            return source

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._condition:
                self._condition.wait_for(lambda: self._wanted or self._stop.is_set())
                if self._stop.is_set():
                    return
                (key, short), count = self._wanted.popitem()
            try:
                self._fill(key, count, short=short)
            except Exception as error:
                _log.exception("pool not filled", error=type(error).__name__)

    def _fill(self, key: PublicKey, count: int, *, short: bool) -> None:
        source = self.randomness(key, short=short)
        if isinstance(source, Pool):
            source.fill(count, stop=self._stop)
