"""The metered wire passes bytes unchanged both ways and counts them."""

import socket
import threading

from demo.relay import Meter, Wires


def test_bytes_pass_and_are_counted() -> None:
    meter = Meter()
    with socket.create_server(("127.0.0.1", 0)) as server, Wires() as wires:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(100, socket.MSG_WAITALL) == b"a" * 100
                connection.sendall(b"b" * 70_000)

        thread = threading.Thread(target=answer)
        thread.start()
        port = wires.open(meter, server.getsockname()[1])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(b"a" * 100)
            received = b""
            while chunk := client.recv(65_536):
                received += chunk
        thread.join()
    assert received == b"b" * 70_000
    assert (meter.sent, meter.received, meter.connections) == (100, 70_000, 1)
