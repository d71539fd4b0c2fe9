"""A first draft of a contract from the three identities, with choices that err on the safe side."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from miyun.contract.model import (
    LOCATION,
    LOOKALIKE,
    MATCHED,
    Budget,
    Channel,
    Consent,
    Contract,
    Domain,
    Grant,
    IdentifierTerms,
    PartyKind,
    PartyTerms,
    Rung,
    ZoneTerms,
)
from miyun.contract.validation import validate
from miyun.errors import InputError
from miyun.keys.identity import Identity
from miyun.records import utc_now

DEFAULT_EVALUATION_CAP = 10_000_000
"""A thousandth of 10¹⁰ phone numbers."""

DEFAULT_BUDGET = Budget(
    rho_micro=100_000,
    size_rho_micro=1_000,
    match_report_rho_micro=2_500,
    lease_rho_micro=20_000,
    delta_exponent=9,
    suppress_below=100,
)
"""ε < 3 at δ = 10⁻⁹ in all; with two identifier types, σ = 22.4 on a size and σ = 20 on a match report's counts."""

DEFAULT_LOCATION_RADIUS_MIN = 500
DEFAULT_LOCATION_GRID = 250
"""Metres."""

DEFAULT_PURPOSES = ("marketing",)


def default_channels(merchant: str, platform: str) -> tuple[Channel, ...]:
    """One way out per domain: the merchant's own messages, and the platform's ads."""
    return (
        Channel(name="member-messages", domain=Domain.PRIVATE, recipient=merchant),
        Channel(name="platform-ads", domain=Domain.PUBLIC, recipient=platform),
    )


def draft_contract(
    *,
    id: str,
    zone: Identity,
    merchant: Identity,
    platform: Identity,
    identifiers: Sequence[IdentifierTerms],
    expires: datetime,
    starts: datetime | None = None,
    columns: Sequence[str] = (),
    insights: Sequence[str] = (),
    lookalikes: bool = False,
    exact_sizes: Sequence[tuple[str, str]] = (),
    disclosures: Sequence[str] = (),
    locations: Sequence[str] = (),
    channels: Sequence[Channel] | None = None,
    budget: Budget = DEFAULT_BUDGET,
    purposes: Sequence[str] = DEFAULT_PURPOSES,
    consent_required: bool = True,
    padding_bucket: int = 1_000,
    delta_bucket: int = 0,
    legs_per_epoch: int = 16,
    location_radius_min: int = DEFAULT_LOCATION_RADIUS_MIN,
    location_grid: int = DEFAULT_LOCATION_GRID,
    retention_days: int = 30,
) -> Contract:
    """Draft and check a contract.

    Grants what the main job needs: to both parties the size, use and activation of the match; and to the platform the
    size, use and activation of each merchant column in ``columns`` (``spend_90d`` or ``members.spend_90d``).
    ``insights`` are what the other party than its owner may have noised totals of: ``tags`` for a whole catalogue,
    ``tags.tea``, ``members.spend_90d``; or ``matched``, for both parties' own columns over the match. With
    ``lookalikes`` the merchant may give the platform weights made of the match and of ``columns``, and use its scores.
    ``exact_sizes`` are recipients with a column of the other party, or ``matched``: by which rows they may learn exact
    sizes of intersections.
    ``disclosures`` are what the recipient of a channel with a third party may send on to it: ``matched``, and columns
    of the other party. ``locations`` are columns with places, as ``tags.home``, whose distance from points the other
    party may select by; it gets sizes of that, and no list. ``starts`` is now where it is None.

    Raises:
        InputError: an identity of the wrong role or kind, a subject of no party, or one to disclose to nobody.
        ContractError: choices that don't fit together; ``clause`` names the first.
    """
    if zone.role != "zone":
        raise InputError(f"{zone.name} is a {zone.role}, not a zone", hint="Use the identity of the zone.")
    ways_out = default_channels(merchant.name, platform.name) if channels is None else tuple(channels)
    contract = Contract(
        id=id,
        zone=ZoneTerms(name=zone.name, organisation=zone.organisation, signing_key=zone.signing_key),
        parties=(_terms(merchant, PartyKind.MERCHANT), _terms(platform, PartyKind.PLATFORM)),
        identifiers=tuple(identifiers),
        grants=_distinct(
            [
                *_grants(merchant.name, platform.name, columns),
                *_named_grants(merchant.name, platform.name, insights, Rung.INSIGHT),
                *_exact_size_grants(merchant.name, platform.name, exact_sizes),
                *_disclosure_grants(merchant.name, platform.name, disclosures, ways_out),
                *_location_grants(merchant.name, platform.name, locations),
                *(_lookalike_grants(merchant.name, platform.name, columns) if lookalikes else ()),
            ]
        ),
        budget=budget,
        channels=ways_out,
        consent=Consent(required=consent_required, purposes=tuple(purposes)),
        padding_bucket=padding_bucket,
        delta_bucket=delta_bucket,
        legs_per_epoch=legs_per_epoch,
        location_radius_min=location_radius_min,
        location_grid=location_grid,
        retention_days=retention_days,
        starts=utc_now() if starts is None else starts,
        expires=expires,
    )
    validate(contract)
    return contract


