"""Identifiers of devices and accounts.

There is no profile for MAC addresses: vendors contradict each other on case and separators, so no spelling is right.
"""

import re

from miyun.members.reasons import Reason, Rejected
from miyun.members.texts import HASH, strip, whole_number

_UUID = re.compile(r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}").fullmatch
_IMEI = re.compile(r"[0-9]{14,16}|[0-9a-f]{14}").fullmatch
_OAID = re.compile(r"[0-9A-Za-z_-]{8,128}").fullmatch
_ZEROS = re.compile(r"[0-]+").fullmatch
_MAX_OPENID = 128


def idfa(raw: str) -> str | Rejected:
    """Upper-case with dashes. Thirty-two digits without dashes are taken for an MD5, not for an IDFA."""
    value = strip(raw).upper()
    if _UUID(value):
        return Rejected(Reason.PLACEHOLDER) if _ZEROS(value) else value
    return Rejected(Reason.ALREADY_HASHED if HASH(value) else Reason.WRONG_SHAPE)


def imei(raw: str) -> str | Rejected:
    """Lower-case, without separators: an IMEI of 14 to 16 digits, or an MEID of 14 hexadecimal ones."""
    value = whole_number(raw).lower()
    if _IMEI(value):
        return Rejected(Reason.PLACEHOLDER) if _ZEROS(value) else value
    return Rejected(Reason.ALREADY_HASHED if HASH(value) else Reason.WRONG_SHAPE)


def oaid(raw: str) -> str | Rejected:
    """As it is: OAIDs are case-sensitive."""
    value = strip(raw)
    if not _OAID(value):
        return Rejected(Reason.WRONG_SHAPE)
    return Rejected(Reason.PLACEHOLDER) if _ZEROS(value) else value


def openid(raw: str) -> str | Rejected:
    """As it is: open ids are case-sensitive."""
    value = strip(raw)
    if len(value) > _MAX_OPENID:
        return Rejected(Reason.TOO_LONG)
    if any(character.isspace() for character in value):
        return Rejected(Reason.INNER_SPACE)
    return value if value.isprintable() else Rejected(Reason.UNEXPECTED_CHARACTER)
