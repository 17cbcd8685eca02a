"""What Bybit's sockets say and hear: auth, subscribe, ping, and orders over the trade socket.

Must never let a socket that has not proved a key see or do anything private.
"""

import asyncio
from collections.abc import Mapping
from typing import Protocol, cast

import msgspec

from alphaforge.sandbox.api_keys import ApiKey
from alphaforge.sandbox.dialects.bybit_asked import Answer, Asked, Json, read_object, run
from alphaforge.sandbox.dialects.bybit_errors import NO_ROUTE, PARAMS, BybitError
from alphaforge.sandbox.dialects.bybit_names import milliseconds
from alphaforge.sandbox.dialects.bybit_private_streams import PrivateStreams
from alphaforge.sandbox.dialects.bybit_public_streams import PublicStreams
from alphaforge.sandbox.dialects.bybit_signing import (
    Visitor,
    check_socket,
    check_time,
    check_trading,
)
from alphaforge.sandbox.faults import Fault, FaultKind
from alphaforge.sandbox.floor import Call, Floor
from alphaforge.sandbox.sockets import Socket

_NOT_AUTHORIZED = "Request not authorized"


class Watching(Protocol):
    """What a socket subscribes to."""

    def check(self, topic: str) -> None:
        """Raises `BybitError` for a topic there is none of."""
        ...

    def subscribe(self, topic: str) -> None:
        """From here on."""
        ...

    def unsubscribe(self, topic: str) -> None:
        """No more."""
        ...

    def forget(self) -> None:
        """The socket is gone."""
        ...


class _Public:
    def __init__(self, streams: PublicStreams, socket: Socket) -> None:
        self._streams, self._socket = streams, socket

    def check(self, topic: str) -> None:
        self._streams.check(topic)

    def subscribe(self, topic: str) -> None:
        self._streams.subscribe(self._socket, topic)

    def unsubscribe(self, topic: str) -> None:
        self._streams.unsubscribe(self._socket, topic)

    def forget(self) -> None:
        self._streams.forget(self._socket)


class _Private:
    def __init__(self, streams: PrivateStreams, socket: Socket, account: str) -> None:
        self._streams, self._socket, self._account = streams, socket, account

    def check(self, topic: str) -> None:
        self._streams.check(topic)

    def subscribe(self, topic: str) -> None:
        self._streams.subscribe(self._account, self._socket, topic)

    def unsubscribe(self, topic: str) -> None:
        self._streams.unsubscribe(self._account, self._socket, topic)

    def forget(self) -> None:
        self._streams.forget(self._account, self._socket)


class _Talk:
    """What every socket does alike.

    Attributes:
        watching: What it may subscribe to; None until it may.
    """

    def __init__(self, socket: Socket, floor: Floor, conn_id: str) -> None:
        self.watching: Watching | None = None
        self._socket = socket
        self._floor = floor
        self._conn_id = conn_id

    async def heard(self, text: str) -> None:
        """Answer one frame; what is no request is told so."""
        try:
            asked = read_object(text)
        except BybitError as error:
            self._answer("", {}, error.message, is_done=False)
            return
        await self._do(str(asked.get("op", "")), asked)

    async def _do(self, op: str, asked: Mapping[str, object]) -> None:
        match op:
            case "ping":
                self._pong(asked)
            case "subscribe" | "unsubscribe":
                self._subscribe(op, asked)
            case _:
                self._answer(op, asked, f"error:unknown op {op}", is_done=False)

    def gone(self) -> None:
        """Forget what it watched."""
        if self.watching is not None:
            self.watching.forget()

    def _pong(self, asked: Mapping[str, object]) -> None:
        self._answer("ping", asked, "pong", is_done=True)

    def _subscribe(self, op: str, asked: Mapping[str, object]) -> None:
        """All topics of a request or, if one of them does not exist, none."""
        if self.watching is None:
            self._answer(op, asked, _NOT_AUTHORIZED, is_done=False)
            return
        topics = _texts(asked.get("args"))
        try:
            for topic in topics:
                self.watching.check(topic)
        except BybitError as error:
            self._answer(op, asked, error.message, is_done=False)
            return
        self._answer(op, asked, op if op == "subscribe" else "", is_done=True)
        for topic in topics:
            act = self.watching.subscribe if op == "subscribe" else self.watching.unsubscribe
            act(topic)

    def _answer(self, op: str, asked: Mapping[str, object], words: str, *, is_done: bool) -> None:
        frame: Json = {"success": is_done, "ret_msg": words, "conn_id": self._conn_id}
        if "req_id" in asked:
            frame["req_id"] = str(asked["req_id"])
        self._reply(frame | {"op": op})

    def _reply(self, frame: Json) -> None:
        self._socket.reply(msgspec.json.encode(frame).decode())


class PublicTalk(_Talk):
    """A public socket of one category."""

    def __init__(self, socket: Socket, floor: Floor, conn_id: str, streams: PublicStreams) -> None:
        super().__init__(socket, floor, conn_id)
        self.watching = _Public(streams, socket)


