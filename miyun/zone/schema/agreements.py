"""Who takes part, what they agreed on, and what was asked."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Text

from miyun.zone.schema.base import Instant, metadata

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
