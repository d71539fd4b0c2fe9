"""Files of points, such as a merchant's shops: CSV with a latitude and a longitude in each row, in UTF-8 or GB18030."""

from pathlib import Path

from miyun.errors import SourceError
from miyun.members.config import Encoding
from miyun.members.csv_source import csv_header, open_csv
from miyun.members.datums import Datum
from miyun.members.locations import Position, Spelling, read_positions
from miyun.members.reasons import Rejected
from miyun.members.texts import fold

_LATITUDES = ("lat", "latitude", "纬度")
_LONGITUDES = ("lon", "lng", "long", "longitude", "经度")
_SHOWN = 3


def read_points(path: Path, datum: Datum) -> tuple[Position, ...]:
    """The places of a file in ``datum``, as WGS-84. Of its columns those called latitude and longitude count.

    Raises:
        SourceError: it can't be read, lacks a column, names no place, or has a row that is none.
    """
    if not path.is_file():
        raise SourceError(f"there is no file {path.name}", hint="Correct the path.")
    header = csv_header(path)
    columns = [_column(path, header, names) for names in (_LATITUDES, _LONGITUDES)]
    points: list[Position] = []
    faults: list[str] = []
    for batch in open_csv(path, columns, encoding=Encoding.AUTO, delimiter=",").batches:
        faults += [f"row {bad.row}: {bad.reason.words}" for bad in batch.bad]
        read = read_positions(Spelling(datum=datum), *(batch.columns[column] for column in columns))
        for row, point in zip(batch.rows, read, strict=True):
            if isinstance(point, Rejected):
                faults.append(f"row {row}: {point.words}")
            else:
                points.append(point)
    if faults:
        more = f", and {len(faults) - _SHOWN:,} more" if len(faults) > _SHOWN else ""
        raise SourceError(
            f"{path.name} has rows that are no places: {'; '.join(faults[:_SHOWN])}{more}",
            hint="Correct or remove them: nobody near them would be found. Rows count from 1 below the header.",
        )
    if not points:
        raise SourceError(f"{path.name} has no rows", hint="Give it a row for each point.")
    return tuple(points)


def _column(path: Path, header: list[str], names: tuple[str, ...]) -> str:
    found = [column for column in header if fold(column) in names]
    if len(found) != 1:
        raise SourceError(
            f"{path.name} has {len(found) or 'no'} columns called {', '.join(names)}",
            hint="Name one column lat and one lon; columns are divided by commas.",
        )
    return found[0]
