"""The answer server of a home, on one processor."""

from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from bench.workers.channel import Answer, Work, serve, stay_on_one_processor
from miyun import KeyFile, Party

RUNNING = ExitStack()


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``home`` and ``key``."""
    stay_on_one_processor()
    party = RUNNING.enter_context(Party.open(Path(task["home"]), KeyFile(Path(task["key"]))))
    server = RUNNING.enter_context(party.answers.serving())
    return {"http": server.address, "grpc": server.grpc_address, "version": version("httptools")}, lambda _: {}


with RUNNING:
    serve(prepare)
