"""Environments of their own for the contestants, with pinned versions, under one ignored folder."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.failures import UnavailableError
from bench.processes import ROOT

FOLDER: Final = ROOT / ".bench"
PYTHON: Final = "3.11"
"""The newest Python that every peer has wheels for."""

LISTS: Final = Path(__file__).parent / "environments"
STAMP: Final = "installed.sha256"
INSTALL_SECONDS: Final = 900
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Environment:
    """A list of exact versions in ``environments/<name>.txt``, installed into a virtual environment by uv."""

    name: str

    @property
    def list(self) -> Path:
        return LISTS / f"{self.name}.txt"

    def versions(self) -> dict[str, str]:
        """Version by distribution, as pinned."""
        pins = (line.partition("==") for line in self.list.read_text("utf-8").splitlines() if "==" in line)
        return {name: version for name, _, version in pins}

    def python(self, tell: Tell) -> Path:
        """Its interpreter; installs it where it isn't yet, or is of another list.

        Raises:
            UnavailableError: it can't be installed here.
        """
        folder = FOLDER / self.name
        python, stamp = folder / "bin" / "python", folder / STAMP
        digest = hashlib.sha256(self.list.read_bytes()).hexdigest()
        if not (stamp.exists() and stamp.read_text() == digest):
            tell(f"installing the environment “{self.name}”")
            shutil.rmtree(folder, ignore_errors=True)
            _uv("venv", "--quiet", "--python", PYTHON, str(folder))
            _uv("pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), "--requirement", self.list)
            stamp.write_text(digest)
        return python


@dataclass(frozen=True, slots=True)
class OwnEnvironment:
    """The one that runs the benchmark: Miyun's."""

    name: str = "miyun"

    def versions(self) -> dict[str, str]:
        """Nothing is pinned here: the report says what is installed."""
        return {}

    def python(self, _: Tell) -> Path:
        return Path(sys.executable)


def _uv(*arguments: str | Path) -> None:
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise UnavailableError("uv is not there: `make install` brings it")
    try:
        subprocess.run(
            [uv, *arguments], check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS, cwd=FOLDER.parent
        )
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or ["uv said nothing"]
        raise UnavailableError(f"can't be installed: {last[0].strip()[:300]}") from None
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"can't be installed within {INSTALL_SECONDS} s") from None
