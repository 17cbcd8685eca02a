"""Sees every message of ccxt's streams at once, where ccxt itself would lose or merge some.

ccxt wakes whoever awaits a `watch_*` call, and keeps for him what has changed since; what arrives
while nobody awaits waits for the next message, and two states of one order become one. So each row
is taken where ccxt puts it into its cache, and each socket is watched for its end. Must never let
an error of a reader out into ccxt's receive loop: that would end it.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from enum import Enum
from typing import Any, cast

from aiohttp import WSMsgType

from alphaforge.venues.ccxt_client import CcxtClient

_DATA = (WSMsgType.TEXT, WSMsgType.BINARY)
"""Frames that can be an answer; the others are heartbeats and ends."""

Raw = Mapping[str, object]


class Kind(Enum):
    """What a message holds."""

    ROW = "row"
    TICKER = "ticker"
    BOOK = "book"


class Socket:
    """One WebSocket of ccxt's, from its dialling to its end.

    Attributes:
        unsent, unanswered: Subscriptions that ccxt holds back for its rate limit, and those that
            left and that no frame has come for. Which frame answers which is not known: as many
            frames as questions count as the answers.
        asked_at, heard_at: When something was last asked, and when any frame came (loop seconds).
        is_dead: It will bring nothing any more.
    """

    def __init__(self, client: Any, now: float) -> None:
        self.client = client
        self.url = str(client.url)
        self.unsent = self.unanswered = 0
        self.asked_at = self.heard_at = now
        self.is_dead = False

    @property
    def is_open(self) -> bool:
        """Connected, as far as is known."""
        return not self.is_dead and self.client.isConnected is True

    def fail(self, hashes: frozenset[object], reason: str) -> None:
        """Let go whoever waits for one of these; nothing if the socket's end did so already."""
        for each in hashes.intersection(self.client.futures):
            self.client.reject(ConnectionError(reason), each)


class Stream:
    """One subscription that is to be kept up.

    Attributes:
        method, args: Of ccxt.
        socket, future, hashes: What the latest call of `method` waits on.
        is_up: It is subscribed.
        why: It was lost; empty if it was not, or is up again.
        trouble: What the latest attempt to subscribe failed of.
        since: When it was last begun, or lost (loop seconds).
        lost: Set when it is lost.
    """

    def __init__(self, name: str, method: str, *args: object, is_private: bool = False) -> None:
        self.name = name
        self.method = method
        self.args = args
        self.is_private = is_private
        self.socket: Socket | None = None
        self.future: asyncio.Future[object] | None = None
        self.hashes: frozenset[object] = frozenset()
        self.is_up = False
        self.why = self.trouble = ""
        self.since = 0.0
        self.lost = asyncio.Event()


STREAM: ContextVar[Stream | None] = ContextVar("STREAM", default=None)
"""The stream whose task is running."""