class _KeyedTalk(_Talk):
    """A socket that proves a key first; one that cannot may try again."""

    def __init__(self, socket: Socket, floor: Floor, conn_id: str, visitor: Visitor) -> None:
        super().__init__(socket, floor, conn_id)
        self._visitor = visitor
        self._key: ApiKey | None = None

    async def _do(self, op: str, asked: Mapping[str, object]) -> None:
        if op == "auth":
            self._authenticate(asked)
        else:
            await super()._do(op, asked)

    def _authenticate(self, asked: Mapping[str, object]) -> None:
        name, expires, signature = (*_texts(asked.get("args")), "", "", "")[:3]
        try:
            known = check_socket(
                self._floor.keys, (name, expires, signature), self._visitor, self._floor.clock()
            )
        except BybitError as error:
            self._refuse(asked, error)
            return
        self._key = known
        self._welcome(asked, known.account)

    def _refuse(self, asked: Mapping[str, object], error: BybitError) -> None:
        self._answer("auth", asked, error.message, is_done=False)

    def _welcome(self, asked: Mapping[str, object], account: str) -> None:
        raise NotImplementedError


class PrivateTalk(_KeyedTalk):
    """A private socket."""

    def __init__(
        self,
        socket: Socket,
        floor: Floor,
        conn_id: str,
        visitor: Visitor,
        streams: PrivateStreams,
    ) -> None:
        super().__init__(socket, floor, conn_id, visitor)
        self._streams = streams

    def _welcome(self, asked: Mapping[str, object], account: str) -> None:
        self.watching = _Private(self._streams, self._socket, account)
        self._answer("auth", asked, "", is_done=True)

    def _pong(self, asked: Mapping[str, object]) -> None:
        now = str(milliseconds(self._floor.clock()))
        frame: Json = {"op": "pong", "args": [now], "conn_id": self._conn_id}
        if "req_id" in asked:
            frame["req_id"] = str(asked["req_id"])
        self._reply(frame)


class TradeTalk(_KeyedTalk):
    """A trade socket: orders in, acknowledgements out."""

    def __init__(
        self,
        socket: Socket,
        floor: Floor,
        conn_id: str,
        visitor: Visitor,
        answers: Mapping[str, tuple[Call, Answer]],
    ) -> None:
        super().__init__(socket, floor, conn_id, visitor)
        self._answers = answers

    def _welcome(self, asked: Mapping[str, object], account: str) -> None:  # noqa: ARG002 - whose: no topics here
        self._envelope("auth", asked, 0, "OK")

    def _refuse(self, asked: Mapping[str, object], error: BybitError) -> None:
        self._envelope("auth", asked, error.code, error.message)

    def _pong(self, asked: Mapping[str, object]) -> None:
        now = str(milliseconds(self._floor.clock()))
        self._envelope("pong", asked, 0, "OK", [now])

    async def _do(self, op: str, asked: Mapping[str, object]) -> None:
        if op in {"auth", "ping"}:
            await super()._do(op, asked)
            return
        call, answer = self._answers.get(op, (Call.OTHER, None))
        if answer is None:
            self._envelope(op, asked, NO_ROUTE, "op not found")
            return
        params = _params(asked)
        symbol = str(params.get("symbol", ""))
        fate = self._floor.faults.on_request("bybit", call, symbol, private=True)
        if fate.delay:
            await asyncio.sleep(fate.delay)
        if fate.before is not None:
            self._strike(op, asked, fate.before)
            return
        code, words, data = self._act(answer, asked, params)
        if fate.after is not None:
            self._strike(op, asked, fate.after)
        else:
            self._envelope(op, asked, code, words, data)

    def _act(
        self, answer: Answer, asked: Mapping[str, object], params: Mapping[str, object]
    ) -> tuple[int, str, object]:
        key = self._key
        if key is None:
            return PARAMS, _NOT_AUTHORIZED, {}
        header = _object(asked.get("header"))
        stamp = str(header.get("X-BAPI-TIMESTAMP", ""))
        window = str(header.get("X-BAPI-RECV-WINDOW", ""))
        try:
            check_time(stamp, window, self._floor.clock())
            check_trading(key)
            return 0, "OK", run(answer, Asked(self._floor, params, key))
        except BybitError as error:
            return error.code, error.message, {}

    def _strike(self, op: str, asked: Mapping[str, object], fault: Fault) -> None:
        """What a fault does instead of an answer."""
        if fault.kind is FaultKind.HANG:
            return
        if fault.kind is FaultKind.DROP:
            self._socket.cut()
            return
        code = int(fault.code) if fault.code.isdigit() else _CODES.get(fault.kind, 10016)
        self._envelope(op, asked, code, fault.message or "Server error.")

    def _envelope(
        self,
        op: str,
        asked: Mapping[str, object],
        code: int,
        words: str,
        data: object | None = None,
    ) -> None:
        now = milliseconds(self._floor.clock())
        frame: Json = {
            "retCode": code,
            "retMsg": words,
            "op": op,
            "data": {} if data is None else data,
            "retExtInfo": {},
            "header": {"Timenow": str(now)},
            "connId": self._conn_id,
        }
        if "reqId" in asked:
            frame = {"reqId": str(asked["reqId"])} | frame
        self._reply(frame)


_CODES = {FaultKind.THROTTLE: 10006, FaultKind.BAN: 10018, FaultKind.REVOKED: 10003}


def _texts(told: object) -> list[str]:
    if not isinstance(told, list):
        return []
    return [str(each) for each in cast("list[object]", told)]


def _params(asked: Mapping[str, object]) -> Mapping[str, object]:
    told = asked.get("args")
    parts = cast("list[object]", told) if isinstance(told, list) else []
    return _object(parts[0]) if parts else {}


def _object(told: object) -> Mapping[str, object]:
    return cast("dict[str, object]", told) if isinstance(told, dict) else {}
