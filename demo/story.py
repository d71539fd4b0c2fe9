"""Tells the story on the terminal, one step at a time, and keeps how long each took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import fill, indent

from demo.results import Step

WIDTH = 110


class Story:
    """Prints as it goes; ``steps`` is what it has told so far."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._bold = "\033[1m{}\033[0m" if sys.stdout.isatty() else "{}"
        self._quiet = "\033[2m{}\033[0m" if sys.stdout.isatty() else "{}"
        self.steps: list[Step] = []

    def open(self, title: str, words: str) -> None:
        """The head of the story."""
        self._print(f"\n{self._bold.format(title)}\n{words}\n")

    @contextmanager
    def step(self, title: str, chinese: str) -> Iterator[None]:
        """Tell one step; its time is kept when the block ends."""
        self._print(f"{self._bold.format(f'{len(self.steps) + 1:2}  {title}')} {chinese}")
        started = time.perf_counter()
        yield
        seconds = time.perf_counter() - started
        self.steps.append(Step(title=title, chinese=chinese, started=started - self._started, seconds=seconds))
        self._print(self._quiet.format(f"    {seconds:.1f} s") + "\n")

    def say(self, words: str) -> None:
        """A paragraph inside a step."""
        self._print(fill(words, WIDTH, initial_indent="    ", subsequent_indent="      ", break_on_hyphens=False))

    def show(self, text: str) -> None:
        """Lines inside a step, as a command printed them."""
        self._print(indent(text.rstrip(), "    "))

    def close(self, words: str) -> None:
        """The last word."""
        self._print(f"{self._bold.format(words)}\n")

    def _print(self, text: str) -> None:
        print(text, flush=True)
