"""The committed gRPC stubs are what the proto files say."""

import subprocess
import sys
from pathlib import Path

import miyun

ROOT = Path(miyun.__file__).parent.parent


def test_generated_stubs_are_current(tmp_path: Path) -> None:
    subprocess.run([sys.executable, ROOT / "proto/generate.py", tmp_path], check=True, capture_output=True)

    fresh = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*_pb2*")}
    committed = {path.relative_to(ROOT): path.read_bytes() for path in (ROOT / "miyun/wire/v1").glob("*_pb2*")}

    assert fresh.keys() == committed.keys()
    assert [path for path in fresh if fresh[path] != committed[path]] == [], "run `make proto`"
