"""Questions with what answers them, between parties and to one of them."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table

from miyun.zone.schema.base import metadata

reader_keys = Table(
    "reader_keys",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("party", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

insights = Table(
    "insights",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("question", LargeBinary(32), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("owner", String(64), nullable=False),
    Column("handles", BigInteger, nullable=False),
    Column("paid", Boolean, nullable=False),
    Column("covered", BigInteger, nullable=False),
    Column("running", LargeBinary),
    Column("totals", LargeBinary),
    Column("totals_signature", LargeBinary),
    Column("released", Boolean, nullable=False),
    Index("insights_by_question", "contract", "question"),
)

insight_segments = Table(
    "insight_segments",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("segment_job", String(64), nullable=False),
)

insight_pages = Table(
    "insight_pages",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("ciphertexts", LargeBinary, nullable=False),
)
"""Totals for their reader, who gets none before they are ``released``: all there."""

insight_values = Table(
    "insight_values",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
)

intersection_openings = Table(
    "intersection_openings",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("party", String(64), primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

intersection_chunks = Table(
    "intersection_chunks",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("step", String(16), primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

intersection_ends = Table(
    "intersection_ends",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("party", String(64), primary_key=True),
    Column("statement", LargeBinary, nullable=False),
)

lookalikes = Table(
    "lookalikes",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("job", String(64), nullable=False),
    Column("sealed", LargeBinary),
    Column("received", LargeBinary),
    Index("lookalikes_by_job", "contract", "job", unique=True),
)
"""Weights on their way to the owner of the tags; ``received`` is its word that it has them."""
