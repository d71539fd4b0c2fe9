"""New generations and tokens taken over while others ask.

A generation's new files are read through before they are used. That is done in a thread that yields the processor to
those that answer.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from miyun.answers.askers import Tokens
from miyun.answers.desk import Desk
from miyun.answers.store import AnswerStore
from miyun.errors import MiyunError

CHECK_SECONDS: Final = 1.0
EXPIRY_SECONDS: Final = 600.0

_PAUSE_SECONDS = 0.001
_LOWEST_PRIORITY = 19
_Stamp = tuple[int, int, int] | None

_log = structlog.get_logger(__name__)


class Reloader:
    """Looks every second whether the list or the vault has changed, and now and then for what has expired."""

    def __init__(
        self, store: AnswerStore, tokens: Tokens, vault: Path, desk: Desk, now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._tokens = tokens
        self._vault = vault
        self._desk = desk
        self._now = now
        self._seen = (_stamp(store.list_path), _stamp(vault))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="answers-reload", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def reload(self) -> None:
        """Take over what is there now. What is damaged is refused: answers go on from what was there before."""
        try:
            before = self._desk.answering.generation
            after = self._store.open(before, pause=lambda: time.sleep(_PAUSE_SECONDS))
            self._desk.answering.generation = after
            self._desk.askers.renew(self._tokens.hashes())
        except MiyunError as error:
            self._desk.metrics.reload_failures += 1
            _log.error("generation-refused", code=error.code, reason=error.message)
            return
        _log.info("generation", number=after.listed.generation, audiences=len(after.audiences))

    def _run(self) -> None:
        if sys.platform == "linux":  # where a thread has a priority of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)
        next_expiry = time.monotonic()
        while not self._stopping.wait(CHECK_SECONDS):
            if time.monotonic() >= next_expiry:
                next_expiry = time.monotonic() + EXPIRY_SECONDS
                self._remove_expired()
            seen = (_stamp(self._store.list_path), _stamp(self._vault))
            if seen != self._seen:
                self._seen = seen
                self.reload()

    def _remove_expired(self) -> None:
        try:
            self._store.remove_expired(self._now())
        except (MiyunError, OSError) as error:
            _log.warning("expired-stay", error=type(error).__name__)


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
