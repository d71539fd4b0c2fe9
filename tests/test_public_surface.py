"""What ``import miyun`` offers: a change here is a change of the API."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import miyun

SURFACE = [
    "Analyst",
    "Contract",
    "Expression",
    "HomeInfo",
    "KeyFile",
    "MiyunError",
    "Party",
    "Passphrase",
    "Role",
    "Zone",
    "create_home",
    "draft_contract",
    "errors",
    "key_fingerprint",
    "leakage",
    "parse",
    "parse_contract",
    "render",
    "to_yaml",
]


def test_the_public_names_are_these() -> None:
    assert miyun.__all__ == SURFACE
    assert set(SURFACE) <= set(dir(miyun))


@pytest.mark.parametrize("name", SURFACE)
def test_every_name_can_be_used(name: str) -> None:
    assert getattr(miyun, name) is not None


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'secrets'"):
        miyun.secrets  # noqa: B018


def test_types_are_checked_against_what_is_imported() -> None:
    """The imports that type checkers see and the ones that happen are of the same modules."""
    tree = ast.parse(Path(miyun.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.name: node.module for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    lazy = set(SURFACE) - {"errors", "MiyunError"}
    assert set(seen) == lazy
    for name, module in seen.items():
        assert getattr(import_module(str(module)), name) is getattr(miyun, name)


def test_importing_miyun_imports_no_library() -> None:
    code = "import sys, miyun; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pydantic", "grpc", "cryptography", "numpy", "duckdb", "sqlalchemy", "lark"} & set(loaded)
