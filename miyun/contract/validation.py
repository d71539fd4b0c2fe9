"""What a contract must be to make sense, clause by clause."""

import re
from collections.abc import Iterable
from datetime import timedelta

from miyun.contract.model import LOCATION, LOOKALIKE, MATCHED, MOST_DELTA_ROWS, Contract, Grant, PartyKind, Rung
from miyun.contract.organisations import same_organisation
from miyun.errors import ContractError, InputError, MalformedError
from miyun.keys.sealing import SealingPublicKey
from miyun.keys.signing import VerifyKey
from miyun.names import check_name

_WORD = re.compile(r"[a-z0-9-]{1,63}")
_COLUMN = re.compile(r"[^\W\d]\w{0,63}")
_LARGEST = (1 << 53) - 1
"""The largest integer that canonical JSON writes exactly (RFC 8785, RFC 7493)."""
_LONGEST_TAG = 200
_MOST_TYPES = 16
_MOST_HANDLES = 1 << 32
_LARGEST_RADIUS = 1_000_000


def validate(contract: Contract) -> None:
    """Check all the rules that the types don't express.

    Raises:
        ContractError: the first clause that breaks one; ``clause`` is its path.
    """
    _check_signers(contract)
    _check_identifiers(contract)
    _check_grants(contract)
    _check_budget(contract)
    _check_channels(contract)
    _check_consent(contract)
    _check_handling(contract)
    _check_dates(contract)


def _check_signers(contract: Contract) -> None:
    _name(contract.id, "id")
    _name(contract.zone.name, "zone.name")
    _organisation(contract.zone.organisation, "zone.organisation")
    _verify_key(contract.zone.signing_key, "zone.signing_key")
    for index, party in enumerate(contract.parties):
        clause = f"parties[{index}]"
        _name(party.name, f"{clause}.name")
        _organisation(party.organisation, f"{clause}.organisation")
        _verify_key(party.signing_key, f"{clause}.signing_key")
        _sealing_key(party.sealing_key, f"{clause}.sealing_key")
    first, second = contract.parties
    if {first.kind, second.kind} != set(PartyKind):
        raise _wrong(
            "parties[1].kind",
            f"makes both parties a {second.kind}",
            "Name one merchant and one platform.",
        )
    if same_organisation(first.organisation, second.organisation):
        raise _wrong(
            "parties[1].organisation",
            "is the other party's as well",
            "Name two different organisations: within one there is nothing to protect by a contract.",
        )
    if first.sealing_key == second.sealing_key:
        raise _wrong("parties[1].sealing_key", "is the other party's as well", "Ask each party for its own identity.")
    signers = (
        ("zone", contract.zone.name, contract.zone.signing_key),
        ("parties[0]", first.name, first.signing_key),
        ("parties[1]", second.name, second.signing_key),
    )
    _distinct(((f"{clause}.name", name) for clause, name, _ in signers), "Give each signer a name of its own.")
    _distinct(((f"{clause}.signing_key", key) for clause, _, key in signers), "Ask each signer for its own identity.")


def _check_identifiers(contract: Contract) -> None:
    if not contract.identifiers:
        raise _wrong("identifiers", "is empty", "Name at least one identifier type, such as phone.")
    if len(contract.identifiers) > _MOST_TYPES:
        raise _wrong(f"identifiers[{_MOST_TYPES}]", "is one too many", f"Use at most {_MOST_TYPES} identifier types.")
    for index, terms in enumerate(contract.identifiers):
        clause = f"identifiers[{index}]"
        _word(terms.type, f"{clause}.type")
        _word(terms.profile, f"{clause}.profile")
        _between(terms.evaluation_cap, 1, _LARGEST, f"{clause}.evaluation_cap")
    _distinct(
        ((f"identifiers[{index}].type", terms.type) for index, terms in enumerate(contract.identifiers)),
        "List each identifier type once, the most reliable first.",
    )


def _check_grants(contract: Contract) -> None:
    names = {party.name for party in contract.parties}
    for index, grant in enumerate(contract.grants):
        clause = f"grants[{index}]"
        for field, name in (("owner", grant.owner), ("recipient", grant.recipient)):
            if name not in names:
                raise _wrong(f"{clause}.{field}", f"names {name}, which is no party", f"Use {_either(names)}.")
        if grant.owner == grant.recipient:
            raise _wrong(
                f"{clause}.recipient", "is the owner itself", "Remove the grant: nobody needs a grant for its own data."
            )
        namespace = contract.party(grant.owner).kind.namespace
        if grant.subject != MATCHED and not _is_owned(grant, namespace):
            raise _wrong(
                f"{clause}.subject",
                f"is “{grant.subject[:80]}”, which is nothing that {grant.owner} owns",
                f"Write {MATCHED}, or a column as {namespace}.name, or {namespace}.name{LOCATION} for where people "
                f"are; for insight also {namespace} for a whole catalogue of tags; "
                f"of the platform's also {LOOKALIKE} for who scores best by a lookalike.",
            )
    _distinct(
        ((f"grants[{index}]", grant) for index, grant in enumerate(contract.grants)),
        "Remove the repetition.",
    )


