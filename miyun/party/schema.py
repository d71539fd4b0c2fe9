"""The tables of a party's database. Statements are kept as their canonical bytes, beside the signature over them."""

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, UniqueConstraint

metadata = MetaData()

contracts = Table(
    "contracts",
    metadata,
    Column("contract", String, primary_key=True),
    Column("document", LargeBinary, nullable=False),
    Column("doubted", Boolean, nullable=False),
)
"""Contracts that this party signed itself. ``doubted``: the zone says that it was revoked, without proof."""

contract_signatures = Table(
    "contract_signatures",
    metadata,
    Column("contract", String, primary_key=True),
    Column("signer", String, primary_key=True),
    Column("signature", LargeBinary, nullable=False),
)

revocations = Table(
    "revocations",
    metadata,
    Column("contract", String, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
"""Contracts that this party revoked itself."""

requests = Table(
    "requests",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
"""Signed requests that passed the guard, or that this party made.

``subject`` is a segment's name, an epoch, an identifier type, or the digest of a question in hex.
"""

fusions = Table(
    "fusions",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("announcement", LargeBinary, nullable=False),
    Column("announcement_signature", LargeBinary, nullable=False),
    Column("counterpart", LargeBinary),
    Column("counterpart_signature", LargeBinary),
)
"""Fusions that this party announced itself for, and what the other party announced."""

roster_changes = Table(
    "roster_changes",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("change", LargeBinary, nullable=False),
    Column("rebinds", LargeBinary, nullable=False),
    Column("rebinds_signature", LargeBinary, nullable=False),
    Column("values", LargeBinary, nullable=False),
)
"""Deltas of own rows that are under way: what they change, and what of it the zone is told."""

roster_members = Table(
    "roster_members",
    metadata,
    Column("contract", String, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("member", String, primary_key=True),
    Column("handle", Integer),
    Column("live", Boolean, nullable=False),
)
"""Members that deltas were about, as they are now."""

roster_points = Table(
    "roster_points",
    metadata,
    Column("contract", String, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("handle", Integer),
    Index("ix_roster_points_digest", "contract", "epoch", "place", "digest"),
)
"""Points of values that deltas sent or bound otherwise, as they are now."""

roster_pads = Table(
    "roster_pads",
    metadata,
    Column("contract", String, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("points", LargeBinary, nullable=False),
)
"""Padding points that deltas sent or bound otherwise, as they are now: records of `miyun.members.changing.PADDING`."""

roster_claims = Table(
    "roster_claims",
    metadata,
    Column("contract", String, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("digest", LargeBinary, primary_key=True),
    Column("member", String, primary_key=True),
    Index("ix_roster_claims_member", "contract", "epoch", "member"),
)
"""Who has a value that deltas were about; an empty name stands for nobody."""

roster_padding = Table(
    "roster_padding",
    metadata,
    Column("contract", String, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("handle", Integer, primary_key=True),
    Column("copied", Integer, nullable=False),
)
"""Padding handles that deltas added, and whose bits they copy."""

sendings = Table(
    "sendings",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("type", String, primary_key=True),
    Column("acknowledged", Integer, nullable=False),
)
"""How many chunks of each type the zone holds a receipt for."""

outbox = Table(
    "outbox",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("type", String, primary_key=True),
    Column("chunk", Integer, primary_key=True),
    Column("points", LargeBinary, nullable=False),
    Column("points_signature", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("handles", LargeBinary, nullable=False),
    Column("handles_signature", LargeBinary, nullable=False),
    Column("handle_values", LargeBinary, nullable=False),
)
"""Sealed chunks that have no receipt yet."""

evaluation_counts = Table(
    "evaluation_counts",
    metadata,
    Column("contract", String, primary_key=True),
    Column("counterparty", String, primary_key=True),
    Column("type", String, primary_key=True),
    Column("evaluated", Integer, nullable=False),
)
"""Points of the counterparty that this party ever multiplied: never reset, never lowered."""

evaluations = Table(
    "evaluations",
    metadata,
    Column("contract", String, primary_key=True),
    Column("counterparty", String, primary_key=True),
    Column("type", String, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("job", String, primary_key=True),
    Column("chunk", Integer, primary_key=True),
    Column("points_digest", LargeBinary, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("prefixes", LargeBinary, nullable=False),
    Column("tokens", LargeBinary),
    Column("acknowledged", Boolean, nullable=False),
)
"""Answers by chunk. ``prefixes`` are the first 16 bytes of each point, sorted; ``tokens`` go when the job has ended."""

legs = Table(
    "legs",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("predicate", String, primary_key=True),
    Column("first", Integer, primary_key=True),
    Column("handles", Integer, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("bits", LargeBinary, nullable=False),
)
"""Bits that this party gave the zone. One predicate has one answer in a generation of the data."""

publications = Table(
    "publications",
    metadata,
    Column("contract", String, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("files", String, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
)
"""What this party published last. ``files`` tells whether the files that it was made of have changed since."""

reader_keys = Table(
    "reader_keys",
    metadata,
    Column("contract", String, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
)
"""This party's Paillier keys, as it announces them; the private keys are in the vault."""

released_totals = Table(
    "released_totals",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("epoch", Integer, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
"""Totals that this party computed and noised for the other one: what is sent again is what was sent before."""

released_pages = Table(
    "released_pages",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("ciphertexts", LargeBinary, nullable=False),
)
"""Their ciphertexts, which go with their epoch."""

values_chunks = Table(
    "values_chunks",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("chunk", Integer, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("ciphertexts", LargeBinary),
)
"""Encrypted values of this party. ``ciphertexts`` go when the zone has given a receipt."""

insight_answers = Table(
    "insight_answers",
    metadata,
    Column("contract", String, primary_key=True),
    Column("question", LargeBinary, primary_key=True),
    Column("job", String, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("at", String, nullable=False),
    Column("request", LargeBinary, nullable=False),
    Column("tags", LargeBinary),
    Column("totals", LargeBinary, nullable=False),
)
"""What this party was answered: the noised totals of each segment, as JSON.

``tags`` names a row of ``insight_tags``.
"""

insight_tags = Table(
    "insight_tags",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("document", LargeBinary, nullable=False),
)
"""Names of the tags that a question was about, as they were when it was asked."""

overlaps = Table(
    "overlaps",
    metadata,
    Column("contract", String, primary_key=True),
    Column("question", LargeBinary, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)
"""Sizes of several segments and of what each two share, as the zone signed them."""

intersections = Table(
    "intersections",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("counterpart", LargeBinary),
    Column("counterpart_signature", LargeBinary),
    Column("released", Boolean, nullable=False),
    Column("learned", LargeBinary),
)
"""Intersections that this party takes part in, the other's opening, and what this one learned, as JSON.

``released``: this party has drawn noise for its totals.
"""

intersection_outbox = Table(
    "intersection_outbox",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("step", String, primary_key=True),
    Column("chunk", Integer, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("sealed", LargeBinary),
)
"""What this party sends: a place has one content. ``sealed`` goes when the zone has given a receipt."""

intersection_inbox = Table(
    "intersection_inbox",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("step", String, primary_key=True),
    Column("chunk", Integer, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
)
"""What this party took: digests of the other's chunks, whose points are counted."""

released_lookalikes = Table(
    "released_lookalikes",
    metadata,
    Column("contract", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("scoring", LargeBinary, nullable=False),
)
"""Weights that this party gives away, with their noise: what is sent again is what was sent before."""

received_lookalikes = Table(
    "received_lookalikes",
    metadata,
    Column("contract", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("release", LargeBinary, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("scoring", LargeBinary, nullable=False),
)
"""Weights that this party was given: of tags by their ids, as JSON."""

receipts = Table(
    "receipts",
    metadata,
    Column("contract", String, primary_key=True),
    Column("statement_digest", LargeBinary, primary_key=True),
    Column("receipt", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("contract", String, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("rho_micro", Integer, nullable=False),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("acknowledged", Boolean, nullable=False),
)
"""Leases that this party signed: its own ledger across contracts."""

charges = Table(
    "charges",
    metadata,
    Column("contract", String, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("statement", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
)

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("contract", String, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    Column("entry", LargeBinary, nullable=False),
    Column("key", String, nullable=False),
    UniqueConstraint("contract", "key", name="one_entry_a_key"),
)
"""This party's own chain. ``key`` makes an event that is recorded again the same event."""
