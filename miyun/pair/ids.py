"""The ids of PAIR, in batches: h = SHA-256(salt ‖ match key), P = map(SHA-512(h)), id = Base64(k·P).

PAIR (Publisher Advertiser Identity Reconciliation, IAB Tech Lab, 1.1, 2025) is Diffie-Hellman matching (Meadows, IEEE
S&P 1986; Huberman, Franklin, Hogg, EC 1999) that names its results: ids of one publisher's users, which bid requests
carry. The bytes are those of the Go package optable/match, pkg/pair, mode 0x01: ristretto255, the one-way map of RFC
9496, 4.3.4. A *match key* is the lower-case hexadecimal SHA-256 of a normalised address, as ASCII.

======================  ========  ==========================================================================
``PublisherIds``        Ks, Kp    the publisher's, one per person; go out in bid requests
``AdvertiserIds``       Ks, Ka    the advertiser's; go to the publisher's clean room only
``PairIds``             all       are compared; never leave the clean rooms
======================  ========  ==========================================================================

With h a random oracle and DDH hard in the group, ids under a key that one lacks can't be told from random points, not
even by who holds the salt. What this does not do:

- Whoever holds the salt **and** a key tests guesses at the price of one multiplication each: the publisher and its
  clean room its own ids, the advertiser's side its own, and both together everything. Addresses can be guessed, so keys
  that leak with the salt are lists that leak.
- An advertiser's side may submit guesses as customers: of a short list, or of two that differ in one row, it learns who
  is the publisher's user. Shuffling hides the rows of a long list. Limits on lists and on match rates (PAIR 1.1, "Data
  Clean Room", 8) are for whoever runs a clean room to keep; this module has none.
- A publisher's id is one person's name on all its sites until it is rotated. Everybody who sees bid requests can follow
  it, and over a rotation too, for in the overlap old and new ids stand side by side.
- Nothing here is post-quantum. Who takes discrete logarithms some day still lacks the salt, unless that was recorded.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

from miyun.errors import MalformedError
from miyun.hazmat.ristretto import POINT_BYTES, backend
from miyun.hazmat.scalars import SCALAR_BYTES, SecretScalar
from miyun.pair.secrets import AdvertiserKey, PublisherKey, Salt

ID_CHARACTERS: Final = 44

_MATCH_KEY = re.compile(r"[0-9a-f]{64}").fullmatch
_ONE = SecretScalar.from_bytes((1).to_bytes(SCALAR_BYTES, "little"))


@dataclass(frozen=True, slots=True)
class _Ids:
    """n ids as points, 32 bytes each, in the order of what they were made from."""

    points: bytes

    @classmethod
    def decode(cls, texts: Sequence[str]) -> Self:
        """Read standard Base64, 44 characters each; every id has exactly one spelling.

        Raises:
            MalformedError: not that, or no canonical point, or the identity; the message names the first position.
        """
        ids = cls(b"".join(_decoded(text, position) for position, text in enumerate(texts)))
        backend().multiply(ids.points, _ONE)
        return ids

    @classmethod
    def join(cls, parts: Iterable[Self]) -> Self:
        """All the parts' ids, in order."""
        return cls(b"".join(part.points for part in parts))

    def encode(self) -> list[str]:
        return [
            binascii.b2a_base64(self.points[start : start + POINT_BYTES], newline=False).decode()
            for start in range(0, len(self.points), POINT_BYTES)
        ]

    def __iter__(self) -> Iterator[Self]:
        """Each id on its own."""
        for start in range(0, len(self.points), POINT_BYTES):
            yield type(self)(self.points[start : start + POINT_BYTES])

    def __len__(self) -> int:
        return len(self.points) // POINT_BYTES


class PublisherIds(_Ids):
    """KsKp: what a publisher puts into bid requests, and an advertiser's buyer looks for there."""

    __slots__ = ()


class AdvertiserIds(_Ids):
    """KsKa: an advertiser's list on its way to the publisher's clean room."""

    __slots__ = ()


class PairIds(_Ids):
    """KsKaKp: equal for the same person on both lists. Whoever gets them out of a clean room gets the match."""

    __slots__ = ()


def match_key(normalised: str) -> str:
    """The match key of an address that was normalised: trimmed and lower-cased, or E.164."""
    return hashlib.sha256(normalised.encode()).hexdigest()


def is_match_key(text: str) -> bool:
    """Whether this is 64 lower-case hexadecimal digits."""
    return _MATCH_KEY(text) is not None


def publisher_ids(match_keys: Sequence[str], salt: Salt, key: PublisherKey) -> PublisherIds:
    """The publisher's first step.

    Raises:
        MalformedError: one is no match key; the message names the first position.
    """
    return PublisherIds(backend().multiply(_points(match_keys, salt), key.scalar))


def advertiser_ids(match_keys: Sequence[str], salt: Salt, key: AdvertiserKey) -> AdvertiserIds:
    """The advertiser's first step, with the publisher's salt.

    Raises:
        MalformedError: one is no match key; the message names the first position.
    """
    return AdvertiserIds(backend().multiply(_points(match_keys, salt), key.scalar))


def join_advertiser(ids: PublisherIds, key: AdvertiserKey) -> PairIds:
    """The advertiser's second step, over the publisher's list. Shuffle the result before it goes out.

    Raises:
        MalformedError: an id is the identity or not canonical; the message names the first position.
    """
    return PairIds(backend().multiply(ids.points, key.scalar))


def join_publisher(ids: AdvertiserIds, key: PublisherKey) -> PairIds:
    """The publisher's second step, over the advertiser's list. Shuffle the result before it goes out.

    Raises:
        MalformedError: as above.
    """
    return PairIds(backend().multiply(ids.points, key.scalar))


def leave_advertiser(ids: PairIds, key: AdvertiserKey) -> PublisherIds:
    """The advertiser's last step, over the ids that both lists have: whom its buyer looks for in bid requests.

    Raises:
        MalformedError: as above.
    """
    return PublisherIds(backend().multiply(ids.points, key.scalar.inverse()))


def _points(match_keys: Sequence[str], salt: Salt) -> bytes:
    salted = hashlib.sha256(salt.to_bytes())
    uniform = []
    for position, text in enumerate(match_keys):
        if not is_match_key(text):
            raise MalformedError(
                f"the match key at position {position} is not 64 lower-case hexadecimal digits",
                hint="Give the SHA-256 of the normalised address, in hexadecimal.",
            )
        state = salted.copy()
        state.update(text.encode())
        uniform.append(hashlib.sha512(state.digest()).digest())
    return backend().map_to_group(b"".join(uniform))


def _decoded(text: str, position: int) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raw = b""
    if len(raw) != POINT_BYTES or base64.b64encode(raw).decode() != text:
        raise MalformedError(
            f"the id at position {position} is not 32 bytes in standard Base64",
            hint=f"An id has {ID_CHARACTERS} characters, + and / rather than - and _, and ends in =.",
        )
    return raw
