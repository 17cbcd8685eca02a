"""The built-in exchange on the wire: one port that speaks http, https, ws and wss.

The first byte of a connection says which (0x16 begins a TLS handshake), the Host header whose
dialect it is. Everything runs on one event loop, so that the exchange needs no lock. Must never
listen beyond this machine unless it was told a host.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from errno import EADDRNOTAVAIL

from aiohttp import web
from aiohttp.web_urldispatcher import MatchedSubAppResource

from alphaforge.errors import VenueUnavailableError
from alphaforge.sandbox.answering import Answering
from alphaforge.sandbox.fault_terms import FaultKind
from alphaforge.sandbox.floor import Dialect, Floor, Metered
from alphaforge.sandbox.hindsight import Hindsight
from alphaforge.sandbox.host_routing import ForAdmin, ForDialect
from alphaforge.sandbox.limits import Limits
from alphaforge.sandbox.market_time import Happening

LOOPBACK = "127.0.0.1"
LARGEST_BODY = 1_048_576
TICK_S = 0.01
"""How often the other participants may act, in wall time."""

_TLS_HANDSHAKE = b"\x16"
_FIRST_BYTE_S = 30.0
_STOP_S = 1.0
_BACKLOG = 1024


class ExchangeServer:
    """All dialects of one floor behind one port.

    Attributes:
        answering: The front of every request, with its counts.
        handshakes_failed: TLS connections that a client gave up (it does not trust us).
    """

    def __init__(
        self,
        floor: Floor,
        dialects: Sequence[Dialect],
        *,
        happenings: Sequence[Happening] = (),
        admin: web.Application | None = None,
        limits: Mapping[str, Limits] | None = None,
    ) -> None:
        """`limits` None: every dialect's own budget; empty: none at all."""
        self.handshakes_failed = 0
        self._floor = floor
        self._dialects = tuple(dialects)
        self._happenings = tuple(happenings)
        self._hindsight = Hindsight(floor.exchange)
        own = {each.name: Limits(each.budget) for each in dialects if isinstance(each, Metered)}
        self.answering = Answering(floor, self._hindsight, limits=own if limits is None else limits)
        self._app = self._application(admin)

    def _application(self, admin: web.Application | None) -> web.Application:
        whole = web.Application(client_max_size=LARGEST_BODY)
        if admin is not None:
            admin.freeze()
            whole.router.register_resource(MatchedSubAppResource(ForAdmin(), admin))
        for dialect in self._dialects:
            part = web.Application(client_max_size=LARGEST_BODY)
            for route in dialect.routes():
                handler = self.answering.handler(dialect, route)
                part.router.add_route(route.method, route.path, handler)
            part.freeze()
            rule = ForDialect(dialect, self._dialects)
            whole.router.register_resource(MatchedSubAppResource(rule, part))
        return whole

    @asynccontextmanager
    async def serving(
        self, port: int = 0, *, host: str = LOOPBACK, tls: ssl.SSLContext | None = None
    ) -> AsyncGenerator[int]:
        """Serve for as long as the block runs; gives the port (one that is free for 0).

        Raises `VenueUnavailableError` if the port is taken.
        """
        listening = listen(host, port)
        runner = web.AppRunner(
            self._app, access_log=None, handle_signals=False, shutdown_timeout=_STOP_S
        )
        await runner.setup()
        assert runner.server is not None  # noqa: S101 - setup() makes it
        try:
            async with asyncio.TaskGroup() as group:
                accepting = group.create_task(self._accept(group, listening, runner.server, tls))
                ticking = group.create_task(self._tick())
                try:
                    yield listening.getsockname()[1]
                finally:
                    accepting.cancel()
                    ticking.cancel()
                    listening.close()
                    await self._stop()
        except BaseExceptionGroup as group:
            raise _first(group) from group
        finally:
            listening.close()
            await runner.cleanup()

    async def _stop(self) -> None:
        self.answering.stop()
        for dialect in self._dialects:
            await dialect.close()
        await self._floor.sockets.close()

    # Connections ------------------------------------------------------------------------------

    async def _accept(
        self,
        group: asyncio.TaskGroup,
        listening: socket.socket,
        factory: Callable[[], asyncio.BaseProtocol],
        tls: ssl.SSLContext | None,
    ) -> None:
        loop = asyncio.get_running_loop()
        greeting: set[asyncio.Task[None]] = set()
        try:
            while True:
                try:
                    connection, _ = await loop.sock_accept(listening)
                except OSError:
                    await asyncio.sleep(TICK_S)  # no file descriptor left: others will leave
                    continue
                task = group.create_task(self._greet(connection, factory, tls))
                greeting.add(task)
                task.add_done_callback(greeting.discard)
        finally:
            for task in tuple(greeting):
                task.cancel()

    async def _greet(
        self,
        connection: socket.socket,
        factory: Callable[[], asyncio.BaseProtocol],
        tls: ssl.SSLContext | None,
    ) -> None:
        """Find out which protocol it is and hand the connection over."""
        loop = asyncio.get_running_loop()
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            first = await first_byte(connection)
            if not first or (first == _TLS_HANDSHAKE and tls is None):
                connection.close()
                return
            context = tls if first == _TLS_HANDSHAKE else None
            await loop.connect_accepted_socket(factory, connection, ssl=context)
        except (OSError, TimeoutError):
            # `ssl.SSLError` is an OSError: the client hung up, which is no fault of the server.
            self.handshakes_failed += 1
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise

    # Time -------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        """Let everything that goes on by itself go on, until cancelled."""
        faults = self._floor.faults
        while True:
            now = self._floor.clock()
            for each in self._happenings:
                each.play(now)
            if faults.has(FaultKind.STALE):
                self._hindsight.keep(now)
            else:
                self._hindsight.forget()
            await asyncio.sleep(TICK_S)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong, without the task group around it."""
    first = group.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first  # pyright: ignore[reportUnknownArgumentType] - a group of some exceptions


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; raises `VenueUnavailableError` with what to type if that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        is_name = isinstance(error, socket.gaierror) or error.errno == EADDRNOTAVAIL
        raise VenueUnavailableError(
            f"the built-in exchange cannot listen on {host}:{port}: {error.strerror or error}",
            remedy="--host is an address of this machine; left out it is 127.0.0.1"
            if is_name
            else "take another port with --port N, or leave it out for one that is free",
        ) from error
    return listening


async def first_byte(connection: socket.socket) -> bytes:
    """The first byte a client sends, left where it is; empty if it leaves without one.

    Raises `TimeoutError` if nothing comes.
    """
    loop = asyncio.get_running_loop()
    connection.setblocking(False)
    readable: asyncio.Future[None] = loop.create_future()

    def came() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(connection.fileno(), came)
    try:
        async with asyncio.timeout(_FIRST_BYTE_S):
            await readable
    finally:
        loop.remove_reader(connection.fileno())
    return connection.recv(1, socket.MSG_PEEK)
