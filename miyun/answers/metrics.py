"""What the answer server counts: numbers by asker, form and outcome, never an id or a target."""

import threading
from bisect import bisect_left
from collections import Counter
from enum import StrEnum
from typing import Final

from miyun.answers.store import Generation

_BOUNDS: Final = (0.0001, 0.0005, 0.001, 0.005, 0.02)
_NOBODY: Final = "-"


class Form(StrEnum):
    RTA = "rta"
    BYTEDANCE = "rta-bytedance"
    JSON = "json"
    GRPC = "grpc"


class Outcome(StrEnum):
    FOUND = "found"
    NOWHERE = "nowhere"
    PING = "ping"
    MALFORMED = "malformed"
    NOT_KNOWN = "not-known"
    TOO_OFTEN = "too-often"
    FAILED = "failed"


class Metrics:
    """``reload_failures``: how often a new generation was refused, and the one before kept."""

    def __init__(self) -> None:
        self.reload_failures = 0
        self._requests: Counter[tuple[str, Form, Outcome]] = Counter()
        self._within = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0
        self._lock = threading.Lock()

    def count(self, asker: str, form: Form, outcome: Outcome, seconds: float) -> None:
        """One request, and how long it took here. ``asker`` is empty where the token was not known."""
        with self._lock:
            self._requests[asker or _NOBODY, form, outcome] += 1
            self._within[bisect_left(_BOUNDS, seconds)] += 1
            self._seconds += seconds

    def text(self, generation: Generation) -> bytes:
        """All of it in Prometheus' text format."""
        with self._lock:
            requests, within, seconds = dict(self._requests), list(self._within), self._seconds
        lines = ["# TYPE miyun_answers_requests_total counter"]
        lines += [
            f'miyun_answers_requests_total{{asker="{asker}",form="{form}",outcome="{outcome}"}} {count}'
            for (asker, form, outcome), count in sorted(requests.items())
        ]
        lines.append("# TYPE miyun_answers_seconds histogram")
        held = 0
        for bound, count in zip((*map(str, _BOUNDS), "+Inf"), within, strict=True):
            held += count
            lines.append(f'miyun_answers_seconds_bucket{{le="{bound}"}} {held}')
        lines += [f"miyun_answers_seconds_sum {seconds:.6f}", f"miyun_answers_seconds_count {held}"]
        for name, value in (
            ("generation", generation.listed.generation),
            ("audiences", len(generation.audiences)),
            ("ids", sum(one.set.ids for one in generation.audiences.values())),
        ):
            lines += [f"# TYPE miyun_answers_{name} gauge", f"miyun_answers_{name} {value}"]
        lines += [
            "# TYPE miyun_answers_reload_failures_total counter",
            f"miyun_answers_reload_failures_total {self.reload_failures}",
        ]
        return ("\n".join(lines) + "\n").encode()
