"""What a contract lets whom do. Pure checks: they pass silently, or raise and name the clause."""

from collections.abc import Iterable
from dataclasses import dataclass

from miyun.contract.model import MATCHED, PAIR_BUYERS, Channel, Contract, PartyKind, PartyTerms, Rung, Universe
from miyun.errors import NotPermittedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """A grant that something needs; ``clause`` is its place in the contract, empty where that lacks it."""

    owner: str
    subject: str
    rung: Rung
    recipient: str
    clause: str

    def text(self) -> str:
        """What to agree on."""
        return f"owner {self.owner}, subject {self.subject}, rung {self.rung}, recipient {self.recipient}"


def needed_grants(contract: Contract, recipient: str, subjects: frozenset[str], rung: Rung) -> tuple[Need, ...]:
    """The grants of the other party by which ``recipient`` reaches ``rung`` of ``subjects``: of what is not its own.

    Raises:
        NotPermittedError: ``recipient`` is no party, or nobody owns a subject.
    """
    own, owner = require_party(contract, recipient).kind.namespace, contract.counterparty(recipient)
    clauses = {
        grant.subject: f"grants[{index}]"
        for index, grant in enumerate(contract.grants)
        if (grant.owner, grant.recipient, grant.rung) == (owner.name, recipient, rung)
    }
    needs = []
    for subject in sorted(subjects):
        namespace = subject.partition(".")[0]
        if subject != MATCHED and namespace == own:
            continue
        if subject != MATCHED and namespace != owner.kind.namespace:
            raise NotPermittedError(
                f"no party of contract {contract.id} owns {subject}",
                hint="Write columns as members.… (the merchant's) or tags.… (the platform's).",
                clause="grants",
            )
        clause = clauses.get(subject, "")
        needs.append(Need(owner=owner.name, subject=subject, rung=rung, recipient=recipient, clause=clause))
    return tuple(needs)


def require_party(contract: Contract, name: str) -> PartyTerms:
    """The terms of the party of this name.

    Raises:
        NotPermittedError: the contract names none.
    """
    try:
        return contract.party(name)
    except KeyError:
        raise NotPermittedError(
            f"contract {contract.id} names no party {name}",
            hint="Let one of the parties of the contract do it.",
            clause="parties",
        ) from None


def permit_fusion(contract: Contract, requester: str) -> None:
    """Either party may ask for a fusion.

    Raises:
        NotPermittedError: ``requester`` is no party.
    """
    require_party(contract, requester)


def permit_segment(contract: Contract, owner: str, subjects: frozenset[str]) -> None:
    """``owner`` may build a segment from ``subjects``: what the other party owns needs its grant of ``use``.

    Raises:
        NotPermittedError: a grant is missing, or ``owner`` is no party.
    """
    _require_grants(contract, require_party(contract, owner), subjects, Rung.USE)


def permit_channels(contract: Contract, channels: Iterable[str]) -> None:
    """A segment may be meant for these channels.

    Raises:
        NotPermittedError: the contract has no such channel.
    """
    for name in channels:
        _require_channel(contract, name)


def permit_activation(
    contract: Contract,
    requester: str,
    recipient: str,
    channel: str,
    subjects: frozenset[str],
    *,
    universe: Universe,
) -> None:
    """``requester`` may have a segment over ``subjects`` handed to ``recipient`` through ``channel``.

    What the recipient's counterparty owns needs that party's grant of ``activate`` to the recipient. A subject under
    ``not`` counts like any other: who was taken away is disclosed as well. So `MATCHED` always counts, as both parties'
    opt-outs are taken away from every list: a platform that knows a list without that sees which of its users the
    merchant has, and has to leave out. Where the channel names a third party, the same subjects need a grant of
    ``disclose`` as well.

    Raises:
        NotPermittedError: a grant is missing, the channel is another party's, somebody is no party, or the recipient
            has no rows of the universe.
    """
    require_party(contract, requester)
    party = require_party(contract, recipient)
    index, terms = _require_channel(contract, channel)
    if terms.recipient != recipient:
        raise NotPermittedError(
            f"channel {channel} belongs to {terms.recipient}, not to {recipient}",
            hint=f"Activate to {terms.recipient}, or choose a channel of {recipient}.",
            clause=f"channels[{index}].recipient",
        )
    if universe is Universe.PLATFORM and party.kind is not PartyKind.PLATFORM:
        raise NotPermittedError(
            f"a segment of the universe {universe} has rows of which {recipient} has no counterpart",
            hint="Create a matched segment of it, “… within matched”, and activate that.",
            clause=f"channels[{index}].recipient",
        )
    _require_grants(contract, party, subjects | {MATCHED}, Rung.ACTIVATE)
    if terms.third_party:
        sent = "PAIR ids" if terms.third_party == PAIR_BUYERS else "hashed identifiers"
        why = f"channel {channel} sends {sent} on to {terms.third_party}: "
        _require_grants(contract, party, subjects | {MATCHED}, Rung.DISCLOSE, why=why)


