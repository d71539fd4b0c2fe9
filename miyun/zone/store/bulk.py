"""The bulk bytes of a fusion, kept only as long as they are needed, and the pairs that come of them."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap
from sqlalchemy import Column, Connection, Select, delete, func, insert, select

from miyun.psi.context import HANDLE_BYTES
from miyun.psi.join import Matches, TokenColumn
from miyun.zone.schema import chunk_values, live_numbers, pairs
from miyun.zone.store.fusions import ChunkPlace, Lane

STREAMED_CHUNKS = 16

PAIRS = "pairs"

Handles = npt.NDArray[np.uint32]


class Content(StrEnum):
    SEALED = "sealed"
    HANDLES = "handles"
    TOKENS = "tokens"


def put_values(connection: Connection, place: ChunkPlace, content: Content, data: bytes) -> None:
    connection.execute(
        insert(chunk_values).values(
            contract=place.contract,
            job=place.job,
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
            table.job == place.job,
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
            table.job == place.job,
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
            table.job == lane.job,
            table.type == lane.type,
            table.sender == lane.sender,
            table.content == content.value,
        )
        .order_by(table.index)
        .execution_options(yield_per=STREAMED_CHUNKS)
    )
    for row in connection.execute(query):
        yield row.data


def token_chunks(connection: Connection, lane: Lane) -> Iterator[TokenColumn]:
    """The tokens of a lane with the handles that they came with, chunk by chunk."""
    tokens, handles = (column(connection, lane, content) for content in (Content.TOKENS, Content.HANDLES))
    for chunk, values in zip(tokens, handles, strict=True):
        yield TokenColumn(chunk, np.frombuffer(values, "<u4").astype(np.uint32, copy=False))


def erase_values(connection: Connection, contract: str, job: str) -> None:
    connection.execute(delete(chunk_values).where(chunk_values.c.contract == contract, chunk_values.c.job == job))


def put_pairs(connection: Connection, contract: str, epoch: int, matches: Iterable[Matches]) -> None:
    """Append pairs: the index of a pair stays, whatever comes after it."""
    held = connection.execute(
        select(func.count()).select_from(pairs).where(pairs.c.contract == contract, pairs.c.epoch == epoch)
    ).scalar_one()
    for block, part in enumerate(matches, start=held):
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
    """How many pairs there are, those included that a delta ended: exact, for the zone's own bounds."""
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


def pair_blocks(connection: Connection, contract: str, epoch: int) -> Iterator[Matches]:
    """The pairs as they are stored, in blocks, by index."""
    columns = (pairs.c.left, pairs.c.right, pairs.c.type_index)
    query = select(*columns).where(pairs.c.contract == contract, pairs.c.epoch == epoch).order_by(pairs.c.block)
    for row in connection.execute(query.execution_options(yield_per=1)):
        left, right = (np.frombuffer(data, "<u4").astype(np.uint32, copy=False) for data in (row.left, row.right))
        yield Matches(left=left, right=right, type_index=np.frombuffer(row.type_index, np.uint8))


def put_live(connection: Connection, contract: str, epoch: int, of: str, numbers: BitMap) -> None:
    """Note what there is still: of the pairs (`PAIRS`), or of a side's rows (`rows_of`)."""
    place = (live_numbers.c.contract == contract, live_numbers.c.epoch == epoch, live_numbers.c.of == of)
    connection.execute(delete(live_numbers).where(*place))
    connection.execute(insert(live_numbers).values(contract=contract, epoch=epoch, of=of, numbers=numbers.serialize()))


def get_live(connection: Connection, contract: str, epoch: int, of: str) -> BitMap | None:
    """What there is still; None where no delta has changed anything: everything."""
    table = live_numbers.c
    data = connection.execute(
        select(table.numbers).where(table.contract == contract, table.epoch == epoch, table.of == of)
    ).scalar()
    return None if data is None else BitMap.deserialize(data)


def rows_of(side: int) -> str:
    return str(side)


def erase_pairs(connection: Connection, contract: str, epoch: int) -> None:
    for table in (pairs, live_numbers):
        connection.execute(delete(table).where(table.c.contract == contract, table.c.epoch == epoch))


def _blocks(contract: str, epoch: int, column_: Column[Any]) -> Select[Any]:
    return (
        select(column_.label("data"))
        .where(pairs.c.contract == contract, pairs.c.epoch == epoch)
        .order_by(pairs.c.block)
    )


def _handles(connection: Connection, blocks: Select[Any]) -> Handles:
    data = b"".join(row.data for row in connection.execute(blocks))
    return np.frombuffer(data, "<u4").astype(np.uint32, copy=False)
