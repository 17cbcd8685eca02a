"""Talks to one engine: requests with their answers, and the stream of what changes.

A socket that goes away is `EngineLostError`, and for a request that changes something it says
that it may have happened; nothing is ever sent twice. aiohttp is loaded when a connection is
opened, not before. Must hold no row: that is the mirror's.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, TypeVar

import msgspec

from alphaforge.client.errors import ControlError, EngineLostError, error_of, unreadable
from alphaforge.client.messages import Resend, ServerMessage, Watch
from alphaforge.client.mirror import decode_message
from alphaforge.client.records import EngineRecord
from alphaforge.client.requests import Problem

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession, ClientWebSocketResponse

Answer = TypeVar("Answer")

Parameter = str | int | float | bool | None
"""Of a query; None is left out, True is sent as 1 and False left out."""

READ_SECONDS: Final = 10.0
CHANGE_SECONDS: Final = 30.0
"""An order waits for its venue's answer within this."""

SILENT_SECONDS: Final = 5.0
"""A stream beats twice a second: one that says nothing for so long is lost."""

_OK: Final = 300
_LARGEST_FRAME: Final = 64 * 1024 * 1024
_FRAME_TEXT: Final = 1
_FRAME_BINARY: Final = 2
_NOTHING: Final = msgspec.Raw(b"{}")


class Connection:
    """An open way to an engine: `async with Connection(record) as engine`.

    Attributes:
        record: The engine it leads to; None for a bare address.
        name: What it is called in errors.
    """

    def __init__(self, record: EngineRecord | None, address: str = "", token: str = "") -> None:
        """By the socket of `record`; where it is None by `address`, see `tcp`."""
        self.record = record
        self.name = f"the engine at {address}" if record is None else f"run {record.run_id}"
        self._path = record.socket if record is not None else ""
        self._base = f"http://{address or 'localhost'}"
        self._token = token
        self._session: ClientSession | None = None

    @classmethod
    def tcp(cls, address: str, token: str) -> Self:
        """By `host:port` and a token; without one only what needs none is answered."""
        return cls(None, address, token)

    async def __aenter__(self) -> Self:
        from aiohttp import ClientSession, TCPConnector, UnixConnector  # noqa: PLC0415 - slow

        connector = UnixConnector(self._path) if self._path else TCPConnector(limit=8)
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        self._session = ClientSession(connector=connector, headers=headers, trust_env=False)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let the sockets go; streams of it end."""
        if self._session is not None:
            await self._session.close()

    async def get(self, path: str, **params: Parameter) -> bytes:
        """What a path answers; raises a `ControlError` for anything but 2xx."""
        return await self._ask("GET", path, None, params, READ_SECONDS)

    async def get_as(self, path: str, kind: type[Answer], **params: Parameter) -> Answer:
        """The same, decoded."""
        return self._decode(await self.get(path, **params), kind)

    async def post(
        self,
        path: str,
        body: msgspec.Struct | None,
        kind: type[Answer],
        **params: Parameter,
    ) -> Answer:
        """Ask for something to be done; `EngineLostError.may_have_happened` if no answer came."""
        return self._decode(await self._ask("POST", path, body, params, CHANGE_SECONDS), kind)

    async def patch(self, path: str, body: msgspec.Struct, kind: type[Answer]) -> Answer:
        """Change something that is there; as `post`."""
        return self._decode(await self._ask("PATCH", path, body, {}, CHANGE_SECONDS), kind)

    def stream(self, channel: str = "all", watch: Watch | None = None) -> "Stream":
        """The channel's messages as they come: `async for message in connection.stream()`."""
        return Stream(self, channel, watch)

    async def open_socket(self, channel: str) -> "ClientWebSocketResponse":
        """The WebSocket of a channel; for `Stream`."""
        from aiohttp import ClientError, WSServerHandshakeError  # noqa: PLC0415 - slow

        try:
            async with asyncio.timeout(READ_SECONDS):
                return await self._open_session().ws_connect(
                    f"{self._base}/ws/{channel}", max_msg_size=_LARGEST_FRAME, autoping=True
                )
        except WSServerHandshakeError as error:
            raise ControlError(
                f"{self.name} does not stream {channel}: it answered {error.status}",
                remedy="an engine reached by TCP wants its read token",
            ) from error
        except (ClientError, OSError, TimeoutError) as error:
            raise self._lost(error) from error

    async def _ask(
        self,
        method: str,
        path: str,
        body: msgspec.Struct | None,
        params: Mapping[str, Parameter],
        seconds: float,
    ) -> bytes:
        from aiohttp import ClientConnectorError, ClientError  # noqa: PLC0415 - slow

        changes = method != "GET"
        query = {name: _text(value) for name, value in params.items() if _is_sent(value)}
        data = msgspec.json.encode(_NOTHING if body is None else body) if changes else None
        headers = {"Content-Type": "application/json"} if changes else {}
        try:
            async with (
                asyncio.timeout(seconds),
                self._open_session().request(
                    method, self._base + path, params=query, data=data, headers=headers
                ) as response,
            ):
                content = await response.read()
        except ClientConnectorError as error:
            raise self._lost(error) from error
        except TimeoutError as error:
            raise self._silent(seconds, changes=changes) from error
        except (ClientError, OSError) as error:
            raise self._lost_underway(error) if changes else self._lost(error) from error
        if response.status >= _OK:
            raise self._refused(response, content)
        return content

    def _open_session(self) -> "ClientSession":
        if self._session is None or self._session.closed:
            raise EngineLostError(f"the connection to {self.name} is closed")
        return self._session

    def _refused(self, response: "ClientResponse", content: bytes) -> ControlError:
        try:
            return error_of(msgspec.json.decode(content, type=Problem))
        except msgspec.DecodeError:
            return ControlError(
                f"{self.name} answered {response.status} {response.reason} to "
                f"{response.method} {response.url.path}"
            )

    def _decode(self, content: bytes, kind: type[Answer]) -> Answer:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError as error:
            raise unreadable(str(error)) from error

    def _lost(self, error: BaseException) -> EngineLostError:
        return EngineLostError(
            f"{self.name} cannot be reached: {_reason(error)}",
            remedy="see what runs: alphaforge status",
        )

    def _lost_underway(self, error: BaseException) -> EngineLostError:
        return EngineLostError(
            f"{self.name} went away before it answered ({_reason(error)}): what was asked may "
            "have been done",
            remedy=self._look_first(),
            may_have_happened=True,
        )

    def _silent(self, seconds: float, *, changes: bool) -> EngineLostError:
        doubt = ": what was asked may have been done" if changes else ""
        return EngineLostError(
            f"{self.name} has not answered for {seconds:g} s{doubt}",
            remedy=self._look_first() if changes else "see what it does: alphaforge logs",
            may_have_happened=changes,
        )

    def _look_first(self) -> str:
        run = f" --run {self.record.run_id}" if self.record is not None else ""
        return f"look before doing it again: alphaforge orders{run}"


