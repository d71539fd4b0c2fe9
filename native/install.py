"""Build miyun-native and install it beside Miyun, where cargo is there and its crates can be had.

    .venv/bin/python native/install.py

Says in one line what came of it and writes a word of it into ``.venv/.native``, for the Makefile. Miyun runs without
the kernels, so nothing here is a failure. What cargo said is in ``native/build.log``.
"""

import os
import shutil
import signal
import subprocess
import sys
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import TextIO

NATIVE = Path(__file__).resolve().parent
LOG = NATIVE / "build.log"
VENV = Path(sys.prefix)
STAMP = VENV / ".native"
ENVIRONMENT = {**os.environ, "VIRTUAL_ENV": str(VENV), "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ['PATH']}"}
FETCH_SECONDS = 180
BUILD_SECONDS = 420


class Outcome(StrEnum):
    INSTALLED = "installed"
    BROKEN = "broken"
    NO_TOOLCHAIN = "no-toolchain"


def main() -> None:
    with LOG.open("w", encoding="utf-8") as log:
        outcome, words = build(log)
        if outcome is not Outcome.INSTALLED:
            # An older build is of other sources.
            succeeds(log, 60, "uv", "pip", "uninstall", "--python", sys.executable, "miyun-native")
    STAMP.write_text(f"{outcome}\n", encoding="utf-8")
    print(words)


def build(log: TextIO) -> tuple[Outcome, str]:
    """What came of it, and in words."""
    see = f"see {os.path.relpath(LOG)}"
    if shutil.which("cargo") is None or shutil.which("rustc") is None:
        return Outcome.NO_TOOLCHAIN, "portable backend: cargo not found"
    if (needed := needed_rust()) > present_rust():
        return Outcome.NO_TOOLCHAIN, f"portable backend: cargo is older than {'.'.join(map(str, needed))}"
    if not succeeds(log, FETCH_SECONDS, "cargo", "fetch", "--locked"):
        return Outcome.NO_TOOLCHAIN, f"portable backend: the crates can't be had, {see}"
    if not succeeds(log, BUILD_SECONDS, "maturin", "develop", "--release", "--uv"):
        return Outcome.BROKEN, f"portable backend: build failed, {see}"
    return Outcome.INSTALLED, "native backend: built and installed"


def needed_rust() -> tuple[int, ...]:
    manifest = tomllib.loads((NATIVE / "Cargo.toml").read_text(encoding="utf-8"))
    return version(manifest["package"]["rust-version"])


def present_rust() -> tuple[int, ...]:
    """The version of rustc; () where there is but rustup, without a toolchain."""
    said = subprocess.run(["rustc", "--version"], cwd=NATIVE, capture_output=True, text=True, check=False).stdout
    return version(said.split()[1].partition("-")[0]) if said.startswith("rustc ") else ()


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def succeeds(log: TextIO, seconds: float, *command: str) -> bool:
    """Whether a command ends well, and in time; if not in time, with all that it started."""
    print("$", *command, file=log, flush=True)
    with subprocess.Popen(
        command, cwd=NATIVE, env=ENVIRONMENT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
    ) as process:
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            print(f"not done after {seconds} s", file=log, flush=True)
            return False
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
