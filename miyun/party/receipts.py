"""The zone's signed receipts: what they are checked for, and where they are kept."""

from sqlalchemy import Engine, select
from sqlalchemy.dialects.sqlite import insert as upsert

from miyun.audit.statements import Receipt
from miyun.contract.model import Contract
from miyun.errors import ReplayError
from miyun.keys.signing import VerifyKey
from miyun.party.schema import receipts
from miyun.records import Statement
from miyun.storage.database import changing, reading
from miyun.transport.codec import from_wire
from miyun.wire.v1.audit_pb2 import SignedReceipt


class Receipts:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, message: SignedReceipt, statement: Statement, contract: Contract) -> Receipt:
        """Verify the receipt for ``statement`` with the zone key that the contract pins, and keep it.

        Raises:
            SignatureError, MalformedError: not signed by that key.
            ReplayError: a receipt for something else.
        """
        receipt = from_wire(message.statement, Receipt)
        VerifyKey(contract.zone.signing_key).verify(receipt, message.signature)
        expected = (contract.id, statement.KIND, statement.digest())
        if (receipt.contract, receipt.subject, receipt.statement_digest) != expected:
            raise ReplayError(
                f"the zone answered a {statement.KIND} with a receipt for something else",
                hint="Run `miyun audit verify`, and talk to the zone's operator.",
            )
        with changing(self._engine) as connection:
            connection.execute(
                upsert(receipts)
                .values(
                    contract=contract.id,
                    statement_digest=receipt.statement_digest,
                    receipt=receipt.canonical_bytes(),
                    signature=message.signature,
                )
                .on_conflict_do_nothing()
            )
        return receipt

    def of(self, contract_id: str) -> tuple[tuple[Receipt, bytes], ...]:
        """All receipts of a contract with their signatures, oldest first."""
        query = select(receipts.c.receipt, receipts.c.signature).where(receipts.c.contract == contract_id)
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        found = ((Receipt.from_canonical(row.receipt), row.signature) for row in rows)
        return tuple(sorted(found, key=lambda pair: pair[0].audit_sequence))
