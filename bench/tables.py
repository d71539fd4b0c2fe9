"""The tables that are matched, the plain join of them, and the comparison with it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.failures import WrongResultError
from demo.people import Population

SEED = 7
Texts = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Two CSV files with the columns ``id`` and ``phone``, and the ids on either side of those who are in both."""

    rows: int
    merchant: Path
    platform: Path
    merchant_ids: Texts
    platform_ids: Texts


def lay_tables(folder: Path, rows: int) -> Tables:
    """Tables of so many rows, in random order, with the half of each in common; the truth is joined from the files."""
    population, shuffle = Population(SEED), np.random.default_rng(SEED)
    paths = []
    for name, prefix, first in (("merchant", "m", 0), ("platform", "u", rows - rows // 2)):
        people = shuffle.permutation(np.arange(first, first + rows, dtype=np.uint64))
        paths.append(folder / f"{name}.csv")
        with paths[-1].open("w", encoding="utf-8") as file:
            file.write("id,phone\n")
            pairs = zip(people.tolist(), population.phones(people).tolist(), strict=True)
            file.writelines(f"{prefix}{person},{phone}\n" for person, phone in pairs)
    merchant, platform = paths
    merchant_ids, platform_ids = plain_join(merchant, platform)
    return Tables(rows=rows, merchant=merchant, platform=platform, merchant_ids=merchant_ids, platform_ids=platform_ids)


def plain_join(merchant: Path, platform: Path) -> tuple[Texts, Texts]:
    """The ids on either side whose phone is in both files, each sorted."""
    (our_ids, ours), (their_ids, theirs) = (_columns(path) for path in (merchant, platform))
    _, left, right = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
    return np.sort(our_ids[left]), np.sort(their_ids[right])


def _columns(path: Path) -> tuple[Texts, Texts]:
    from pyarrow import csv

    table = csv.read_csv(path)
    return table["id"].to_numpy().astype(np.bytes_), table["phone"].to_numpy()


def write_people(path: Path, prefix: str, people: Any, phones: Any, spend: Any = None) -> None:
    """A CSV file with the columns ``id``, ``phone`` and, where it is given, ``spend``."""
    import pyarrow as pa
    from pyarrow import csv

    columns = {"id": numbered(prefix, people), "phone": phones} | ({} if spend is None else {"spend": spend})
    csv.write_csv(pa.table(columns), path)


def numbered(prefix: str, numbers: Any) -> Any:
    """An Arrow array of names: the prefix and a number."""
    import pyarrow as pa
    from pyarrow import compute

    return compute.binary_join_element_wise(prefix, compute.cast(pa.array(numbers), pa.string()), "")


def ids_of(people: Any) -> tuple[Texts, Texts]:
    """What these people are called at the merchant and on the platform, each sorted."""
    ours, theirs = (numbered(prefix, people).to_numpy(zero_copy_only=False).astype(np.bytes_) for prefix in ("m", "u"))
    return np.sort(ours), np.sort(theirs)


def compare_ids(expected: Texts, path: Path) -> None:
    """Compare the first column of a result with the truth, whatever its order.

    Raises:
        WrongResultError: there is no file, or ids are missing, false or there twice.
    """
    import pyarrow as pa
    from pyarrow import csv

    if not path.exists():
        raise WrongResultError(f"there is no {path.name}")
    read = csv.ReadOptions(autogenerate_column_names=True, skip_rows=1)
    convert = csv.ConvertOptions(column_types={"f0": pa.string()}, include_columns=["f0"])
    try:
        column = csv.read_csv(path, read_options=read, convert_options=convert)["f0"]
    except pa.ArrowInvalid as error:
        raise WrongResultError(f"{path.name} can't be read: {error}") from None
    found = np.sort(column.to_numpy().astype(np.bytes_))
    if found.size == expected.size and bool(np.all(found == expected)):
        return
    missing, false = np.setdiff1d(expected, found).size, np.setdiff1d(found, expected).size
    raise WrongResultError(
        f"{path.name} has {found.size:,} ids instead of {expected.size:,}: {missing:,} are missing, {false:,} are false"
    )
