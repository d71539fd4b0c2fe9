"""Asking the zone again while agents may still bring what it waits for."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from miyun.errors import WaitingError
from miyun.party.background import BackgroundAgent
from miyun.party.session import Session

PAUSE_SECONDS = 0.5

Answer = TypeVar("Answer")


def patiently(session: Session, agent: BackgroundAgent, ask: Callable[[], Answer]) -> Answer:
    """What ``ask`` gives, as soon as nothing is awaited any more: owners' agents sign leases, this party's own too.

    Raises:
        WaitingError: it is awaited for longer than ``agent.patience_seconds``.
    """
    deadline, never = time.monotonic() + session.config.agent.patience_seconds, threading.Event()
    while True:
        try:
            return ask()
        except WaitingError:
            if time.monotonic() >= deadline:
                raise
        agent.attend()
        never.wait(PAUSE_SECONDS)