class Tap:
    """Taps one client.

    Attributes:
        sockets: Those that are not dead, by address.
    """

    def __init__(
        self,
        client: CcxtClient,
        take: Callable[[Kind, Raw], None],
        lose: Callable[[str, Callable[[Stream], bool]], None],
        heard: Callable[[], None],
        unreadable: Callable[[str], None],
    ) -> None:
        """`take` gets each message; `lose` the reason and which streams are lost by it.

        `heard` is called after each frame and new subscription, `unreadable` for each frame or
        message that could not be taken in.
        """
        self.sockets: dict[str, Socket] = {}
        self._client = client
        self._take = take
        self._lose = lose
        self._heard = heard
        self._unreadable = unreadable
        self._loop = asyncio.get_running_loop()
        self._answering: set[asyncio.Task[None]] = set()
        raw = client.raw
        self._client_as_ccxt = cast("Callable[[str], Any]", raw.client)
        self._watch_as_ccxt = cast("Callable[..., Any]", raw.watch)
        self._watch_multiple_as_ccxt = cast("Callable[..., Any]", raw.watch_multiple)
        raw.client = self._socket_client
        raw.watch = self._watch
        raw.watch_multiple = self._watch_multiple

    def drop(self, socket: Socket, reason: str) -> None:
        """Give a socket up: everything that waits on it fails and is begun again."""
        if socket.is_dead:
            return
        socket.client.on_error(ConnectionError(reason))

    # What ccxt calls ----------------------------------------------------------------------------

    def _socket_client(self, url: str) -> Any:
        self._client.check_host(url, None)
        client = self._client_as_ccxt(url)
        socket = self.sockets.get(url)
        if socket is None or socket.client is not client:
            socket = self.sockets[url] = Socket(client, self._loop.time())
            self._listen(socket)
        stream = STREAM.get()
        if stream is not None:
            stream.socket = socket
        return client

    def _watch(
        self,
        url: str,
        message_hash: object,
        message: object = None,
        subscribe_hash: object = None,
        subscription: object = None,
    ) -> Any:
        known = self._subscriptions(url)
        future = self._watch_as_ccxt(url, message_hash, message, subscribe_hash, subscription)
        self._note(url, known, message, (message_hash, subscribe_hash), future)
        return future

    def _watch_multiple(
        self,
        url: str,
        message_hashes: Sequence[object],
        message: object = None,
        subscribe_hashes: Sequence[object] | None = None,
        subscription: object = None,
    ) -> Any:
        known = self._subscriptions(url)
        hashes = (*message_hashes, *(subscribe_hashes or ()))
        future = self._watch_multiple_as_ccxt(
            url, message_hashes, message, subscribe_hashes, subscription
        )
        self._note(url, known, message, hashes, future)
        return future

    def _subscriptions(self, url: str) -> int:
        client = self._client.raw.clients.get(url)
        return len(client.subscriptions) if client is not None else 0

    def _note(
        self, url: str, known: int, message: object, hashes: tuple[object, ...], future: Any
    ) -> None:
        """A stream waits for something now, and may have asked for it."""
        socket = self.sockets[url]
        if message is not None and self._subscriptions(url) > known:
            socket.unsent += 1
            socket.asked_at = self._loop.time()
        stream = STREAM.get()
        future.add_done_callback(_look_at)
        if stream is not None:
            stream.socket, stream.future = socket, future
            stream.hashes = frozenset(each for each in hashes if each is not None)
        self._loop.call_soon(self._heard)

    # One socket ---------------------------------------------------------------------------------

    def _listen(self, socket: Socket) -> None:
        """Put our ears on a new socket: what it brings, what it is asked, and its end."""
        self._listen_to_frames(socket)
        client = socket.client
        resolve, reject = client.resolve, client.reject
        errors, closes = client.on_error_callback, client.on_close_callback

        def on_resolve(result: object, message_hash: object) -> object:
            self._sort(result)
            return resolve(result, message_hash)

        def on_reject(error: object, message_hash: object = None) -> object:
            answer = reject(error, message_hash)
            if message_hash is None:
                self._end(socket, str(error))
            else:
                self._lose(str(error), lambda each: _waits_for(each, socket, message_hash))
            return answer

        def on_error(client: object, error: object) -> None:
            errors(client, error)
            self._end(socket, str(error))

        def on_close(client: object, code: object) -> None:
            closes(client, code)
            self._end(socket, f"the venue closed the connection ({code})")

        future = client.future

        def on_future(message_hash: object) -> object:
            made: asyncio.Future[object] = future(message_hash)
            made.remove_done_callback(_look_at)  # it may be one that was there already
            made.add_done_callback(_look_at)
            return made

        client.resolve, client.reject, client.future = on_resolve, on_reject, on_future
        client.on_error_callback, client.on_close_callback = on_error, on_close

    def _listen_to_frames(self, socket: Socket) -> None:
        client = socket.client
        handle, send = client.handle_message, client.send

        def on_message(message: object) -> None:
            socket.heard_at = self._loop.time()
            try:
                if getattr(message, "type", None) is WSMsgType.PING:
                    self._pong(socket, message)
                else:
                    handle(message)
            except Exception as error:  # noqa: BLE001 - whatever a message breaks in ccxt is told
                self._unreadable(f"{type(error).__name__}: {error}")
            if getattr(message, "type", None) in _DATA:
                socket.unanswered = max(0, socket.unanswered - 1)
            self._heard()

        async def on_send(message: object) -> object:
            if socket.unsent:  # anything else is a heartbeat of ccxt's
                socket.unsent -= 1
                socket.unanswered += 1
                socket.asked_at = self._loop.time()
            return await send(message)

        client.handle_message, client.send = on_message, on_send

    def _pong(self, socket: Socket, message: object) -> None:
        """Answer a heartbeat, as ccxt does; on a socket that is about to close that may fail."""
        pong = socket.client.connection.pong(cast("Any", message).data)
        answering: asyncio.Task[None] = self._loop.create_task(pong)
        self._answering.add(answering)
        answering.add_done_callback(self._answering.discard)
        answering.add_done_callback(_look_at)

    def _end(self, socket: Socket, reason: str) -> None:
        """A socket is no good any more; ccxt's own is forgotten, so that the next call dials."""
        if socket.is_dead:
            return
        socket.is_dead = True
        if self.sockets.get(socket.url) is socket:
            del self.sockets[socket.url]
        self._lose(reason, lambda each: each.socket is socket)
        self._loop.call_soon(self._forget, socket)

    def _forget(self, socket: Socket) -> None:
        clients = self._client.raw.clients
        if clients.get(socket.url) is socket.client:
            del clients[socket.url]
            closing: asyncio.Task[None] = self._loop.create_task(socket.client.close())
            closing.add_done_callback(lambda task: task.cancelled() or task.exception())

    # What a message holds -----------------------------------------------------------------------

    def _sort(self, result: object) -> None:
        for kind, raw in _messages(result):
            self._hand_over(kind, raw)
        if _is_cache(result) and "append" not in vars(result):
            self._tap_cache(cast("Any", result))

    def _tap_cache(self, cache: Any) -> None:
        """From now on each row is taken as it is put in; those that are in were just taken."""
        append = cache.append

        def on_append(row: object) -> None:
            if isinstance(row, Mapping):
                self._hand_over(Kind.ROW, cast("Raw", row))
            append(row)

        cache.append = on_append

    def _hand_over(self, kind: Kind, raw: Raw) -> None:
        try:
            self._take(kind, raw)
        except Exception as error:  # noqa: BLE001 - what can not be read is a gap, and is told
            self._unreadable(f"{type(error).__name__}: {error}")


