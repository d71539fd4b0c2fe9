"""An agent beside a call that waits for it."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from threading import Event
from types import TracebackType
from typing import Self

from miyun.errors import StateError
from miyun.party.agent import AGENT_LOCK, Agent
from miyun.party.progress import OnEvent


class BackgroundAgent:
    """Has this home's agent at work while the block runs: its daemon, or else one in a thread of this process."""

    def __init__(self, agent: Agent, on_event: OnEvent) -> None:
        self._agent = agent
        self._on_event = on_event
        self._stop = Event()
        self._held = ExitStack()
        self._run: Future[None] | None = None

    def __enter__(self) -> Self:
        self.attend()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._held.close()

    def attend(self) -> None:
        """Take over as soon as no other process has this home's agent; raise what ours has died of, if it has."""
        if self._run is not None:
            if self._run.done():
                self._run.result()
            return
        with suppress(StateError):
            self._held.enter_context(self._agent.home.lock(AGENT_LOCK))
            pool = self._held.enter_context(ThreadPoolExecutor(1, thread_name_prefix="miyun-agent"))
            self._held.callback(self._stop.set)
            self._run = pool.submit(self._agent.work, stop=self._stop, on_event=self._on_event)
