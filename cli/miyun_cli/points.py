"""Files of points that expressions name: ``--points shops.csv`` is read as ``points('shops')``."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from miyun.members.locations import Position

PointsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--points", help="CSV with columns lat and lon: shops.csv is points('shops') in the expression; repeat it."
    ),
]
DatumOption = Annotated[
    Literal["wgs-84", "gcj-02", "bd-09"],
    typer.Option("--datum", help="Of --points: wgs-84 (GPS), gcj-02 (AMap, Tencent) or bd-09 (Baidu)."),
]


def read_points_files(paths: Sequence[Path] | None, datum: str) -> "dict[str, tuple[Position, ...]]":
    """The points by name.

    Raises:
        InputError: two files have the same name.
        SourceError: one can't be read.
    """
    from miyun.errors import InputError
    from miyun.members.datums import Datum
    from miyun.members.points_file import read_points

    points: dict[str, tuple[Position, ...]] = {}
    for path in paths or ():
        if path.stem in points:
            raise InputError(f"two files are called {path.stem}", hint="Rename one: expressions name points by it.")
        points[path.stem] = read_points(path, Datum(datum))
    return points
