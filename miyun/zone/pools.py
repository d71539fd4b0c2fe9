"""Randomness for selections under readers' keys: made in advance on a thread, or step by step when it is due."""

import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

import structlog

from miyun.errors import ConfigError, InternalError
from miyun.paillier.fixed_base import FixedBase
from miyun.paillier.pool import SEGMENT_VALUES, Pool, pool_name, remove_pool
from miyun.paillier.public import Kind, PublicKey, Randomness

MOST_KEYS: Final = 8
"""Keys whose tables are held in memory, 47 MB each."""

MOST_DRAWINGS: Final = 16
"""Chunks whose randomness is held in memory until it is complete, 6 MiB each at 3072 bits."""

CALL_SECONDS: Final = 20.0
"""How long a call draws at most, short of a stretch; callers give up after a minute."""

STRETCH_SECONDS: Final = 0.5
FILLED_AT_ONCE: Final = 16 * SEGMENT_VALUES
"""Then the thread looks again what is wanted: questions use randomness up, and need less and less of it."""

STOP_SECONDS: Final = 5.0
INTERVAL_SECONDS: Final = 60.0
"""How often the pools are looked after when nobody wakes their thread."""

_FIRST_STRETCH = 8

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ShortOrUniform:
    """A reader's key, and whether its owner says that it admits short exponents."""

    key: PublicKey
    short: bool

    @property
    def kind(self) -> Kind:
        return Kind.SHORT if self.short else Kind.UNIFORM


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A pool that is to stay, with so many values ready; 0: it is to stay as it is."""

    of: ShortOrUniform
    values: int


@dataclass(frozen=True, slots=True)
class Uniform:
    """Uniform rⁿ, for keys that don't admit short exponents. A Randomness."""

    public_key: PublicKey
    kind: ClassVar[Kind] = Kind.UNIFORM

    def take(self, count: int) -> bytes:
        return self.public_key.encrypt([0] * count).data


@dataclass(slots=True)
class Drawn:
    """Values that are complete, for one chunk. A Randomness."""

    public_key: PublicKey
    kind: Kind
    values: bytes

    def take(self, count: int) -> bytes:
        taken, self.values = self.values, b""
        if len(taken) != count * self.public_key.ciphertext_bytes:
            raise InternalError("randomness for another number of rows")
        return taken


@dataclass(slots=True)
class _Source:
    randomness: Randomness
    users: int = 0


@dataclass(slots=True)
class _Drawing:
    """What was made for a chunk so far."""

    values: list[bytes] = field(default_factory=list)
    at_work: threading.Lock = field(default_factory=threading.Lock)


class Pools:
    """The pools of all readers' keys below ``folder``, each of at most ``most_values``."""

    def __init__(self, folder: Path, most_values: int) -> None:
        self._folder = folder
        self._most_values = most_values
        self._condition = threading.Condition()
        self._sources: dict[ShortOrUniform, _Source] = {}
        self._drawings: dict[Hashable, _Drawing] = {}
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def draw(self, of: ShortOrUniform, count: int, place: Hashable) -> Randomness | None:
        """``count`` values for one chunk, with short exponents where they are admitted.

        They come from the pool, where there is one, and what it lacks is made. None where that takes too long for one
        call: what was made is kept, and the next call for this place goes on.
        """
        deadline = time.monotonic() + CALL_SECONDS
        with self._condition:
            drawing = self._drawings.pop(place, None) or _Drawing()
            self._drawings[place] = drawing
            while len(self._drawings) > MOST_DRAWINGS:
                del self._drawings[next(iter(self._drawings))]
        if not drawing.at_work.acquire(timeout=CALL_SECONDS):
            return None
        try:
            if not self._draw(of, count, drawing, deadline):
                return None
            values = b"".join(drawing.values)
            drawing.values.clear()
            with self._condition:
                self._drawings.pop(place, None)
        finally:
            drawing.at_work.release()
        return Drawn(of.key, of.kind, values)

    def wake(self) -> None:
        """What is wanted may have changed."""
        self._woken.set()

    def start(self, wanted: Callable[[], Sequence[Wanted]]) -> None:
        """Look after the pools: fill those that are ``wanted``, in this order, and remove all others."""
        self._stopping.clear()
        self._woken.set()
        self._thread = threading.Thread(target=self._run, args=(wanted,), name="zone-pools", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Make no more. Values under way may be lost."""
        self._stopping.set()
        self._woken.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def look_after(self, wanted: Sequence[Wanted]) -> bool:
        """Remove the pools that are not wanted, and add some values to the first of the others that lacks any.

        Whether one lacked any.
        """
        self._keep_only({item.of for item in wanted})
        for item in wanted:
            values = min(item.values, self._most_values)
            if not values:
                continue
            with self._using(item.of) as source:
                if isinstance(source, Pool) and (there := source.available()) < values:
                    source.fill(min(values, there + FILLED_AT_ONCE), stop=self._stopping)
                    return True
        return False

    def _run(self, wanted: Callable[[], Sequence[Wanted]]) -> None:
        while True:
            self._woken.wait(INTERVAL_SECONDS)
            self._woken.clear()
            if self._stopping.is_set():
                return
            try:
                if self.look_after(wanted()):
                    self._woken.set()
            except Exception as error:
                _log.exception("pools not looked after", error=type(error).__name__)

    def _draw(self, of: ShortOrUniform, count: int, drawing: _Drawing, deadline: float) -> bool:
        """Whether all are there. Stretches double while they are short, so that none goes far beyond the deadline."""
        missing = count - sum(map(len, drawing.values)) // of.key.ciphertext_bytes
        with self._using(of) as source:
            if isinstance(source, Pool):
                ready = source.take_ready(missing)
                drawing.values.append(ready)
                missing -= len(ready) // of.key.ciphertext_bytes
            stretch = _FIRST_STRETCH
            while missing:
                began = time.monotonic()
                drawing.values.append(source.take(some := min(stretch, missing)))
                missing -= some
                ended = time.monotonic()
                if missing and (ended >= deadline or self._stopping.is_set()):
                    return False
                if ended - began < STRETCH_SECONDS:
                    stretch *= 2
        return True

    @contextmanager
    def _using(self, of: ShortOrUniform) -> Iterator[Randomness]:
        """A source that nobody removes meanwhile."""
        with self._condition:
            source = self._sources.pop(of, None) or _Source(self._open(of))
            self._sources[of] = source
            for idle in [held for held, other in self._sources.items() if not other.users and other is not source]:
                if len(self._sources) > MOST_KEYS:
                    del self._sources[idle]
            source.users += 1
        try:
            yield source.randomness
        finally:
            with self._condition:
                source.users -= 1

    def _open(self, of: ShortOrUniform) -> Randomness:
        source: Randomness = FixedBase(of.key) if of.short else Uniform(of.key)
        if not self._most_values:
            return source
        try:
            return Pool(self._folder, source, on_discard=lambda reason: _log.warning("pool discarded", reason=reason))
        except ConfigError as error:
            _log.warning("no pool", reason=error.message)
            return source

    def _keep_only(self, kept: Collection[ShortOrUniform]) -> None:
        with self._condition:
            for of in [of for of, source in self._sources.items() if of not in kept and not source.users]:
                del self._sources[of]
            names = {pool_name(of.key, of.kind) for of in (*kept, *self._sources)} if self._most_values else set()
            for path in self._folder.iterdir() if self._folder.is_dir() else ():
                if path.name not in names:
                    remove_pool(path)
