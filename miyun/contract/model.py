"""The contract as an immutable value. ``miyun.contract.document`` reads and writes it; every party signs its bytes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

from miyun.records import Record, Statement

MATCHED = "matched"
"""The subject of grants on membership in the match itself, beside column names such as ``members.spend_90d``."""


LOOKALIKE = "tags.best()"
"""The subject of grants on who scores best by a lookalike, as expressions call it. No column is called so."""

PAIR_BUYERS = "pair-buyers"
"""The third party of channels that lead into bid requests with PAIR ids: whoever sees these, whom nobody can list."""

LOCATION = ".location"
"""What the subject of grants on where people are ends in: ``tags.home.location``. Columns' names have no dot."""

MOST_DELTA_ROWS = 100_000
"""The most handles, and the most points of a type and bindings of a type, that one delta changes."""


class PartyKind(StrEnum):
    MERCHANT = "merchant"
    PLATFORM = "platform"

    @property
    def namespace(self) -> str:
        """The name that this kind of party's columns carry in expressions and grants."""
        return "members" if self is PartyKind.MERCHANT else "tags"


class Universe(StrEnum):
    """What a segment is a set of, and what ``not`` is taken against: the matched pairs, or all row handles of the
    platform, matched or not.
    """

    MATCHED = MATCHED
    PLATFORM = PartyKind.PLATFORM.value


class Rung(StrEnum):
    """The result ladder. Each rung is a grant of its own; none implies another."""

    SIZE = "size"
    EXACT_SIZE = "exact-size"
    INSIGHT = "insight"
    USE = "use"
    ACTIVATE = "activate"
    DISCLOSE = "disclose"


class Domain(StrEnum):
    PRIVATE = "private"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyTerms(Record):
    """A party with the keys it generated itself: Ed25519 (32 bytes) and ML-KEM-768 ‖ X25519 (1,216 bytes)."""

    name: str
    kind: PartyKind
    organisation: str
    signing_key: bytes
    sealing_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneTerms(Record):
    name: str
    organisation: str
    signing_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentifierTerms(Record):
    """One identifier type. ``evaluation_cap`` is the most points of a counterparty that each agent ever multiplies."""

    type: str
    profile: str
    evaluation_cap: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant(Record):
    """``owner`` lets ``recipient`` reach ``rung`` for ``subject`` (``matched``, or a column as ``members.spend``)."""

    owner: str
    subject: str
    rung: Rung
    recipient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget(Record):
    """What each owner's data may be charged under this contract, in millionths of zCDP's rho.

    ``delta_exponent`` is d in δ = 10⁻ᵈ, for showing ε. ``suppress_below`` is a count: smaller noised values show as
    "below". ``lease_rho_micro`` is what one signed lease allows.
    """

    rho_micro: int
    size_rho_micro: int
    match_report_rho_micro: int
    lease_rho_micro: int
    delta_exponent: int
    suppress_below: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(Record):
    """A way out: a destination name, its domain, and the party that may act through it.

    ``third_party`` is who else gets identifiers of the people on a list through it, hashed, or as PAIR ids where it is
    `PAIR_BUYERS`; empty where nobody does.
    """

    name: str
    domain: Domain
    recipient: str
    third_party: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent(Record):
    """Whether an owner sends only rows with recorded consent to this recipient and purpose."""

    required: bool
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract(Statement):
    """One merchant, one platform, one zone. ``identifiers`` are in priority order.

    ``padding_bucket`` rounds every count of rows up to a multiple with random points (1: no padding).
    ``delta_bucket`` does the same for each delta of an epoch, whatever it changes (0: an epoch never changes).
    ``legs_per_epoch`` caps how many predicates of one party the zone may hold bits of. A predicate by distance reaches
    at least ``location_radius_min`` metres, and its owner answers it from places that it moved to the middles of
    squares of at least ``location_grid`` metres (0: from the places as they are). ``retention_days`` is how long the
    zone keeps what an epoch left.
    """

    KIND: ClassVar[str] = "contract"

    id: str
    zone: ZoneTerms
    parties: tuple[PartyTerms, PartyTerms]
    identifiers: tuple[IdentifierTerms, ...]
    grants: tuple[Grant, ...]
    budget: Budget
    channels: tuple[Channel, ...]
    consent: Consent
    padding_bucket: int
    delta_bucket: int
    legs_per_epoch: int
    location_radius_min: int
    location_grid: int
    retention_days: int
    starts: datetime
    expires: datetime

    def party(self, name: str) -> PartyTerms:
        """The party called ``name``; KeyError where the contract has none."""
        for party in self.parties:
            if party.name == name:
                return party
        raise KeyError(name)

    def counterparty(self, name: str) -> PartyTerms:
        """The other party; KeyError where ``name`` is no party."""
        self.party(name)
        return self.parties[1] if self.parties[0].name == name else self.parties[0]

    def owner_of(self, namespace: str) -> PartyTerms:
        """The party whose columns carry ``namespace`` (``members`` or ``tags``); KeyError for another word."""
        for party in self.parties:
            if party.kind.namespace == namespace:
                return party
        raise KeyError(namespace)

    def channel(self, name: str) -> Channel:
        """The channel called ``name``; KeyError where the contract has none."""
        for channel in self.channels:
            if channel.name == name:
                return channel
        raise KeyError(name)

    def identifier(self, type_: str) -> IdentifierTerms:
        """The terms of an identifier type; KeyError where the contract has none."""
        for terms in self.identifiers:
            if terms.type == type_:
                return terms
        raise KeyError(type_)


@lru_cache(maxsize=64)
def stored_contract(document: bytes) -> Contract:
    """The contract of these canonical bytes, which a database keeps and every step of a job asks for.

    Raises:
        MalformedError: they are none.
    """
    return Contract.from_canonical(document)
