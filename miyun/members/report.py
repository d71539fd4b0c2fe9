"""What a reading of the member table found. It stays with the owner."""

from dataclasses import dataclass

from miyun.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnReport(Record):
    """One identifier type, attribute or the member id. ``rejected`` counts values by reason code."""

    name: str
    column: str
    role: str
    accepted: int
    empty: int
    rejected: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeReport(Record):
    """What would be sent of one identifier type.

    ``values`` are distinct real values, ``points`` the same with padding; ``shared`` counts the values that members
    had in common with a member of a lower id and that therefore stay unsent for them.
    """

    type: str
    profile: str
    values: int
    points: int
    shared: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersReport(Record):
    """``rows`` read; ``bad_rows`` unreadable as a whole, by reason; ``quarantined`` lines in the quarantine file.

    ``duplicate_rows`` repeat a member id (the first row counts); ``without_consent`` and ``without_identifier`` are
    members that are not sent; ``members`` are sent, as one of ``universe`` row handles, which include padding.
    """

    rows: int
    bad_rows: dict[str, int]
    columns: tuple[ColumnReport, ...]
    duplicate_rows: int
    without_consent: int
    without_identifier: int
    members: int
    universe: int
    types: tuple[TypeReport, ...]
    quarantined: int
    quarantine: str
