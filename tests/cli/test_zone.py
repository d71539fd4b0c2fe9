"""A zone's own commands, on a real home."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from miyun.errors import ConfigError
from miyun.transport.join_code import JoinCode
from tests.cli.conftest import Miyun, Outcome


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def hub(miyun: Miyun) -> Callable[..., Outcome]:
    unlocked = ("--home", "hub", "--key-file", "hub.key")
    addresses = ("--address", f"127.0.0.1:{free_port()}", "--enrolment-address", f"127.0.0.1:{free_port()}")
    assert miyun("init", "zone", "--name", "hub", "--organisation", "Hub Ltd", *addresses, *unlocked).status == 0
    return lambda *arguments: miyun(*arguments, *unlocked)


def test_an_invitation_is_a_code_alone_on_the_output(hub: Callable[..., Outcome]) -> None:
    outcome = hub("zone", "invite", "tea", "--role", "party")
    code = JoinCode.decode(outcome.out)
    assert (code.name, code.role) == ("tea", "party")
    assert "good once" in outcome.err
    document = hub("zone", "invite", "ana", "--role", "analyst", "--hours", "1", "--json").document
    assert JoinCode.decode(document["code"]).role == "analyst"


def test_an_empty_zone_says_so(hub: Callable[..., Outcome]) -> None:
    assert hub("zone", "members").out == "Nobody has enrolled yet.\n"
    assert hub("zone", "contracts", "--json").document == []
    assert hub("audit", "verify", "--json").document == []


def test_a_zone_is_told_that_it_was_restored(hub: Callable[..., Outcome]) -> None:
    assert "Nothing new is released" in hub("zone", "restored").out


def test_a_zone_joins_no_zone_and_is_no_party(hub: Callable[..., Outcome]) -> None:
    assert hub("join", "miyun1abc", "--json").error["message"] == "a zone joins no zone"
    assert hub("contract", "list", "--json").error["code"] == "input"


def test_serving_says_when_it_is_ready_and_ends_on_a_signal(hub: Callable[..., Outcome]) -> None:
    code = "from miyun_cli.main import main; main()"
    command = [sys.executable, "-c", code, "zone", "serve", "--home", "hub", "--key-file", "hub.key", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "}\n")
        ready = json.loads("".join(lines) + "}")
        assert ready["zone"] == "hub"
        host, _, port = ready["address"].rpartition(":")
        socket.create_connection((host, int(port)), timeout=5).close()
        process.send_signal(signal.SIGTERM)
        rest, logs = process.communicate(timeout=30)
    assert (process.returncode, rest) == (0, "")
    assert all(json.loads(line)["level"] == "info" for line in logs.splitlines())


def test_a_zone_without_the_kernels_that_it_is_told_to_use_does_not_serve(
    hub: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise ConfigError("the native kernels are asked for")

    monkeypatch.setattr("miyun.zone.facade.kernels", refuse)
    refused = hub("zone", "serve", "--json")
    assert (refused.status, refused.error["code"]) == (2, "config")
