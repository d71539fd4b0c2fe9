"""A contract as YAML for people: every clause with a comment that explains it."""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, time

from miyun.contract.model import Channel, Contract, PartyTerms
from miyun.keys.fingerprint import key_fingerprint

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_NOT_TEXT = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
_KEY_COLUMNS = 88


def to_yaml(contract: Contract) -> str:
    """The contract as commented YAML, which ``parse_contract`` reads back as the same contract."""
    return "\n".join(_document(contract)) + "\n"


def _document(contract: Contract) -> Iterator[str]:
    yield "# A contract between a merchant and a platform about matching their users in a zone."
    yield "# Both parties and the zone sign it, and each of them refuses whatever it does not permit."
    yield "# What is signed is its canonical JSON (RFC 8785): comments, order and spacing of this file don't count."
    yield "# Before you sign, read who will learn what:  miyun contract statement FILE"
    yield ""
    yield "# The contract's name, for commands and logs."
    yield f"id: {_text(contract.id)}"
    yield ""
    yield "# In force from, and until just before, these moments. A day means 00:00 UTC."
    yield f"starts: {_moment(contract.starts)}"
    yield f"expires: {_moment(contract.expires)}"
    yield ""
    yield from _zone(contract)
    yield ""
    yield "# The two parties. Compare each fingerprint with the other side by phone or in person, not over the network."
    yield "parties:"
    for party in contract.parties:
        yield from _party(party)
    yield ""
    yield from _identifiers(contract)
    yield ""
    yield from _grants(contract)
    yield ""
    yield from _channels(contract)
    yield ""
    yield from _budget(contract)
    yield ""
    yield from _consent(contract)
    yield ""
    yield from _handling(contract)


def _zone(contract: Contract) -> Iterator[str]:
    zone = contract.zone
    yield "# Who operates the zone. If it is one of the parties, the leakage statement says what that party can learn."
    yield "zone:"
    yield f"  name: {_text(zone.name)}"
    yield f"  organisation: {_text(zone.organisation)}"
    yield f"  # fingerprint {key_fingerprint(zone.signing_key, None)}"
    yield f"  signing_key: {_key(zone.signing_key, '  ')}"


def _party(party: PartyTerms) -> Iterator[str]:
    yield f"  - name: {_text(party.name)}"
    yield f"    kind: {party.kind}  # its columns are written {party.kind.namespace}.…"
    yield f"    organisation: {_text(party.organisation)}"
    yield f"    # fingerprint {key_fingerprint(party.signing_key, party.sealing_key)}"
    yield f"    signing_key: {_key(party.signing_key, '    ')}"
    yield f"    sealing_key: {_key(party.sealing_key, '    ')}"


def _identifiers(contract: Contract) -> Iterator[str]:
    yield "# What rows are matched by, the most reliable first: a row matched on one type is not tried on the next."
    yield "# profile: how both sides normalise a value before it is hashed and blinded."
    yield "# evaluation_cap: how many identifiers of the other party each agent ever works on, over the whole life"
    yield "#   of the contract. Each one answers a guess, and nothing can tell a guess from a user. There are about"
    yield "#   10_000_000_000 phone numbers: keep the cap far below that, and above expected rows times fusions."
    yield "identifiers:"
    for terms in contract.identifiers:
        yield f"  - type: {_text(terms.type)}"
        yield f"    profile: {_text(terms.profile)}"
        yield f"    evaluation_cap: {_number(terms.evaluation_cap)}"


def _grants(contract: Contract) -> Iterator[str]:
    yield "# What an owner lets the other party reach. No rung implies another; what is not listed is refused."
    yield "# subject: “matched” (being in the match at all), or a column such as members.spend or tags.tea; where"
    yield "#   people are by a column, as tags.home.location, which no other grant covers."
    yield "# rung: size       - a noisy size, as a band, of segments that use the subject; for analysts as well"
    yield "#       exact-size - the size without noise of what the two parties compute without the zone"
    yield "#       insight    - noisy totals"
    yield "#       use        - the recipient may build segments with the subject, inside the zone"
    yield "#       activate   - the recipient gets exact lists of its own ids, selected with the subject"
    yield "#       disclose   - the recipient may send them on to its channels' third parties, hashed or as PAIR ids"
    yield from _list("grants", [_grant_lines(contract, index) for index in range(len(contract.grants))])


