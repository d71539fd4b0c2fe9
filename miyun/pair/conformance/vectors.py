"""The vectors of the suite, ``vectors.json``: plain JSON, for any implementation to read.

Salts, keys and match keys are hexadecimal (a key is a scalar, 32 bytes, little-endian), ids Base64, days ISO 8601.
``required`` tells what makes two implementations disagree from what the specification leaves open and is advised.
"""

from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from miyun.errors import InputError
from miyun.records import Record, first_fault

_FILE = "vectors.json"

Hex32 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption(Record):
    """``ids`` are the match keys' under the salt and the key."""

    name: str
    provenance: str
    salt: Hex32
    key: Hex32
    match_keys: tuple[Hex32, ...]
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commutation(Record):
    """Of match keys: under the salt and either key, and under both, in whatever order."""

    name: str
    provenance: str
    salt: Hex32
    publisher_key: Hex32
    advertiser_key: Hex32
    match_keys: tuple[Hex32, ...]
    publisher_ids: tuple[str, ...]
    advertiser_ids: tuple[str, ...]
    pair_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal(Record):
    """An id that no implementation may multiply."""

    name: str
    required: bool
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SaltAndKey(Record):
    """A generation in force from the day ``since`` on, until the next one."""

    since: date
    salt: Hex32
    key: Hex32


@dataclass(frozen=True, slots=True, kw_only=True)
class Day(Record):
    """The ids of one match key that are given out on a day, newest first. No vector has the day on which one ends."""

    at: date
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation(Record):
    name: str
    generations: tuple[SaltAndKey, ...]
    match_key: Hex32
    days: tuple[Day, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Eids(Record):
    """``eids`` is what a bid request's ``user.eids`` holds for these ids."""

    name: str
    ids: tuple[str, ...]
    inserter: str
    matcher: str
    eids: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted(Record):
    """A bid request as the text that is sent, and Miyun's names of the rules it breaks. Warnings leave it valid."""

    name: str
    required: bool
    valid: bool
    rules: tuple[str, ...]
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors(Record):
    format: str
    provenance: tuple[str, ...]
    encryption: tuple[Encryption, ...]
    commutation: tuple[Commutation, ...]
    refusals: tuple[Refusal, ...]
    rotation: tuple[Rotation, ...]
    eids: tuple[Eids, ...]
    lint: tuple[Linted, ...]


def vectors_text() -> str:
    """``vectors.json`` as it is."""
    return files(__package__).joinpath(_FILE).read_text(encoding="utf-8")


def load_vectors(path: Path | None = None) -> Vectors:
    """The vectors of this release, or others of the same form.

    Raises:
        InputError: the file can't be read, or is none of vectors.
    """
    try:
        text = vectors_text() if path is None else path.read_text(encoding="utf-8")
        return TypeAdapter(Vectors).validate_json(text)
    except ValidationError as error:
        reason = first_fault(error)
    except (OSError, UnicodeDecodeError) as error:
        reason = str(error)
    raise InputError(f"{path} holds no vectors: {reason}", hint="Print those of Miyun: miyun pair conformance --print")
