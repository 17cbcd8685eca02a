"""Binance spot's market-data WebSockets: who has subscribed to what, and pushing it.

Raw (`/ws`, a frame is the event) and combined (`/stream`, a frame names its stream); the numbers
that ccxt puts into the path mean nothing. Must never let one slow client hold up the exchange.
"""

import asyncio

import msgspec
from aiohttp import web

from alphaforge.sandbox.dialects.binance_feeds import BEAT_S, Feed, Frame, feed_of
from alphaforge.sandbox.dialects.binance_words import Symbols
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.sockets import Socket
from alphaforge.sandbox.terms import BookChanged, Print, Told, TopChanged

_UNKNOWN, _INVALID, _NOT_JSON = 0, 2, 3
_RAW_PATHS = ("/ws", "/stream/ws")
_COMBINED = "combined"


class Control(msgspec.Struct):
    """What a client says on a stream's socket."""

    method: str
    params: list[str | bool] | None = None
    id: int | str | None = None


class MarketStreams:
    """Every market-data socket of the dialect."""

    def __init__(self, name: str, floor: Floor, symbols: Symbols) -> None:
        self._name = name
        self._floor = floor
        self._symbols = symbols
        self._talks: set[_Talk] = set()

    def hear(self, told: Told) -> None:
        """Pass on what the exchange tells."""
        if isinstance(told, Print | BookChanged | TopChanged):
            for talk in tuple(self._talks):
                talk.hear(told)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A client's socket, until it leaves."""
        path = request.path.rstrip("/")
        named = request.query.get("streams", "").split("/")
        named += [part for part in path.split("/") if "@" in part]
        is_raw = any(path == raw or path.startswith(f"{raw}/") for raw in _RAW_PATHS)
        async with asyncio.TaskGroup() as group:
            beats: list[asyncio.Task[None]] = []

            def open_talk(socket: Socket) -> _Talk:
                talk = _Talk(socket, self._floor, self._symbols, self._talks)
                talk.is_combined = not is_raw
                talk.subscribe([name for name in named if name])
                beats.append(group.create_task(talk.beat()))
                return talk

            try:
                return await self._floor.sockets.serve(request, self._name, open_talk)
            finally:
                for beat in beats:
                    beat.cancel()


class _Talk:
    """One socket and its subscriptions."""

    def __init__(self, socket: Socket, floor: Floor, symbols: Symbols, talks: "set[_Talk]") -> None:
        self.is_combined = False
        self._socket = socket
        self._floor = floor
        self._symbols = symbols
        self._names: dict[str, Feed | None] = {}
        self._talks = talks
        talks.add(self)

    def gone(self) -> None:
        """See `Talk`."""
        self._talks.discard(self)

    def subscribe(self, names: list[str]) -> None:
        """From here on; a name that nothing ever comes on is taken too, as at the venue."""
        for name in names:
            if name not in self._names:
                self._names[name] = feed_of(name, self._floor, self._symbols)

    def hear(self, told: Print | BookChanged | TopChanged) -> None:
        """Push what is to be pushed at once."""
        for name, feed in self._names.items():
            if feed is not None and feed.symbol == told.symbol:
                frame = feed.hear(told)
                if frame is not None:
                    self._push(name, feed, frame)

    async def beat(self) -> None:
        """Push what waits for its beat, until cancelled."""
        count = 0
        while True:
            await asyncio.sleep(BEAT_S)
            count += 1
            self._push_due(count, self._floor.clock())

    def _push_due(self, count: int, now: int) -> None:
        for name, feed in self._names.items():
            if feed is not None and count % feed.every == 0:
                for frame in feed.beat(now):
                    self._push(name, feed, frame)

    def _push(self, name: str, feed: Feed, frame: Frame) -> None:
        text = msgspec.json.encode(frame).decode()
        if self.is_combined:
            text = f'{{"stream":"{name}","data":{text}}}'
        self._socket.push(feed.stream, text, feed.symbol)

    async def heard(self, text: str) -> None:
        """See `Talk`."""
        try:
            control = msgspec.json.decode(text, type=Control)
        except msgspec.ValidationError as error:
            self._refuse(None, _INVALID, f"Invalid request: {error}")
            return
        except msgspec.DecodeError as error:
            self._refuse(None, _NOT_JSON, f"Invalid JSON: {error}")
            return
        self._obey(control)

    def _obey(self, control: Control) -> None:
        names = [each for each in control.params or () if isinstance(each, str)]
        method = control.method
        result: object = None
        if method in {"SUBSCRIBE", "UNSUBSCRIBE"}:
            if not names:
                self._refuse(control.id, _INVALID, "Invalid request: request must have params")
                return
            self._change(method, names)
        elif method == "LIST_SUBSCRIPTIONS":
            result = list(self._names)
        elif method in {"GET_PROPERTY", "SET_PROPERTY"}:
            if names != [_COMBINED]:
                self._refuse(control.id, _UNKNOWN, "Unknown property")
                return
            result = self._property(control)
        else:
            text = f"Invalid request: unknown variant `{method}`"
            self._refuse(control.id, _INVALID, text)
            return
        self._answer({"result": result, "id": control.id})

    def _change(self, method: str, names: list[str]) -> None:
        if method == "SUBSCRIBE":
            self.subscribe(names)
            return
        for name in names:
            self._names.pop(name, None)

    def _property(self, control: Control) -> bool | None:
        if control.method == "GET_PROPERTY":
            return self.is_combined
        self.is_combined = bool(control.params) and control.params[-1] is True
        return None

    def _refuse(self, number: int | str | None, code: int, text: str) -> None:
        self._answer({"error": {"code": code, "msg": text}, "id": number})

    def _answer(self, answer: dict[str, object]) -> None:
        self._socket.reply(msgspec.json.encode(answer).decode())
