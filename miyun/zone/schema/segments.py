"""Segments with their legs, and what leaves of them."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text
from sqlalchemy.sql import text

from miyun.zone.schema.base import Instant, metadata

segments = Table(
    "segments",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("name", String(64), nullable=False),
    Column("owner", String(64), nullable=False),
    Column("code", String(64)),
    Column("channels", Text, nullable=False),
    Column("hidden", Boolean, nullable=False),
    Column("processable", Boolean, nullable=False),
    Column("universe", String(16), nullable=False),
    Column("meaning", Text, nullable=False),
    Column("subjects", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("created", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
    Column("last_change", LargeBinary(32)),
    Index("segments_by_code", "contract", "owner", "code", unique=True),
    Index(
        "segments_live_name",
        "contract",
        "name",
        unique=True,
        sqlite_where=text("state IN ('evaluating', 'ready')"),
        postgresql_where=text("state IN ('evaluating', 'ready')"),
    ),
)

segment_references = Table(
    "segment_references",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("name", String(64), primary_key=True),
    Column("referenced", String(64), nullable=False, index=True),
)

segment_versions = Table(
    "segment_versions",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("cause", String(16), nullable=False),
    Column("begun", Instant, nullable=False),
    Column("evaluated", Instant),
)

segment_selections = Table(
    "segment_selections",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("generations", String(64), nullable=False),
    Column("selection", LargeBinary),
)

generations = Table(
    "generations",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("party", String(64), primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("statement_digest", LargeBinary(32), nullable=False),
)
"""Of a party's data within an epoch: those after 0, and the statement that began each."""

legs = Table(
    "legs",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("party", String(64), primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("predicate_digest", LargeBinary(32), primary_key=True),
    Column("first", BigInteger, primary_key=True, autoincrement=False),
    Column("handles", BigInteger, nullable=False),
    Column("predicate", Text, nullable=False),
    Column("statement", LargeBinary),
    Column("bits", LargeBinary),
)

activations = Table(
    "activations",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("requester", String(64), nullable=False),
    Column("idempotency_key", String(128), nullable=False),
    Column("segment_job", String(64), nullable=False),
    Column("version", Integer, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("recipient", String(64), nullable=False),
    Column("audience", LargeBinary),
    Column("audience_signature", LargeBinary),
    Column("delivery", LargeBinary),
    Index("activations_by_key", "contract", "requester", "idempotency_key", unique=True),
)

audience_pages = Table(
    "audience_pages",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

publications = Table(
    "publications",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("category", String(40), nullable=False),
    Column("words", Text, nullable=False),
    Column("withdrawal", LargeBinary),
)
"""By the segment's job. ``words`` are all that is searched, in small letters."""
