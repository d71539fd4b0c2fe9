"""Known answers from tests/vectors."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "vectors"


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def offsets(messages: list[bytes]) -> bytes:
    ends = [0]
    for message in messages:
        ends.append(ends[-1] + len(message))
    return b"".join(end.to_bytes(4, "little") for end in ends)
