"""Scores of an epoch's rows: of each, the sum of the weights of the tags that its member carries. Out of core."""

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from miyun.members.catalogue import Catalogue
from miyun.members.config import TagsConfig
from miyun.members.reading import Progress
from miyun.members.staging import insert
from miyun.members.tagged_reading import PairReader

Handles = npt.NDArray[np.uint32]
Integers = npt.NDArray[np.int64]


def scores(
    connection: duckdb.DuckDBPyConnection,
    config: TagsConfig,
    catalogue: Catalogue,
    weights: Mapping[int, int],
    on_progress: Progress | None = None,
) -> tuple[Handles, Integers]:
    """The handles of all members, ascending, and beside them their scores; ``weights`` are by catalogue index.

    A tag counts once for a member, however often its pair is there.

    Raises:
        SourceError: the source of pairs can't be read.
    """
    weighed = np.zeros(len(catalogue), np.bool_)
    weighed[list(weights)] = True
    connection.execute("CREATE OR REPLACE TEMP TABLE weight (tag UINTEGER, thousandths BIGINT)")
    columns = [pa.array(list(weights), pa.uint32()), pa.array(list(weights.values()), pa.int64())]
    insert(connection, "weight", columns)
    connection.execute("CREATE OR REPLACE TEMP TABLE carried (member VARCHAR, tag UINTEGER)")
    for batch in PairReader(config, catalogue, on_progress=on_progress).batches():
        of_these = weighed[batch.tags]
        members = pa.array(batch.members, pa.string()).filter(pa.array(of_these))
        insert(connection, "carried", [members, pa.array(batch.tags[of_these])])
    found: dict[str, Any] = connection.execute(
        "SELECT live.handle AS handle, coalesce(sum(thousandths), 0)::BIGINT AS score FROM live"
        " LEFT JOIN (SELECT DISTINCT member, tag FROM carried) AS pair ON live.member = pair.member"
        " LEFT JOIN weight ON pair.tag = weight.tag GROUP BY live.handle ORDER BY live.handle"
    ).fetchnumpy()
    for table in ("weight", "carried"):
        connection.execute(f"DROP TABLE {table}")
    return found["handle"], found["score"]
