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
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from bench.workers.channel import Answer, Work, serve
from miyun.answers.config import split_address
from miyun.answers.http2 import MOST_CALLS
from miyun.wire.v1.answer_pb2 import AskedId, AskRequest, AskResponse
from miyun.wire.v1.rta_pb2 import RtaRequest, RtaResponse

CONNECTIONS = 64
PATIENCE_SECONDS = 10.0
SEED = 19
WARM = 200

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_BYTES = 9
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4


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
            return GrpcAsker(task["address"], task["token"]), _write_grpc, _read_grpc
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
    """One connection of HTTP/2 (RFC 9113), as much of it as unary calls take. Of more calls than there may be under way
    one waits, and its time runs.

    grpcio's client has threads of its own, whose delays would stand in the server's times.
    """

    def __init__(self, address: str, token: str) -> None:
        fields = {
            ":path": "/miyun.wire.v1.AnswerService/Ask",
            ":authority": address,
            "te": "trailers",
            "content-type": "application/grpc",
            "authorization": f"Bearer {token}",
        }
        self._head = b"\x83\x86" + b"".join(_field(name, value) for name, value in fields.items())
        self._socket = socket.create_connection(split_address(address))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(PREFACE + _frame(SETTINGS) + _frame(WINDOW_UPDATE, payload=(1 << 30).to_bytes(4, "big")))
        self._socket.setblocking(False)
        self._poll = select.epoll()
        self._poll.register(self._socket, select.EPOLLIN)
        self._held = b""
        self._stream = 1

    def ask(self, messages: Sequence[bytes], moments: Sequence[float]) -> tuple[list[bytes], list[float]]:
        """The answers' messages, and the seconds from each moment to the end of its call."""
        answers, times = [b""] * len(messages), [0.0] * len(messages)
        first, sent, answered = self._stream, 0, 0
        begun, last = time.perf_counter(), moments[-1] + PATIENCE_SECONDS
        while answered < len(messages):
            now = time.perf_counter() - begun
            if now > last:
                raise TimeoutError(f"{len(messages) - answered} questions have no answer")
            while sent < len(messages) and moments[sent] <= now and sent - answered < MOST_CALLS:
                self._socket.send(self._call(messages[sent]))
                sent += 1
            if not self._poll.poll(0):
                continue
            for kind, flags, stream, payload in self._received():
                place = (stream - first) // 2
                if kind == DATA:
                    answers[place] += payload
                if stream and flags & END_STREAM:
                    times[place] = time.perf_counter() - begun - moments[place]
                    answered += 1
        return [_message(answer) for answer in answers], times

    def _call(self, message: bytes) -> bytes:
        stream, self._stream = self._stream, self._stream + 2
        data = b"\0" + len(message).to_bytes(4, "big") + message
        return _frame(HEADERS, END_HEADERS, stream, self._head) + _frame(DATA, END_STREAM, stream, data)

    def _received(self) -> Iterator[tuple[int, int, int, bytes]]:
        """The frames that are whole; those about the connection are answered."""
        self._held += self._socket.recv(1 << 18)
        while len(self._held) >= FRAME_BYTES:
            length, kind, flags = int.from_bytes(self._held[:3], "big"), self._held[3], self._held[4]
            end = FRAME_BYTES + length
            if len(self._held) < end:
                return
            stream, payload = int.from_bytes(self._held[5:FRAME_BYTES], "big"), self._held[FRAME_BYTES:end]
            self._held = self._held[end:]
            if kind in {RST_STREAM, GOAWAY}:
                raise ConnectionError(f"the server ends calls: {payload.hex()}")
            if kind == SETTINGS and not flags & ACK:
                self._socket.send(_frame(SETTINGS, ACK))
            elif kind == PING and not flags & ACK:
                self._socket.send(_frame(PING, ACK, payload=payload))
            yield kind, flags, stream, payload


def _frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


def _field(name: str, value: str) -> bytes:
    """A header field that no table takes in (RFC 7541, 6.2.2); both texts are shorter than 127 bytes."""
    return b"\0" + bytes((len(name),)) + name.encode() + bytes((len(value),)) + value.encode()


def _message(data: bytes) -> bytes:
    if len(data) < 5 or len(data) != 5 + int.from_bytes(data[1:5], "big"):
        raise ConnectionError("a call ended without an answer")
    return data[5:]


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


def _write_grpc(device: str) -> bytes:
    return AskRequest(ids=[AskedId(kind="oaid-md5", value=device)]).SerializeToString()


def _read_grpc(message: bytes) -> frozenset[str]:
    return frozenset(AskResponse.FromString(message).targets)


serve(prepare)
