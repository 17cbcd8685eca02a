"""The Bybit v5 dialect: spot and linear contracts of the one exchange, as Bybit writes them.

A second protocol beside Binance's that shares no word with it: signed headers instead of a signed
query, refusals inside HTTP 200, acknowledgements that say nothing about an order, an amend that
keeps the id. Must never trade by rules of its own: every rule is the exchange's.
"""

from collections.abc import Mapping, Sequence

import msgspec
from aiohttp import web

from alphaforge.sandbox.dialects.bybit_account import AccountReads
from alphaforge.sandbox.dialects.bybit_asked import Gate, failure
from alphaforge.sandbox.dialects.bybit_errors import BybitError
from alphaforge.sandbox.dialects.bybit_ghosts import Ghosts
from alphaforge.sandbox.dialects.bybit_market import Market
from alphaforge.sandbox.dialects.bybit_names import milliseconds
from alphaforge.sandbox.dialects.bybit_order_reads import OrderReads
from alphaforge.sandbox.dialects.bybit_orders import Orders
from alphaforge.sandbox.dialects.bybit_private_streams import PrivateStreams
from alphaforge.sandbox.dialects.bybit_public_streams import PublicStreams
from alphaforge.sandbox.dialects.bybit_shapes import Shapes
from alphaforge.sandbox.dialects.bybit_sockets import PrivateTalk, PublicTalk, TradeTalk
from alphaforge.sandbox.dialects.bybit_tallies import Tallies
from alphaforge.sandbox.dialects.bybit_wealth import Wealth
from alphaforge.sandbox.floor import Call, Floor, Handler, Refusing, Route
from alphaforge.sandbox.limits import Budget, Used
from alphaforge.sandbox.terms import Told

_TEST_HOSTS = (
    "api-testnet.bybit.com",
    "stream-testnet.bybit.com",
    "api-demo.bybit.com",
    "stream-demo.bybit.com",
)
_LIVE_HOSTS = ("api.bybit.com", "api.bytick.com", "stream.bybit.com")
_STREAMED = ("spot", "linear", "inverse", "option")

_CODES = {401: 10003, 403: 10010, 418: 10018, 429: 10006}
_WORDS = {
    401: "API key is invalid.",
    418: "IP rate limit exceeded: access too frequent",
    429: "Too many visits. Exceeded the API Rate Limit.",
    503: "Service is under maintenance, please try again later.",
}
_SERVER_ERROR, _SERVER_WORDS = 10016, "Server error."
_IN_GOOD_ANSWER = frozenset({200, 401, 429})
"""Bybit tells these with HTTP 200; a banned address (418) gets 403."""


