"""What Miyun's own contestants have in common."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bench.failures import BenchError, UnavailableError
from demo.processes import CommandError
from demo.stage import Cast, Stage
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