def _grant_lines(contract: Contract, index: int) -> list[str]:
    grant = contract.grants[index]
    return [
        f"owner: {_text(grant.owner)}",
        f"subject: {_text(grant.subject)}",
        f"rung: {grant.rung}",
        f"recipient: {_text(grant.recipient)}",
    ]


def _channels(contract: Contract) -> Iterator[str]:
    yield "# Ways out. domain: private (the merchant's messages, coupons, mini-program) or public (feeds, search, ads)."
    yield "# recipient: the party that gets the audience and acts on it."
    yield "# third_party: who else gets hashed identifiers of the people on its lists; pair-buyers: who sees bid"
    yield "#   requests with PAIR ids. Left out: nobody."
    yield from _list("channels", [list(_channel(channel)) for channel in contract.channels])


def _channel(channel: Channel) -> Iterator[str]:
    yield f"name: {_text(channel.name)}"
    yield f"domain: {channel.domain}"
    yield f"recipient: {_text(channel.recipient)}"
    if channel.third_party:
        yield f"third_party: {_text(channel.third_party)}"


def _budget(contract: Contract) -> Iterator[str]:
    budget = contract.budget
    yield "# Differential privacy of noisy answers, per owner, in millionths of zCDP's rho. Charges add up."
    yield "budget:"
    yield "  # All noisy answers of this contract together."
    yield f"  rho_micro: {_number(budget.rho_micro)}"
    yield "  # One size. Smaller is noisier."
    yield f"  size_rho_micro: {_number(budget.size_rho_micro)}"
    yield "  # The match report of one fusion, all identifier types together."
    yield f"  match_report_rho_micro: {_number(budget.match_report_rho_micro)}"
    yield "  # What an owner's agent allows the zone in advance with one signed lease."
    yield f"  lease_rho_micro: {_number(budget.lease_rho_micro)}"
    yield "  # d in delta = 10^-d, for stating the budget as (epsilon, delta)."
    yield f"  delta_exponent: {_number(budget.delta_exponent)}"
    yield "  # Noised sizes below this are shown only as “below”."
    yield f"  suppress_below: {_number(budget.suppress_below)}"


def _consent(contract: Contract) -> Iterator[str]:
    yield "# required: rows without recorded consent to these purposes and this recipient are never sent."
    yield "consent:"
    yield f"  required: {'true' if contract.consent.required else 'false'}"
    yield f"  purposes: [{', '.join(_text(purpose) for purpose in contract.consent.purposes)}]"


def _handling(contract: Contract) -> Iterator[str]:
    yield "# Row counts are rounded up to a multiple of this with random points. 1: the other side sees them exactly."
    yield f"padding_bucket: {_number(contract.padding_bucket)}"
    yield "# Rows that come or go within an epoch, rounded up to a multiple of this. 0: only a new fusion changes rows."
    yield f"delta_bucket: {_number(contract.delta_bucket)}"
    yield "# How many predicates of a party the zone may hold bits of per epoch. Rare combinations can point at a row."
    yield f"legs_per_epoch: {_number(contract.legs_per_epoch)}"
    yield "# A predicate by distance reaches at least so many metres."
    yield f"location_radius_min: {_number(contract.location_radius_min)}"
    yield "# It is answered from places that their owner moved to the middles of squares of so many metres: no number"
    yield "#   of circles tells more than the square. 0: from the places as they are."
    yield f"location_grid: {_number(contract.location_grid)}"
    yield "# How many days the zone keeps what an epoch left."
    yield f"retention_days: {_number(contract.retention_days)}"


def _list(name: str, items: list[list[str]]) -> Iterator[str]:
    if not items:
        yield f"{name}: []"
        return
    yield f"{name}:"
    for first, *others in items:
        yield f"  - {first}"
        yield from (f"    {line}" for line in others)


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and value.lower() not in _NOT_TEXT:
        return value
    return json.dumps(value, ensure_ascii=False)


def _number(value: int) -> str:
    return f"{value:_}"


def _moment(moment: datetime) -> str:
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%d}" if utc.time() == time() else f"{utc:%Y-%m-%dT%H:%M:%SZ}"


def _key(raw: bytes, indent: str) -> str:
    """Base64 in double quotes, with YAML's escaped line breaks where it is long."""
    letters = urlsafe_b64encode(raw).decode()
    lines = [letters[start : start + _KEY_COLUMNS] for start in range(0, len(letters), _KEY_COLUMNS)]
    return '"' + f"\\\n{indent}  ".join(lines) + '"'
