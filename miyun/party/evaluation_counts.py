"""How many points of a counterparty this party ever multiplied, against the contract's cap: never reset or lowered."""

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.contract.model import Contract
from miyun.errors import CapExceededError
from miyun.party.schema import evaluation_counts


def require_room(connection: Connection, contract: Contract, counterparty: str, type_: str, points: int) -> None:
    """Pass where so many more may be multiplied.

    Raises:
        CapExceededError: the contract's cap does not leave so many.
    """
    evaluated = connection.scalar(
        select(evaluation_counts.c.evaluated).where(
            evaluation_counts.c.contract == contract.id,
            evaluation_counts.c.counterparty == counterparty,
            evaluation_counts.c.type == type_,
        )
    )
    place = [terms.type for terms in contract.identifiers].index(type_)
    cap = contract.identifiers[place].evaluation_cap
    if (evaluated or 0) + points > cap:
        raise CapExceededError(
            f"{evaluated or 0:,} {type_} points of {counterparty} were evaluated before; with {points:,} "
            f"more the contract's cap of {cap:,} would be passed",
            hint="Agree on a new contract with a higher cap.",
            clause=f"identifiers[{place}].evaluation_cap",
        )


def count_points(connection: Connection, contract: Contract, counterparty: str, type_: str, points: int) -> None:
    """Count them, in the transaction that keeps what they are counted for. Raises as ``require_room``."""
    require_room(connection, contract, counterparty, type_, points)
    statement = upsert(evaluation_counts).values(
        contract=contract.id, counterparty=counterparty, type=type_, evaluated=points
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["contract", "counterparty", "type"],
            set_={"evaluated": evaluation_counts.c.evaluated + statement.excluded.evaluated},
        )
    )
