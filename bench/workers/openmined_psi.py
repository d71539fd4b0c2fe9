"""openmined-psi: the client or the server, CSV file to CSV file, over one connection with length-prefixed messages.

The client alone learns the intersection. The structure is the raw list, which is exact.
"""

import csv
import socket
import struct
import time
from pathlib import Path

from bench.workers.channel import Answer, Work, serve, write_lines

LENGTH = struct.Struct("<Q")
GREETING = b"+"


def prepare(task: Answer) -> tuple[Answer, Work]:
    """``side``, ``port``, ``input``, and the client's ``output``."""
    import private_set_intersection.python as psi

    if task["side"] == "server":
        with socket.create_server(("127.0.0.1", task["port"])) as listening:
            connection, _ = listening.accept()
        connection.sendall(GREETING)

        def work(_: Answer) -> Answer:
            phones = _read(task["input"])[1]
            expected = LENGTH.unpack(_receive(connection))[0]
            server = psi.server.CreateWithNewKey(True)
            setup = server.CreateSetupMessage(1e-9, expected, phones, psi.DataStructure.RAW)
            # Both at once would fill the wire both ways, with nobody reading.
            request = psi.Request()
            request.ParseFromString(_receive(connection))
            _send(connection, setup.SerializeToString())
            _send(connection, server.ProcessRequest(request).SerializeToString())
            return {}

    else:
        connection = _connect(task["port"])

        def work(_: Answer) -> Answer:
            ids, phones = _read(task["input"])
            _send(connection, LENGTH.pack(len(phones)))
            client = psi.client.CreateWithNewKey(True)
            request = client.CreateRequest(phones)
            _send(connection, request.SerializeToString())
            setup, response = psi.ServerSetup(), psi.Response()
            setup.ParseFromString(_receive(connection))
            response.ParseFromString(_receive(connection))
            write_lines(task["output"], [ids[place] for place in client.GetIntersection(setup, response)])
            return {}

    return {"version": psi.__version__}, work


def _connect(port: int) -> socket.socket:
    """The wire between takes calls before the server does: only its greeting says that it is there."""
    while True:
        connection = socket.create_connection(("127.0.0.1", port))
        if connection.recv(1) == GREETING:
            return connection
        connection.close()
        time.sleep(0.05)


def _read(path: str) -> tuple[list[str], list[str]]:
    with Path(path).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return [row[0] for row in rows], [row[1] for row in rows]


def _send(connection: socket.socket, message: bytes) -> None:
    connection.sendall(LENGTH.pack(len(message)) + message)


def _receive(connection: socket.socket) -> bytes:
    return _exactly(connection, LENGTH.unpack(_exactly(connection, LENGTH.size))[0])


def _exactly(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(min(count - len(parts), 1 << 20))
        if not part:
            raise ConnectionError("the other side hung up")
        parts += part
    return bytes(parts)


serve(prepare)
