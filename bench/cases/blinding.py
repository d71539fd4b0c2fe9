"""Hashing to the group and blinding, one processor's time for one element."""

import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cases.case import Case, Figure
from bench.cases.one_process import OneProcess
from bench.cases.own import require_native
from bench.environments import OwnEnvironment
from bench.failures import WrongResultError
from miyun.hazmat.portable import PortableBackend
from miyun.hazmat.scalars import SecretScalar

DST = b"MIYUN-BENCH-ristretto255_XMD:SHA-512_R255MAP_RO_"
SCALAR = (2**251 + 5).to_bytes(32, "little")
CHECKED = 256
"""Elements at either end that the runner computes anew, with libsodium."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elements:
    """Values of the length of a normalised phone, and the blinded points of the first and the last ones."""

    values: bytes
    offsets: bytes
    expected: str


def _lay(_: Path, count: int) -> Elements:
    values = [b"phone\0+86" + str(13_000_000_000 + 37 * number).encode() for number in range(count)]
    ends = values[:CHECKED] + values[-CHECKED:]
    blinded = PortableBackend().blind(b"".join(ends), _offsets(ends), DST, SecretScalar.from_bytes(SCALAR))
    return Elements(values=b"".join(values), offsets=_offsets(values), expected=hashlib.sha256(blinded).hexdigest())


def _offsets(values: list[bytes]) -> bytes:
    ends = itertools.accumulate((len(value) for value in values), initial=0)
    return b"".join(end.to_bytes(4, "little") for end in ends)


def _task(ground: Elements, _: Path) -> dict[str, Any]:
    return {
        "values": ground.values.hex(),
        "offsets": ground.offsets.hex(),
        "dst": DST.hex(),
        "scalar": SCALAR.hex(),
        "ends": CHECKED,
    }


def _check(ground: Elements, _: Path, answer: dict[str, Any]) -> None:
    if answer["ends"] != ground.expected:
        raise WrongResultError("the blinded points differ from those of libsodium")
    if answer["blinded"] != answer["multiplied"]:
        raise WrongResultError("blinding differs from hashing to the group and multiplying")


CASE = Case[Elements](
    name="blinding",
    title="Blinding: one element, one processor",
    about="""\
What a party does with every identifier: hash it to ristretto255 (RFC 9380), multiply by its secret scalar, encode.
*blind* is both in one kernel. Processor time for one element, with all threads held on one processor. The portable
backend is libsodium 1.0.18 (by rbcl), and hashes with Python's SHA-512.""",
    sized="elements",
    small=(8_192,),
    full=(65_536,),
    figures=(
        Figure("blind", "blind"),
        Figure("hash", "hash to group"),
        Figure("multiply", "multiply"),
    ),
    contestants=tuple(
        OneProcess[Elements](
            name=f"Miyun {backend}",
            environment=OwnEnvironment(),
            script="miyun_blinding",
            task=_task,
            check=_check,
            variables={"MIYUN_BACKEND": backend, "MIYUN_NATIVE_THREADS": "1"},
            requires=requires,
        )
        for backend, requires in (("native", require_native), ("portable", lambda: None))
    ),
    lay=_lay,
    one_processor=True,
)
