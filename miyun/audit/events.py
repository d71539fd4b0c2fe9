"""What history is made of: the names of events, and of the only facts that an entry may state.

A fact never holds an exact number of matches, an identifier, a member or user id, or anything else tied to a person.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Event(StrEnum):
    CONTRACT_PROPOSED = "contract-proposed"
    CONTRACT_SIGNED = "contract-signed"
    CONTRACT_ACTIVATED = "contract-activated"
    CONTRACT_REVOKED = "contract-revoked"
    DELEGATION = "delegation"
    LEASE = "lease"
    CHARGES_RESTORED = "charges-restored"
    FUSION_REQUESTED = "fusion-requested"
    FUSION_ANNOUNCED = "fusion-announced"
    REBINDS_RECEIVED = "rebinds-received"
    POINTS_RECEIVED = "points-received"
    TOKENS_RECEIVED = "tokens-received"
    FUSION_JOINED = "fusion-joined"
    DELTA_APPLIED = "delta-applied"
    RELEASE = "release"
    DATA_REFRESHED = "data-refreshed"
    SEGMENT_REQUESTED = "segment-requested"
    LEG_RECEIVED = "leg-received"
    SEGMENT_READY = "segment-ready"
    SEGMENT_CHANGED = "segment-changed"
    AUDIENCE_PUBLISHED = "audience-published"
    AUDIENCE_WITHDRAWN = "audience-withdrawn"
    ACTIVATION_REQUESTED = "activation-requested"
    AUDIENCE_SEALED = "audience-sealed"
    AUDIENCE_DELIVERED = "audience-delivered"
    READER_KEY = "reader-key"
    SCHEMA_PUBLISHED = "schema-published"
    INSIGHT_REQUESTED = "insight-requested"
    VALUES_RECEIVED = "values-received"
    TOTALS_RELEASED = "totals-released"
    INTERSECTION_REQUESTED = "intersection-requested"
    INTERSECTION_OPENED = "intersection-opened"
    INTERSECTION_RELAYED = "intersection-relayed"
    INTERSECTION_ENDED = "intersection-ended"
    LOOKALIKE_RELEASED = "lookalike-released"
    LOOKALIKE_RECEIVED = "lookalike-received"
    TASK_REFUSED = "task-refused"
    EPOCH_ERASED = "epoch-erased"


class Fact(StrEnum):
    """Names of facts.

    ``STATEMENT`` is the SHA-256 (``Record.digest``) of the signed statement that the event is about, in hex; an agent
    records it once the zone has confirmed the statement, so that both logs hold it.
    """

    STATEMENT = "statement"
    KIND = "kind"
    JOB = "job"
    EPOCH = "epoch"
    SEQUENCE = "sequence"
    GENERATION = "generation"
    VERSION = "version"
    TYPE = "type"
    CHUNK = "chunk"
    CHUNKS = "chunks"
    PADDED_COUNT = "padded-count"
    SEGMENT = "segment"
    LOOKALIKE = "lookalike"
    CHANNEL = "channel"
    PARTY = "party"
    RECIPIENT = "recipient"
    ANALYST = "analyst"
    OWNER = "owner"
    PURPOSE = "purpose"
    RHO_MICRO = "rho-micro"
    SPENT_MICRO = "spent-micro"
    STEP = "step"
    DIGEST = "digest"
    CHANGE = "change"
    CODE = "code"
    EXPIRES = "expires"


Facts = Mapping[Fact, str | int]
NO_FACTS: Facts = MappingProxyType({})
