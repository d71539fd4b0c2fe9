"""A call that waits for a job keeps this home's agent at work, whoever held it before."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from miyun.errors import StateError
from miyun.keys.home import Home
from miyun.party.agent import AGENT_LOCK
from miyun.party.background import BackgroundAgent
from miyun.party.progress import ignore
from tests.party.world import make_home


class OneTask:
    """An agent that runs ``work`` and tells that it did."""

    def __init__(self, home: Home, work: Callable[[], None] = lambda: None) -> None:
        self.home = home
        self.began = Event()
        self._work = work

    def work(self, *, stop: Event, on_event: Any) -> None:
        self.began.set()
        self._work()
        stop.wait(30)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path / "home", "teahouse", "merchant")


def test_the_work_is_taken_over_when_another_process_lets_go(home: Home) -> None:
    agent = OneTask(home)
    with home.lock(AGENT_LOCK):
        background = BackgroundAgent(agent, ignore)  # type: ignore[arg-type]
        background.__enter__()
        background.attend()
        assert not agent.began.is_set()
    background.attend()
    assert agent.began.wait(10)
    background.__exit__(None, None, None)
    with home.lock(AGENT_LOCK):
        pass


def test_what_the_agent_dies_of_is_raised(home: Home) -> None:
    died = Event()

    def die() -> None:
        died.set()
        raise StateError("broken")

    with BackgroundAgent(OneTask(home, die), ignore) as background:  # type: ignore[arg-type]
        assert died.wait(10)
        with pytest.raises(StateError, match="broken"):
            _keep_attending(background)


def _keep_attending(background: BackgroundAgent) -> None:
    while True:
        background.attend()
