"""PAIR keys in a home: the secrets and the state of each key set, sealed in the vault.

A new secret is put before the state that names it, and an old one is deleted after the state is past it. A process that
dies between the two leaves a secret that nothing names, and the next rotation replaces or deletes it.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import ClassVar

from miyun.errors import InputError, NotFoundError, StateError
from miyun.keys.home import Home
from miyun.names import check_name
from miyun.pair import ids, keyset
from miyun.pair.ids import AdvertiserIds, PairIds, PublisherIds
from miyun.pair.keyset import Generation, KeySet, Side
from miyun.pair.salts import ReceivedSalt, SaltGrant
from miyun.pair.secrets import AdvertiserKey, PublisherKey, Salt

_PREFIX = "pair/"
_STATE = "/state"
_LOCK = "pair-keys"
_LOCK_SECONDS = 30


class Use(StrEnum):
    """What generations are wanted for."""

    MATCH = "match"
    """New matches: the current one."""
    EMIT = "emit"
    """Ids to give out: in an overlap two, the newest first."""
    ACCEPT = "accept"
    """Ids from the other side, whose day may be the one before or after."""


@dataclass(frozen=True, slots=True)
class PublisherGeneration:
    """A generation of one's own ids with its secrets. ``until``: the first day on which the ids are not given out."""

    COLUMN: ClassVar = "publisher_id"
    """What a column of such ids is called in files."""

    generation: Generation
    until: date
    salt: Salt
    key: PublisherKey

    def ids(self, match_keys: Sequence[str]) -> PublisherIds:
        return ids.publisher_ids(match_keys, self.salt, self.key)

    def join(self, listed: AdvertiserIds) -> PairIds:
        return ids.join_publisher(listed, self.key)


@dataclass(frozen=True, slots=True)
class AdvertiserGeneration:
    """The same on the advertiser's side, with the publisher's salt."""

    COLUMN: ClassVar = "advertiser_id"

    generation: Generation
    until: date
    salt: Salt
    key: AdvertiserKey

    def ids(self, match_keys: Sequence[str]) -> AdvertiserIds:
        return ids.advertiser_ids(match_keys, self.salt, self.key)

    def join(self, listed: PublisherIds) -> PairIds:
        return ids.join_advertiser(listed, self.key)

    def leave(self, matched: PairIds) -> PublisherIds:
        return ids.leave_advertiser(matched, self.key)


