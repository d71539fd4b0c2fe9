"""TLS 1.2 is off in every process that uses Miyun, in whatever order it imports things."""

import os
import subprocess
import sys

import pytest

CHECK = "import miyun.transport; miyun.transport.require_tls13()"


def run(program: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "GRPC_SSL_CIPHER_SUITES"}
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize(
    "first",
    ["miyun", "miyun.wire.v1.size_pb2_grpc", "miyun.transport.server", "miyun.transport.channel", "miyun.errors"],
)
def test_any_module_of_miyun_turns_it_off_before_grpc_is_loaded(first: str) -> None:
    outcome = run(f"import {first}; import grpc; {CHECK}")

    assert (outcome.stderr, outcome.returncode) == ("", 0)


def test_a_program_that_loads_grpc_first_is_told_and_connects_to_nothing() -> None:
    outcome = run(f"import grpc; {CHECK}")

    assert "TransportError: gRPC was loaded before Miyun" in outcome.stderr
