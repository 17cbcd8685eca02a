"""Binance spot's WebSocket API: the REST calls over one socket, and the account's events on it.

Every request is signed by itself (`session.logon` needs another kind of key than these are).
Requests of one socket are answered in order. The venue's `rateLimits` are not told here: the
budget is kept for REST. Must never push an event to a socket that did not subscribe to it.
"""

import asyncio
from collections.abc import Callable, Mapping

import msgspec
from aiohttp import web

from alphaforge.sandbox.answering import blow
from alphaforge.sandbox.api_keys import ApiKey
from alphaforge.sandbox.dialects.binance_ask import Answer, Ask
from alphaforge.sandbox.dialects.binance_calls import Spec
from alphaforge.sandbox.dialects.binance_errors import BinanceError, refused
from alphaforge.sandbox.dialects.binance_params import Params
from alphaforge.sandbox.dialects.binance_rest import visitor_of
from alphaforge.sandbox.dialects.binance_signing import (
    Security,
    Visitor,
    admit,
    check_signature,
    json_payload,
)
from alphaforge.sandbox.dialects.binance_user import News, UserEvents, terminated
from alphaforge.sandbox.fault_answers import changed
from alphaforge.sandbox.fault_terms import Fate, Fault, FaultKind, Stream
from alphaforge.sandbox.floor import Call, Dialect, Floor
from alphaforge.sandbox.sockets import Socket
from alphaforge.sandbox.terms import RefusedError, Told

_SUBSCRIBE = "userDataStream.subscribe.signature"
_UNSUBSCRIBE = "userDataStream.unsubscribe"
_LIST = "session.subscriptions"
_BEAT_S = 1.0
_OK = 200

Id = int | str | None


class Asked(msgspec.Struct):
    """One request; its parameters keep the text they were written with."""

    method: str
    id: int | str | None = None
    params: dict[str, msgspec.Raw] = {}


class SocketApi:
    """Every WebSocket API connection of the dialect."""

    def __init__(
        self, dialect: Dialect, floor: Floor, specs: Mapping[str, Spec], events: UserEvents
    ) -> None:
        """`specs` by method."""
        self.dialect = dialect
        self.floor = floor
        self.specs = specs
        self._events = events
        self._talks: set[_Talk] = set()

    def hear(self, told: Told) -> None:
        """Pass on what the exchange tells to whom it concerns."""
        if not self._talks:
            return
        account, news = self._events.news(told)
        for talk in tuple(self._talks) if news else ():
            talk.deliver(account, news)

    def watch(self, account: str) -> None:
        """A socket listens to this account from here on."""
        self._events.watch(account)

    def unwatch(self, account: str) -> None:
        """A socket listens no more; perhaps another does."""
        if not any(talk.listens_to(account) for talk in self._talks):
            self._events.forget(account)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """A client's connection, until it leaves."""
        visitor = visitor_of(request)
        async with asyncio.TaskGroup() as group:
            beats: list[asyncio.Task[None]] = []

            def open_talk(socket: Socket) -> _Talk:
                talk = _Talk(socket, self, visitor)
                self._talks.add(talk)
                beats.append(group.create_task(talk.beat()))
                return talk

            try:
                return await self.floor.sockets.serve(
                    request, self.dialect.name, open_talk, is_private=True
                )
            finally:
                for beat in beats:
                    beat.cancel()

    def left(self, talk: "_Talk") -> None:
        """A connection is gone."""
        self._talks.discard(talk)


