"""docs/capabilities.md names commands, calls, operations and tests that there are."""

import re
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import pytest
from miyun_cli.main import app
from typer.core import TyperGroup
from typer.main import get_command

import miyun
from miyun import HomeInfo, KeyFile, Party, Role, create_home
from miyun.records import utc_now
from miyun.transport.roles import METHOD_ROLES

ROOT = Path(miyun.__file__).parent.parent
PAGE = (ROOT / "docs/capabilities.md").read_text("utf-8")
ROW = r"^\|.*\| `miyun ([a-z -]+)` \| `party\.([a-z_.]+)` \| (.*) \| `(test_\w+\.py)` \|$"
ROWS = re.findall(ROW, PAGE, re.MULTILINE)


@pytest.fixture(scope="module")
def party(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Party]:
    home = tmp_path_factory.mktemp("home")
    key = KeyFile(home.with_suffix(".key"))
    info = HomeInfo(name="shop", role=Role.PARTY, kind="merchant", organisation="Shop Ltd", created=utc_now())
    create_home(home / "shop", info, key)
    with Party.open(home / "shop", key) as opened:
        yield opened


def test_every_row_is_read() -> None:
    assert len(ROWS) == len(re.findall(r"^\| .*`miyun", PAGE, re.MULTILINE))
    assert ROWS


@pytest.mark.parametrize("command", sorted({row[0] for row in ROWS}))
def test_the_command_is_there(command: str) -> None:
    found = get_command(app)
    for word in command.split():
        assert isinstance(found, TyperGroup)
        found = found.commands[word]


@pytest.mark.parametrize("call", sorted({row[1] for row in ROWS}))
def test_the_call_is_there(party: Party, call: str) -> None:
    assert callable(attrgetter(call)(party))


@pytest.mark.parametrize("operation", sorted({name for row in ROWS for name in re.findall(r"`(\w+\.\w+)`", row[2])}))
def test_parties_may_ask_the_zone_for_it(operation: str) -> None:
    assert Role.PARTY in METHOD_ROLES[f"/miyun.wire.v1.{operation.replace('.', '/')}"]


@pytest.mark.parametrize(("command", "test"), sorted({(row[0], row[3]) for row in ROWS}))
def test_the_command_is_played(command: str, test: str) -> None:
    words = set(re.findall(r"[\w-]+", (ROOT / "tests/system" / test).read_text("utf-8")))

    assert set(command.split()) <= words
