"""The layers hold, and the rules about who may import what can't be dropped unnoticed."""

import subprocess
import sys
import tomllib
from pathlib import Path

import miyun

ROOT = Path(miyun.__file__).parent.parent


def test_imports_keep_to_the_layers() -> None:
    lint = Path(sys.executable).parent / "lint-imports"

    outcome = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)

    assert outcome.returncode == 0, outcome.stdout


def test_the_zone_is_kept_from_scalars_and_opening_keys() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]

    (rule,) = [contract for contract in contracts if contract.get("source_modules") == ["miyun.zone"]]

    assert {
        "miyun.hazmat",
        "miyun.keys.unsealing",
        "miyun.paillier.private",
        "miyun.party",
        "miyun.members",
    } <= set(rule["forbidden_modules"])
    assert not rule.get("allow_indirect_imports")


def test_few_files_are_long() -> None:
    lengths = {
        path.relative_to(ROOT): len(path.read_text().splitlines())
        for folder in ("miyun", "cli")
        for path in (ROOT / folder).rglob("*.py")
        if not {"wire", "migrations"} & set(path.parts)
    }

    assert [path for path, lines in lengths.items() if lines > 400] == []
    assert sum(lines > 300 for lines in lengths.values()) <= len(lengths) // 50
