"""The command starts fast because it imports what a command needs when the command runs."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from miyun.hazmat.ristretto import backend
from miyun.kernels import BACKEND_VARIABLE, kernels

HEAVY = {
    "alembic",
    "cryptography",
    "duckdb",
    "google.protobuf",
    "grpc",
    "lark",
    "numpy",
    "opendp",
    "pandas",
    "pyarrow",
    "pydantic",
    "pyroaring",
    "rbcl",
    "rich",
    "sqlalchemy",
    "structlog",
}


@pytest.mark.parametrize(
    ("arguments", "by_typer"),
    [(["--help"], set()), (["--version"], set()), (["contract", "sign", "--help"], {"pydantic"})],
    ids=["help", "version", "command help"],
)
def test_help_imports_nothing_heavy(arguments: list[str], by_typer: set[str]) -> None:
    code = f"import sys; from miyun_cli.main import run; run({arguments!r}); print(*sys.modules, file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout
    assert HEAVY & set(ended.stderr.split()) <= by_typer


@pytest.mark.usefixtures("each_backend")
def test_the_version_comes_with_the_backend_that_runs() -> None:
    said = subprocess.run([sys.executable, "-m", "miyun_cli", "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == f"miyun {version('miyun')}, ristretto255: {kernels().words}"
    assert kernels().words.split()[0] == backend().name == os.environ[BACKEND_VARIABLE]


def test_the_installed_command_runs() -> None:
    ended = subprocess.run([sys.executable, "-m", "miyun_cli", "--help"], capture_output=True, text=True, check=True)
    assert "Usage: miyun" in ended.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_completed(shell: str) -> None:
    code = f"""
import os
os.environ["_MIYUN_COMPLETE"] = "source_{shell}"
from miyun_cli.main import main
main()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "_MIYUN_COMPLETE" in ended.stdout
