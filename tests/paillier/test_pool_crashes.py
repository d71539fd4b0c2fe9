"""Whenever a process dies, nobody is given a value that it may have seen."""

import itertools
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from .taking import MARK, SEGMENT, Numbered, pool_in, values

ROOT = Path(__file__).parents[2]
STEPS = ["open", "fsync", "replace", "unlink", "pread", "close"]


@pytest.fixture(autouse=True)
def _no_power_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process wrote before it died is there, flushed or not."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def run(parent: Path, work: Callable[[Path], object], step: int, *, before: bool) -> tuple[bool, bytes]:
    """Let a process work on the pool in ``parent`` and die at one step of its dealings with the file system.

    Gives whether it did, and what it had read.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            kill_at(step, writer, before=before)
            work(parent)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        seen = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status in {0, signal.SIGKILL}
    return status == signal.SIGKILL, seen


def kill_at(step: int, writer: int, *, before: bool) -> None:
    """Count the calls of all STEPS, and die before or after the one wanted. What is read is told first."""
    count = itertools.count()
    write = os.write

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def stand_in(*arguments: Any, **options: Any) -> Any:
            place = next(count)
            if place == step and before:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                result = call(*arguments, **options)
                if isinstance(result, bytes):
                    write(writer, result)
            finally:
                if place == step:
                    os.kill(os.getpid(), signal.SIGKILL)
            return result

        return stand_in

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("count", [3, 2 * SEGMENT])
def test_a_death_at_any_step_of_taking_gives_no_value_twice(count: int, *, before: bool, tmp_path: Path) -> None:
    for step in itertools.count():
        parent = tmp_path / str(step)
        source = Numbered()
        pool, said = pool_in(parent, source)
        pool.fill(4 * SEGMENT)
        made = set(source.made)
        pool.take(2)

        killed, seen = run(parent, lambda parent: pool_in(parent)[0].take(count), step, before=before)

        left = values(pool.take(pool.available()))
        assert len(left) == len(set(left)) >= 4 * SEGMENT - 2 - count
        assert set(left) <= made
        assert not set(left) & set(values(seen))
        assert said == []
        if not killed:
            break
    assert step > 15


@pytest.mark.parametrize("before", [True, False])
def test_a_death_at_any_step_of_filling_leaves_a_pool(*, before: bool, tmp_path: Path) -> None:
    for step in itertools.count():
        parent = tmp_path / str(step)

        killed, _ = run(parent, lambda parent: pool_in(parent)[0].fill(2 * SEGMENT), step, before=before)

        pool, said = pool_in(parent)
        assert not list(parent.glob("*/.*"))
        assert pool.available() % SEGMENT == 0
        assert all(value.startswith(MARK) for value in values(pool.take(pool.available())))
        pool.fill(2 * SEGMENT)
        assert pool.available() == 2 * SEGMENT
        if not killed:
            break
    assert step > 40
    assert said == []


def test_processes_that_are_killed_at_random_share_a_pool(tmp_path: Path) -> None:
    source = Numbered()
    pool, said = pool_in(tmp_path, source)
    pool.fill(150 * SEGMENT)
    made = {value.hex() for value in source.made}
    handed: list[str] = []
    for _ in range(2):
        with ExitStack() as stack:
            pair = [stack.enter_context(taking(tmp_path)) for _ in range(2)]
            for process in pair:
                assert process.stdout is not None
                handed += [process.stdout.readline().decode().strip() for _ in range(random.randint(1, 40))]
            for process in pair:
                assert process.stdout is not None
                process.kill()
                *lines, _ = process.stdout.read().decode().split("\n")
                handed += lines
    handed += [value.hex() for value in values(pool.take(pool.available()))]
    assert len(handed) == len(set(handed))
    assert len(made.intersection(handed)) > 100 * SEGMENT
    assert said == []


def taking(parent: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-m", "tests.paillier.taking", parent], cwd=ROOT, stdout=subprocess.PIPE)
