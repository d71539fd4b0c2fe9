"""Which processes are in one hand: the rules about who learns what are about organisations."""

import unicodedata


def same_organisation(one: str, other: str) -> bool:
    """Whether two names mean one organisation: letter case, width and spacing don't tell them apart."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
