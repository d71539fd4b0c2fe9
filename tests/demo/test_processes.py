"""Commands are called as a user calls them, and nothing outlives the block that started it."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from demo import processes
from demo.__main__ import MARKER, empty
from demo.processes import Actor, CommandError
from demo.stage import free_ports, write_party


@pytest.fixture
def actor(tmp_path: Path) -> Actor:
    return Actor("somebody", tmp_path / "somebody", tmp_path / "log")


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_answer_is_json_and_is_logged(actor: Actor) -> None:
    made = actor.run("init", "party", "--name", "somebody", "--organisation", "Some Shop", "--kind", "merchant")
    assert made["name"] == "somebody"
    assert "$ miyun --json init party" in actor.log.read_text()
    assert actor.key_file.exists()


def test_a_refusal_carries_the_commands_own_words(actor: Actor) -> None:
    with pytest.raises(CommandError) as caught:
        actor.run("identity")
    assert (caught.value.status, caught.value.code) == (3, "key-access")
    assert caught.value.message


def test_a_daemon_ends_with_its_block_even_after_a_failure(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "COMMAND", Path("/bin/sleep"))
    daemon = actor.start("600")
    with suppress(ZeroDivisionError), daemon:
        assert is_running(daemon.pid)
        raise ZeroDivisionError
    assert not is_running(daemon.pid)


def test_a_daemon_that_ends_before_it_listens_is_told(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "COMMAND", Path("/bin/echo"))
    [port] = free_ports(1)
    with actor.start("zone", "serve") as daemon, pytest.raises(RuntimeError, match="does not listen"):
        daemon.listening(port)


def test_the_configuration_is_toml(actor: Actor) -> None:
    import tomllib

    actor.home.mkdir()
    tables = {"members": {"id": "会员编号", "column": ["a", "b"]}, "members.identifiers.phone": {"column": "手机号"}}
    write_party(actor, tables)
    read = tomllib.loads((actor.home / "party.toml").read_text("utf-8"))
    assert read == {"members": {"id": "会员编号", "column": ["a", "b"], "identifiers": {"phone": {"column": "手机号"}}}}


def test_only_a_folder_of_an_earlier_demo_is_emptied(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").touch()
    with pytest.raises(SystemExit):
        empty(mine)
    assert (mine / "thesis.txt").exists()
    old = empty(tmp_path / "old")
    (old / "report.html").touch()
    assert [path.name for path in empty(old).iterdir()] == [MARKER]
