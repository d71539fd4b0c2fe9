"""Audiences of devices, and the plain truth about some that are asked about."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

AUDIENCES: Final = 20
SEED: Final = 17
COLUMN: Final = "oaid_md5"
ASKED: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Audiences:
    """``ids`` devices in each of the audiences ``files``, by name; a device is in half of them on average.

    ``questions`` is an .npz file: ``devices``, a ninth of which are nowhere, and ``places``, for each device and
    audience whether it is in it.
    """

    ids: int
    files: dict[str, Path]
    questions: Path


def lay_audiences(folder: Path, ids: int) -> Audiences:
    """Parquet files with a column of MD5s, in random order."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    random = np.random.default_rng(SEED)
    devices = 2 * ids
    md5s = np.array([hashlib.md5(b"device %d" % n).hexdigest() for n in range(devices + devices // 8)], "S32")
    asked = random.integers(0, len(md5s), ASKED)
    places, files = np.zeros((ASKED, AUDIENCES), bool), {}
    for number in range(AUDIENCES):
        chosen = random.permutation(devices)[:ids]
        inside = np.zeros(len(md5s), bool)
        inside[chosen] = True
        places[:, number] = inside[asked]
        path = files[f"audience-{number:02}"] = folder / f"audience-{number:02}.parquet"
        pq.write_table(pa.table({COLUMN: pa.array(md5s[chosen]).cast(pa.string())}), path)
    questions = folder / "questions.npz"
    np.savez(questions, devices=md5s[asked], places=places)
    return Audiences(ids=ids, files=files, questions=questions)
