"""The machine and what is installed on it, in words that name neither the machine nor a folder."""

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from bench.results import Machine
from miyun.kernels import BACKEND_VARIABLE, kernels

FLAGS: Final = ("avx2", "adx", "bmi2", "avx512f", "avx512ifma", "vaes", "sha_ni", "asimd", "sha3")
OWN: Final = ("miyun", "miyun-native", "grpcio", "duckdb", "numpy", "rbcl", "cryptography")
SETTINGS: Final = (BACKEND_VARIABLE, "MIYUN_NATIVE_THREADS", "MIYUN_NATIVE_KERNEL")


def machine() -> Machine:
    """The processor as its maker calls it, the cores that may be used, the memory."""
    described = _processor()
    return Machine(
        processor=described.get("model name") or platform.processor() or platform.machine(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        system=f"{platform.system()} {_release()} {platform.machine()}",
        flags=tuple(flag for flag in FLAGS if flag in described.get("flags", described.get("Features", "")).split()),
    )


def versions() -> dict[str, str]:
    """What runs Miyun."""
    found = {"Python": platform.python_version(), "kernels": kernels().words}
    for name in OWN:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def settings() -> dict[str, str]:
    """The environment variables that change what runs, where they are set."""
    return {name: os.environ[name] for name in SETTINGS if name in os.environ}


def _release() -> str:
    """The kernel's version alone; what follows it may name a host."""
    found = re.match(r"[0-9.]+", platform.release())
    return found[0].rstrip(".") if found else ""


def _processor() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if sys.platform != "linux" or not path.exists():
        return {}
    pairs = (line.partition(":") for line in path.read_text().splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}
