"""What an epoch is made of: announcements, chunks, tokens, pairs."""

from sqlalchemy import Column, Integer, LargeBinary, String, Table

from miyun.zone.schema.base import Instant, metadata

fusions = Table(
    "fusions",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("job", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("joined", Instant),
    Column("ended", Instant),
    Column("report", LargeBinary),
    Column("report_signature", LargeBinary),
)

announcements = Table(
    "announcements",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("party", String(64), primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

points_chunks = Table(
    "points_chunks",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("type", String(64), primary_key=True),
    Column("sender", String(64), primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("points", LargeBinary, nullable=False),
    Column("points_signature", LargeBinary, nullable=False),
    Column("handles", LargeBinary, nullable=False),
    Column("handles_signature", LargeBinary, nullable=False),
)

tokens_chunks = Table(
    "tokens_chunks",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("type", String(64), primary_key=True),
    Column("sender", String(64), primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

chunk_values = Table(
    "chunk_values",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("type", String(64), primary_key=True),
    Column("sender", String(64), primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("content", String(16), primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

rebinds = Table(
    "rebinds",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

match_pages = Table(
    "match_pages",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("part", String(8), primary_key=True),
    Column("side", Integer, primary_key=True),
    Column("type", Integer, primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
)

match_changes = Table(
    "match_changes",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("part", String(8), primary_key=True),
    Column("side", Integer, primary_key=True),
    Column("type", Integer, primary_key=True),
    Column("places", LargeBinary, nullable=False),
    Column("entries", LargeBinary, nullable=False),
)
"""What deltas changed in a column of ``match_pages`` and is not in its pages yet."""

live_numbers = Table(
    "live_numbers",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("of", String(8), primary_key=True),
    Column("numbers", LargeBinary, nullable=False),
)
"""What of an epoch's pairs (``pairs``) and of a party's rows (``0``, ``1``) is there still, as roaring bitmaps."""

pairs = Table(
    "pairs",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("block", Integer, primary_key=True),
    Column("left", LargeBinary, nullable=False),
    Column("right", LargeBinary, nullable=False),
    Column("type_index", LargeBinary, nullable=False),
)
