"""What the suite asks of an implementation of PAIR, and Miyun's own answers."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

from miyun.errors import MiyunError
from miyun.pair.conformance.vectors import SaltAndKey
from miyun.pair.eids import user_eids
from miyun.pair.ids import PairIds, PublisherIds, join_advertiser, leave_advertiser, publisher_ids
from miyun.pair.keyset import KeySet, Side, appended, begun
from miyun.pair.lint import lint_text
from miyun.pair.rules import Severity
from miyun.pair.secrets import AdvertiserKey, PublisherKey, Salt


class Operation(StrEnum):
    """What may be asked. An implementation names those that it has; checks that need another are skipped."""

    ENCRYPT = "encrypt"
    REENCRYPT = "reencrypt"
    DECRYPT = "decrypt"
    ISSUE = "issue"
    EIDS = "eids"
    LINT = "lint"


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    name: str
    version: str
    operations: frozenset[Operation]


class Refused(Exception):
    """The implementation does not do this with these arguments; its words are in the message."""


class Implementation(Protocol):
    """Lists keep their order. Everything may raise Refused."""

    def about(self) -> About: ...

    def encrypt(self, salt: bytes, key: bytes, match_keys: Sequence[str]) -> list[str]:
        """Ids under the salt and a key, whosesoever."""
        ...

    def reencrypt(self, key: bytes, ids: Sequence[str]) -> list[str]:
        """The same ids under one key more."""
        ...

    def decrypt(self, key: bytes, ids: Sequence[str]) -> list[str]:
        """The same ids under one key less."""
        ...

    def issue(self, generations: Sequence[SaltAndKey], at: date, match_keys: Sequence[str]) -> list[list[str]]:
        """For each match key the ids that a publisher gives out on a day, newest first."""
        ...

    def eids(self, ids: Sequence[str], inserter: str, matcher: str) -> Mapping[str, Any]:
        """The bid request that carries the ids of one person."""
        ...

    def lint(self, request: str) -> bool:
        """Whether a bid request, as it is sent, carries PAIR ids in the right way."""
        ...


class Miyun:
    """The code under :mod:`miyun.pair`."""

    def about(self) -> About:
        from importlib.metadata import version

        return About(name="miyun", version=version("miyun"), operations=frozenset(Operation))

    def encrypt(self, salt: bytes, key: bytes, match_keys: Sequence[str]) -> list[str]:
        with _refusing():
            return publisher_ids(match_keys, Salt(salt), PublisherKey.from_bytes(key)).encode()

    def reencrypt(self, key: bytes, ids: Sequence[str]) -> list[str]:
        with _refusing():
            return join_advertiser(PublisherIds.decode(ids), AdvertiserKey.from_bytes(key)).encode()

    def decrypt(self, key: bytes, ids: Sequence[str]) -> list[str]:
        with _refusing():
            return leave_advertiser(PairIds.decode(ids), AdvertiserKey.from_bytes(key)).encode()

    def issue(self, generations: Sequence[SaltAndKey], at: date, match_keys: Sequence[str]) -> list[list[str]]:
        with _refusing():
            columns = [
                self.encrypt(bytes.fromhex(one.salt), bytes.fromhex(one.key), match_keys)
                for one in (generations[emitted.number - 1] for emitted in _key_set(generations).emitted(at))
            ]
            return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in match_keys]

    def eids(self, ids: Sequence[str], inserter: str, matcher: str) -> Mapping[str, Any]:
        with _refusing():
            return user_eids(PublisherIds.decode(ids), inserter=inserter, matcher=matcher)

    def lint(self, request: str) -> bool:
        return all(finding.severity is not Severity.ERROR for finding in lint_text(request))


def _key_set(generations: Sequence[SaltAndKey]) -> KeySet:
    keys = begun("vectors", Side.PUBLISHER, "publisher", since=generations[0].since)
    for number, one in enumerate(generations[1:], start=2):
        keys = appended(keys, since=one.since, salt=number)
    return keys


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except MiyunError as error:
        raise Refused(error.message) from None
