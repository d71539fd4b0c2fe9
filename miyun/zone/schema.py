"""The zone's tables. Statements are kept as the canonical bytes that were signed, beside what is searched by."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, Boolean, Column, Dialect, Index, Integer, LargeBinary, MetaData, String, Table, Text
from sqlalchemy.sql import text
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """A moment, kept as whole seconds since 1970 in UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value.timestamp())

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromtimestamp(value, UTC)


metadata = MetaData()

members = Table(
    "members",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("identity", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("enrolled", Instant, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("secret_digest", LargeBinary(32), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("name", String(64), nullable=False),
    Column("expires", Instant, nullable=False),
    Column("request_digest", LargeBinary(32)),
    Column("certificate", LargeBinary),
)

contracts = Table(
    "contracts",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("activated", Boolean, nullable=False),
    Column("revocation", LargeBinary),
    Column("revocation_signature", LargeBinary),
    Column("closed", Boolean, nullable=False),
)

contract_parties = Table(
    "contract_parties",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("party", String(64), primary_key=True, index=True),
)

contract_signatures = Table(
    "contract_signatures",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("signer", String(64), primary_key=True),
    Column("signature", LargeBinary, nullable=False),
)

delegations = Table(
    "delegations",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("digest", LargeBinary(32), primary_key=True),
    Column("party", String(64), nullable=False),
    Column("analyst", String(64), nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("contract", String(64), nullable=False),
    Column("id", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(24), nullable=False),
    Column("requester", String(64), nullable=False),
    Column("subject", Text, nullable=False),
    Column("waiting_for", String(160), nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("error_code", String(32), nullable=False),
    Column("error", Text, nullable=False),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Index("jobs_by_id", "contract", "id", unique=True),
    Index("jobs_by_state", "contract", "state"),
)

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

segment_selections = Table(
    "segment_selections",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("selection", LargeBinary),
)

legs = Table(
    "legs",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("job", String(64), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("party", String(64), primary_key=True),
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

published_schemas = Table(
    "published_schemas",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("party", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("whole", Boolean, nullable=False),
)
"""At most two of a party: the newest that is ``whole``, and one whose pages are still coming."""

published_pages = Table(
    "published_pages",
    metadata,
    Column("contract", String(64), primary_key=True),
    Column("party", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("tags", LargeBinary, nullable=False),
)

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