def _check_budget(contract: Contract) -> None:
    budget = contract.budget
    _between(budget.rho_micro, 1, _LARGEST, "budget.rho_micro")
    _between(budget.size_rho_micro, 1, budget.rho_micro, "budget.size_rho_micro")
    _between(budget.match_report_rho_micro, 1, budget.rho_micro, "budget.match_report_rho_micro")
    dearest = max(budget.size_rho_micro, budget.match_report_rho_micro)
    _between(budget.lease_rho_micro, dearest, budget.rho_micro, "budget.lease_rho_micro")
    _between(budget.delta_exponent, 3, 30, "budget.delta_exponent")
    _between(budget.suppress_below, 0, _MOST_HANDLES, "budget.suppress_below")


def _check_channels(contract: Contract) -> None:
    names = {party.name for party in contract.parties}
    for index, channel in enumerate(contract.channels):
        _name(channel.name, f"channels[{index}].name")
        if channel.recipient not in names:
            raise _wrong(
                f"channels[{index}].recipient",
                f"names {channel.recipient}, which is no party",
                f"Use {_either(names)}.",
            )
        if channel.third_party:
            _word(channel.third_party, f"channels[{index}].third_party")
        if channel.third_party in {*names, contract.zone.name}:
            raise _wrong(
                f"channels[{index}].third_party",
                f"names {channel.third_party}, which signs this contract",
                "Name who else gets identifiers through the channel, such as google; or leave it out.",
            )
    _distinct(
        ((f"channels[{index}].name", channel.name) for index, channel in enumerate(contract.channels)),
        "Give each channel a name of its own.",
    )


def _check_consent(contract: Contract) -> None:
    for index, purpose in enumerate(contract.consent.purposes):
        _word(purpose, f"consent.purposes[{index}]")
    _distinct(
        ((f"consent.purposes[{index}]", purpose) for index, purpose in enumerate(contract.consent.purposes)),
        "List each purpose once.",
    )
    if contract.consent.required and not contract.consent.purposes:
        raise _wrong("consent.purposes", "is empty", "Name what the people consented to, such as marketing.")


def _check_handling(contract: Contract) -> None:
    _between(contract.padding_bucket, 1, _MOST_HANDLES, "padding_bucket")
    _between(contract.delta_bucket, 0, MOST_DELTA_ROWS, "delta_bucket")
    _between(contract.legs_per_epoch, 1, 10_000, "legs_per_epoch")
    _between(contract.location_radius_min, 1, _LARGEST_RADIUS, "location_radius_min")
    _between(contract.location_grid, 0, contract.location_radius_min, "location_grid")
    _between(contract.retention_days, 0, 3_650, "retention_days")


def _check_dates(contract: Contract) -> None:
    for clause, moment in (("starts", contract.starts), ("expires", contract.expires)):
        if moment.utcoffset() != timedelta(0) or moment.microsecond:
            raise _wrong(clause, "is not a whole second in UTC", "Write it as 2027-06-30T00:00:00Z.")
    if contract.starts >= contract.expires:
        raise _wrong("expires", "is not after the start", "Choose a later end.")


def _name(name: str, clause: str) -> None:
    try:
        check_name(name)
    except InputError as error:
        raise ContractError(f"{clause}: {error.message}", hint=error.hint, clause=clause) from None


def _word(word: str, clause: str) -> None:
    if _WORD.fullmatch(word) is None:
        raise _wrong(clause, f"is “{word[:80]}”", "Use up to 63 lower-case letters, digits and dashes.")


def _organisation(name: str, clause: str) -> None:
    if not name.strip() or name != name.strip() or not name.isprintable() or len(name) > 200:
        raise _wrong(clause, "is not a name", "Write the organisation's legal name, without blanks around it.")


def _verify_key(raw: bytes, clause: str) -> None:
    try:
        VerifyKey(raw)
    except MalformedError as error:
        raise _wrong(clause, f"is {error.message}", "Copy the key whole from the other side's identity.") from None


def _sealing_key(raw: bytes, clause: str) -> None:
    try:
        SealingPublicKey(raw)
    except MalformedError as error:
        raise _wrong(clause, f"is {error.message}", "Copy the key whole from the other side's identity.") from None


def _between(value: int, least: int, most: int, clause: str) -> None:
    if not least <= value <= most:
        raise _wrong(clause, f"is {value}", f"Choose a number from {least} to {most}.")


def _distinct(values: Iterable[tuple[str, object]], hint: str) -> None:
    seen: dict[object, str] = {}
    for clause, value in values:
        if value in seen:
            raise _wrong(clause, f"says the same as {seen[value]}", hint)
        seen[value] = clause


def _is_owned(grant: Grant, namespace: str) -> bool:
    """A column, or where people are by it; for insight also a tag, by its id, or all of a catalogue; for what segments
    need, `LOOKALIKE`.
    """
    prefix, dot, name = grant.subject.partition(".")
    if prefix != namespace:
        return False
    if grant.subject == LOOKALIKE:
        return grant.rung in {Rung.SIZE, Rung.USE, Rung.ACTIVATE, Rung.DISCLOSE}
    if grant.rung is not Rung.INSIGHT:
        return _COLUMN.fullmatch(name.removesuffix(LOCATION)) is not None
    return not dot or (0 < len(name) <= _LONGEST_TAG and name == name.strip() and name.isprintable())


def _either(names: set[str]) -> str:
    return " or ".join(sorted(names))


def _wrong(clause: str, what: str, hint: str) -> ContractError:
    return ContractError(f"{clause} {what}", hint=hint, clause=clause)
