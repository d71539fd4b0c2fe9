"""Looking back: the zone's history against this party's own."""

from miyun.audit.statements import AuditEntry, AuditHead
from miyun.audit.verify import AuditFindings, cross_check
from miyun.contract.model import Contract
from miyun.errors import AuditError
from miyun.keys.signing import VerifyKey
from miyun.party.session import Session
from miyun.transport.codec import from_wire
from miyun.wire.v1 import audit_pb2 as wire
from miyun.wire.v1.audit_pb2_grpc import AuditServiceStub

PAGE = 1000


def audit_verify(session: Session, contract: str) -> AuditFindings:
    """Fetch the zone's chain and compare; ``findings`` says what disagrees.

    Raises:
        SignatureError: the head is not signed by the zone that the contract pins.
        AuditError: the zone's pages don't end at one head.
    """
    terms = session.accepted.get(contract).contract
    own = session.audit_log.entries(contract)
    receipts = tuple(receipt for receipt, _ in session.receipts.of(contract))
    entries, head = _zone_log(session, terms)
    return cross_check(entries, head, receipts, own, party=session.name)


def _zone_log(session: Session, contract: Contract) -> tuple[tuple[AuditEntry, ...], AuditHead]:
    """All entries up to the head that comes with the last page."""
    stub, entries = session.stub(AuditServiceStub), list[AuditEntry]()
    while True:
        answer = stub.ListEntries(wire.ListEntriesRequest(contract=contract.id, after=len(entries), limit=PAGE))
        head = from_wire(answer.head, AuditHead)
        VerifyKey(contract.zone.signing_key).verify(head, answer.head_signature)
        if head.contract != contract.id:
            raise AuditError("the zone gave the head of another contract's history", hint="Talk to its operator.")
        entries += (from_wire(entry, AuditEntry) for entry in answer.entries)
        if not answer.entries or len(entries) >= head.sequence:
            return tuple(entries), head
