"""Which processes are in one hand: the rules about who learns what are about organisations."""

import unicodedata

from miyun.contract.model import Contract, PartyTerms


def same_organisation(one: str, other: str) -> bool:
    """Whether two names mean one organisation: letter case, width and spacing don't tell them apart."""
    return _folded(one) == _folded(other)


def party_hosting_zone(contract: Contract) -> PartyTerms | None:
    """The party whose organisation also operates the zone, if one does."""
    for party in contract.parties:
        if same_organisation(party.organisation, contract.zone.organisation):
            return party
    return None


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
