"""Asking the zone for tasks, and hanging up when the agent is to stop."""

import threading
from threading import Event
from types import TracebackType
from typing import Self

import grpc

from miyun.errors import TransportError
from miyun.keys.home import Home
from miyun.transport.channel import connect
from miyun.transport.faults import from_call
from miyun.wire.v1 import agent_pb2 as wire
from miyun.wire.v1.agent_pb2_grpc import AgentServiceStub


class Poll:
    """The agent's own connection. A call that waits at the zone is cancelled as soon as ``stop``, if given, is set."""

    def __init__(self, home: Home, stop: Event | None) -> None:
        self._channel = connect(home)
        self._stub = AgentServiceStub(self._channel)
        self._stop = stop
        self._over = False
        self._call: grpc.CallFuture[wire.NextTasksResponse] | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        if self._stop is not None:
            threading.Thread(target=self._watch, args=(self._stop,), daemon=True, name="miyun-hang-up").start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._channel.close()

    def next_tasks(self, wait_seconds: int) -> wire.NextTasksResponse:
        """The open tasks; the zone may hold the call for ``wait_seconds`` while there is none.

        Raises:
            TransportError: no connection, or ``stop`` was set.
            MiyunError: what the zone answered.
        """
        with self._lock:
            if self._over:
                raise TransportError("the agent is stopping")
            call = self._stub.NextTasks.future(wire.NextTasksRequest(wait_seconds=wait_seconds))
            self._call = call
        try:
            return call.result()
        except grpc.FutureCancelledError:
            raise TransportError("the agent is stopping") from None
        except grpc.RpcError:
            raise from_call(call) from None

    def _watch(self, stop: Event) -> None:
        stop.wait()
        with self._lock:
            self._over = True
            if self._call is not None:
                self._call.cancel()  # type: ignore[no-untyped-call]
