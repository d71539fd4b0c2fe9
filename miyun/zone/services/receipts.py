"""Receipts and jobs as messages."""

from miyun.audit.statements import Receipt
from miyun.contract.jobs import Job
from miyun.transport.codec import to_wire
from miyun.wire.v1 import audit_pb2, job_pb2


def receipt_message(signed: tuple[Receipt, bytes]) -> audit_pb2.SignedReceipt:
    receipt, signature = signed
    return audit_pb2.SignedReceipt(statement=to_wire(receipt, audit_pb2.Receipt), signature=signature)


def job_message(job: Job) -> job_pb2.Job:
    return to_wire(job, job_pb2.Job)
