"""The wiretap."""

from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

import miyun.party.session
from miyun.keys.unsealing import SealingKey
from tests.system.world import ZONE, Wiretap


class _Recorder(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]
    def __init__(self, tap: Wiretap, name: str) -> None:
        self._tap, self._name = tap, name

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Message) -> Any:
        self._tap.received[ZONE].append(request)
        outcome = continuation(details, request)
        if outcome.code() is grpc.StatusCode.OK:
            self._tap.received[self._name].append(outcome.result())
        return outcome


@pytest.fixture
def wiretap(monkeypatch: pytest.MonkeyPatch) -> Wiretap:
    """Listens in every party that is opened while it is there."""
    tap = Wiretap()
    connect, unseal = miyun.party.session.connect, SealingKey.open
    monkeypatch.setattr(
        miyun.party.session,
        "connect",
        lambda home: grpc.intercept_channel(connect(home), _Recorder(tap, home.info.name)),
    )

    def open_and_keep(key: SealingKey, sealed: bytes, info: bytes) -> bytes:
        opened = unseal(key, sealed, info)
        tap.opened[key.public_key.to_bytes()].append(opened)
        return opened

    monkeypatch.setattr(SealingKey, "open", open_and_keep)
    return tap