class PairKeys:
    """The key sets of one party's home. Every call reads what other processes of the home have put."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def list(self) -> tuple[KeySet, ...]:
        names = sorted(self._home.vault.names())
        return tuple(
            self.get(name.removeprefix(_PREFIX).removesuffix(_STATE))
            for name in names
            if name.startswith(_PREFIX) and name.endswith(_STATE)
        )

    def get(self, name: str) -> KeySet:
        """A key set by its name.

        Raises:
            NotFoundError: there is none.
        """
        if _record(name, _STATE) not in self._home.vault.names():
            raise NotFoundError(f"there are no PAIR keys called {name[:80]}", hint="See: miyun pair keys list")
        return KeySet.from_canonical(self._home.vault.get(_record(name, _STATE)))

    def create_publisher(self, name: str, at: date) -> KeySet:
        """New keys of a publisher, in force at once.

        Raises:
            InputError: the name is not possible.
            StateError: there are keys of this name.
        """
        with self._locked():
            self._require_new(name)
            keys = keyset.begun(name, Side.PUBLISHER, self._home.info.name, since=at)
            return self._keep(keys, at, Salt.random())

    def create_advertiser(self, name: str, received: ReceivedSalt, at: date) -> KeySet:
        """New keys of an advertiser, for one publisher.

        Raises:
            InputError: the name is not possible.
            StateError: there are keys of this name, or the salt is too old or for too far ahead.
        """
        grant = received.grant
        _require_timely(grant, at)
        with self._locked():
            self._require_new(name)
            keys = keyset.begun(name, Side.ADVERTISER, grant.publisher, since=grant.since, salt=grant.number)
            return self._keep(keys, at, received.salt)

    def rotate_publisher(self, name: str, at: date) -> KeySet:
        """The next generation, as :func:`miyun.pair.keyset.rotated`; deletes secrets that are not needed any more."""
        with self._locked():
            return self._renew(self._of_side(name, Side.PUBLISHER), at)

    def rotate_advertiser(self, name: str, received: ReceivedSalt, at: date) -> KeySet:
        """The next generation, with the publisher's next salt.

        Raises:
            InputError: the salt is another publisher's.
            StateError: it is not a later one.
        """
        grant = received.grant
        with self._locked():
            keys = self._of_side(name, Side.ADVERTISER)
            if grant.publisher != keys.publisher:
                raise InputError(
                    f"the salt is from {grant.publisher}, the PAIR keys {name} are for {keys.publisher}",
                    hint="Give the keys of that publisher, or create some for it.",
                )
            _require_timely(grant, at)
            if not grant.withdraws:
                return self._keep(keyset.appended(keys, since=grant.since, salt=grant.number), at, received.salt)
            keyset.require_later(keys, grant.number)
            return self._keep(keyset.withdrawn(keys, at, salt=grant.number), at, received.salt)

    def withdraw(self, name: str, at: date) -> KeySet:
        """Use nothing any more that is in force, because it has leaked, and begin anew at once, without an overlap.

        A publisher draws salt and key, and its advertisers need the salt. An advertiser draws a key.
        """
        with self._locked():
            keys = self.get(name)
            if keys.side is Side.PUBLISHER:
                return self._keep(keyset.withdrawn(keys, at), at, Salt.random())
            salt = keys.newest.salt
            return self._keep(keyset.withdrawn(keys, at, salt=salt), at, self._salt(name, salt))

    def salt(self, name: str, number: int = 0) -> tuple[Generation, Salt]:
        """A publisher's generation by its number (0: the newest), and its salt, to be sealed to an advertiser.

        Raises:
            NotFoundError: there is no such generation.
            KeyAccessError: its secrets are deleted.
        """
        keys = self._of_side(name, Side.PUBLISHER)
        if not 0 <= number <= keys.newest.number:
            raise NotFoundError(f"the PAIR keys {name} have no generation {number}", hint="See: miyun pair keys list")
        generation = keys.generations[number - 1]
        return generation, self._salt(name, generation.salt)

    def publisher(self, name: str, use: Use, at: date) -> tuple[PublisherGeneration, ...]:
        """The generations for a use on a day, newest first.

        Raises:
            StateError: none is current, or none is in force.
        """
        keys = self._of_side(name, Side.PUBLISHER)
        return tuple(
            PublisherGeneration(
                one,
                keys.in_force_until(one),
                self._salt(name, one.salt),
                PublisherKey.from_bytes(self._home.vault.get(_record(name, f"/key/{one.key}"))),
            )
            for one in _for(keys, use, at)
        )

    def advertiser(self, name: str, use: Use, at: date) -> tuple[AdvertiserGeneration, ...]:
        """The same on the advertiser's side."""
        keys = self._of_side(name, Side.ADVERTISER)
        return tuple(
            AdvertiserGeneration(
                one,
                keys.in_force_until(one),
                self._salt(name, one.salt),
                AdvertiserKey.from_bytes(self._home.vault.get(_record(name, f"/key/{one.key}"))),
            )
            for one in _for(keys, use, at)
        )

    def _renew(self, keys: KeySet, at: date) -> KeySet:
        after = keyset.rotated(keys, at)
        if after is keys:
            self._delete_old(keys, at)
            return keys
        return self._keep(after, at, Salt.random())

    def _keep(self, keys: KeySet, at: date, salt: Salt) -> KeySet:
        """Put the newest generation's secrets, then the state, then delete what is over."""
        vault, newest = self._home.vault, keys.newest
        vault.put(_record(keys.name, f"/salt/{newest.salt}"), salt.to_bytes())
        if all(one.key != newest.key for one in keys.generations[:-1]):
            key = (PublisherKey if keys.side is Side.PUBLISHER else AdvertiserKey).random()
            vault.put(_record(keys.name, f"/key/{newest.key}"), key.to_bytes())
        vault.put(_record(keys.name, _STATE), keys.canonical_bytes())
        self._delete_old(keys, at)
        return keys

    def _delete_old(self, keys: KeySet, at: date) -> None:
        salts, numbers = keys.needed(at)
        wanted = {_record(keys.name, f"/salt/{number}") for number in salts}
        wanted |= {_record(keys.name, f"/key/{number}") for number in numbers}
        secrets = tuple(_record(keys.name, kind) for kind in ("/salt/", "/key/"))
        for name in self._home.vault.names():
            if name.startswith(secrets) and name not in wanted:
                self._home.vault.delete(name)

    def _salt(self, name: str, number: int) -> Salt:
        return Salt(self._home.vault.get(_record(name, f"/salt/{number}")))

    def _of_side(self, name: str, side: Side) -> KeySet:
        keys = self.get(name)
        if keys.side is not side:
            raise InputError(
                f"the PAIR keys {name} are on the {keys.side}'s side, not on the {side}'s",
                hint="See: miyun pair keys list. An advertiser's rotate with --salt, a publisher's without.",
            )
        return keys

    def _require_new(self, name: str) -> None:
        if _record(check_name(name), _STATE) in self._home.vault.names():
            raise StateError(f"there are PAIR keys called {name} already", hint="Choose another name, or rotate them.")

    def _locked(self) -> AbstractContextManager[None]:
        return self._home.lock(_LOCK, timeout=_LOCK_SECONDS)


def _require_timely(grant: SaltGrant, at: date) -> None:
    if grant.since > at + timedelta(days=keyset.LEAD_DAYS) + keyset.SKEW:
        raise StateError(
            f"this salt is in force from {grant.since} on, too far ahead", hint="Take it when that day is near."
        )
    if grant.since <= at - timedelta(days=Salt.DAYS):
        raise StateError(
            f"this salt is from {grant.since}, too old for new matches",
            hint="Ask the publisher for its newest: miyun pair keys share",
        )


def _for(keys: KeySet, use: Use, at: date) -> tuple[Generation, ...]:
    match use:
        case Use.MATCH:
            return (keys.current(at),)
        case Use.EMIT:
            found = keys.emitted(at)
        case Use.ACCEPT:
            found = keys.accepted(at)
    if not found:
        raise StateError(
            f"no generation of the PAIR keys {keys.name} is in force on {at}",
            hint=f"Rotate them: miyun pair keys rotate {keys.name}",
        )
    return found


def _record(name: str, what: str) -> str:
    return f"{_PREFIX}{name}{what}"
