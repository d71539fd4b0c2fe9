"""The answer server of a home, on one processor."""

from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from bench.workers.channel import Answer, Work, serve, stay_on_one_processor
from miyun import KeyFile, Party
from miyun.kernels import kernels

RUNNING = ExitStack()


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``home`` and ``key``."""
    stay_on_one_processor()
    party = RUNNING.enter_context(Party.open(Path(task["home"]), KeyFile(Path(task["key"]))))
    server = RUNNING.enter_context(party.answers.serving())
    versions = {"http": f"httptools {version('httptools')}", "grpc": f"HTTP/2 {kernels().words}"}
    return {"http": server.address, "grpc": server.grpc_address, "versions": versions}, lambda _: {}


with RUNNING:
    serve(prepare)
