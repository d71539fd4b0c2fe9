"""Contracts, their signatures and delegations, in the database."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from miyun.contract.lifecycle import SignedContract
from miyun.contract.model import Contract, stored_contract
from miyun.contract.statements import Delegation, Revocation
from miyun.zone.schema import contract_parties, contract_signatures, contracts, delegations


def add_contract(connection: Connection, contract: Contract) -> None:
    connection.execute(
        insert(contracts).values(id=contract.id, document=contract.canonical_bytes(), activated=False, closed=False)
    )
    connection.execute(
        insert(contract_parties), [{"contract": contract.id, "party": party.name} for party in contract.parties]
    )


def find_contract(connection: Connection, contract: str) -> SignedContract | None:
    signed = contract_signatures.c
    rows = connection.execute(
        select(contracts, signed.signer, signed.signature)
        .outerjoin(contract_signatures, signed.contract == contracts.c.id)
        .where(contracts.c.id == contract)
    ).all()
    if not rows:
        return None
    return _with_signatures(rows[0], {row.signer: row.signature for row in rows if row.signer is not None})


def contracts_of(connection: Connection, party: str) -> tuple[SignedContract, ...]:
    """The contracts that name ``party``, by id."""
    rows = connection.execute(
        select(contracts)
        .join(contract_parties, contract_parties.c.contract == contracts.c.id)
        .where(contract_parties.c.party == party)
        .order_by(contracts.c.id)
    ).all()
    return tuple(_signed(connection, row) for row in rows)


def unclosed_contracts(connection: Connection, wanted: Collection[str] | None) -> tuple[SignedContract, ...]:
    """The contracts whose end was not dealt with yet, all or those ``wanted``."""
    query = select(contracts).where(contracts.c.closed.is_(False)).order_by(contracts.c.id)
    if wanted is not None:
        query = query.where(contracts.c.id.in_(wanted))
    return tuple(_signed(connection, row) for row in connection.execute(query).all())


def all_contracts(connection: Connection) -> tuple[SignedContract, ...]:
    rows = connection.execute(select(contracts).order_by(contracts.c.id)).all()
    return tuple(_signed(connection, row) for row in rows)


def add_signature(connection: Connection, contract: str, signer: str, signature: bytes) -> None:
    connection.execute(insert(contract_signatures).values(contract=contract, signer=signer, signature=signature))


def mark_activated(connection: Connection, contract: str) -> None:
    connection.execute(update(contracts).where(contracts.c.id == contract).values(activated=True))


def put_revocation(connection: Connection, revocation: Revocation, signature: bytes) -> None:
    connection.execute(
        update(contracts)
        .where(contracts.c.id == revocation.contract)
        .values(revocation=revocation.canonical_bytes(), revocation_signature=signature)
    )


def mark_closed(connection: Connection, contract: str) -> None:
    connection.execute(update(contracts).where(contracts.c.id == contract).values(closed=True))


def add_delegation(connection: Connection, delegation: Delegation, signature: bytes) -> None:
    connection.execute(
        insert(delegations).values(
            contract=delegation.contract,
            digest=delegation.digest(),
            party=delegation.party,
            analyst=delegation.analyst,
            statement=delegation.canonical_bytes(),
            signature=signature,
        )
    )


def delegations_to(connection: Connection, contract: str, analyst: str) -> tuple[tuple[Delegation, bytes], ...]:
    """What lets ``analyst`` ask, in force or not, with signatures."""
    rows = connection.execute(
        select(delegations.c.statement, delegations.c.signature)
        .where(delegations.c.contract == contract, delegations.c.analyst == analyst)
        .order_by(delegations.c.digest)
    ).all()
    return tuple((Delegation.from_canonical(row.statement), row.signature) for row in rows)


def _signed(connection: Connection, row: Row[Any]) -> SignedContract:
    signatures = connection.execute(
        select(contract_signatures.c.signer, contract_signatures.c.signature).where(
            contract_signatures.c.contract == row.id
        )
    ).all()
    return _with_signatures(row, {signature.signer: signature.signature for signature in signatures})


def _with_signatures(row: Row[Any], signatures: dict[str, bytes]) -> SignedContract:
    return SignedContract(
        contract=stored_contract(row.document),
        signatures=signatures,
        activated=row.activated,
        revocation=None if row.revocation is None else Revocation.from_canonical(row.revocation),
        revocation_signature=row.revocation_signature or b"",
    )
