"""A party's home, and sets in it."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from miyun.answers.ids import AnswerId, Kind
from miyun.answers.store import AnswerStore, Audience
from miyun.keys.create import create_home
from miyun.keys.home import Home, HomeInfo, Role
from miyun.keys.vault import KeyFile

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def make_home(folder: Path) -> Home:
    info = HomeInfo(name="teahouse", role=Role.PARTY, kind="merchant", organisation="Tea", created=NOW)
    return create_home(folder / "home", info, KeyFile(folder / "key"))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path)


@pytest.fixture
def store(home: Home) -> AnswerStore:
    return AnswerStore(home)


def put(store: AnswerStore, name: str, users: Iterable[str], expires: datetime = NOW + DAY) -> Audience:
    with store.building(name) as builder:
        builder.add([store.key.digest(AnswerId(Kind.USER.value, user)) for user in users])
        return store.put(name, builder, now=NOW, expires=expires)
