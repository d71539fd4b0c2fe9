"""The bulk bytes of a fusion, kept only as long as they are needed, and the pairs that come of them."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Column, Connection, Select, delete, func, insert, select

from miyun.psi.context import HANDLE_BYTES
from miyun.psi.join import Matches
from miyun.zone.schema import chunk_values, pairs
from miyun.zone.store.fusions import ChunkPlace, Lane

STREAMED_CHUNKS = 16

Handles = npt.NDArray[np.uint32]


class Content(StrEnum):
    SEALED = "sealed"
    HANDLES = "handles"
    TOKENS = "tokens"


def put_values(connection: Connection, place: ChunkPlace, content: Content, data: bytes) -> None:
    connection.execute(
        insert(chunk_values).values(
            contract=place.contract,
            epoch=place.epoch,
            type=place.type,
            sender=place.sender,
            index=place.index,
            content=content.value,
            data=data,
        )
    )


def get_values(connection: Connection, place: ChunkPlace, content: Content) -> bytes | None:
    table = chunk_values.c
    return connection.execute(
        select(table.data).where(
            table.contract == place.contract,
            table.epoch == place.epoch,
            table.type == place.type,
            table.sender == place.sender,
            table.index == place.index,
            table.content == content.value,
        )
    ).scalar()


def drop_values(connection: Connection, place: ChunkPlace, content: Content) -> None:
    table = chunk_values.c
    connection.execute(
        delete(chunk_values).where(
            table.contract == place.contract,
            table.epoch == place.epoch,
            table.type == place.type,
            table.sender == place.sender,
            table.index == place.index,
            table.content == content.value,
        )
    )


def column(connection: Connection, lane: Lane, content: Content) -> Iterator[bytes]:
    """The bytes of all chunks of a lane, in order."""
    table = chunk_values.c
    query = (
        select(table.data)
        .where(
            table.contract == lane.contract,
            table.epoch == lane.epoch,
            table.type == lane.type,
            table.sender == lane.sender,
            table.content == content.value,
        )
        .order_by(table.index)
        .execution_options(yield_per=STREAMED_CHUNKS)
    )
    for row in connection.execute(query):
        yield row.data


def erase_values(connection: Connection, contract: str, epoch: int) -> None:
    connection.execute(delete(chunk_values).where(chunk_values.c.contract == contract, chunk_values.c.epoch == epoch))


def put_pairs(connection: Connection, contract: str, epoch: int, matches: Iterable[Matches]) -> None:
    for block, part in enumerate(matches):
        connection.execute(
            insert(pairs).values(
                contract=contract,
                epoch=epoch,
                block=block,
                left=part.left.astype("<u4").tobytes(),
                right=part.right.astype("<u4").tobytes(),
                type_index=part.type_index.tobytes(),
            )
        )


def get_pairs(connection: Connection, contract: str, epoch: int) -> tuple[Handles, Handles]:
    """The left and the right handle of each pair."""
    return left_handles(connection, contract, epoch), right_handles(connection, contract, epoch)


def left_handles(connection: Connection, contract: str, epoch: int) -> Handles:
    return _handles(connection, _blocks(contract, epoch, pairs.c.left))


def right_handles(connection: Connection, contract: str, epoch: int) -> Handles:
    return _handles(connection, _blocks(contract, epoch, pairs.c.right))


def count_pairs(connection: Connection, contract: str, epoch: int) -> int:
    """How many pairs there are: exact, for the zone's own bounds."""
    blocks = connection.execute(
        select(func.length(pairs.c.left)).where(pairs.c.contract == contract, pairs.c.epoch == epoch)
    ).scalars()
    return sum(int(size) for size in blocks) // HANDLE_BYTES


def matches_by_type(connection: Connection, contract: str, epoch: int, types: int) -> list[int]:
    """How many pairs each identifier type gave: exact, for noising alone."""
    counts = np.zeros(types, np.int64)
    for row in connection.execute(_blocks(contract, epoch, pairs.c.type_index)):
        counts += np.bincount(np.frombuffer(row.data, np.uint8), minlength=types)
    return [int(count) for count in counts]


def erase_pairs(connection: Connection, contract: str, epoch: int) -> None:
    connection.execute(delete(pairs).where(pairs.c.contract == contract, pairs.c.epoch == epoch))


def _blocks(contract: str, epoch: int, column_: Column[Any]) -> Select[Any]:
    return (
        select(column_.label("data"))
        .where(pairs.c.contract == contract, pairs.c.epoch == epoch)
        .order_by(pairs.c.block)
    )


def _handles(connection: Connection, blocks: Select[Any]) -> Handles:
    data = b"".join(row.data for row in connection.execute(blocks))
    return np.frombuffer(data, "<u4").astype(np.uint32, copy=False)
