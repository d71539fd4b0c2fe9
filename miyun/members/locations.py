"""Where people are, as tables write it: two columns of degrees, or one text of both. What can't be a place is missing.

Whoever is at 0, 0, in the Gulf of Guinea, or within metres of it, has no place: devices write that when they know none.
Latitude and longitude are taken to be exchanged where only the exchange makes a place where people live: a latitude
beyond 84°, or outside China in a datum of Chinese maps.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from miyun.members.cells import is_broken
from miyun.members.datums import Datum, Degrees, in_china, to_wgs84
from miyun.members.profiles import is_empty
from miyun.members.reasons import Reason, Rejected

_NOWHERE = 1e-4
"""Degrees from 0, 0."""
_INHABITED = 84
_DEGREES = re.compile(
    r"([NSEW]?) ?([+-]?[0-9]{1,3}(?:\.[0-9]{0,20})?|[0-9](?:\.[0-9]{0,20})?E-[0-9]{1,3}) ?[°º度]? ?([NSEW]?)"
).fullmatch
_DIVIDED = re.compile(r"[,;、/| \t]+")
_WRAPPED = re.compile(r"(?:POINT ?)?[(\[](.*)[)\]]", re.IGNORECASE | re.DOTALL).fullmatch
_PLAIN = re.compile(r"-?[0-9]{1,3}\.[0-9]{1,20}").fullmatch


class Order(StrEnum):
    """Of two numbers in one text."""

    LATITUDE_FIRST = "lat-lon"
    LONGITUDE_FIRST = "lon-lat"


class Position(NamedTuple):
    """Degrees of WGS-84."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How a table writes places. ``order``: of one column with both."""

    datum: Datum
    order: Order = Order.LATITUDE_FIRST


def read_positions(spelling: Spelling, *columns: Sequence[str | None]) -> list[Position | Rejected]:
    """Places out of a column of texts, or of a column of latitudes and one of longitudes."""
    latitudes, longitudes = columns if len(columns) == 2 else _divided(columns[0], spelling.order)
    norths = [_degrees(cell, "NS") for cell in latitudes]
    easts = [_degrees(cell, "EW") for cell in longitudes]
    faults = [_unread(north, east) for north, east in zip(norths, easts, strict=True)]
    latitude, longitude = _numbers(norths), _numbers(easts)
    _find_faults(spelling.datum, latitude, longitude, faults)
    sound = np.array([fault is None for fault in faults], np.bool_)
    latitude, longitude = to_wgs84(
        spelling.datum, np.where(sound, latitude, np.nan), np.where(sound, longitude, np.nan)
    )
    places = map(Position, latitude.tolist(), longitude.tolist())
    return [fault or place for fault, place in zip(faults, places, strict=True)]


def _numbers(cells: Sequence[float | Rejected]) -> Degrees:
    return np.array([np.nan if isinstance(cell, Rejected) else cell for cell in cells], np.float64)


def _find_faults(datum: Datum, latitude: Degrees, longitude: Degrees, faults: list[Rejected | None]) -> None:
    """Why numbers are no place where people live."""
    nowhere = (np.abs(latitude) < _NOWHERE) & (np.abs(longitude) < _NOWHERE)
    impossible = (np.abs(latitude) > _INHABITED) | (np.abs(longitude) > 180)
    exchanged = impossible & (np.abs(longitude) <= _INHABITED) & (np.abs(latitude) <= 180)
    if datum.is_of_china:
        exchanged |= ~in_china(latitude, longitude) & in_china(longitude, latitude)
    for reason, found in (
        (Reason.OFF_THE_EARTH, impossible),
        (Reason.EXCHANGED_COORDINATES, exchanged),
        (Reason.ZERO_COORDINATES, nowhere),
    ):
        for place in np.flatnonzero(found).tolist():
            faults[place] = Rejected(reason)


def _unread(north: float | Rejected, east: float | Rejected) -> Rejected | None:
    """Why a pair of cells is no pair of numbers."""
    found = [cell for cell in (north, east) if isinstance(cell, Rejected)]
    if not found:
        return None
    worst = max(found, key=lambda cell: cell.reason != Reason.EMPTY)
    return Rejected(Reason.INCOMPLETE) if len(found) == 1 and worst.reason == Reason.EMPTY else worst


def _divided(cells: Sequence[str | None], order: Order) -> tuple[list[str | None], list[str | None]]:
    """One text of two numbers as two columns, latitudes first; POINT(… …) always has the longitude first."""
    pairs: list[tuple[str | None, str | None]] = []
    for cell in cells:
        text = unicodedata.normalize("NFKC", cell or "").strip()
        first = order
        if wrapped := _WRAPPED(text):
            first = Order.LONGITUDE_FIRST if text[:5].upper() == "POINT" else order
            text = wrapped[1].strip()
        parts = [part for part in _DIVIDED.split(text) if part]
        if not parts or is_empty(text):
            pairs.append((None, None))
        elif len(parts) == 2:
            pairs.append((parts[0], parts[1]) if first is Order.LATITUDE_FIRST else (parts[1], parts[0]))
        else:
            pairs.append((text, None if len(parts) == 1 else text))
    latitudes, longitudes = zip(*pairs, strict=True) if pairs else ((), ())
    return list(latitudes), list(longitudes)


def _degrees(cell: str | None, axis: str) -> float | Rejected:
    """A number of degrees, with a degree sign and a letter of the axis (the positive one first) or without."""
    if cell is None:
        return Rejected(Reason.EMPTY)
    if _PLAIN(cell):
        return float(cell)
    found = _DEGREES(unicodedata.normalize("NFKC", cell).strip().upper())
    letters = found[1] + found[3] if found else ""
    if found is None or letters not in {"", *axis}:
        return Rejected(Reason.EMPTY if is_empty(cell) else _unreadable(cell))
    return -float(found[2]) if letters == axis[1] else float(found[2])


def _unreadable(cell: str) -> Reason:
    return Reason.BAD_ENCODING if is_broken(cell) else Reason.NO_COORDINATES