def _look_at(future: asyncio.Future[Any]) -> None:
    """An error that came after whoever waited had gone: it was told as the end of its socket."""
    if not future.cancelled():
        future.exception()


def _waits_for(stream: Stream, socket: Socket, message_hash: object) -> bool:
    return stream.socket is socket and message_hash in stream.hashes


def _is_cache(result: object) -> bool:
    """One of ccxt's growing lists; they are known by their index."""
    return isinstance(result, list) and hasattr(cast("object", result), "hashmap")


def _messages(result: object) -> Iterator[tuple[Kind, Raw]]:
    """What a resolved value holds for us; a cache that is tapped already, nothing."""
    if isinstance(result, list):
        if "append" not in getattr(cast("object", result), "__dict__", {}):
            rows = cast("list[object]", result)
            yield from ((Kind.ROW, cast("Raw", each)) for each in rows if isinstance(each, Mapping))
    elif isinstance(result, Mapping):
        raw = cast("Raw", result)
        if "bids" in raw and "asks" in raw:
            yield Kind.BOOK, raw
        elif "bid" in raw and "ask" in raw:
            yield Kind.TICKER, raw
        else:
            tickers = (cast("Raw", each) for each in raw.values() if isinstance(each, Mapping))
            yield from ((Kind.TICKER, each) for each in tickers if "bid" in each and "ask" in each)
