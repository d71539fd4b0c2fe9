"""Why a value or a row of the member table is not used."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Machine-readable codes, as the quarantine file and the report show them."""

    EMPTY = "empty"
    INCOMPLETE = "incomplete"
    ALREADY_HASHED = "already-hashed"
    MASKED = "masked"
    SCIENTIFIC_NOTATION = "scientific-notation"
    UNEXPECTED_CHARACTER = "unexpected-character"
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    NO_COUNTRY_CODE = "no-country-code"
    NO_SUCH_NUMBER = "no-such-number"
    INNER_SPACE = "inner-space"
    NO_AT_SIGN = "no-at-sign"
    SEVERAL_AT_SIGNS = "several-at-signs"
    NO_LOCAL_PART = "no-local-part"
    NO_DOMAIN = "no-domain"
    PLACEHOLDER = "placeholder"
    WRONG_SHAPE = "wrong-shape"
    NO_NUMBER = "no-number"
    NO_BOOLEAN = "no-boolean"
    NO_DATE = "no-date"
    NO_COORDINATES = "no-coordinates"
    OFF_THE_EARTH = "off-the-earth"
    ZERO_COORDINATES = "zero-coordinates"
    EXCHANGED_COORDINATES = "exchanged-coordinates"
    UNKNOWN_TAG = "unknown-tag"
    UNKNOWN_OPTION = "unknown-option"
    OUT_OF_RANGE = "out-of-range"
    RAGGED = "ragged"
    BAD_QUOTING = "bad-quoting"
    BAD_ENCODING = "bad-encoding"

    @property
    def words(self) -> str:
        return _WORDS[self]


_WORDS = {
    Reason.EMPTY: "no value",
    Reason.INCOMPLETE: "a part of the composite or the place is missing",
    Reason.ALREADY_HASHED: "looks like a hash; Miyun matches the values themselves",
    Reason.MASKED: "digits are masked with *",
    Reason.SCIENTIFIC_NOTATION: "a spreadsheet rounded the number to scientific notation; its last digits are lost",
    Reason.UNEXPECTED_CHARACTER: "a character that doesn't belong there, or several values in one cell",
    Reason.TOO_SHORT: "too short",
    Reason.TOO_LONG: "too long",
    Reason.NO_COUNTRY_CODE: "no country code, and this profile assumes no country",
    Reason.NO_SUCH_NUMBER: "not in any numbering plan",
    Reason.INNER_SPACE: "white space inside",
    Reason.NO_AT_SIGN: "no @",
    Reason.SEVERAL_AT_SIGNS: "more than one @",
    Reason.NO_LOCAL_PART: "nothing is left before the @",
    Reason.NO_DOMAIN: "no complete domain after the @",
    Reason.PLACEHOLDER: "all zeros, which devices give when tracking is off",
    Reason.WRONG_SHAPE: "not of the shape that this identifier has",
    Reason.NO_NUMBER: "not a number",
    Reason.NO_BOOLEAN: "neither yes nor no",
    Reason.NO_DATE: "not a date",
    Reason.NO_COORDINATES: "not a latitude and a longitude in degrees",
    Reason.OFF_THE_EARTH: "where nobody lives: a latitude beyond 84°, or a longitude beyond 180°",
    Reason.ZERO_COORDINATES: "0, 0, which devices write when they know no place",
    Reason.EXCHANGED_COORDINATES: "latitude and longitude are exchanged",
    Reason.UNKNOWN_TAG: "no tag of the catalogue, or a group, which nobody carries",
    Reason.UNKNOWN_OPTION: "none of the options that the catalogue gives for this tag",
    Reason.OUT_OF_RANGE: "outside the range that the catalogue gives for this tag",
    Reason.RAGGED: "the row has more or fewer fields than the header",
    Reason.BAD_QUOTING: "a quote is never closed, or text follows a closed quote",
    Reason.BAD_ENCODING: "bytes that are no text in this encoding",
}


@dataclass(frozen=True, slots=True)
class Rejected:
    """A value that is not used. It carries no part of the value."""

    reason: Reason

    @property
    def words(self) -> str:
        return self.reason.words
