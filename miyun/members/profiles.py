"""Named profiles: how an identifier is spelled before it is compared. The world disagrees, so the contract names one.

========================  =====================================================================================
``uid2``                  email: for gmail.com without dots and ``+suffix``
``data-manager``          email: for gmail.com and googlemail.com without dots
``pair, meta, plain``     email: trimmed and lower-cased
``e164-cn``               phone: Chinese without a country code
``e164``                  phone: with a country code
``openid, oaid``          as it is
``idfa``                  upper-case with dashes
``imei``                  lower-case without separators
``digits``                the digits of a number
``text``                  NFKC, case folded, single spaces
``composite``             several columns, each as ``text``, as netstrings: ``4:wang,3:wei,``
========================  =====================================================================================
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from miyun.errors import ConfigError
from miyun.members.cells import is_broken
from miyun.members.devices import idfa, imei, oaid, openid
from miyun.members.emails import data_manager_email, lower_email, uid2_email
from miyun.members.phones import chinese_phone, digits, international_phone
from miyun.members.reasons import Reason, Rejected
from miyun.members.texts import fold, strip

COMPOSITE = "composite"
MAX_CHARACTERS = 1024

_LONGEST_EMPTY = 4

Profile = Callable[[str], str | Rejected]
_EMPTY = Rejected(Reason.EMPTY)
_NO_VALUE = frozenset({"", "null", "none", "nan", "n/a", "\\n", "-", "--", "无", "空", "未知"})
"""What exports write where there is nothing, folded. A person may be called Null, so ``text`` knows only ``\\N``."""


def text(raw: str) -> str | Rejected:
    return fold(raw)


SINGLE: dict[str, Profile] = {
    "uid2": uid2_email,
    "data-manager": data_manager_email,
    "pair": lower_email,
    "meta": lower_email,
    "plain": lower_email,
    "e164-cn": chinese_phone,
    "e164": international_phone,
    "openid": openid,
    "oaid": oaid,
    "idfa": idfa,
    "imei": imei,
    "digits": digits,
    "text": text,
}
"""The profiles of one column."""

PROFILES = (*SINGLE, COMPOSITE)


@dataclass(frozen=True, slots=True)
class Normalised:
    value: str


def check_profile(name: str) -> None:
    """Raises: ConfigError: there is no such profile."""
    if name not in PROFILES:
        why = "; vendors spell MAC addresses in contradictory ways" if name.startswith("mac") else ""
        raise ConfigError(f"there is no profile {name!r}{why}", hint=f"Use one of: {', '.join(PROFILES)}.")


def normalise(profile: str, raw: str | Sequence[str | None] | None) -> Normalised | Rejected:
    """One value, or the parts of a composite.

    Raises:
        ConfigError: there is no such profile.
    """
    check_profile(profile)
    parts = [raw] if raw is None or isinstance(raw, str) else list(raw)
    [value] = normalise_column(profile, [[part] for part in parts])
    return value if isinstance(value, Rejected) else Normalised(value)


def normalise_column(profile: str, columns: Sequence[Sequence[str | None]]) -> list[str | Rejected]:
    """Normalise many rows at once; ``columns`` is one list per source column."""
    if profile == COMPOSITE:
        return [_composite(parts) for parts in zip(*columns, strict=True)]
    spell = SINGLE[profile]
    known_empty = is_blank if profile == "text" else is_empty
    [values] = columns
    plain = [spell(raw) if raw and raw.isascii() and len(raw) <= MAX_CHARACTERS else "" for raw in values]
    return [
        value if value and isinstance(value, str) and len(raw or "") > _LONGEST_EMPTY else _one(raw, spell, known_empty)
        for raw, value in zip(values, plain, strict=True)
    ]


def _one(raw: str | None, spell: Profile, known_empty: Callable[[str], bool]) -> str | Rejected:
    if raw is None:
        return _EMPTY
    if len(raw) > MAX_CHARACTERS:
        return Rejected(Reason.TOO_LONG)
    if len(raw) <= _LONGEST_EMPTY and known_empty(raw):
        return _EMPTY
    if is_broken(raw):
        return Rejected(Reason.BAD_ENCODING)
    value = spell(raw)
    if value == "" or (isinstance(value, Rejected) and known_empty(raw)):
        return _EMPTY
    return value


def _composite(parts: Sequence[str | None]) -> str | Rejected:
    if any(part is not None and len(part) > MAX_CHARACTERS for part in parts):
        return Rejected(Reason.TOO_LONG)
    if any(part is not None and is_broken(part) for part in parts):
        return Rejected(Reason.BAD_ENCODING)
    folded = ["" if part is None or is_blank(part) else fold(part) for part in parts]
    if not all(folded):
        return Rejected(Reason.INCOMPLETE) if any(folded) else _EMPTY
    return "".join(f"{len(part.encode())}:{part}," for part in folded)


def is_empty(raw: str) -> bool:
    """Whether an export wrote this for no value."""
    return strip(raw).lower() in _NO_VALUE


def is_blank(raw: str) -> bool:
    """Whether this is no value even where words such as NULL could be meant."""
    return strip(raw) in {"", "\\N"}
