"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contracts",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("doubted", sa.Boolean, nullable=False),
    )
    op.create_table(
        "contract_signatures",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("signer", sa.String, primary_key=True),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "revocations",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "requests",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "fusions",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("sequence", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("announcement", sa.LargeBinary, nullable=False),
        sa.Column("announcement_signature", sa.LargeBinary, nullable=False),
        sa.Column("counterpart", sa.LargeBinary),
        sa.Column("counterpart_signature", sa.LargeBinary),
    )
    op.create_table(
        "roster_changes",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("change", sa.LargeBinary, nullable=False),
        sa.Column("rebinds", sa.LargeBinary, nullable=False),
        sa.Column("rebinds_signature", sa.LargeBinary, nullable=False),
        sa.Column("values", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "roster_members",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("member", sa.String, primary_key=True),
        sa.Column("handle", sa.Integer),
        sa.Column("live", sa.Boolean, nullable=False),
    )
    op.create_table(
        "roster_points",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("handle", sa.Integer),
    )
    op.create_index("ix_roster_points_digest", "roster_points", ["contract", "epoch", "place", "digest"])
    op.create_table(
        "roster_pads",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("points", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "roster_claims",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("place", sa.Integer, primary_key=True),
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("member", sa.String, primary_key=True),
    )
    op.create_index("ix_roster_claims_member", "roster_claims", ["contract", "epoch", "member"])
    op.create_table(
        "roster_padding",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("handle", sa.Integer, primary_key=True),
        sa.Column("copied", sa.Integer, nullable=False),
    )
    op.create_table(
        "sendings",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("type", sa.String, primary_key=True),
        sa.Column("acknowledged", sa.Integer, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("type", sa.String, primary_key=True),
        sa.Column("chunk", sa.Integer, primary_key=True),
        sa.Column("points", sa.LargeBinary, nullable=False),
        sa.Column("points_signature", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("handles", sa.LargeBinary, nullable=False),
        sa.Column("handles_signature", sa.LargeBinary, nullable=False),
        sa.Column("handle_values", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "evaluation_counts",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("counterparty", sa.String, primary_key=True),
        sa.Column("type", sa.String, primary_key=True),
        sa.Column("evaluated", sa.Integer, nullable=False),
    )
    op.create_table(
        "evaluations",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("counterparty", sa.String, primary_key=True),
        sa.Column("type", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("chunk", sa.Integer, primary_key=True),
        sa.Column("points_digest", sa.LargeBinary, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("prefixes", sa.LargeBinary, nullable=False),
        sa.Column("tokens", sa.LargeBinary),
        sa.Column("acknowledged", sa.Boolean, nullable=False),
    )
    op.create_table(
        "legs",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True),
        sa.Column("predicate", sa.String, primary_key=True),
        sa.Column("first", sa.Integer, primary_key=True),
        sa.Column("handles", sa.Integer, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("bits", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "schedules",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("every_days", sa.Integer, nullable=False),
        sa.Column("due", sa.Float, nullable=False),
        sa.Column("retry_at", sa.Float),
        sa.Column("began", sa.Float),
        sa.Column("ended", sa.Float),
        sa.Column("job", sa.String, nullable=False),
        sa.Column("did", sa.String, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("problem", sa.String, nullable=False),
        sa.Column("hint", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
    )
    op.create_table(
        "generations",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, primary_key=True),
        sa.Column("generation", sa.Integer, primary_key=True),
        sa.Column("statement", sa.LargeBinary),
        sa.Column("signature", sa.LargeBinary),
        sa.Column("confirmed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "deliveries",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("segment", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("ends", sa.Float, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("local", sa.Boolean, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("next_handle", sa.Integer, nullable=False),
        sa.Column("batches", sa.Integer, nullable=False),
        sa.Column("queued", sa.Integer, nullable=False),
        sa.Column("accepted", sa.Integer, nullable=False),
        sa.Column("left_out", sa.LargeBinary, nullable=False),
        sa.Column("looked_at", sa.Float, nullable=False),
        sa.Column("path", sa.String, nullable=False),
        sa.Column("problem", sa.String, nullable=False),
        sa.Column("hint", sa.String, nullable=False),
        sa.Column("audience", sa.LargeBinary, nullable=False),
        sa.Column("audience_signature", sa.LargeBinary, nullable=False),
        sa.Column("statement", sa.LargeBinary),
        sa.Column("signature", sa.LargeBinary),
    )
    op.create_table(
        "delivery_batches",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("batch", sa.Integer, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("rows", sa.LargeBinary, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("handle", sa.String, nullable=False),
        sa.Column("not_before", sa.Float, nullable=False),
    )
    op.create_table(
        "delivery_refusals",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("member", sa.String, primary_key=True),
        sa.Column("code", sa.String, nullable=False),
        sa.Column("words", sa.String, nullable=False),
    )
    op.create_table(
        "delivery_counts",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("batch", sa.Integer, primary_key=True),
        sa.Column("code", sa.String, primary_key=True),
        sa.Column("rows", sa.Integer, nullable=False),
        sa.Column("words", sa.String, nullable=False),
    )
    op.create_table(
        "delivery_charges",
        sa.Column("channel", sa.String, primary_key=True),
        sa.Column("member", sa.String, primary_key=True),
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("at", sa.Float, nullable=False),
    )
    op.create_table(
        "receivers",
        sa.Column("channel", sa.String, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("not_before", sa.Float, nullable=False),
    )
    op.create_table(
        "publications",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("files", sa.String, nullable=False),
        sa.Column("acknowledged", sa.Boolean, nullable=False),
    )
    op.create_table(
        "reader_keys",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("acknowledged", sa.Boolean, nullable=False),
    )
    op.create_table(
        "released_totals",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "released_pages",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("page", sa.Integer, primary_key=True),
        sa.Column("ciphertexts", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "values_chunks",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("chunk", sa.Integer, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("ciphertexts", sa.LargeBinary),
    )
    op.create_table(
        "insight_answers",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("question", sa.LargeBinary, primary_key=True),
        sa.Column("job", sa.String, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("tags", sa.LargeBinary),
        sa.Column("totals", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "insight_tags",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "overlaps",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("question", sa.LargeBinary, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "intersections",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("counterpart", sa.LargeBinary),
        sa.Column("counterpart_signature", sa.LargeBinary),
        sa.Column("released", sa.Boolean, nullable=False),
        sa.Column("learned", sa.LargeBinary),
    )
    op.create_table(
        "intersection_outbox",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("step", sa.String, primary_key=True),
        sa.Column("chunk", sa.Integer, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary),
    )
    op.create_table(
        "intersection_inbox",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("step", sa.String, primary_key=True),
        sa.Column("chunk", sa.Integer, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "released_lookalikes",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("scoring", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "received_lookalikes",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("release", sa.LargeBinary, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("scoring", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "receipts",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("statement_digest", sa.LargeBinary, primary_key=True),
        sa.Column("receipt", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "leases",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("rho_micro", sa.Integer, nullable=False),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
        sa.Column("acknowledged", sa.Boolean, nullable=False),
    )
    op.create_table(
        "charges",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("statement", sa.LargeBinary, nullable=False),
        sa.Column("signature", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "audit_entries",
        sa.Column("contract", sa.String, primary_key=True),
        sa.Column("sequence", sa.Integer, primary_key=True),
        sa.Column("entry", sa.LargeBinary, nullable=False),
        sa.Column("key", sa.String, nullable=False),
        sa.UniqueConstraint("contract", "key", name="one_entry_a_key"),
    )