def _terms(identity: Identity, kind: PartyKind) -> PartyTerms:
    if identity.kind != kind or identity.sealing_key is None:
        raise InputError(
            f"{identity.name} is a {identity.kind or identity.role}, not a {kind}",
            hint=f"Use the identity of the {kind}.",
        )
    return PartyTerms(
        name=identity.name,
        kind=kind,
        organisation=identity.organisation,
        signing_key=identity.signing_key,
        sealing_key=identity.sealing_key,
    )


def _grants(merchant: str, platform: str, columns: Sequence[str]) -> Iterator[Grant]:
    rungs = (Rung.SIZE, Rung.USE, Rung.ACTIVATE)
    for owner, recipient in ((platform, merchant), (merchant, platform)):
        for rung in rungs:
            yield Grant(owner=owner, subject=MATCHED, rung=rung, recipient=recipient)
    for subject in _subjects(columns):
        for rung in rungs:
            yield Grant(owner=merchant, subject=subject, rung=rung, recipient=platform)


def _subjects(columns: Sequence[str]) -> list[str]:
    """Of the merchant's columns."""
    namespace = PartyKind.MERCHANT.namespace
    return [column if "." in column else f"{namespace}.{column}" for column in columns]


def _named_grants(merchant: str, platform: str, subjects: Sequence[str], rung: Rung) -> Iterator[Grant]:
    """Of each column to the other party than its owner, with the match; of the match alone to both."""
    namespaces = {kind.namespace for kind in PartyKind}
    for subject in subjects:
        if subject != MATCHED and subject.partition(".")[0] not in namespaces:
            raise InputError(
                f"“{subject[:80]}” belongs to no party",
                hint="Write tags for a whole catalogue, tags.tea, members.spend or matched.",
            )
    for owner, recipient, kind in ((platform, merchant, PartyKind.PLATFORM), (merchant, platform, PartyKind.MERCHANT)):
        own = sorted({subject for subject in subjects if subject.partition(".")[0] == kind.namespace})
        for subject in [MATCHED, *own] if own or MATCHED in subjects else []:
            yield Grant(owner=owner, subject=subject, rung=rung, recipient=recipient)


def _exact_size_grants(merchant: str, platform: str, exact_sizes: Sequence[tuple[str, str]]) -> Iterator[Grant]:
    """Of each column together with the match."""
    owners = {merchant: platform, platform: merchant}
    for recipient, subject in exact_sizes:
        if recipient not in owners:
            raise InputError(
                f"{recipient[:80]} is no party of this contract",
                hint=f"Name {merchant} or {platform}.",
            )
        for granted in dict.fromkeys((MATCHED, subject)):
            yield Grant(owner=owners[recipient], subject=granted, rung=Rung.EXACT_SIZE, recipient=recipient)


def _disclosure_grants(
    merchant: str, platform: str, subjects: Sequence[str], channels: Sequence[Channel]
) -> Iterator[Grant]:
    """Those of `_named_grants` whose recipient has a channel with a third party."""
    senders = {channel.recipient for channel in channels if channel.third_party}
    granted = [
        grant for grant in _named_grants(merchant, platform, subjects, Rung.DISCLOSE) if grant.recipient in senders
    ]
    for subject in subjects:
        if subject not in {grant.subject for grant in granted}:
            raise InputError(
                f"no channel sends {subject} on to a third party",
                hint="Name the third party with the channel of the party that does: ads:public:shop:google.",
            )
    yield from granted


def _location_grants(merchant: str, platform: str, columns: Sequence[str]) -> Iterator[Grant]:
    for rung in (Rung.SIZE, Rung.USE):
        for grant in _named_grants(merchant, platform, [f"{column}{LOCATION}" for column in columns], rung):
            if grant.subject != MATCHED:
                yield grant


def _lookalike_grants(merchant: str, platform: str, columns: Sequence[str]) -> Iterator[Grant]:
    for rung in (Rung.SIZE, Rung.USE):
        yield Grant(owner=platform, subject=LOOKALIKE, rung=rung, recipient=merchant)
    for subject in (MATCHED, *_subjects(columns)):
        yield Grant(owner=merchant, subject=subject, rung=Rung.INSIGHT, recipient=platform)


def _distinct(grants: Sequence[Grant]) -> tuple[Grant, ...]:
    return tuple(dict.fromkeys(grants))
