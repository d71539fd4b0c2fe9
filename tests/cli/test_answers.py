"""``miyun answers`` in a home of its own, and a server that is a process."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from miyun.answers.ids import md5_of
from miyun.wire.v1.rta_pb2 import RtaRequest, RtaResponse
from tests.answers.serving import Wire, post, question
from tests.cli.conftest import Miyun

IDFA = "FF1999CD-7177-4937-A474-74937A102630"


@pytest.fixture
def home(miyun: Miyun, tmp_path: Path) -> list[str]:
    """The options that name a merchant's home with a member table."""
    options = ["--home", str(tmp_path / "home"), "--key-file", str(tmp_path / "key")]
    made = miyun("init", "party", *options, "--name", "teahouse", "--organisation", "Tea", "--kind", "merchant")
    assert made.status == 0, made.err
    (tmp_path / "members.csv").write_text(f"id,phone,idfa\nM1,13800138000,{IDFA}\nM2,13900139000,\n")
    (tmp_path / "home" / "party.toml").write_text(
        f'[members]\nsource = "csv"\npath = "{tmp_path}/members.csv"\nid = "id"\n'
        '[members.identifiers.phone]\ncolumn = "phone"\nprofile = "e164-cn"\n'
        '[answers]\nlisten = "127.0.0.1:0"\ngrpc_listen = "127.0.0.1:0"\nstatus_listen = ""\n'
        '[answers.askers.ad-platform.targets]\nsleepers = "t-1"\n',
        encoding="utf-8",
    )
    (tmp_path / "delivered.csv").write_text("id\nM1\n")
    return options


def test_a_set_is_built_listed_asked_and_removed(miyun: Miyun, home: list[str]) -> None:
    built = miyun("answers", "build", "sleepers", "delivered.csv", "--device", "idfa=idfa", *home, "--json").document
    assert (built["rows"], built["ids"], built["rejected"]) == (1, 2, {})
    assert miyun("answers", "ask", f"idfa={IDFA.lower()}", *home, "--json").document == {"audiences": ["sleepers"]}
    assert miyun("answers", "ask", "user=M1", *home).out == "sleepers\n"
    assert "none" in miyun("answers", "ask", "user=M2", *home).out
    [listed] = miyun("answers", "list", *home, "--json").document
    assert (listed["audience"], listed["ids"]) == ("sleepers", 2)
    assert "sleepers" in miyun("answers", "list", *home).out
    again = miyun("answers", "build", "sleepers", "delivered.csv", "--id", "user=id", "--expires", "2099-01-01", *home)
    assert "2099-01-01" in again.out
    assert miyun("answers", "leave-out", *home, "--json").document == {"left_out": {}}
    assert miyun("answers", "remove", "sleepers", *home).status == 0
    assert miyun("answers", "remove", "sleepers", *home).status == 2
    assert miyun("answers", "list", *home, "--json").document == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("build", "sleepers"),
        ("build", "sleepers", "delivered.csv", "--job", "j"),
        ("build", "sleepers", "delivered.csv", "--id", "phone=id"),
        ("build", "sleepers", "delivered.csv", "--id", "user"),
        ("build", "sleepers", "delivered.csv", "--id", "user=nothing"),
        ("build", "sleepers", "delivered.csv", "--expires", "2020-01-01"),
        ("build", "sleepers", "nothing.csv"),
        ("build", "../sleepers", "delivered.csv"),
        ("build", "sleepers", "--contract", "spring", "--job", "activate-x"),
        ("ask", "idfa=short"),
        ("ask", "M1"),
        ("token", "nobody"),
        ("serve",),
    ],
)
def test_what_is_not_possible_is_said(miyun: Miyun, home: list[str], arguments: tuple[str, ...]) -> None:
    outcome = miyun("answers", *arguments, *home, "--json")
    assert outcome.status == 2
    assert outcome.error["hint"]


@contextmanager
def server(home: list[str]) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """A process of ``miyun answers serve`` and where it listens."""
    call = [sys.executable, "-m", "miyun_cli", "answers", "serve", *home, "--json"]
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            lines = []
            while not lines or lines[-1] != "}\n":
                line = process.stdout.readline()  # type: ignore[union-attr]
                assert line, process.stderr.read()  # type: ignore[union-attr]
                lines.append(line)
            yield process, json.loads("".join(lines))
        finally:
            process.kill()


def test_a_process_answers_takes_over_what_is_built_and_ends_well(miyun: Miyun, home: list[str]) -> None:
    miyun("answers", "build", "sleepers", "delivered.csv", "--device", "idfa=idfa", *home)
    token = miyun("answers", "token", "ad-platform", *home, "--json").document["token"]
    device = RtaRequest.Device(idfa_md5sum=md5_of(IDFA))
    request = RtaRequest(id="r-1", device=device).SerializeToString()
    with server(home) as (process, addresses):
        wire = Wire(addresses["http"])
        wire.send(post(f"/rta/{token}", request))
        said = RtaResponse.FromString(wire.reply().body)
        assert (said.request_id, said.code, list(said.out_target_id)) == ("r-1", 0, ["t-1"])

        def targets(user: str) -> list[str]:
            wire.send(post("/v1/ask", question(("user", user)), token))
            found: list[str] = wire.reply().document["targets"]
            return found

        assert (targets("M1"), targets("M2")) == (["t-1"], [])
        Path("delivered.csv").write_text("id\nM2\n")
        miyun("answers", "build", "sleepers", "delivered.csv", *home)
        while targets("M2") == []:
            time.sleep(0.01)
        assert targets("M1") == []
        process.send_signal(signal.SIGTERM)
        errors = process.communicate(timeout=20)[1]
        assert process.returncode == 0
        assert wire.ended()
        wire.close()
    logged = [json.loads(line) for line in errors.splitlines()]
    assert {"listening", "generation"} <= {line["event"] for line in logged}
    for secret in (token, "M1", "M2", IDFA, md5_of(IDFA)):
        assert secret not in errors
