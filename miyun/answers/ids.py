"""What can be asked about: ids of people and devices, and how they are spelled.

A device's id is stored and compared as the MD5 that platforms ask by (lower-case hexadecimal, of the spelling that
``miyun.members.devices`` gives), so that who asks with the id itself and who asks with its MD5 get one answer. An MD5
hides nothing; what hides ids in a set is its key (:mod:`miyun.answers.key`).

====================  ==========================================================================
``user``              the party's own id of a person, as it is delivered
``openid``            an account's id in one application, as it is
``idfa``              upper-case with dashes
``imei``              lower-case
``oaid, android-id``  as it is
``caid``              32 lower-case letters and digits, without its version
``….-md5``            the MD5 of a device's id: ``idfa-md5``, ``imei-md5``, …
====================  ==========================================================================
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from miyun.members.cells import is_broken
from miyun.members.devices import idfa, imei, oaid, openid
from miyun.members.reasons import Reason, Rejected
from miyun.members.texts import strip

MAX_CHARACTERS = 1024

_MD5 = re.compile(r"[0-9a-f]{32}").fullmatch
_ANDROID = re.compile(r"[0-9a-zA-Z]{8,64}").fullmatch
_CAID = re.compile(r"[0-9a-z]{32}").fullmatch


class Kind(StrEnum):
    """What an id is called by whoever builds and asks."""

    USER = "user"
    OPENID = "openid"
    IDFA = "idfa"
    IMEI = "imei"
    OAID = "oaid"
    ANDROID_ID = "android-id"
    CAID = "caid"
    IDFA_MD5 = "idfa-md5"
    IMEI_MD5 = "imei-md5"
    OAID_MD5 = "oaid-md5"
    ANDROID_ID_MD5 = "android-id-md5"
    CAID_MD5 = "caid-md5"


@dataclass(frozen=True, slots=True)
class AnswerId:
    """An id as sets know it. ``family`` is its kind, whether it was given itself or as its MD5."""

    family: str
    value: str


def read_id(kind: Kind, raw: str) -> AnswerId | Rejected:
    """An id in one spelling, or why it is none."""
    if len(raw) > MAX_CHARACTERS:
        return Rejected(Reason.TOO_LONG)
    if is_broken(raw):
        return Rejected(Reason.BAD_ENCODING)
    family, spell = _SPELLINGS[kind]
    value = spell(raw)
    if isinstance(value, Rejected):
        return value
    return AnswerId(family, value) if value else Rejected(Reason.EMPTY)


def md5_of(text: str) -> str:
    """What platforms call the MD5 of an id."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


_NOTHING = frozenset(
    map(md5_of, ("", "null", "NULL", "unknown", *("0" * digits for digits in (1, 14, 15, 16, 32))))
) | {md5_of("00000000-0000-0000-0000-000000000000"), "0" * 32}
"""What devices that give no id are sent as."""


def _md5(raw: str) -> str | Rejected:
    value = strip(raw).lower()
    if not value:
        return ""
    if _MD5(value) is None:
        return Rejected(Reason.WRONG_SHAPE)
    return Rejected(Reason.PLACEHOLDER) if value in _NOTHING else value


def _android_id(raw: str) -> str | Rejected:
    value = strip(raw)
    return value if not value or _ANDROID(value) else Rejected(Reason.WRONG_SHAPE)


def _caid(raw: str) -> str | Rejected:
    value = strip(raw).lower()
    return value if not value or _CAID(value) else Rejected(Reason.WRONG_SHAPE)


def _hashed(spell: Callable[[str], str | Rejected]) -> Callable[[str], str | Rejected]:
    def hashed(raw: str) -> str | Rejected:
        value = spell(raw)
        return value if isinstance(value, Rejected) or not value else _md5(md5_of(value))

    return hashed


_SPELLINGS: dict[Kind, tuple[str, Callable[[str], str | Rejected]]] = {
    Kind.USER: ("user", strip),
    Kind.OPENID: ("openid", openid),
    Kind.IDFA: ("idfa", _hashed(idfa)),
    Kind.IMEI: ("imei", _hashed(imei)),
    Kind.OAID: ("oaid", _hashed(oaid)),
    Kind.ANDROID_ID: ("android-id", _hashed(_android_id)),
    Kind.CAID: ("caid", _hashed(_caid)),
    Kind.IDFA_MD5: ("idfa", _md5),
    Kind.IMEI_MD5: ("imei", _md5),
    Kind.OAID_MD5: ("oaid", _md5),
    Kind.ANDROID_ID_MD5: ("android-id", _md5),
    Kind.CAID_MD5: ("caid", _md5),
}
