"""The control API on the wire: HTTP over a Unix socket, and over TCP where it was asked for.

Every request passes the doorman, its connection's budget and its limits of size and time before a
route sees it; every error leaves as a `Problem`. Must hold no route and know nothing of trading.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
from aiohttp import web

from alphaforge.client.records import SCHEMA
from alphaforge.errors import AlphaForgeError, InternalError, NotFoundError, UsageError
from alphaforge.services.clock import Clock
from alphaforge.services.control.access import (
    Asked,
    Budget,
    Caller,
    Doorman,
    PeerUid,
    need,
    peer_uid,
)
from alphaforge.services.control.refusal import RefusalError, problem_of, status_of
from alphaforge.services.control.route import Asking, Route, Rows, Text
from alphaforge.services.control.tally import Tally

LARGEST_BODY: Final = 65_536
LARGEST_LINE: Final = 4_096
MOST_HEADERS: Final = 64
MOST_CONNECTIONS: Final = 128

IDLE_SECONDS: Final = 30.0
"""A connection that sends no whole request for so long is closed, its first one included."""

BODY_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 1.0

BURST, PER_SECOND = 200, 100.0
"""Requests of one connection: so many at once, so many a second for long."""

_JSON: Final = "application/json"
_TOO_LARGE, _TOO_SLOW, _TIMED_OUT, _FLOODED = 413, 408, 503, 429
_NS: Final = 1e9

Stream = Callable[[web.Request, Caller], Awaitable[web.StreamResponse]]
"""Carries one WebSocket from its upgrade to its end."""

_CALLER: Final = web.RequestKey("caller", Caller)


class Limits(NamedTuple):
    """What one client may take; tests give smaller ones."""

    idle_seconds: float = IDLE_SECONDS
    body_seconds: float = BODY_SECONDS
    answer_seconds: float = ANSWER_SECONDS
    burst: int = BURST
    per_second: float = PER_SECOND
    connections: int = MOST_CONNECTIONS


class ControlServer:
    """All routes of one engine, served."""

    def __init__(
        self,
        routes: Sequence[Route],
        stream: Stream,
        doorman: Doorman,
        tally: Tally,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self.peer_uid: PeerUid = peer_uid
        self._doorman = doorman
        self._tally = tally
        self._clock = clock
        self._limits = limits or Limits()
        self._budgets: WeakKeyDictionary[asyncio.BaseTransport, Budget] = WeakKeyDictionary()
        self._stream = stream
        self._app = self._application(routes)

    def _application(self, routes: Sequence[Route]) -> web.Application:
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=[self._guard])
        app.router.add_get("/ws/{channel}", self._open_stream, allow_head=False)
        for route in routes:
            app.router.add_route(route.method, route.path, self._handler(route))
        return app

    @asynccontextmanager
    async def serving(self, *listening: socket.socket) -> AsyncGenerator[None]:
        """Serve on bound sockets for as long as the block lasts; they are closed at its end."""
        runner = web.AppRunner(
            self._app,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=_STOP_SECONDS,
            keepalive_timeout=self._limits.idle_seconds,
            max_line_size=LARGEST_LINE,
            max_field_size=LARGEST_LINE,
            max_headers=MOST_HEADERS,
            auto_decompress=False,
            lingering_time=_STOP_SECONDS,
        )
        await runner.setup()
        servers: list[asyncio.Server] = []
        try:
            for each in listening:
                servers.append(await self._listen(runner, each))  # noqa: PERF401 - the ones before it are closed if one fails
            yield
        finally:
            for server in servers:
                server.close()
            for each in listening:
                each.close()
            await runner.cleanup()

    async def _listen(self, runner: web.AppRunner, listening: socket.socket) -> asyncio.Server:
        server, most = runner.server, self._limits.connections
        if server is None:
            raise InternalError("the control API has no server after its set-up")

        # By socket: whoever fills up the TCP port must not lock out the user's own socket.
        here: list[web.RequestHandler] = []

        def protocol() -> asyncio.BaseProtocol:
            here[:] = [each for each in here if each.transport is not None]
            if len(here) >= most:
                return _Full()
            made = server()
            here.append(made)
            return made

        loop = asyncio.get_running_loop()
        if listening.family == socket.AF_UNIX:
            return await loop.create_unix_server(protocol, sock=listening)
        return await loop.create_server(protocol, sock=listening)

    # Requests ---------------------------------------------------------------------------------

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Let in who may, and turn every error into its `Problem`."""
        try:
            request[_CALLER] = self._admit(request)
            response = await handler(request)
        except RefusalError as refusal:
            response = self._refuse(refusal.status, refusal.error)
        except AlphaForgeError as error:
            response = self._refuse(status_of(error), error)
        except web.HTTPException as error:
            response = self._refuse(error.status, _told(error, request))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - a route's fault must not end the engine's loop
            what = f"{type(error).__name__}: {error}"
            response = self._refuse(500, InternalError(f"{request.path} failed: {what}"))
        self._tally.answered(response.status)
        return response

    def _admit(self, request: web.Request) -> Caller:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client left")
        connection = transport.get_extra_info("socket")
        is_local = connection is not None and connection.family == socket.AF_UNIX
        headers = request.headers
        caller = self._doorman.admit(
            Asked(
                self.peer_uid(connection) if connection is not None and is_local else None,
                is_local,
                request.host if "Host" in headers else "",
                headers.get("Origin", ""),
                headers.get("Authorization", ""),
            )
        )
        now = self._clock.steady_ns() / _NS
        budget = self._budgets.get(transport)
        if budget is None:
            limits = self._limits
            budget = self._budgets[transport] = Budget(limits.burst, limits.per_second, now)
        budget.take(now)
        return caller

    def _refuse(self, status: int, error: AlphaForgeError) -> web.Response:
        self._tally.errors[error.code] += 1
        body = msgspec.json.encode(problem_of(error))
        response = web.Response(body=body, status=status, content_type=_JSON)
        if status in {_FLOODED, _TOO_LARGE, _TOO_SLOW, 401, 403, 421}:
            response.force_close()
        if status == _FLOODED:
            self._tally.flooded += 1
        return response

    def _handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            caller = request[_CALLER]
            need(caller, route.scope)
            query = dict(request.query)
            route.check_query(query)
            asking = Asking(caller, request.match_info, query, await self._body(request))
            try:
                async with asyncio.timeout(self._limits.answer_seconds):
                    return _response(await route.handle(asking))
            except TimeoutError:
                seconds = self._limits.answer_seconds
                problem = f"{request.path} was not answered within {seconds:g} s"
                raise RefusalError(
                    _TIMED_OUT, InternalError(problem, remedy="look at the engine's log")
                ) from None

        return handle

    async def _body(self, request: web.Request) -> bytes:
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                return await request.read()
        except TimeoutError:
            problem = f"the body did not come within {self._limits.body_seconds:g} s"
            raise RefusalError(_TOO_SLOW, UsageError(problem)) from None

    async def _open_stream(self, request: web.Request) -> web.StreamResponse:
        return await self._stream(request, request[_CALLER])


class _Full(asyncio.Protocol):
    """What a connection too many gets: nothing."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _response(answer: object) -> web.Response:
    if isinstance(answer, Text):
        return web.Response(body=answer.content, headers={"Content-Type": answer.kind})
    if isinstance(answer, Rows):
        answer = {"schema": SCHEMA, "rows": answer.rows, "next": answer.next}
    return web.Response(body=msgspec.json.encode(answer), content_type=_JSON)


def _told(error: web.HTTPException, request: web.Request) -> AlphaForgeError:
    """An error of the web framework in our words."""
    if isinstance(error, web.HTTPNotFound):
        return NotFoundError(
            f"there is no {request.path} here", remedy="see what there is: GET /api/schema"
        )
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return UsageError(f"{request.path} takes no {request.method}", remedy=f"use {allowed}")
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return UsageError(f"the body is larger than {LARGEST_BODY:,} bytes")
    return UsageError(f"{request.method} {request.path}: {error.reason}")
