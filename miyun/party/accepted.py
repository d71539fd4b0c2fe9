"""Contracts that this party signed itself: the only ones its agent acts on."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.contract.lifecycle import ContractState, SignedContract
from miyun.contract.model import Contract, stored_contract
from miyun.contract.statements import Revocation
from miyun.errors import ContractError, StateError
from miyun.party.schema import contract_signatures, contracts, revocations
from miyun.storage.database import reading


class AcceptedContracts:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def accept(self, contract: Contract, signer: str, signature: bytes) -> None:
        """Keep a contract together with this party's own signature.

        Raises:
            StateError: another document of the same id was signed before.
        """
        document = contract.canonical_bytes()
        with self._engine.begin() as connection:
            held = connection.scalar(select(contracts.c.document).where(contracts.c.contract == contract.id))
            if held is None:
                connection.execute(insert(contracts).values(contract=contract.id, document=document, doubted=False))
            elif held != document:
                raise StateError(
                    f"another contract called “{contract.id}” was signed in this home before",
                    hint="Give the new contract an id of its own.",
                )
            connection.execute(
                upsert(contract_signatures)
                .values(contract=contract.id, signer=signer, signature=signature)
                .on_conflict_do_nothing()
            )

    def ids(self) -> tuple[str, ...]:
        with reading(self._engine) as connection:
            return tuple(connection.scalars(select(contracts.c.contract).order_by(contracts.c.contract)))

    def get(self, contract_id: str) -> SignedContract:
        """A contract with the signatures that are known here.

        Raises:
            ContractError: this party has not signed it.
        """
        return self._find(contract_id)[0]

    def active(self, contract_id: str, now: datetime) -> Contract:
        """The contract, if it is in force by this party's own clock.

        Raises:
            ContractError: it is not signed here, not signed by everybody, revoked, not yet in force, or expired.
        """
        signed, doubted = self._find(contract_id)
        signed.require_active(now)
        if doubted:
            raise ContractError(
                f"the zone says that the contract “{contract_id}” was revoked, and no party has signed that",
                hint="Ask the other party, and the zone's operator.",
                clause="id",
            )
        return signed.contract

    def _find(self, contract_id: str) -> tuple[SignedContract, bool]:
        """A contract, and whether it is in doubt."""
        query = (
            select(contracts.c.document, contracts.c.doubted, revocations.c.statement)
            .outerjoin(revocations, revocations.c.contract == contracts.c.contract)
            .where(contracts.c.contract == contract_id)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).first()
            if row is None:
                raise ContractError(
                    f"this party has not signed a contract called “{contract_id}”",
                    hint=f"Read its leakage statement, then sign it: miyun contract sign {contract_id}",
                    clause="id",
                )
            signatures = connection.execute(
                select(contract_signatures.c.signer, contract_signatures.c.signature).where(
                    contract_signatures.c.contract == contract_id
                )
            ).all()
        contract = stored_contract(row.document)
        by_signer = {each.signer: each.signature for each in signatures}
        signed = SignedContract(
            contract=contract,
            signatures=by_signer,
            activated=contract.zone.name in by_signer,
            revocation=None if row.statement is None else Revocation.from_canonical(row.statement),
        )
        return signed, row.doubted

    def over(self, contract_id: str, now: datetime) -> bool:
        """Whether it was revoked, by whichever party, or has expired."""
        return self.get(contract_id).state(now) in {ContractState.REVOKED, ContractState.EXPIRED}

    def keep_signatures(self, contract_id: str, signatures: Mapping[str, bytes]) -> None:
        """Keep signatures of others, which the caller has verified."""
        with self._engine.begin() as connection:
            for signer, signature in signatures.items():
                connection.execute(
                    upsert(contract_signatures)
                    .values(contract=contract_id, signer=signer, signature=signature)
                    .on_conflict_do_nothing()
                )

    def doubt(self, contract_id: str, doubted: bool) -> None:
        """Note whether the zone calls the contract revoked and shows no party's signature for it."""
        if doubted == self._doubted(contract_id):
            return
        with self._engine.begin() as connection:
            connection.execute(update(contracts).where(contracts.c.contract == contract_id).values(doubted=doubted))

    def revoke(self, revocation: Revocation, signature: bytes) -> None:
        """Keep a party's revocation, which the caller has verified: this party acts on the contract no longer."""
        with self._engine.begin() as connection:
            connection.execute(
                upsert(revocations)
                .values(contract=revocation.contract, statement=revocation.canonical_bytes(), signature=signature)
                .on_conflict_do_nothing()
            )

    def _doubted(self, contract_id: str) -> bool:
        with reading(self._engine) as connection:
            return bool(connection.scalar(select(contracts.c.doubted).where(contracts.c.contract == contract_id)))
