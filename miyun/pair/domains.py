"""Domain names as bid requests carry them."""

import re
from typing import Final

_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)").fullmatch
_MAX_CHARACTERS: Final = 253


def fault_of(domain: str) -> str:  # noqa: PLR0911 - one return per fault
    """What is wrong with a domain name, in words; empty if nothing is."""
    if "://" in domain or "/" in domain:
        return "is an address of a page, not a domain"
    if domain != domain.strip() or not domain:
        return "has white space around it" if domain.strip() else "is empty"
    if ":" in domain:
        return "has a port"
    if not domain.isascii():
        return "is not written in ASCII (xn--…)"
    if domain != domain.lower():
        return "is not in lower case"
    labels = domain.split(".")
    if len(domain) > _MAX_CHARACTERS or len(labels) < 2 or not all(map(_LABEL, labels)) or labels[-1].isdecimal():
        return "is no domain name"
    return ""
