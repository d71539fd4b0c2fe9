"""What a case is, and what may contest it. Every case is a file beside this one."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from bench.environments import Environment, OwnEnvironment
from bench.processes import Deadline
from bench.results import Run

G = TypeVar("G")
G_contra = TypeVar("G_contra", contravariant=True)


@dataclass(frozen=True, slots=True)
class Figure:
    """Something that every run of a case measures, in seconds."""

    name: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bout:
    """A contestant that is ready. ``run`` works once, compares the result and gives the figures.

    ``run`` raises BenchError, of which WrongResultError says that the result differs from the plaintext one.
    """

    run: Callable[[Deadline], Run]
    apart: Mapping[str, float] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a contestant works: an empty folder, and its environment's interpreter."""

    folder: Path
    python: Path


class Contestant(Protocol[G_contra]):
    """Something that can do the work of a case on its ground: the input and the truth about it."""

    @property
    def name(self) -> str: ...
    @property
    def environment(self) -> Environment | OwnEnvironment: ...
    @property
    def largest(self) -> int | None:
        """The size beyond which it is left out, unless somebody insists."""
        ...

    def open(self, ground: G_contra, place: Place, deadline: Deadline) -> AbstractContextManager[Bout]:
        """Start it. Raises: BenchError: it doesn't."""
        ...


@dataclass(frozen=True, kw_only=True)  # a generic one with slots can't be made by Python 3.11
class Case(Generic[G]):
    """A question to the contestants. ``figures``: the first one is what the plot shows.

    ``sized`` says what a size counts ("rows a side"). ``lay`` makes input files and truth of a size in a folder.
    """

    name: str
    title: str
    about: str
    sized: str
    small: tuple[int, ...]
    full: tuple[int, ...]
    figures: tuple[Figure, ...]
    contestants: tuple[Contestant[G], ...]
    lay: Callable[[Path, int], G]
    one_processor: bool = False
    """Whether the figures are processor time of one element, with all threads held on one processor."""
    growth: bool = False
    """Whether the page shows how the first figure and the memory grow with the size, instead of who is faster."""
