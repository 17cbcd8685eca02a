"""One WebSocket of the control API: what the hub publishes goes out, what a client asks comes in.

A client that sends too much is closed, one that reads too slowly gets a fresh snapshot from the
hub, one that answers no ping is dropped. Nobody here is ever waited for. Must build no row.
"""

import asyncio
from contextlib import suppress
from typing import Final, NamedTuple, TypeAlias
from weakref import WeakSet

import msgspec
from aiohttp import ClientError, WSCloseCode, WSMsgType, web

from alphaforge.client.answers import ConnectionRow
from alphaforge.client.messages import CHANNELS, ClientMessage, ErrorMessage, Resend
from alphaforge.errors import InternalError, NotFoundError, UsageError
from alphaforge.services.clock import Clock
from alphaforge.services.control.access import Budget, Caller
from alphaforge.services.control.publisher import Hub, Subscription
from alphaforge.services.control.refusal import RefusalError
from alphaforge.services.control.tally import Tally
from alphaforge.services.suggestions import did_you_mean

LARGEST_FRAME: Final = 16_384
PING_SECONDS: Final = 20.0
"""A client that answers no ping for half of that is gone."""

BURST, PER_SECOND = 60, 20.0
"""Messages of one client: so many at once, so many a second for long."""

MOST_STREAMS: Final = 48
_CLOSE_SECONDS: Final = 1.0
_FULL: Final = 503
_NS: Final = 1e9

_decoder: Final = msgspec.json.Decoder(ClientMessage)
_encode: Final = msgspec.json.encode

Socket: TypeAlias = web.WebSocketResponse


class StreamLimits(NamedTuple):
    """What one client may send; tests give smaller ones."""

    burst: int = BURST
    per_second: float = PER_SECOND
    streams: int = MOST_STREAMS


class Streams:
    """All open WebSockets of one engine."""

    def __init__(
        self, hub: Hub, tally: Tally, clock: Clock, limits: StreamLimits | None = None
    ) -> None:
        self._hub = hub
        self._tally = tally
        self._clock = clock
        self._limits = limits or StreamLimits()
        self._sockets: dict[str, WeakSet[Socket]] = {}  # by way in: one must not fill the other's

    async def carry(self, request: web.Request, caller: Caller) -> web.StreamResponse:
        """One WebSocket, from its upgrade to its end."""
        channels = _channels(request.match_info["channel"])
        sockets = self._sockets.setdefault(caller.way.partition(":")[0], WeakSet())
        if len(sockets) >= self._limits.streams:
            message = f"{self._limits.streams} clients are connected already"
            raise RefusalError(_FULL, UsageError(message, remedy="close one of them"))
        stream = Socket(
            heartbeat=PING_SECONDS,
            max_msg_size=LARGEST_FRAME,
            compress=False,
            timeout=_CLOSE_SECONDS,
        )
        await stream.prepare(request)
        sockets.add(stream)
        subscription = self._hub.subscribe(channels)
        try:
            with self._tally.connected(caller, channels) as row:
                await self._both_ways(stream, subscription, row)
        except ExceptionGroup as group:  # a fault of ours ends this stream and nothing else
            fault = InternalError(f"a stream failed: {group.exceptions[0]!r}")
            self._tally.errors[fault.code] += 1
            await _close(stream, WSCloseCode.INTERNAL_ERROR, b"a fault of the engine's API")
        finally:
            subscription.close()
            sockets.discard(stream)
        return stream

    async def close(self) -> None:
        """End every stream: the engine stops."""
        async with asyncio.TaskGroup() as tasks:
            for stream in [each for sockets in self._sockets.values() for each in sockets]:
                tasks.create_task(_close(stream, WSCloseCode.GOING_AWAY, b"the engine stops"))

    async def _both_ways(
        self, stream: Socket, subscription: Subscription, row: ConnectionRow
    ) -> None:
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(_send(stream, subscription, row))
            await self._receive(stream, subscription)
            sending.cancel()

    async def _receive(self, stream: Socket, subscription: Subscription) -> None:
        """Until the client leaves, or sends too much."""
        limits = self._limits
        budget = Budget(limits.burst, limits.per_second, self._clock.steady_ns() / _NS)
        async for message in stream:
            try:
                budget.take(self._clock.steady_ns() / _NS)
            except RefusalError as refusal:
                self._tally.flooded += 1
                self._tally.errors[refusal.error.code] += 1
                await _close(stream, WSCloseCode.POLICY_VIOLATION, b"too many messages")
                return
            if message.type is WSMsgType.TEXT:
                await self._take(message.data.encode(), stream, subscription)
            elif message.type is WSMsgType.BINARY:
                await self._take(message.data, stream, subscription)

    async def _take(self, content: bytes, stream: Socket, subscription: Subscription) -> None:
        try:
            asked = _decoder.decode(content)
            if isinstance(asked, Resend):
                _known(asked.channel)
                subscription.resend(asked.channel)
            else:
                subscription.watch(asked)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            await self._complain(stream, UsageError(f"the message cannot be read: {error}"))
        except (UsageError, NotFoundError) as error:
            await self._complain(stream, error)

    async def _complain(self, stream: Socket, error: UsageError | NotFoundError) -> None:
        self._tally.errors[error.code] += 1
        told = _encode(ErrorMessage(code=error.code, message=str(error)))
        with suppress(ClientError, ConnectionError):
            await stream.send_frame(told, WSMsgType.TEXT)


async def _send(stream: Socket, subscription: Subscription, row: ConnectionRow) -> None:
    """Whatever is published, until the subscription ends or the client is gone."""
    try:
        async for payload in subscription:
            await stream.send_frame(payload, WSMsgType.TEXT)
            row.sent += 1
            row.resyncs = subscription.resyncs
    except (ClientError, ConnectionError):
        return  # it left in the middle of a message; the receiving side sees that too
    await _close(stream, WSCloseCode.GOING_AWAY, b"the engine stops")


async def _close(stream: Socket, code: WSCloseCode, why: bytes) -> None:
    with suppress(ClientError, ConnectionError, TimeoutError):
        async with asyncio.timeout(_CLOSE_SECONDS):
            await stream.close(code=code, message=why)


def _channels(name: str) -> tuple[str, ...]:
    if name == "all":
        return CHANNELS
    _known(name)
    return (name,)


def _known(name: str) -> None:
    if name not in CHANNELS:
        raise NotFoundError(
            f"there is no channel {name[:40]!r}",
            remedy=did_you_mean(name, CHANNELS) or f"there are: all, {', '.join(CHANNELS)}",
        )
