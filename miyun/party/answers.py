"""The answer service as its party runs it. Nothing here talks to the zone."""

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from miyun.answers.askers import Tokens
from miyun.answers.building import BuildReport, Columns, MemberDevices, build, first_column
from miyun.answers.config import AnswersConfig, load_answers_config
from miyun.answers.ids import AnswerId, Kind, read_id
from miyun.answers.server import AnswerServer
from miyun.answers.store import AnswerStore, Audience, expiry
from miyun.errors import InputError
from miyun.members.config import load_members_config
from miyun.members.reading import Progress
from miyun.members.reasons import Rejected
from miyun.party.objections import delivered_under, leave_objecting_out
from miyun.party.session import Session
from miyun.party.signals import stopped_by_signals


class AnswersClient:
    """Sets are built from delivered files; platforms with a token ask a server of its own process."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._store = AnswerStore(session.home)

    def config(self) -> AnswersConfig:
        """The ``[answers]`` table of ``party.toml``.

        Raises:
            ConfigError: a setting is wrong.
        """
        return load_answers_config(self._session.config_path)

    def build(
        self,
        name: str,
        source: Path,
        *,
        columns: Columns | None = None,
        devices: Mapping[str, Kind] | None = None,
        expires: datetime | None = None,
        on_progress: Progress = lambda _done, _total: None,
    ) -> BuildReport:
        """Build the set of an audience from a CSV or Parquet file, in the place of an earlier one.

        ``columns`` of the file hold ids of these kinds; left out, its first one holds the party's own. ``devices`` are
        columns of the member table with ids of devices, which are taken for the people of the file.

        Raises:
            InputError: the name, a kind or the expiry is not possible.
            SourceError: a file can't be read, or lacks a column.
        """
        now = self._session.now()
        table = None
        if devices:
            table = MemberDevices(config=load_members_config(self._session.config_path), columns=devices)
        return build(
            self._store,
            name,
            source,
            columns or {first_column(source): Kind.USER},
            now=now,
            expires=expires or expiry(now, self.config().days),
            devices=table,
            on_progress=on_progress,
        )

    def list(self) -> tuple[Audience, ...]:
        """The audiences that there are sets of; the expired ones are gone with the next change."""
        return self._store.listed().audiences

    def remove(self, name: str) -> None:
        """Forget an audience. A server that runs follows within seconds.

        Raises:
            NotFoundError: there is none of this name.
        """
        self._store.remove(name, self._session.now())

    def leave_out(self) -> dict[str, int]:
        """Take who objects today out of all delivered sets, as the agent does within the hour; ids by audience.

        Raises:
            SourceError, ConfigError: the source or a list can't be read, or a setting is wrong.
            KeyAccessError: a set is damaged.
        """
        left_out: dict[str, int] = {}
        for contract in delivered_under(self._session):
            left_out |= leave_objecting_out(self._session, contract)
        return left_out

    def token(self, asker: str, *, withdraw: bool = False) -> str:
        """A new token for an asker of the configuration; it is shown once and not kept.

        The one before stays good until the next one, unless ``withdraw``.

        Raises:
            NotFoundError: the configuration has no such asker.
        """
        return Tokens(self._session.home).draw(asker, self.config(), withdraw=withdraw)

    def ask(self, ids: Sequence[tuple[Kind, str]]) -> tuple[str, ...]:
        """In which audiences any of these ids is, all of the party's, by their own names.

        Raises:
            InputError: an id is none.
        """
        asked = [_read(kind, value) for kind, value in ids]
        digests = [self._store.key.digest(id_) for id_ in asked]
        now = self._session.now().timestamp()
        return tuple(
            name
            for name, audience in self._store.open().audiences.items()
            if audience.expires > now and any(digest in audience.set for digest in digests)
        )

    @contextmanager
    def serving(self) -> Iterator[AnswerServer]:
        """A server for these sets that runs while the block does, in this process.

        Raises:
            InputError: nobody may ask yet.
            ConfigError: a setting or certificate can't be used.
            KeyAccessError: a set is damaged.
            TransportError: an address is taken or not this machine's.
        """
        server = AnswerServer(self._session.home, self.config(), clock=self._session.now)
        server.start()
        try:
            gc.collect()
            gc.freeze()  # what is there now stays: a collection that looked through it would keep askers waiting
            yield server
        finally:
            server.stop()
            gc.unfreeze()

    def serve(self, on_ready: Callable[[AnswerServer], None] = lambda _: None) -> None:
        """Serve until SIGTERM or SIGINT. From the main thread only. Raises as ``serving``."""
        with stopped_by_signals() as stop, self.serving() as server:
            on_ready(server)
            stop.wait()


def _read(kind: Kind, value: str) -> AnswerId:
    id_ = read_id(kind, value)
    if isinstance(id_, Rejected):
        raise InputError(f"this is no {kind}: {id_.words}", hint="Give the id as it is, or its MD5 as …-md5.")
    return id_
