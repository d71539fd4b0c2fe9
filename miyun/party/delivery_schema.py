"""The tables of deliveries in a party's database. Times are seconds since 1970."""

from sqlalchemy import Boolean, Column, Float, Integer, LargeBinary, String, Table

from miyun.party.schema import metadata

deliveries = Table(
    "deliveries",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("segment", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("channel", String, nullable=False),
    Column("ends", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("local", Boolean, nullable=False),
    Column("state", String, nullable=False),
    Column("next_handle", Integer, nullable=False),
    Column("batches", Integer, nullable=False),
    Column("queued", Integer, nullable=False),
    Column("accepted", Integer, nullable=False),
    Column("left_out", LargeBinary, nullable=False),
    Column("looked_at", Float, nullable=False),
    Column("path", String, nullable=False),
    Column("problem", String, nullable=False),
    Column("hint", String, nullable=False),
    Column("audience", LargeBinary, nullable=False),
    Column("audience_signature", LargeBinary, nullable=False),
    Column("statement", LargeBinary),
    Column("signature", LargeBinary),
)
"""Audiences that this party delivers.

``ends``: when the segment does. ``next_handle``: every row below is queued, refused or left out. ``looked_at``: when it
was last looked who objects.
"""

batches = Table(
    "delivery_batches",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("batch", Integer, primary_key=True),
    Column("state", String, nullable=False),
    Column("rows", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("handle", String, nullable=False),
    Column("not_before", Float, nullable=False),
)
"""The queue. The rows go when their batch has its outcome."""

refusals = Table(
    "delivery_refusals",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("member", String, primary_key=True),
    Column("code", String, nullable=False),
    Column("words", String, nullable=False),
)
"""Rows that a receiver did not take, or that lack a required field."""

counts = Table(
    "delivery_counts",
    metadata,
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("batch", Integer, primary_key=True),
    Column("code", String, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("words", String, nullable=False),
)
"""How many rows of a batch a receiver did not take, where it doesn't say which."""

charges = Table(
    "delivery_charges",
    metadata,
    Column("channel", String, primary_key=True),
    Column("member", String, primary_key=True),
    Column("contract", String, primary_key=True),
    Column("job", String, primary_key=True),
    Column("at", Float, nullable=False),
)
"""Who was queued for a channel and when, for its frequency cap."""

receivers = Table(
    "receivers",
    metadata,
    Column("channel", String, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("not_before", Float, nullable=False),
)
"""Failures in a row of each channel's receiver, and until when it is left alone."""