class Stream:
    """The messages of one channel; opened by the first of them, closed with its connection.

    Raises `EngineLostError` when the socket goes away or says nothing for `SILENT_SECONDS`.
    """

    def __init__(self, connection: Connection, channel: str, watch: Watch | None) -> None:
        self._connection = connection
        self._channel = channel
        self._watch = watch
        self._socket: ClientWebSocketResponse | None = None
        self.bytes_read = 0

    def __aiter__(self) -> AsyncIterator[ServerMessage]:
        return self

    async def __anext__(self) -> ServerMessage:
        socket = await self.open()
        try:
            frame = await socket.receive(timeout=SILENT_SECONDS)
        except TimeoutError as error:
            await self.close()
            name = self._connection.name
            raise EngineLostError(f"{name} has said nothing for {SILENT_SECONDS:g} s") from error
        if frame.type not in {_FRAME_TEXT, _FRAME_BINARY}:
            reason = f" ({frame.extra})" if frame.extra else ""
            await self.close()
            raise EngineLostError(f"{self._connection.name} ended the stream{reason}")
        self.bytes_read += len(frame.data)
        return decode_message(frame.data)

    async def open(self) -> "ClientWebSocketResponse":
        """Open it now, and send what is watched; without effect when it is open."""
        if self._socket is None:
            self._socket = await self._connection.open_socket(self._channel)
            if self._watch is not None:
                await self._send(self._watch)
        return self._socket

    async def watch(self, watch: Watch) -> None:
        """Also this symbol's book, tape and candles from now on."""
        self._watch = watch
        if self._socket is not None:
            await self._send(watch)

    async def resend(self, channel: str) -> None:
        """Ask for a channel's snapshot: a number was missing."""
        await self._send(Resend(channel=channel))

    async def close(self) -> None:
        """End it; without effect when it never began."""
        if self._socket is not None:
            await self._socket.close()

    async def _send(self, message: Resend | Watch) -> None:
        from aiohttp import ClientError  # noqa: PLC0415 - slow

        socket = await self.open()
        try:
            await socket.send_str(msgspec.json.encode(message).decode())
        except (ClientError, OSError) as error:
            raise EngineLostError(
                f"{self._connection.name} ended the stream: {_reason(error)}"
            ) from error


def _is_sent(value: Parameter) -> bool:
    return value is not None and value is not False


def _text(value: Parameter) -> str:
    return "1" if value is True else str(value)


def _reason(error: BaseException) -> str:
    """The system's own words where there are some."""
    cause = getattr(error, "os_error", error)
    words = getattr(cause, "strerror", None) or str(cause)
    return words or type(error).__name__
