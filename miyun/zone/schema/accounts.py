"""What was charged, released and noted."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, String, Table, Text

from miyun.zone.schema.base import Instant, metadata

leases = Table(
    "leases",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("owner", String(64), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

charges = Table(
    "charges",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("owner", String(64), primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

check_ins = Table(
    "check_ins",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("owner", String(64), primary_key=True),
)
"""Owners whose charges are known to be all here."""

size_releases = Table(
    "size_releases",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("release", String(64), primary_key=True),
    Column("noised", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
)

overlap_releases = Table(
    "overlap_releases",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("release", String(64), primary_key=True),
    Column("sizes", Text, nullable=False),
    Column("at", Instant, nullable=False),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("entry", LargeBinary, nullable=False),
)