class BybitV5:
    """Bybit v5 for ccxt's `bybit` client, unmodified.

    Attributes:
        budget: 600 requests within 5 s, as Bybit allows one address; 50 new orders a second, as it
            allows larger customers.
    """

    name = "bybit"
    hosts: Sequence[str] = (*_LIVE_HOSTS, *_TEST_HOSTS)
    test_hosts: Sequence[str] = _TEST_HOSTS
    prefixes: Sequence[str] = ("v5",)

    def __init__(self, floor: Floor) -> None:
        self.budget = Budget(weight=600, window_s=5, orders=50, orders_window_s=1)
        self._floor = floor
        tallies = Tallies(floor.exchange)
        shapes = Shapes(floor.exchange, tallies)
        wealth = Wealth(tallies)
        ghosts = Ghosts()
        self._private = PrivateStreams(floor, shapes, wealth, tallies)
        self._public = {each: PublicStreams(floor, each) for each in _STREAMED}
        self._orders = Orders(shapes, ghosts, self._private.tell)
        self._gate = Gate(floor, frozenset(_TEST_HOSTS), frozenset(self.hosts))
        self._parts = (
            Market(floor),
            AccountReads(wealth),
            self._orders,
            OrderReads(shapes, ghosts),
        )
        self._connections = 0
        floor.exchange.listeners.append(self._hear)

    def _hear(self, told: Told) -> None:
        self._private.hear(told)
        for each in self._public.values():
            each.hear(told)

    def routes(self) -> Sequence[Route]:
        """Every path."""
        found = [route for part in self._parts for route in part.routes(self._gate)]
        found.extend(
            _stream(f"/v5/public/{each}", self._public_handler(each)) for each in _STREAMED
        )
        found.append(_stream("/v5/private", self._serve_private))
        found.append(_stream("/v5/trade", self._serve_trade))
        return found

    def _conn_id(self) -> str:
        self._connections += 1
        return f"local-{self._connections}"

    def _public_handler(self, category: str) -> Handler:
        streams = self._public[category]

        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._floor.sockets.serve(
                request,
                self.name,
                lambda socket: PublicTalk(socket, self._floor, self._conn_id(), streams),
            )

        return serve

    async def _serve_private(self, request: web.Request) -> web.StreamResponse:
        visitor = self._gate.visitor(request)
        return await self._floor.sockets.serve(
            request,
            self.name,
            lambda socket: PrivateTalk(
                socket, self._floor, self._conn_id(), visitor, self._private
            ),
            is_private=True,
        )

    async def _serve_trade(self, request: web.Request) -> web.StreamResponse:
        visitor = self._gate.visitor(request)
        answers = {
            "order.create": (Call.CREATE, self._orders.create),
            "order.amend": (Call.REPLACE, self._orders.amend),
            "order.cancel": (Call.CANCEL, self._orders.cancel),
        }
        return await self._floor.sockets.serve(
            request,
            self.name,
            lambda socket: TradeTalk(socket, self._floor, self._conn_id(), visitor, answers),
            is_private=True,
        )

    def urls(self, address: str) -> Mapping[str, object]:
        """What to lay over `urls['api']`: every REST group, and the sockets of both kinds."""
        rest = dict.fromkeys(("spot", "futures", "v2", "public", "private"), f"http://{address}")
        stream = f"ws://{address}/v5"
        private = f"{stream}/private"
        return {
            **rest,
            "ws": {
                "public": {each: f"{stream}/public/{each}" for each in _STREAMED},
                "private": {
                    "spot": {"unified": private, "nonUnified": private},
                    "contract": private,
                    "usdc": private,
                    "trade": f"{stream}/trade",
                },
            },
        }

    def error(self, status: int, code: str, message: str, retry_after: int) -> Refusing:
        """The envelope; refusals that Bybit tells with HTTP 200 keep that status."""
        number = int(code) if code.lstrip("-").isdigit() else _CODES.get(status, _SERVER_ERROR)
        words = message or _WORDS.get(status, _SERVER_WORDS)
        now = self._floor.clock()
        body = msgspec.json.encode(failure(BybitError(number, words), now))
        headers: dict[str, str] = {}
        if retry_after:
            reset = milliseconds(now) + retry_after * 1_000
            headers["X-Bapi-Limit-Reset-Timestamp"] = str(reset)
        sent = 200 if status in _IN_GOOD_ANSWER else 403 if status == 418 else status  # noqa: PLR2004 - the one that differs
        return Refusing(sent, body, headers=headers or None)

    def payer(self, request: web.Request) -> str:
        """The key, or where there is none that is known the address."""
        name = request.headers.get("X-BAPI-API-KEY", "")
        is_known = self._floor.keys.find(name) is not None
        return name if is_known else request.remote or ""

    def budget_headers(self, used: Used) -> Mapping[str, str]:
        """`X-Bapi-Limit`, what is left of it, and when it is whole again (ms)."""
        left = max(0, used.budget.orders - used.orders)
        return {
            "X-Bapi-Limit": str(used.budget.orders),
            "X-Bapi-Limit-Status": str(left),
            "X-Bapi-Limit-Reset-Timestamp": str(milliseconds(used.resets_at)),
        }

    async def close(self) -> None:
        """Stop the beats; the floor closes the sockets."""
        for each in self._public.values():
            each.close()


def _stream(path: str, handler: Handler) -> Route:
    return Route("GET", path, Call.STREAM, handler)
