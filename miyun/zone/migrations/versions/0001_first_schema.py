"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_legs()
    op.create_table(
        "members",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("identity", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("enrolled", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "invitations",
        sa.Column("secret_digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("request_digest", sa.LargeBinary(32)),
        sa.Column("certificate", sa.LargeBinary),
    )
    op.create_table(
        "contracts",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("activated", sa.Boolean, nullable=False),
        sa.Column("revocation", sa.LargeBinary),
        sa.Column("revocation_signature", sa.LargeBinary),
        sa.Column("closed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "contract_parties",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("party", sa.String(64), primary_key=True),
    )
    op.create_index("ix_contract_parties_party", "contract_parties", ["party"])
    op.create_table(
        "contract_signatures",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("signer", sa.String(64), primary_key=True),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "delegations",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("party", sa.String(64), nullable=False),
        sa.Column("analyst", sa.String(64), nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "jobs",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("contract", sa.String(64), nullable=False),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("requester", sa.String(64), nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("waiting_for", sa.String(160), nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("error_code", sa.String(32), nullable=False),
        sa.Column("error", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_index("jobs_by_id", "jobs", ["contract", "id"], unique=True)
    op.create_index("jobs_by_state", "jobs", ["contract", "state"])
    op.create_table(
        "fusions",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("job", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("joined", sa.BigInteger),
        sa.Column("ended", sa.BigInteger),
        sa.Column("report", sa.LargeBinary),
        sa.Column("report_signature", sa.LargeBinary),
    )
    op.create_table(
        "announcements",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("party", sa.String(64), primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "points_chunks",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("type", sa.String(64), primary_key=True),
        sa.Column("sender", sa.String(64), primary_key=True),
        sa.Column("index", sa.Integer, primary_key=True),
        sa.Column("points", sa.LargeBinary, nullable=False),
        sa.Column("points_signature", sa.LargeBinary, nullable=False),
        sa.Column("handles", sa.LargeBinary, nullable=False),
        sa.Column("handles_signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "tokens_chunks",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("type", sa.String(64), primary_key=True),
        sa.Column("sender", sa.String(64), primary_key=True),
        sa.Column("index", sa.Integer, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "chunk_values",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("type", sa.String(64), primary_key=True),
        sa.Column("sender", sa.String(64), primary_key=True),
        sa.Column("index", sa.Integer, primary_key=True),
        sa.Column("content", sa.String(16), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "rebinds",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    _create_matches()
    op.create_table(
        "pairs",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("block", sa.Integer, primary_key=True),
        sa.Column("left", sa.LargeBinary, nullable=False),
        sa.Column("right", sa.LargeBinary, nullable=False),
        sa.Column("type_index", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "segments",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("code", sa.String(64)),
        sa.Column("channels", sa.Text, nullable=False),
        sa.Column("hidden", sa.Boolean, nullable=False),
        sa.Column("processable", sa.Boolean, nullable=False),
        sa.Column("universe", sa.String(16), nullable=False),
        sa.Column("meaning", sa.Text, nullable=False),
        sa.Column("subjects", sa.Text, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("expires", sa.BigInteger, nullable=False),
        sa.Column("last_change", sa.LargeBinary(32)),
    )
    op.create_index("segments_by_code", "segments", ["contract", "owner", "code"], unique=True)
    op.create_index(
        "segments_live_name",
        "segments",
        ["contract", "name"],
        unique=True,
        sqlite_where=sa.text("state IN ('evaluating', 'ready')"),
        postgresql_where=sa.text("state IN ('evaluating', 'ready')"),
    )
    op.create_table(
        "segment_references",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("referenced", sa.String(64), nullable=False),
    )
    op.create_index("ix_segment_references_referenced", "segment_references", ["referenced"])
    op.create_table(
        "segment_versions",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("begun", sa.BigInteger, nullable=False),
        sa.Column("evaluated", sa.BigInteger),
    )
    op.create_table(
        "publications",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("category", sa.String(40), nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("withdrawal", sa.LargeBinary),
    )
    op.create_table(
        "segment_selections",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("generations", sa.String(64), nullable=False),
        sa.Column("selection", sa.LargeBinary),
    )
    op.create_table(
        "activations",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("requester", sa.String(64), nullable=False),
        sa.Column("idempotency_key", sa.String(128), nullable=False),
        sa.Column("segment_job", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("recipient", sa.String(64), nullable=False),
        sa.Column("audience", sa.LargeBinary),
        sa.Column("audience_signature", sa.LargeBinary),
        sa.Column("delivery", sa.LargeBinary),
    )
    op.create_index("activations_by_key", "activations", ["contract", "requester", "idempotency_key"], unique=True)
    op.create_table(
        "audience_pages",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("page", sa.Integer, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "published_schemas",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("party", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
    )
    op.create_table(
        "published_pages",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("party", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("page", sa.Integer, primary_key=True),
        sa.Column("tags", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "reader_keys",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("party", sa.String(64), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "insights",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("question", sa.LargeBinary(32), nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("handles", sa.BigInteger, nullable=False),
        sa.Column("paid", sa.Boolean, nullable=False),
        sa.Column("covered", sa.BigInteger, nullable=False),
        sa.Column("running", sa.LargeBinary),
        sa.Column("totals", sa.LargeBinary),
        sa.Column("totals_signature", sa.LargeBinary),
        sa.Column("released", sa.Boolean, nullable=False),
    )
    op.create_index("insights_by_question", "insights", ["contract", "question"])
    op.create_table(
        "insight_segments",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("segment_job", sa.String(64), nullable=False),
    )
    op.create_table(
        "insight_pages",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("page", sa.Integer, primary_key=True),
        sa.Column("ciphertexts", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "insight_values",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("index", sa.Integer, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "intersection_openings",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("party", sa.String(64), primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "intersection_chunks",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("step", sa.String(16), primary_key=True),
        sa.Column("index", sa.Integer, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "intersection_ends",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("party", sa.String(64), primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "lookalikes",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("received", sa.LargeBinary),
    )
    op.create_index("lookalikes_by_job", "lookalikes", ["contract", "job"], unique=True)
    op.create_table(
        "leases",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "charges",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "check_ins",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("owner", sa.String(64), primary_key=True),
    )
    op.create_table(
        "size_releases",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("release", sa.String(64), primary_key=True),
        sa.Column("noised", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "overlap_releases",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("release", sa.String(64), primary_key=True),
        sa.Column("sizes", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit_entries",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("entry", sa.LargeBinary, nullable=False),
    )


def _create_legs() -> None:
    op.create_table(
        "generations",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("party", sa.String(64), primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("statement_digest", sa.LargeBinary(32), nullable=False),
    )
    op.create_table(
        "legs",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("job", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("party", sa.String(64), primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("predicate_digest", sa.LargeBinary(32), primary_key=True),
        sa.Column("first", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("handles", sa.BigInteger, nullable=False),
        sa.Column("predicate", sa.Text, nullable=False),
        sa.Column("statement", sa.LargeBinary),
        sa.Column("bits", sa.LargeBinary),
    )


def _create_matches() -> None:
    op.create_table(
        "match_pages",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("part", sa.String(8), primary_key=True),
        sa.Column("side", sa.Integer, primary_key=True),
        sa.Column("type", sa.Integer, primary_key=True),
        sa.Column("page", sa.Integer, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "match_changes",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("part", sa.String(8), primary_key=True),
        sa.Column("side", sa.Integer, primary_key=True),
        sa.Column("type", sa.Integer, primary_key=True),
        sa.Column("places", sa.LargeBinary, nullable=False),
        sa.Column("entries", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "live_numbers",
        sa.Column("contract", sa.String(64), primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("of", sa.String(8), primary_key=True),
        sa.Column("numbers", sa.LargeBinary, nullable=False),
    )
