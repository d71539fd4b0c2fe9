"""Audience answers: in which of twenty audiences is this device, asked two thousand times a second."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from bench.audiences import AUDIENCES, Audiences, lay_audiences
from bench.cases.case import Bout, Case, Figure, Place
from bench.cases.one_process import begin, used
from bench.environments import OwnEnvironment
from bench.failures import WrongResultError
from bench.processes import Deadline, Worker
from bench.results import Run

RATE: Final = 2_000
SECONDS: Final = 20
FEW: Final = 100_000
FEW_SECONDS: Final = 3
"""With fewer ids than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerServers:
    """The answer server on one processor, asked in one form by a process on another. ``name`` is the form."""

    name: str
    largest: int | None = None
    environment: OwnEnvironment = field(default_factory=OwnEnvironment)

    @contextmanager
    def open(self, ground: Audiences, place: Place, deadline: Deadline) -> Iterator[Bout]:
        started = time.monotonic()
        files = {name: str(path) for name, path in ground.files.items()}
        home = {"home": str(place.folder / "home"), "key": str(place.folder / "key")}
        with Worker(
            "builder", python=place.python, script="answers_building", task=home | {"files": files}, folder=place.folder
        ) as builder:
            token = builder.ready(deadline)["token"]
        built = time.monotonic() - started
        with Worker("server", python=place.python, script="answers_server", task=home, folder=place.folder) as server:
            addresses = server.ready(deadline)
            port = "grpc" if self.name == "gRPC" else "http"
            asking = {
                "form": self.name,
                "address": addresses[port],
                "token": token,
                "questions": str(ground.questions),
                "rate": RATE,
                "seconds": SECONDS if ground.ids >= FEW else FEW_SECONDS,
            }
            with Worker(
                "askers", python=place.python, script="answers_asking", task=asking, folder=place.folder
            ) as askers:
                askers.ready(deadline)

                def run(deadline: Deadline) -> Run:
                    before = begin(server.pid)
                    askers.start()
                    answered = askers.done(deadline)
                    process = used("server", server.pid, before)
                    if answered["wrong"]:
                        raise WrongResultError(f"{answered['wrong']:,} of {answered['asked']:,} answers are wrong")
                    return Run(figures=answered["figures"], processes=(process,))

                yield Bout(run=run, apart={"sets built": built}, version=addresses["versions"][port])


CASE = Case[Audiences](
    name="answers",
    title=f"Audience answers, {RATE:,} a second from one processor",
    about=f"""\
In which of {AUDIENCES} audiences is this device? Each audience has as many ids as the size says, MD5s of device ids in
Parquet files of which sets are built before; a device is in half of them on average, and every ninth that is asked
about in none. The server is a process that is held on one processor. Another process, on another processor, asks
{RATE:,} times a second over 64 connections that stay open (gRPC: one), at random moments that were drawn before and
don't wait for answers. A time counts from the moment that a question was to be asked, whether or not a connection was
free, to the last byte of its answer: a server that stalls is charged for every question that it keeps waiting. Every
answer is compared with the files. *50 %*, *99 %* and *99.9 %* are the times within which so many were answered. With
fewer than {FEW:,} ids a run takes {FEW_SECONDS} seconds, else {SECONDS}.""",
    sized="ids in each audience",
    small=(20_000,),
    full=(1_000_000,),
    figures=(
        Figure("p99", "99 %"),
        Figure("p50", "50 %"),
        Figure("p999", "99.9 %"),
        Figure("slowest", "slowest"),
    ),
    contestants=tuple(AnswerServers(name=form) for form in ("RTA", "JSON", "gRPC")),
    lay=lay_audiences,
)
