"""Asks an answer server at moments that were drawn before, whatever became of earlier questions.

What is sent and what comes is handled in one loop that never sleeps: on a processor of its own its own delays are
microseconds, and where they are not they count against the server.
"""

import gc
import json
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from bench.workers.channel import Answer, Work, serve
from miyun.answers.config import split_address
from miyun.wire.v1.answer_pb2 import AskedId, AskRequest, AskResponse
from miyun.wire.v1.rta_pb2 import RtaRequest, RtaResponse

CONNECTIONS = 64
PATIENCE_SECONDS = 10.0
SEED = 19
WARM = 200


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``form``, ``address`` and ``token`` of the server, ``questions``, ``rate`` per second and ``seconds``."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with np.load(task["questions"]) as held:
        devices = [device.decode() for device in held["devices"]]
        truth = [frozenset(f"audience-{n:02}" for n in np.flatnonzero(row)) for row in held["places"]]
    asker, write, read = _form(task)
    messages = [write(device) for device in devices]
    random = np.random.default_rng(SEED)

    def ask(count: int, seconds: float) -> Answer:
        chosen = random.integers(0, len(messages), count)
        moments = np.sort(random.random(count)) * seconds
        gc.collect()
        gc.disable()  # a collection would keep questions waiting that the server knows nothing of
        try:
            answers, times = asker.ask([messages[n] for n in chosen], moments.tolist())
        finally:
            gc.enable()
        wrong = sum(read(answer) != truth[n] for answer, n in zip(answers, chosen, strict=True))
        p50, p99, p999 = np.quantile(times, (0.5, 0.99, 0.999)).tolist()
        figures = {"p50": p50, "p99": p99, "p999": p999, "slowest": max(times)}
        return {"figures": figures, "wrong": wrong, "asked": count}

    ask(WARM, WARM / task["rate"])
    return {}, lambda _: ask(int(task["rate"] * task["seconds"]), task["seconds"])


def _form(task: Answer) -> tuple[Any, Callable[[str], Any], Callable[[Any], frozenset[str]]]:
    match task["form"]:
        case "gRPC":
            return GrpcAsker(task["address"], task["token"]), _write_grpc, lambda answer: frozenset(answer.targets)
        case "RTA":
            request = Messages("/rta", "application/x-protobuf", task["token"])
            return HttpAsker(task["address"]), lambda device: request.post(_write_rta(device)), _read_rta
        case _:
            request = Messages("/v1/ask", "application/json", task["token"])
            return HttpAsker(task["address"]), lambda device: request.post(_write_json(device)), _read_json


class Messages:
    """Requests as bytes."""

    def __init__(self, path: str, type_: str, token: str) -> None:
        self._head = (
            f"POST {path} HTTP/1.1\r\nhost: answers\r\ncontent-type: {type_}\r\nauthorization: Bearer {token}\r\n"
        )

    def post(self, body: bytes) -> bytes:
        return f"{self._head}content-length: {len(body)}\r\n\r\n".encode() + body


class HttpAsker:
    """A question takes the connection that has been free the longest; where none is, it waits, and its time runs."""

    def __init__(self, address: str) -> None:
        self._sockets = {}
        self._poll = select.epoll()
        for _ in range(CONNECTIONS):
            one = socket.create_connection(split_address(address))
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.setblocking(False)
            self._sockets[one.fileno()] = one
            self._poll.register(one, select.EPOLLIN)

    def ask(self, messages: Sequence[bytes], moments: Sequence[float]) -> tuple[list[bytes], list[float]]:
        """The answers' bodies, and the seconds from each moment to its answer's last byte."""
        answers, times = [b""] * len(messages), [0.0] * len(messages)
        free, under_way = deque(self._sockets), dict[int, tuple[int, bytes]]()
        begun, sent, answered = time.perf_counter(), 0, 0
        last = moments[-1] + PATIENCE_SECONDS
        while answered < len(messages):
            now = time.perf_counter() - begun
            if now > last:
                raise TimeoutError(f"{len(messages) - answered} questions have no answer")
            while sent < len(messages) and moments[sent] <= now and free:
                number = free.popleft()
                self._sockets[number].send(messages[sent])
                under_way[number] = (sent, b"")
                sent += 1
            for number, _ in self._poll.poll(0):
                place, held = under_way[number]
                held += self._sockets[number].recv(65_536)
                body = _body(held)
                if body is None:
                    under_way[number] = (place, held)
                    continue
                times[place] = time.perf_counter() - begun - moments[place]
                answers[place] = body
                del under_way[number]
                free.append(number)
                answered += 1
        return answers, times


class GrpcAsker:
    def __init__(self, address: str, token: str) -> None:
        import grpc

        from miyun.wire.v1.answer_pb2_grpc import AnswerServiceStub

        self._stub = AnswerServiceStub(grpc.insecure_channel(address))
        self._metadata = (("authorization", f"Bearer {token}"),)

    def ask(self, messages: Sequence[AskRequest], moments: Sequence[float]) -> tuple[list[AskResponse], list[float]]:
        """The answers, and the seconds from each moment to its answer."""
        times = [0.0] * len(messages)
        begun, calls = time.perf_counter(), list[Any]()

        def done(place: int) -> Callable[[Any], None]:
            def note(_: Any) -> None:
                times[place] = time.perf_counter() - begun - moments[place]

            return note

        for place, (message, moment) in enumerate(zip(messages, moments, strict=True)):
            while (left := moment - (time.perf_counter() - begun)) > 0:
                time.sleep(left)
            calls.append(self._stub.Ask.future(message, metadata=self._metadata, timeout=PATIENCE_SECONDS))
            calls[-1].add_done_callback(done(place))
        answers = [call.result() for call in calls]
        while not all(times):
            time.sleep(0.001)
        return answers, times


def _body(held: bytes) -> bytes | None:
    """What follows the head, once all of it is there."""
    head, _, body = held.partition(b"\r\n\r\n")
    if len(head) == len(held):
        return None
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ConnectionError(head.partition(b"\r\n")[0].decode())
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return body if len(body) == length else None


def _write_rta(device: str) -> bytes:
    return RtaRequest(id=device[:16], device=RtaRequest.Device(oaid_md5sum=device)).SerializeToString()


def _read_rta(body: bytes) -> frozenset[str]:
    response = RtaResponse.FromString(body)
    return (
        frozenset(response.out_target_id) if bool(response.code) is not bool(response.out_target_id) else frozenset("?")
    )


def _write_json(device: str) -> bytes:
    return json.dumps({"ids": [{"kind": "oaid-md5", "value": device}]}).encode()


def _read_json(body: bytes) -> frozenset[str]:
    return frozenset(json.loads(body)["targets"])


def _write_grpc(device: str) -> AskRequest:
    return AskRequest(ids=[AskedId(kind="oaid-md5", value=device)])


serve(prepare)
