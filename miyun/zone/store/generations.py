"""How often a party's data changed within an epoch, in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from miyun.zone.schema import generations


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """Of a party's data; ``statement_digest`` is of the statement that began it."""

    contract: str
    epoch: int
    party: str
    number: int
    statement_digest: bytes


def current_generations(connection: Connection, contract: str, epoch: int) -> dict[str, int]:
    """The newest generation of each party's data; of those that are not in it, 0."""
    rows = connection.execute(
        select(generations.c.party, func.max(generations.c.generation).label("newest"))
        .where(generations.c.contract == contract, generations.c.epoch == epoch)
        .group_by(generations.c.party)
    ).all()
    return {row.party: row.newest for row in rows}


def holds_generation(connection: Connection, generation: Generation) -> bool:
    """Whether it was begun by this very statement."""
    digest = connection.execute(
        select(generations.c.statement_digest).where(
            generations.c.contract == generation.contract,
            generations.c.epoch == generation.epoch,
            generations.c.party == generation.party,
            generations.c.generation == generation.number,
        )
    ).scalar()
    return bool(digest == generation.statement_digest)


def add_generation(connection: Connection, generation: Generation) -> None:
    connection.execute(
        insert(generations).values(
            contract=generation.contract,
            epoch=generation.epoch,
            party=generation.party,
            generation=generation.number,
            statement_digest=generation.statement_digest,
        )
    )


def erase_generations(connection: Connection, contract: str, epoch: int) -> None:
    connection.execute(delete(generations).where(generations.c.contract == contract, generations.c.epoch == epoch))


def spelled(parties: Sequence[str], numbers: Mapping[str, int]) -> str:
    """The generations of a version, of the parties in their order: ``0,2``."""
    return ",".join(str(numbers.get(party, 0)) for party in parties)
