"""What every dialect of the built-in exchange is given, and what it must be.

The floor holds the one exchange, its clock, its keys and its faults; a dialect puts them on the
wire as a real venue would. Must hold no rule of trading and no word of any dialect.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from aiohttp import web

from alphaforge.sandbox.api_keys import ApiKeys
from alphaforge.sandbox.candles import Candles
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.faults import Faults
from alphaforge.sandbox.limits import Budget, Used
from alphaforge.sandbox.sockets import Sockets

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Call(StrEnum):
    """What a request is about, whatever its path: faults are aimed at these."""

    CREATE = "create"
    CANCEL = "cancel"
    REPLACE = "replace"
    QUERY = "query"
    OPEN_ORDERS = "open_orders"
    TRADES = "trades"
    BALANCE = "balance"
    POSITIONS = "positions"
    MARKETS = "markets"
    TIME = "time"
    MARKET_DATA = "market_data"
    STREAM = "stream"
    OTHER = "other"


@dataclass(frozen=True)
class Route:
    """One path of a dialect.

    Attributes:
        weight: Of the request budget, in the venue's own units.
        is_private: Signed: the dialect checks it (`ApiKeys`), faults may tell it apart.
    """

    method: str
    path: str
    call: Call
    handler: Handler
    weight: int = 1
    is_private: bool = False


@dataclass(frozen=True)
class Refusing:
    """How a dialect writes an answer that a fault or a limit makes, in its own shape."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] | None = None


class Dialect(Protocol):
    """One venue's protocol.

    Attributes:
        name: The ccxt id of the client it answers: `binance`, `bybit`.
        hosts: Host names it answers to (test network and real), without port.
        prefixes: First path segments that are its own, for clients that come by address instead of
            by host name; no two dialects share one.
        test_hosts: Those of `hosts` that are the test network's.
    """

    name: str
    hosts: Sequence[str]
    test_hosts: Sequence[str]
    prefixes: Sequence[str]

    def routes(self) -> Sequence[Route]:
        """Every REST path and WebSocket path (`Call.STREAM`, method GET)."""
        ...

    def urls(self, address: str) -> Mapping[str, object]:
        """What to lay over a ccxt client's `urls['api']` to reach `address` without a resolver.

        Plain http and ws; `address` is `127.0.0.1:8123`.
        """
        ...

    def error(self, status: int, code: str, message: str, retry_after: int) -> Refusing:
        """An error answer in the dialect's shape: throttling, maintenance, a fault's own.

        Empty `code`: the venue's usual one for that status (401 a key it does not know, 418 a ban,
        429 too many requests, 503 maintenance, 200 a refusal inside a good answer), and empty
        `message` its usual words. `retry_after` in seconds; 0 = not told.
        """
        ...

    async def close(self) -> None:
        """Close every WebSocket."""
        ...


@runtime_checkable
class Metered(Protocol):
    """A dialect whose venue counts requests; the server keeps the count and answers 429 and 418.

    Attributes:
        budget: How much is allowed.
    """

    budget: Budget

    def payer(self, request: web.Request) -> str:
        """Whose count a request goes on: an address, an API key."""
        ...

    def budget_headers(self, used: Used) -> Mapping[str, str]:
        """How the venue tells the count in every answer."""
        ...


past: ContextVar[Exchange | None] = ContextVar("past", default=None)
"""The exchange as it was, for the one request that a `stale` fault struck."""


class Floor:
    """Everything a dialect needs.

    Attributes:
        clock: The exchange's time, ns UTC; a fault may skew it.
        keys: Who may ask what.
        candles: Bars of every listing, history included.
        faults: What is to go wrong. The server asks it for what dialects answer over HTTP; a
            request that comes over a WebSocket asks `faults.on_request(...)` itself.
        sockets: Where a dialect opens its WebSockets (`sockets.serve`): what a fault does to
            frames and connections happens there.
    """

    def __init__(
        self,
        exchange: Exchange,
        clock: Callable[[], int],
        keys: ApiKeys,
        candles: Candles,
        faults: Faults,
    ) -> None:
        self._exchange = exchange
        self.clock = clock
        self.keys = keys
        self.candles = candles
        self.faults = faults
        self.sockets = Sockets(faults)

    @property
    def exchange(self) -> Exchange:
        """The one that matches; synchronous, called on the loop.

        Ask the floor for it each time: inside a read that a `stale` fault struck it is the
        exchange as it was some seconds ago.
        """
        then = past.get()
        return self._exchange if then is None else then
