"""A TCP proxy between the adapter and the exchange, which does what networks do.

It knows nothing of what it carries (TLS). Connections are taken by the first bytes they send
through `Way`, of which each has its own; changing a way changes what is under way too. Must never
repeat, leave out or reorder bytes of a connection that it keeps: TCP does not.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

_CHUNK = 65_536
_LOOK_SECONDS = 0.01


@dataclass
class Way:
    """What the network does to bytes.

    Attributes:
        delay_s: Each piece arrives so much later.
        bytes_per_second: 0 = no limit.
        piece: Bytes are sent in pieces of at most so many; 0 = as they come.
        is_dark: Nothing passes, nothing is closed (half-open).
        refuses: New connections are reset at once.
    """

    delay_s: float = 0.0
    bytes_per_second: float = 0.0
    piece: int = 0
    is_dark: bool = False
    refuses: bool = False


class Proxy:
    """Takes connections and carries them on.

    Attributes:
        way: What happens to everything; may be replaced at any time.
        taken: Connections taken so far.
    """

    def __init__(self, to_port: int) -> None:
        self.way = Way()
        self.taken = 0
        self._to_port = to_port
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def cut(self) -> None:
        """End every connection in order (FIN)."""
        for writer in tuple(self._open):
            writer.close()

    def reset(self) -> None:
        """End every connection at once (RST)."""
        for writer in tuple(self._open):
            connection: socket.socket | None = writer.get_extra_info("socket")
            if connection is not None:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[int]:
        """Serve on a free port of this machine, which it gives."""
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in tuple(self._tasks):
                task.cancel()
            if self._tasks:
                await asyncio.wait(tuple(self._tasks))
            for writer in tuple(self._open):
                writer.transport.abort()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        if self.way.refuses:
            self._open.add(writer)
            self.reset()
            self._open.discard(writer)
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._to_port)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._carry(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """One direction of one connection, until either end closes it."""
        try:
            while piece := await source.read(self.way.piece or _CHUNK):
                await self._travel(piece)
                if sink.is_closing():
                    return
                sink.write(piece)
                await sink.drain()
        except (ConnectionError, OSError):
            sink.transport.abort()  # a reset goes through as one
        finally:
            self._open.discard(sink)
            sink.close()

    async def _travel(self, piece: bytes) -> None:
        """As long as it takes on this way."""
        way = self.way
        if way.delay_s:
            await asyncio.sleep(way.delay_s)
        if way.bytes_per_second:
            await asyncio.sleep(len(piece) / way.bytes_per_second)
        while self.way.is_dark:  # noqa: ASYNC110 - the way may be replaced at any time
            await asyncio.sleep(_LOOK_SECONDS)
