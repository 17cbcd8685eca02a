"""Every WebSocket a client has open, and what faults do to its frames.

A dialect opens its sockets here and says what to push; what is lost, doubled, late, swapped or cut
is decided here, so that every dialect fails the same way. A client that does not read is cut off,
as at a venue. Must never look into a frame.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from aiohttp import WSMsgType, web

from alphaforge.sandbox.fault_terms import ANY, Fault, FaultKind, Opening, Pushing, Stream
from alphaforge.sandbox.faults import Faults

QUEUE_FRAMES = 10_000
QUEUE_CHARACTERS = 4_194_304
"""What may wait for a client that does not read: so many frames, and so much in all of them."""

STALL_S = 30.0
"""A client that takes nothing for so long is cut off, however little waits for it."""

LARGEST_FRAME = 1_048_576
PING_S = 20.0
_CLOSE_S = 1.0


class Talk(Protocol):
    """What a dialect does with one socket."""

    async def heard(self, text: str) -> None:
        """A text frame came."""
        ...

    def gone(self) -> None:
        """The socket is closed; nothing more can be sent."""
        ...


class _Frame(NamedTuple):
    """What waits: its text (None: the cut), for how long at least, what it counts for."""

    text: str | None
    delay: float
    weight: int


class Socket:
    """One client's WebSocket.

    Attributes:
        dialect: Whose.
        is_private: It carries an account's events (or requests).
        is_mute: Half-open: nothing is sent any more, pongs neither, and it stays open.
    """

    def __init__(
        self, request: web.Request, dialect: str, faults: Faults, *, is_private: bool
    ) -> None:
        self.dialect = dialect
        self.is_private = is_private
        self.is_mute = False
        self.ws = web.WebSocketResponse(
            autoping=False, max_msg_size=LARGEST_FRAME, timeout=_CLOSE_S
        )
        self._request = request
        self._faults = faults
        self._frames: deque[_Frame] = deque()
        self._waiting = 0
        self._held: str | None = None
        self._wake = asyncio.Event()

    def push(self, stream: Stream | str, text: str, symbol: str = "") -> None:
        """Send a frame of a stream, unless a fault has other ideas."""
        pushing = self._faults.push(stream, symbol, self.dialect)
        if pushing.cut:
            self._enqueue(None)
        elif pushing.half_open:
            self.is_mute = True
        elif pushing.hold:
            self._held, text_before = text, self._held
            if text_before is not None:
                self._enqueue(text_before)
        else:
            self._push(text, pushing)

    def reply(self, text: str) -> None:
        """Send an answer; faults of streams leave it alone."""
        self._enqueue(text)

    def cut(self) -> None:
        """Close the connection at once, without a closing frame."""
        self.is_mute = True
        self._forget_waiting()
        transport = self._request.transport
        if transport is not None:
            transport.abort()
        self._wake.set()

    async def close(self) -> None:
        """Close it orderly."""
        await self.ws.close(drain=False)

    def _push(self, text: str, pushing: Pushing) -> None:
        if pushing.padding:
            self._enqueue(" " * pushing.padding, weight=0)
        for copy in range(pushing.copies):
            self._enqueue(text, 0.0 if copy else pushing.delay)
        if self._held is not None and pushing.copies:
            held, self._held = self._held, None
            self._enqueue(held)

    def _enqueue(self, text: str | None, delay: float = 0.0, weight: int | None = None) -> None:
        """Let it wait for its turn; None: the cut, after what was pushed before.

        `weight` is what it counts for where too much waits; None: its length.
        """
        if self.is_mute:
            return
        if len(self._frames) >= QUEUE_FRAMES or self._waiting > QUEUE_CHARACTERS:
            self.cut()
            return
        heavy = len(text or "") if weight is None else weight
        self._waiting += heavy
        self._frames.append(_Frame(text, delay, heavy))
        self._wake.set()

    async def write(self) -> None:
        """Send what is enqueued, and pings, until the connection ends."""
        loop = asyncio.get_running_loop()
        pinged = loop.time()
        while not self.ws.closed:
            try:
                async with asyncio.timeout_at(pinged + PING_S):
                    await self._wake.wait()
            except TimeoutError:
                pinged = loop.time()
                if not self.is_mute:
                    await self.ws.ping()
                continue
            self._wake.clear()
            await self._send_waiting()

    async def _send_waiting(self) -> None:
        while self._frames and not self.ws.closed:
            frame = self._frames.popleft()
            self._waiting -= frame.weight
            if frame.delay:
                await asyncio.sleep(frame.delay)
            if self.is_mute:
                self._forget_waiting()
                return
            if frame.text is None:
                self.cut()
                return
            await self._send(frame.text)

    async def _send(self, text: str) -> None:
        try:
            async with asyncio.timeout(STALL_S):
                await self.ws.send_str(text)
        except TimeoutError:
            self.cut()

    def _forget_waiting(self) -> None:
        self._frames.clear()
        self._waiting = 0

    async def read(self, heard: Talk) -> None:
        """Take what comes until the client leaves."""
        async for message in self.ws:
            if self.is_mute:
                continue
            if message.type is WSMsgType.TEXT:
                await heard.heard(message.data)
            elif message.type is WSMsgType.PING:
                await self.ws.pong(message.data)


class Sockets:
    """All open WebSockets of all dialects."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._open: set[Socket] = set()

    def __len__(self) -> int:
        return len(self._open)

    async def serve(
        self,
        request: web.Request,
        dialect: str,
        talk: Callable[[Socket], Talk],
        *,
        is_private: bool = False,
    ) -> web.StreamResponse:
        """Upgrade the request and talk until the client leaves; what a stream's handler returns.

        429 where a fault limits the connections; a connection dropped by a fault is closed right
        after the upgrade.
        """
        mine = sum(1 for each in self._open if each.dialect == dialect)
        opening = self._faults.on_open(dialect, mine)
        if opening is Opening.REFUSED:
            return web.Response(status=429, text="Too many connections")
        socket = Socket(request, dialect, self._faults, is_private=is_private)
        await socket.ws.prepare(request)
        if opening is Opening.DROPPED:
            socket.cut()
            return socket.ws
        self._open.add(socket)
        heard = talk(socket)
        try:
            await _until_either(socket, heard)
        finally:
            self._open.discard(socket)
            heard.gone()
        return socket.ws

    def strike(self, fault: Fault) -> None:
        """Cut the open sockets a fault means, or make them half-open."""
        for socket in tuple(self._open):
            if fault.dialect not in {ANY, socket.dialect}:
                continue
            if fault.private is not None and fault.private is not socket.is_private:
                continue
            if fault.kind is FaultKind.CUT:
                socket.cut()
            else:
                socket.is_mute = True

    async def close(self) -> None:
        """Close every one of them."""
        async with asyncio.TaskGroup() as group:
            for socket in tuple(self._open):
                group.create_task(socket.close())


async def _until_either(socket: Socket, heard: Talk) -> None:
    """Read and write until the client is gone; an error of the dialect's own is raised."""
    async with asyncio.TaskGroup() as group:
        writing = group.create_task(_write(socket))
        reading = group.create_task(socket.read(heard))
        await asyncio.wait({writing, reading}, return_when=asyncio.FIRST_COMPLETED)
        writing.cancel()
        reading.cancel()


async def _write(socket: Socket) -> None:
    """Write until the other end is gone, which is how a socket ends and no error."""
    try:
        await socket.write()
    except ConnectionError:
        return
