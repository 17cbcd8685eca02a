"""Binance spot, as an unmodified client of it sees it: REST, market streams and WebSocket API.

Puts the parts together and nothing else. Source of the protocol: the venue's public documentation
of its spot API, checked against what ccxt sends and reads.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec
from aiohttp import web

from alphaforge.sandbox.dialects.binance_account import Account
from alphaforge.sandbox.dialects.binance_calls import specs
from alphaforge.sandbox.dialects.binance_hosts import LIVE_HOSTS, PREFIXES, TEST_HOSTS, overlay
from alphaforge.sandbox.dialects.binance_market import MarketData
from alphaforge.sandbox.dialects.binance_rest import Rest
from alphaforge.sandbox.dialects.binance_rules import BUDGET
from alphaforge.sandbox.dialects.binance_socket_api import SocketApi
from alphaforge.sandbox.dialects.binance_streams import MarketStreams
from alphaforge.sandbox.dialects.binance_trading import Trading
from alphaforge.sandbox.dialects.binance_user import UserEvents
from alphaforge.sandbox.dialects.binance_words import NS_PER_MS, Symbols
from alphaforge.sandbox.floor import Call, Floor, Handler, Refusing, Route
from alphaforge.sandbox.limits import Used

_NS_PER_SECOND = 1_000_000_000
_BANNED = 418
_CODE = re.compile(r"-?[0-9]{1,9}")
_UNKNOWN_STATUS = (-1000, "An unknown error occurred while processing the request.")
_TOO_MUCH = (
    f"Too much request weight used; current limit is {BUDGET.weight} request weight per 1 MINUTE."
    " Please use WebSocket Streams for live updates to avoid polling the API."
)
_NO_ANSWER = (
    "Timeout waiting for response from backend server."
    " Send status unknown; execution status unknown."
)
_GARBLED = "An unexpected response was received from the message bus. Execution status unknown."
_USUAL: Mapping[int, tuple[int, str]] = {
    401: (-2015, "Invalid API-key, IP, or permissions for action."),
    429: (-1003, _TOO_MUCH),
    502: (-1006, _GARBLED),
    503: (-1001, "Internal error; unable to process your request. Please try again."),
    504: (-1007, _NO_ANSWER),
}
_STREAM_PATHS = ("/ws", "/ws/{tail:.*}", "/stream", "/stream/{tail:.*}")


class BinanceSpot:
    """The dialect; see `Dialect` and `Metered`."""

    name = "binance"
    hosts: Sequence[str] = (*LIVE_HOSTS, *TEST_HOSTS)
    test_hosts: Sequence[str] = TEST_HOSTS
    prefixes: Sequence[str] = PREFIXES
    budget = BUDGET

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        symbols = Symbols(floor)
        trading = Trading(floor, symbols)
        table = specs(MarketData(floor, symbols), Account(floor, symbols, trading), trading)
        self._streams = MarketStreams(self.name, floor, symbols)
        by_method = {spec.socket: spec for spec in table if spec.socket}
        self._api = SocketApi(self, floor, by_method, UserEvents(floor, symbols))
        rest = Rest(floor)
        self._routes = [rest.route(spec) for spec in table if spec.rest]
        for hear in (trading.hear, self._streams.hear, self._api.hear):
            floor.exchange.listeners.append(hear)

    def routes(self) -> Sequence[Route]:
        """See `Dialect`."""
        streams = [_stream(path, self._streams.serve) for path in _STREAM_PATHS]
        return [*self._routes, *streams, _stream("/ws-api/v3", self._api.serve)]

    def urls(self, address: str) -> Mapping[str, object]:
        """See `Dialect`."""
        return overlay(address)

    def error(self, status: int, code: str, message: str, retry_after: int) -> Refusing:
        """See `Dialect`."""
        number, text = self._usual(status, retry_after)
        own = int(code) if _CODE.fullmatch(code) else code
        told = {"code": own if code else number, "msg": message or text}
        headers = {"Retry-After": str(retry_after)} if retry_after else {}
        return Refusing(status, msgspec.json.encode(told), headers=headers)

    def _usual(self, status: int, retry_after: int) -> tuple[int, str]:
        if status != _BANNED:
            return _USUAL.get(status, _UNKNOWN_STATUS)
        until = (self._floor.clock() + retry_after * _NS_PER_SECOND) // NS_PER_MS
        text = "Way too much request weight used; IP banned until"
        return (
            -1003,
            f"{text} {until}. Please use WebSocket Streams for live updates to avoid bans.",
        )

    def payer(self, request: web.Request) -> str:
        """See `Metered`: the venue counts by address."""
        return request.remote or ""

    def budget_headers(self, used: Used) -> Mapping[str, str]:
        """See `Metered`."""
        headers = {
            "X-MBX-USED-WEIGHT": str(used.weight),
            "X-MBX-USED-WEIGHT-1M": str(used.weight),
        }
        if used.orders:
            headers["X-MBX-ORDER-COUNT-10S"] = str(used.orders)
        return headers

    async def close(self) -> None:
        """See `Dialect`: the floor's sockets are closed by the server."""


def _stream(path: str, handler: Handler) -> Route:
    return Route("GET", path, Call.STREAM, handler)
