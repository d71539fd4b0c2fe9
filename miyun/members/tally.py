"""Counting and quarantining one column's values."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar, cast

from miyun.members.quarantine import Quarantine
from miyun.members.reasons import Reason, Rejected
from miyun.members.report import ColumnReport

PART = " | "
"""Between the parts of a composite, where people see them."""

Value = TypeVar("Value")


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of one column's values. ``keep_empty``: empty values are quarantined too."""

    name: str
    column: str
    role: str
    keep_empty: bool
    quarantine: Quarantine | None
    accepted: int = 0
    rejected: Counter[Reason] = field(default_factory=Counter)

    def take(
        self, values: Sequence[Value | Rejected], rows: Sequence[int], *cells: Sequence[str | None]
    ) -> list[Value | None]:
        """The accepted values; None where one was rejected. ``cells`` are the columns they were read from."""
        if Rejected in set(map(type, values)):  # asked once for all of them: most columns have none
            for place, value in enumerate(values):
                if isinstance(value, Rejected):
                    self.rejected[value.reason] += 1
                    if self.quarantine and (self.keep_empty or value.reason != Reason.EMPTY):
                        raw = PART.join(column[place] or "" for column in cells)
                        self.quarantine.add(rows[place], self.column, value.reason, raw)
            taken = [None if isinstance(value, Rejected) else value for value in values]
        else:
            taken = cast("list[Value | None]", [*values])
        self.accepted += len(taken) - taken.count(None)
        return taken

    def report(self) -> ColumnReport:
        return ColumnReport(
            name=self.name,
            column=self.column,
            role=self.role,
            accepted=self.accepted,
            empty=self.rejected[Reason.EMPTY],
            rejected={reason.value: count for reason, count in sorted(self.rejected.items()) if reason != Reason.EMPTY},
        )