def permit_size(contract: Contract, party: str, subjects: frozenset[str]) -> None:
    """``party``, or an analyst on its behalf, may learn a noisy size of a segment over ``subjects``.

    Raises:
        NotPermittedError: a grant is missing, or ``party`` is no party.
    """
    _require_grants(contract, require_party(contract, party), subjects, Rung.SIZE)


def permit_intersection(
    contract: Contract, *, holder: str, sums: bool, exact_for: Iterable[str], subjects: frozenset[str]
) -> None:
    """Both parties may intersect rows cut by ``subjects`` without the zone.

    The other party than ``holder`` learns the size, ``holder`` sums over its own columns; those in ``exact_for`` learn
    the exact size.

    Raises:
        NotPermittedError: a grant is missing, or ``holder`` is no party.
    """
    reader = require_party(contract, holder)
    matcher = contract.counterparty(holder)
    exact = set(exact_for)
    reached = subjects | {MATCHED}
    _require_grants(contract, matcher, reached, Rung.EXACT_SIZE if matcher.name in exact else Rung.SIZE)
    if sums:
        _require_grants(contract, reader, reached, Rung.INSIGHT)
    if reader.name in exact:
        _require_grants(contract, reader, reached, Rung.EXACT_SIZE)


def permit_insight(
    contract: Contract, reader: str, columns: Iterable[str], subjects: frozenset[str], *, tags: Iterable[str] = ()
) -> None:
    """``reader`` may learn noised totals of ``columns`` and ``tags`` over segments made of ``subjects``.

    What the other party owns of them, and `MATCHED`, needs its grant of ``insight``. ``tags`` are ``tags.`` and the
    name of a tag, or ``tags`` for the whole catalogue. A grant on a tag covers what is below it: only the owner, who
    has the catalogue, can tell; see `granted_tags`. Here it is enough that one grant could cover a tag.

    Raises:
        NotPermittedError: a grant is missing, or ``reader`` is no party.
    """
    party = require_party(contract, reader)
    _require_grants(contract, party, subjects | {MATCHED} | set(columns), Rung.INSIGHT)
    foreign = sorted(tag for tag in tags if tag.partition(".")[0] != party.kind.namespace)
    granted = granted_tags(contract, reader)
    if foreign and not granted:
        _require_grants(contract, party, frozenset(foreign[:1]), Rung.INSIGHT)


def granted_tags(contract: Contract, reader: str) -> frozenset[str]:
    """Which tags of the other party ``reader`` may learn totals of, with all below them, by their names.

    The empty name stands for the whole catalogue but for what is sensitive there: that needs a grant on its own name,
    or on the name of something sensitive above it.

    Raises:
        NotPermittedError: ``reader`` is no party.
    """
    require_party(contract, reader)
    owner = contract.counterparty(reader)
    namespace = owner.kind.namespace
    return frozenset(
        grant.subject.removeprefix(namespace).removeprefix(".")
        for grant in contract.grants
        if (grant.owner, grant.recipient, grant.rung) == (owner.name, reader, Rung.INSIGHT) and grant.subject != MATCHED
    )


def permit_lookalike(contract: Contract, party: str, subjects: frozenset[str]) -> None:
    """``party`` may give the other one weights made of noised totals over segments of ``subjects``.

    They tell the other party about rows of ``party``, which needs its grant of ``insight`` on `MATCHED` and on each of
    its own columns in ``subjects``.

    Raises:
        NotPermittedError: a grant is missing, or ``party`` is not the merchant.
    """
    terms = require_party(contract, party)
    if terms.kind is not PartyKind.MERCHANT:
        raise NotPermittedError(
            f"{party} is the {terms.kind}, whose own users lookalikes are found among",
            hint="Let the merchant release weights.",
            clause="parties",
        )
    _require_grants(contract, contract.counterparty(party), subjects | {MATCHED}, Rung.INSIGHT)


def permit_leg_count(contract: Contract, count: int) -> None:
    """The zone may hold bits of ``count`` predicates of one party in one epoch.

    Raises:
        NotPermittedError: that is more than ``legs_per_epoch``.
    """
    if count > contract.legs_per_epoch:
        raise NotPermittedError(
            f"predicate {count} of one party in this epoch; the contract allows {contract.legs_per_epoch}",
            hint="Fuse again for a new epoch, reuse a predicate that a live segment has, or agree on a higher limit.",
            clause="legs_per_epoch",
        )


def _require_channel(contract: Contract, name: str) -> tuple[int, Channel]:
    for index, channel in enumerate(contract.channels):
        if channel.name == name:
            return index, channel
    raise NotPermittedError(
        f"contract {contract.id} has no channel {name}",
        hint="Use one of its channels: " + ", ".join(channel.name for channel in contract.channels) + ".",
        clause="channels",
    )


def _require_grants(
    contract: Contract, recipient: PartyTerms, subjects: frozenset[str], rung: Rung, *, why: str = ""
) -> None:
    for need in needed_grants(contract, recipient.name, subjects, rung):
        if not need.clause:
            raise NotPermittedError(
                f"{why}{need.owner} grants {need.recipient} no {rung} of {need.subject}",
                hint=f"Leave {need.subject} out, or agree on a contract with this grant: {need.text()}.",
                clause="grants",
            )
