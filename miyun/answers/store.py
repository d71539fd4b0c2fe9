"""The sets of a home: which audiences there are, until when, and in which files.

The list is one file that is replaced as a whole, and so is what is answered: a *generation* is everything that one list
names. A set's file gets its name before the list names it, and goes after no list does. So a reader always has a whole
generation, and a process that dies leaves at most a file that the next change removes.
"""

import hmac
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from miyun.answers.key import AnswerKey
from miyun.answers.sets import AudienceSet, SetBuilder, damaged
from miyun.errors import ConfigError, InputError, MalformedError, NotFoundError
from miyun.keys.files import make_private_folder, write_private
from miyun.keys.home import Home
from miyun.names import check_name
from miyun.records import Record

FOLDER: Final = "answers"
MOST_AUDIENCES: Final = 256

_LIST = "audiences.json"
_SUFFIX = ".set"
_LOCK = "answers"
_LOCK_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin(Record):
    """The delivery that a set was made of. ``third_party``: who may ask, beside the party's own systems."""

    contract: str
    segment: str
    version: int
    job: str
    third_party: str

    def replaces(self, other: "Origin | None") -> bool:
        """Whether both are of one segment."""
        return other is not None and (self.contract, self.segment) == (other.contract, other.segment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience(Record):
    """A set by its name. ``ids`` are distinct; a person may have several. ``size`` and ``mac`` are of the file.

    ``looked``: when it was last seen to that nobody is in it who objects. ``origin``: None for a set that somebody
    built of a file.
    """

    name: str
    ids: int
    built: datetime
    expires: datetime
    file: str
    size: int
    mac: bytes
    looked: datetime
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceList(Record):
    """``generation`` counts the changes."""

    generation: int
    audiences: tuple[Audience, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _SealedList(Record):
    listed: AudienceList
    mac: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAudience:
    """``expires``: seconds since 1970. ``third_party``: who else may ask; None for anybody who has it as a target."""

    set: AudienceSet
    expires: float
    third_party: str | None

    def is_for(self, asker: str) -> bool:
        """Whether an asker of this third party (empty: the party's own) may be told."""
        return not asker or self.third_party is None or self.third_party == asker


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """What is answered from: the open sets of one list, by name."""

    listed: AudienceList
    audiences: Mapping[str, OpenAudience]


class AnswerStore:
    """Reading needs no lock; changes take turns, whichever process makes them."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._folder = home.path / FOLDER
        self._key: AnswerKey | None = None

    @property
    def key(self) -> AnswerKey:
        if self._key is None:
            self._key = AnswerKey.of_home(self._home)
        return self._key

    @property
    def list_path(self) -> Path:
        """The file that changes with every change."""
        return self._folder / _LIST

    def listed(self) -> AudienceList:
        """What there is, expired or not.

        Raises:
            KeyAccessError: the list is damaged or another home's.
        """
        try:
            sealed = _SealedList.from_canonical(self.list_path.read_bytes())
        except FileNotFoundError:
            return AudienceList(generation=0, audiences=())
        except (OSError, MalformedError):
            raise damaged(self.list_path) from None
        if not hmac.compare_digest(sealed.mac, self._mac(sealed.listed)):
            raise damaged(self.list_path)
        return sealed.listed

    @contextmanager
    def building(self, name: str) -> Iterator[SetBuilder]:
        """A builder for the set of an audience, whose files are in this folder until the block ends.

        Raises:
            InputError: the name is not possible.
            ConfigError: they can't be written.
        """
        check_name(name)
        with writing(self._folder):
            make_private_folder(self._folder)
            with SetBuilder(self._folder) as builder:
                yield builder

    def require_free(self, name: str, origin: Origin) -> None:
        """Pass where there is no audience of this name, or one that was delivered of the same segment.

        Raises:
            InputError: the name is not possible.
            ConfigError: it is taken by a set that somebody built, or by another segment's.
        """
        held = self._named(check_name(name))
        if held is not None and not origin.replaces(held.origin):
            raise ConfigError(
                f"there is an audience {name} of something else",
                hint=f"Remove it (miyun answers remove {name}), or give the destination a prefix in party.toml.",
            )

    def has(self, origin: Origin) -> bool:
        """Whether this delivery is what an audience is made of."""
        return any(one.origin == origin for one in self.listed().audiences)

    def has_newer(self, name: str, origin: Origin) -> bool:
        """Whether the audience of this name is made of a later version of the same segment."""
        held = self._named(name)
        return held is not None and held.origin is not None and _is_newer(held.origin, origin)

    def put(
        self, name: str, builder: SetBuilder, *, now: datetime, expires: datetime, origin: Origin | None = None
    ) -> Audience:
        """Write the set of an audience, in the place of an earlier one of this name.

        What was delivered takes the place of what was delivered of the same segment only, and of no later version: that
        one stays, and is what this gives.

        Raises:
            InputError: there are as many audiences as there may be.
            ConfigError: the name is another's.
        """
        file = _new_file(name)
        with self._home.lock(_LOCK, timeout=_LOCK_SECONDS):
            if origin is not None:
                self.require_free(name, origin)
                held = self._named(name)
                if held is not None and held.origin is not None and _is_newer(held.origin, origin):
                    return held
            others = [one for one in self._living(now) if one.name != name]
            if len(others) >= MOST_AUDIENCES:
                raise InputError(
                    f"there are {MOST_AUDIENCES} audiences already", hint="Remove one: miyun answers remove NAME"
                )
            written = builder.write(self._folder / file, self.key)
            audience = Audience(
                name=name,
                ids=written.ids,
                built=now,
                expires=expires,
                file=file,
                size=written.size,
                mac=written.mac,
                looked=now,
                origin=origin,
            )
            self._replace([*others, audience])
        return audience

    def leave_out(self, digests: Mapping[str, Collection[bytes]], now: datetime) -> dict[str, int]:
        """Take digests out of sets, by the names of their files; gives how many ids that were, by audience.

        Each of these sets has been looked through for people who object, those without digests too. One that was
        replaced meanwhile is left alone.

        Raises:
            KeyAccessError: a set is damaged.
            ConfigError: nothing can be written.
        """
        with writing(self._folder), self._home.lock(_LOCK, timeout=_LOCK_SECONDS):
            before = self._living(now)
            after = [self._without(one, digests[one.file], now) if one.file in digests else one for one in before]
            if after != before:
                self._replace(after)
        return {old.name: old.ids - new.ids for old, new in zip(before, after, strict=True) if old.file in digests}

    def _without(self, audience: Audience, digests: Collection[bytes], now: datetime) -> Audience:
        if not digests:
            return replace(audience, looked=now)
        held = AudienceSet.open(self._folder / audience.file, self.key, audience.mac)
        file = _new_file(audience.name)
        with SetBuilder(self._folder) as builder:
            for piece in held.without(digests):
                builder.add([piece])
            written = builder.write(self._folder / file, self.key)
        return replace(audience, ids=written.ids, file=file, size=written.size, mac=written.mac, looked=now)

    def map_once(self, builder: SetBuilder) -> AudienceSet:
        """What a builder holds so far, as a set that no list names: its file is gone once it is mapped."""
        path = self._folder / f"{secrets.token_hex(8)}{_SUFFIX}"
        with self._home.lock(_LOCK, timeout=_LOCK_SECONDS):
            try:
                return AudienceSet.open(path, self.key, builder.write(path, self.key).mac)
            finally:
                path.unlink(missing_ok=True)

    def remove(self, name: str, now: datetime) -> None:
        """Forget an audience and its set.

        Raises:
            NotFoundError: there is none of this name.
        """
        with self._home.lock(_LOCK, timeout=_LOCK_SECONDS):
            if all(one.name != name for one in self.listed().audiences):
                raise NotFoundError(f"there is no audience called {name[:80]}", hint="See: miyun answers list")
            self._replace([one for one in self._living(now) if one.name != name])

    def end(self, ends: Mapping[str, datetime], now: datetime) -> None:
        """Let sets, by the names of their files, end at these times, if they don't end sooner; what ends now goes."""
        if not ends:
            return
        with self._home.lock(_LOCK, timeout=_LOCK_SECONDS):
            before = self.listed().audiences
            after = [replace(one, expires=min(one.expires, ends.get(one.file, one.expires))) for one in before]
            if tuple(after) != before:
                self._replace([one for one in after if one.expires > now])

    def remove_expired(self, now: datetime) -> int:
        """Forget what has expired; how many audiences that were."""
        if len(self._living(now)) == len(self.listed().audiences):
            return 0
        with self._home.lock(_LOCK, timeout=_LOCK_SECONDS):
            before, living = self.listed().audiences, self._living(now)
            if len(living) < len(before):
                self._replace(living)
        return len(before) - len(living)

    def open(self, earlier: Generation | None = None, *, pause: Callable[[], None] = lambda: None) -> Generation:
        """Open everything that is listed now; what ``earlier`` has open already is taken from it.

        ``pause`` is called between pieces of files that are read through.

        Raises:
            KeyAccessError: the list or a set is damaged or another home's.
        """
        listed = self.listed()
        kept = {one.file: earlier.audiences[one.name].set for one in earlier.listed.audiences} if earlier else {}
        audiences = {
            one.name: OpenAudience(
                set=kept.get(one.file) or AudienceSet.open(self._folder / one.file, self.key, one.mac, pause=pause),
                expires=one.expires.timestamp(),
                third_party=one.origin.third_party if one.origin else None,
            )
            for one in listed.audiences
        }
        return Generation(listed=listed, audiences=audiences)

    def _named(self, name: str) -> Audience | None:
        return next((one for one in self.listed().audiences if one.name == name), None)

    def _living(self, now: datetime) -> list[Audience]:
        return [one for one in self.listed().audiences if one.expires > now]

    def _replace(self, audiences: list[Audience]) -> None:
        after = AudienceList(
            generation=self.listed().generation + 1, audiences=tuple(sorted(audiences, key=lambda one: one.name))
        )
        write_private(self.list_path, _SealedList(listed=after, mac=self._mac(after)).canonical_bytes())
        named = {one.file for one in audiences}
        for path in self._folder.glob(f"*{_SUFFIX}"):
            if path.name not in named:
                path.unlink(missing_ok=True)

    def _mac(self, listed: AudienceList) -> bytes:
        mac = self.key.mac()
        mac.update(listed.canonical_bytes())
        digest: bytes = mac.digest()
        return digest


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Explain why nothing can be written there.

    Raises:
        ConfigError: the block failed for the system's reasons.
    """
    try:
        yield
    except OSError as error:
        raise ConfigError(f"{folder} can't be written: {error.strerror}", hint="Make room there.") from None


def _new_file(name: str) -> str:
    return f"{name}.{secrets.token_hex(8)}{_SUFFIX}"


def _is_newer(held: Origin, other: Origin) -> bool:
    return held.replaces(other) and held.version > other.version


def expiry(now: datetime, days: int) -> datetime:
    """When what is built now for so many days is over."""
    return (now + timedelta(days=days)).replace(microsecond=0)
