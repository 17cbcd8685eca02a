"""The HTTP session a ccxt client uses: our resolver, our certificates, and a record per request.

What is known of a request when it fails, above all whether a byte of it can have left, decides
between "try again" and "ask before anything else". Must never lose that, nor mix two requests up
that are under way at the same time.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection

from alphaforge.errors import OutcomeUnknownError
from alphaforge.venues.ccxt_access import Local
from alphaforge.venues.ccxt_limiter import Priority

CONNECTIONS = 32
"""Open to one venue at a time, for each client."""

KEPT_SECONDS = 50.0
"""How long an idle connection is kept: below the minute after which venues hang up."""


@dataclass
class Sending:
    """One request of ours, while it is under way; ccxt may make several of it.

    Attributes:
        deadline: It may leave until then (the loop's seconds).
        expires_at: The venue must not act on it after this (venue time, ns); 0 = never mind.
        stamp_ms, window_ms: Its own time stamp and how long it is good for; 0 = as ccxt does it.
        has_slot: It is one of those that are under way (`ccxt_slots.py`).
        is_sent: A byte of it may have left.
        status: Of the last answer; None before it.
        headers: Of the last answer.
        body: Of the last answer, as it came.
        began, ended: When the last part of it left and was answered (the loop's seconds).
    """

    priority: Priority
    deadline: float
    expires_at: int = 0
    stamp_ms: int = 0
    window_ms: int = 0
    has_slot: bool = False
    is_sent: bool = False
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str = ""
    began: float = 0.0
    ended: float = 0.0


_DIAL_SECONDS = 1.0

_ELSEWHERE = frozenset({301, 302, 303, 307, 308})
"""Where aiohttp would follow."""

SENDING: ContextVar[Sending | None] = ContextVar("SENDING", default=None)
"""The request that the running task is making."""


class _Connector(aiohttp.TCPConnector):
    """Knows its connections: ending TLS politely would let some outlive the loop."""

    def __init__(self, **named: Any) -> None:
        cast("Any", super()).__init__(**named)  # aiohttp's own types are incomplete here
        self._made: list[Any] = []
        self._dialing = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    async def _create_connection(self, *args: Any, **named: Any) -> Any:
        self._dialing += 1
        self._is_idle.clear()
        try:
            made = await super()._create_connection(*args, **named)
        finally:
            self._dialing -= 1
            if not self._dialing:
                self._is_idle.set()
        self._made = [each for each in self._made if each.transport is not None]
        self._made.append(made)
        return made

    async def dialed(self) -> None:
        """Wait until nothing is being dialed: what is cut off in its handshake is left open."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_DIAL_SECONDS):
                await self._is_idle.wait()

    def abort(self) -> None:
        """End every connection that is still there, at once."""
        for each in self._made:
            if each.transport is not None:
                each.transport.abort()


async def close_session(session: aiohttp.ClientSession) -> None:
    """End a session of `open_session` with every connection, WebSockets included."""
    connector = session.connector
    if isinstance(connector, _Connector):
        await connector.dialed()
    await session.close()
    if isinstance(connector, _Connector):
        connector.abort()
        await asyncio.sleep(0)  # the transports call back once,
        await asyncio.sleep(0)  # and what lies under them once more


def open_session(local: Local | None) -> aiohttp.ClientSession:
    """A session of its own for one client; whoever opened it closes it.

    Must be called inside the event loop.
    """
    trusted = ssl.create_default_context(cafile=str(local.ca_file) if local else _bundled())
    connector = _Connector(
        ssl=trusted,
        resolver=_ToLocal(local) if local else None,
        limit=CONNECTIONS,
        keepalive_timeout=KEPT_SECONDS,
        use_dns_cache=local is None,
    )
    return aiohttp.ClientSession(
        connector=connector, request_class=_Request, response_class=_Response
    )


class _Request(aiohttp.ClientRequest):
    """Writes down that it leaves; aiohttp's tracing, which can too, costs a tenth of the way."""

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        """See `ClientRequest`: not a byte is written before the record of it is."""
        sending = SENDING.get()
        if sending is not None:
            sending.is_sent = True
            sending.status = None
        return await super().send(conn)


class _Response(aiohttp.ClientResponse):
    """Writes down what it says first."""

    async def start(self, connection: Connection) -> "_Response":
        """See `ClientResponse`: returns once status and headers are there.

        Raises `OutcomeUnknownError` for a redirect: a request that was signed for one host must
        not be carried to another, key and all.
        """
        await super().start(connection)
        if self.status in _ELSEWHERE:
            raise OutcomeUnknownError(f"{self.host} sent the request on elsewhere: not followed")
        sending = SENDING.get()
        if sending is not None:
            sending.status = self.status
            sending.headers = self.headers
        return self


def _bundled() -> str | None:
    """The certificates that ccxt brings along; None: those of the system."""
    try:
        import certifi  # noqa: PLC0415 - a dependency of ccxt's, not of ours
    except ImportError:
        return None
    path = Path(certifi.where())
    return str(path) if path.is_file() else None


class _ToLocal(AbstractResolver):
    """Every host name is this machine, at the built-in exchange's port."""

    def __init__(self, local: Local) -> None:
        self._local = local

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See `AbstractResolver`: the port asked for is that of the real venue."""
        del port, family
        return [
            ResolveResult(
                hostname=host,
                host=self._local.address,
                port=self._local.port,
                family=socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        """See `AbstractResolver`."""
