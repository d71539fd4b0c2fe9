"""Email addresses. The profiles differ in what they hold to be the same mailbox."""

import re

from miyun.members.reasons import Reason, Rejected
from miyun.members.texts import HASH, strip

MAX_CHARACTERS = 254
"""RFC 5321, section 4.5.3.1.3, as corrected by erratum 1690 to RFC 3696."""

_ORDINARY = re.compile(r"[a-z0-9_%+-][a-z0-9._%+-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)+").fullmatch
_GMAIL = "gmail.com"
_GOOGLE_DOMAINS = frozenset({_GMAIL, "googlemail.com"})


def lower_email(raw: str) -> str | Rejected:
    """Trimmed and lower-cased, nothing else: what PAIR and Meta ask for."""
    email = strip(raw).lower()
    if _ORDINARY(email) and len(email) <= MAX_CHARACTERS:
        return email
    return _examine(email)


def uid2_email(raw: str) -> str | Rejected:
    """UID2: for gmail.com, dots and a ``+suffix`` of the local part are dropped."""
    email = lower_email(raw)
    if isinstance(email, Rejected):
        return email
    local, _, domain = email.rpartition("@")
    if domain != _GMAIL:
        return email
    return _mailbox(local.partition("+")[0].replace(".", ""), domain)


def data_manager_email(raw: str) -> str | Rejected:
    """Google Data Manager: for gmail.com and googlemail.com, dots are dropped and a ``+suffix`` stays."""
    email = lower_email(raw)
    if isinstance(email, Rejected):
        return email
    local, _, domain = email.rpartition("@")
    return _mailbox(local.replace(".", ""), domain) if domain in _GOOGLE_DOMAINS else email


def _mailbox(local: str, domain: str) -> str | Rejected:
    return f"{local}@{domain}" if local else Rejected(Reason.NO_LOCAL_PART)


def _examine(email: str) -> str | Rejected:  # noqa: PLR0911 - one return per reason
    if "@" not in email:
        return Rejected(Reason.ALREADY_HASHED if HASH(email) else Reason.NO_AT_SIGN)
    if any(character.isspace() for character in email):
        return Rejected(Reason.INNER_SPACE)
    if not email.isprintable() or any(character in '<>,;:"' for character in email):
        return Rejected(Reason.UNEXPECTED_CHARACTER)
    if "*" in email:
        return Rejected(Reason.MASKED)
    if email.count("@") > 1:
        return Rejected(Reason.SEVERAL_AT_SIGNS)
    if len(email) > MAX_CHARACTERS:
        return Rejected(Reason.TOO_LONG)
    local, _, domain = email.partition("@")
    if not local:
        return Rejected(Reason.NO_LOCAL_PART)
    labels = domain.split(".")
    return email if len(labels) > 1 and all(labels) else Rejected(Reason.NO_DOMAIN)
