"""A wire with a meter: passes TCP between a process and the zone unchanged and counts the bytes each way.

It sits where a network provider sits. What it carries is TLS, so counting is all that it can do.
"""

import asyncio
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

READ_BYTES = 1 << 18


@dataclass(slots=True)
class Meter:
    """Bytes of TLS over all connections, as seen by the process behind this wire."""

    received: int = 0
    sent: int = 0
    connections: int = 0


class Wires:
    """Runs all wires on one thread; a context manager."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def open(self, meter: Meter, port: int) -> int:
        """A new loopback port that leads to ``port``; its traffic is added to ``meter``."""
        return asyncio.run_coroutine_threadsafe(self._listen(meter, port), self._loop).result()

    async def _listen(self, meter: Meter, port: int) -> int:
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            meter.connections += 1
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                writer.close()
                return
            await asyncio.gather(_pump(reader, far_writer, meter, "sent"), _pump(far_reader, writer, meter, "received"))

        server = await asyncio.start_server(carry, "127.0.0.1", 0)
        number: int = server.sockets[0].getsockname()[1]
        return number


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, meter: Meter, way: str) -> None:
    try:
        while data := await reader.read(READ_BYTES):
            setattr(meter, way, getattr(meter, way) + len(data))
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