class _Talk:
    """One connection: its requests and its subscriptions."""

    def __init__(self, socket: Socket, api: SocketApi, visitor: Visitor) -> None:
        self._socket = socket
        self._api = api
        self._floor = api.floor
        self._visitor = visitor
        self._subscribed: dict[int, ApiKey] = {}
        self._numbered = 0
        self._own: Mapping[str, Callable[[Params], Answer]] = {
            _SUBSCRIBE: self._subscribe,
            _UNSUBSCRIBE: self._unsubscribe,
            _LIST: self._subscriptions,
        }

    def gone(self) -> None:
        """See `Talk`."""
        accounts = [key.account for key in self._subscribed.values()]
        self._subscribed.clear()
        self._api.left(self)
        for account in accounts:
            self._api.unwatch(account)

    # Requests ---------------------------------------------------------------------------------

    async def heard(self, text: str) -> None:
        """See `Talk`."""
        try:
            asked = msgspec.json.decode(text, type=Asked)
        except msgspec.DecodeError:
            error = BinanceError(-1135, "Invalid JSON Request")
            self._socket.reply(_refusal(None, error).decode())
            return
        reply = await self._through(asked)
        if reply:
            self._socket.reply(reply.decode())

    async def _through(self, asked: Asked) -> bytes:
        """The reply, past whatever goes wrong; empty for none."""
        fate = self._fate(asked)
        if fate.delay:
            await asyncio.sleep(fate.delay)
        if fate.before is not None:
            return self._struck(fate.before, asked.id)
        reply = self._reply(asked)
        if fate.after is not None:
            return self._struck(fate.after, asked.id)
        for fault in fate.changes:
            reply = changed(reply, fault)
        return reply

    def _fate(self, asked: Asked) -> Fate:
        spec = self._api.specs.get(asked.method)
        call = spec.call if spec is not None else Call.STREAM
        symbol = Params.of_json({"symbol": asked.params.get("symbol", msgspec.Raw(b'""'))})
        return self._floor.faults.on_request(
            self._api.dialect.name,
            call,
            symbol.text("symbol"),
            private=spec is None or spec.is_private,
        )

    def _struck(self, fault: Fault, number: Id) -> bytes:
        if fault.kind is FaultKind.HANG:
            return b""
        if fault.kind is FaultKind.DROP:
            self._socket.cut()
            return b""
        response = blow(self._api.dialect, fault)
        body = response.body if isinstance(response.body, bytes) else b""
        try:
            error: object = msgspec.json.decode(body)
        except msgspec.DecodeError:
            return body
        return msgspec.json.encode({"id": number, "status": response.status, "error": error})

    def _reply(self, asked: Asked) -> bytes:
        try:
            result = self._result(asked)
        except BinanceError as error:
            return _refusal(asked.id, error)
        except RefusedError as error:
            return _refusal(asked.id, refused(error))
        return msgspec.json.encode({"id": asked.id, "status": _OK, "result": result})

    def _result(self, asked: Asked) -> Answer:
        params = Params.of_json(asked.params)
        own = self._own.get(asked.method)
        if own is not None:
            return own(params)
        spec = self._api.specs.get(asked.method)
        if spec is None:
            raise BinanceError(-1020, "This operation is not supported.")
        now = self._floor.clock()
        key = self._admitted(params, spec.security, now)
        return spec.operation(Ask(params, now, key))

    def _admitted(self, params: Params, security: Security, now: int) -> ApiKey | None:
        name = params.text("apiKey")
        key = admit(self._floor.keys, security, name, self._visitor, now)
        if key is not None and security is not Security.KEY:
            check_signature(key, params, json_payload(params), now)
        return key

    # Subscriptions ----------------------------------------------------------------------------

    def listens_to(self, account: str) -> bool:
        """Whether this connection has subscribed to an account's events."""
        return any(key.account == account for key in self._subscribed.values())

    def _subscribe(self, params: Params) -> Answer:
        key = self._admitted(params, Security.USER_DATA, self._floor.clock())
        params.finish()
        if key is None or self.listens_to(key.account):
            raise BinanceError(-2035, "User Data Stream subscription already active.")
        number, self._numbered = self._numbered, self._numbered + 1
        self._subscribed[number] = key
        self._api.watch(key.account)
        return {"subscriptionId": number}

    def _unsubscribe(self, params: Params) -> Answer:
        number = params.integer("subscriptionId")
        params.finish()
        for each in [number] if number is not None else list(self._subscribed):
            key = self._subscribed.pop(each, None)
            if key is None:
                raise BinanceError(-2036, "User Data Stream subscription not active.")
            self._api.unwatch(key.account)
        return {}

    def _subscriptions(self, params: Params) -> Answer:
        params.finish()
        return [{"subscriptionId": number} for number in self._subscribed]

    def deliver(self, account: str, news: list[News]) -> None:
        """Push an account's events to the subscriptions to it."""
        for number, key in self._subscribed.items():
            if key.account == account:
                for each in news:
                    self._push(number, each)

    def _push(self, number: int, news: News) -> None:
        frame = {"subscriptionId": number, "event": news.event}
        self._socket.push(news.stream, msgspec.json.encode(frame).decode(), news.symbol)

    async def beat(self) -> None:
        """End the subscriptions whose key is gone, until cancelled."""
        while True:
            await asyncio.sleep(_BEAT_S)
            now = self._floor.clock()
            for number, key in tuple(self._subscribed.items()):
                if self._floor.keys.find(key.key) != key or key.is_expired(now):
                    self._push(number, News(Stream.ORDERS, "", terminated(now)))
                    del self._subscribed[number]
                    self._api.unwatch(key.account)


def _refusal(number: Id, error: BinanceError) -> bytes:
    told = {"id": number, "status": error.status, "error": error.told()}
    return msgspec.json.encode(told)
