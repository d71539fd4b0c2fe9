"""What this party brings to an intersection: drawn once, and kept until the end, since nothing of it is drawn again."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from miyun.keys.files import write_private
from miyun.party.job_files import JobFiles
from miyun.psi.intersection_sum.points import OwnPoints
from miyun.psi.intersection_sum.totals import ColumnValues

_KIND = "rows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """Blinded points, and the numbers of the rows behind them, by row position."""

    own: OwnPoints
    numbers: tuple[ColumnValues, ...]


class IntersectionFiles(JobFiles):
    def put(self, contract: str, job: str, brought: Brought) -> None:
        """Keep it, durably."""
        arrays: dict[str, Any] = {"points": np.frombuffer(brought.own.points, np.uint8), "rows": brought.own.rows}
        for place, column in enumerate(brought.numbers):
            arrays |= {f"values{place}": column.values, f"known{place}": column.known}
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        write_private(self.path(contract, job, _KIND), buffer.getvalue())

    def get(self, contract: str, job: str) -> Brought:
        with np.load(self.path(contract, job, _KIND), allow_pickle=False) as arrays:
            columns = (len(arrays.files) - 2) // 2
            return Brought(
                own=OwnPoints(points=arrays["points"].tobytes(), rows=arrays["rows"]),
                numbers=tuple(
                    ColumnValues(values=arrays[f"values{place}"], known=arrays[f"known{place}"])
                    for place in range(columns)
                ),
            )
