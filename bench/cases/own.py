"""What Miyun's own contestants have in common."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bench.cases.one_process import begin, used
from bench.failures import BenchError, UnavailableError
from bench.processes import Deadline, Worker
from bench.results import Process
from demo.processes import CommandError
from demo.stage import Cast, Stage
from miyun.contract.document import parse_contract
from miyun.contract.model import Grant
from miyun.contract.writing import to_yaml
from miyun.kernels import BACKEND_VARIABLE, NATIVE_VERSION

CAST: Final = Cast(
    zone="zone",
    merchant="merchant",
    platform="platform",
    merchant_organisation="Merchant",
    platform_organisation="Platform",
)
CONTRACT: Final = "bench"


def require_native() -> None:
    """Raises: UnavailableError: the native kernels are not installed here in the version that Miyun uses."""
    try:
        import miyun_native
    except (ImportError, ValueError) as error:
        raise UnavailableError(f"miyun-native is not here: {error}") from None
    if miyun_native.__version__ != NATIVE_VERSION:
        raise UnavailableError(f"miyun-native is {miyun_native.__version__}, not {NATIVE_VERSION}")


@contextmanager
def staged(folder: Path, backend: str, set_up: Callable[[Stage], None]) -> Iterator[Stage]:
    """A zone and two parties with this backend, as ``set_up`` leaves them; then both agents as daemons.

    Raises:
        BenchError: one of them fails, then or inside the block.
    """
    if backend == "native":
        require_native()
    with with_backend(backend), as_failures(), Stage(folder, CAST) as stage:
        set_up(stage)
        stage.start_agents()
        yield stage


def agree(stage: Stage, *terms: str, grants: Sequence[Grant] = ()) -> None:
    """Start the zone, have both parties join it, and agree on a contract without consent or padding.

    ``grants`` are further ones than a draft has.
    """
    stage.open_zone()
    stage.join()
    draft, _ = stage.draft(CONTRACT, *terms, "--no-consent", "--padding", "1")
    contract = parse_contract(draft.read_text(encoding="utf-8"))
    draft.write_text(to_yaml(replace(contract, grants=(*contract.grants, *grants))), encoding="utf-8")
    stage.agree(CONTRACT, draft)


def measured(
    stage: Stage, user: Worker, deadline: Deadline, **request: Any
) -> tuple[dict[str, Any], tuple[Process, ...], int]:
    """Let the user ask once: the answer, what every process used meanwhile, and the bytes on the wires."""
    pids = {name: daemon.pid for name, daemon in stage.daemons.items()} | {user.name: user.pid}
    before = {name: begin(pid) for name, pid in pids.items()}
    carried_before = carried(stage)
    user.start(**request)
    answer = user.done(deadline)
    wire = carried(stage) - carried_before
    return answer, tuple(used(name, pid, before[name]) for name, pid in pids.items()), wire


def carried(stage: Stage) -> int:
    """Bytes on the wires of both parties so far."""
    return sum(meter.sent + meter.received for meter in stage.meters.values())


@contextmanager
def with_backend(name: str) -> Iterator[None]:
    """What is started inside uses this backend."""
    kept = os.environ.get(BACKEND_VARIABLE)
    os.environ[BACKEND_VARIABLE] = name
    try:
        yield
    finally:
        del os.environ[BACKEND_VARIABLE]
        if kept is not None:
            os.environ[BACKEND_VARIABLE] = kept


@contextmanager
def as_failures() -> Iterator[None]:
    """What goes wrong in a process of the stage is a failure of the contestant."""
    try:
        yield
    except (CommandError, RuntimeError) as error:
        raise BenchError(str(error)) from error
