"""Write the Python stubs of ``proto/`` into a folder: ``python proto/generate.py [FOLDER]`` (default: the project)."""

import os
import sys
from pathlib import Path

from grpc_tools import protoc

PROTO = Path(__file__).parent


def generate(target: Path) -> None:
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where the mypy plug-ins are
    sources = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    options = [f"--{plugin}_out={target}" for plugin in ("python", "grpc_python", "mypy", "mypy_grpc")]
    status = protoc.main(["protoc", f"-I{PROTO}", *options, *sources])
    if status != 0:
        raise SystemExit(status)


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else PROTO.parent)
