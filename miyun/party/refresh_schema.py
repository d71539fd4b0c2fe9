"""The tables of refreshes in a party's database."""

from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, String, Table

from miyun.party.schema import metadata

generations = Table(
    "generations",
    metadata,
    Column("contract", String, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("statement", LargeBinary),
    Column("signature", LargeBinary),
    Column("confirmed", Boolean, nullable=False),
)
"""Of own data within an epoch, those after 0; with the statement that begins one where no delta does."""

schedules = Table(
    "schedules",
    metadata,
    Column("contract", String, primary_key=True),
    Column("every_days", Integer, nullable=False),
    Column("due", Float, nullable=False),
    Column("retry_at", Float),
    Column("began", Float),
    Column("ended", Float),
    Column("job", String, nullable=False),
    Column("did", String, nullable=False),
    Column("why", String, nullable=False),
    Column("problem", String, nullable=False),
    Column("hint", String, nullable=False),
    Column("attempts", Integer, nullable=False),
)
"""When the source is read anew for a contract. Times are in seconds since 1970. ``began`` and ``ended`` are of the last
run; one that did not end is of a process that died, or waits for its ``job``.
"""
