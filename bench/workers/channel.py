"""The worker's end of the line: JSON in, JSON out, one a line. The standard library is all that it needs.

The runner sends the task; the worker imports, connects and loads, and answers ``{"ready": …}``. For every
``{"run": …}`` it works once and answers ``{"done": …}``. It ends when its input ends. What a library prints goes to
standard error.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

Answer = dict[str, Any]
Work = Callable[[Answer], Answer]


def serve(prepare: Callable[[Answer], tuple[Answer, Work]]) -> None:
    """Prepare for the task, then do what is asked until nobody asks any more. What fails is told, and ends it."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as line:
        os.dup2(2, 1)
        try:
            ready, work = prepare(json.loads(sys.stdin.readline()))
            _tell(line, {"ready": ready})
            for request in sys.stdin:
                _tell(line, {"done": work(json.loads(request)["run"])})
        except Exception as error:
            traceback.print_exc()
            _tell(line, {"failed": f"{type(error).__name__}: {error}"})
            sys.exit(1)


def write_lines(path: str, lines: list[str]) -> None:
    """A file with these lines under the head ``id``."""
    Path(path).write_text("\n".join(["id", *lines, ""]), encoding="utf-8")


def stay_on_one_processor() -> None:
    """Whatever threads there are, they share one processor from here on, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _tell(line: TextIO, answer: Answer) -> None:
    line.write(json.dumps(answer) + "\n")
    line.flush()
