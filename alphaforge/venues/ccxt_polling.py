"""Asks, again and again, for what a venue does not stream, or while its streams are down.

The same messages as streams would bring, less prompt: whoever reads them cannot tell. What was
told once is not told again. Must never stand in the way of an order: it asks last.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from alphaforge.errors import VenueError
from alphaforge.model.claims import FillReport, OrderStatusReport
from alphaforge.venues.base import StreamGap
from alphaforge.venues.ccxt_client import CcxtClient
from alphaforge.venues.ccxt_limiter import Priority
from alphaforge.venues.ccxt_outbox import Outbox
from alphaforge.venues.ccxt_tap import Kind
from alphaforge.venues.ccxt_values import Raw, mapping, rows

BUSY_SECONDS, QUIET_SECONDS = 1.0, 20.0
"""Between two questions while orders are open, and while none are."""

MARKET_SECONDS = 1.0
OVERLAP_NS = 60_000_000_000
"""Trades are asked for from so much before the last one seen."""

_FAILURES_UNTIL_TOLD = 3


class Account:
    """What the private poller asks; see `Venue` for each."""

    def __init__(
        self,
        open_orders: Callable[[], Awaitable[Sequence[OrderStatusReport]]],
        trades: Callable[[int], Awaitable[Sequence[FillReport]]],
        order: Callable[[str, str, str], Awaitable[OrderStatusReport]],
        now: Callable[[], int],
    ) -> None:
        """`now` is the venue's clock."""
        self.open_orders = open_orders
        self.trades = trades
        self.order = order
        self.now = now


class PrivatePoller:
    """Orders and trades of the account, by questions."""

    def __init__(
        self, account: Account, outbox: Outbox, is_needed: Callable[[], bool], pace: float = 1.0
    ) -> None:
        """`is_needed`: whether streams do not do it; `pace` stretches the pauses."""
        self._account = account
        self._outbox = outbox
        self._is_needed = is_needed
        self._pace = pace
        self._open: dict[tuple[str, str], OrderStatusReport] = {}
        self._seen: dict[tuple[str, str, str], int] = {}
        self._since = account.now() - OVERLAP_NS
        self._failures = 0
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Something happened to an order: ask soon."""
        self._nudged.set()

    async def run(self) -> None:
        """Ask until cancelled; after `begin`."""
        while True:
            is_quiet = self._is_needed() and not self._open
            seconds = QUIET_SECONDS if is_quiet else BUSY_SECONDS
            try:
                async with asyncio.timeout(self._pace * seconds):
                    await self._nudged.wait()
                await asyncio.sleep(self._pace * BUSY_SECONDS / 4)
            except TimeoutError:
                pass
            self._nudged.clear()
            if self._is_needed():
                await self._ask()
            else:
                self._leave_to_streams()

    def _leave_to_streams(self) -> None:
        """What was told while the streams are up is theirs: it is not asked for afterwards."""
        self._since = max(self._since, self._account.now() - OVERLAP_NS)
        self._seen.clear()

    async def begin(self) -> None:
        """Learn what is there already, which is no news; raises what the questions raise."""
        for each in await self._account.open_orders():
            self._open[each.symbol, each.venue_order_id] = each
        for fill in await self._account.trades(self._since):
            self._seen[fill.symbol, fill.side, fill.trade_id] = fill.ts

    async def _ask(self) -> None:
        """One round: trades after orders, so that a fill that ends an order is not missed."""
        try:
            await self._ask_orders()
            await self._ask_trades()
        except VenueError as error:
            self._failures += 1
            if self._failures == _FAILURES_UNTIL_TOLD:
                self._outbox.put(StreamGap(f"polling has no answer: {error}"))
        else:
            self._failures = 0

    async def _ask_orders(self) -> None:
        before, self._open = self._open, {}
        try:
            for each in await self._account.open_orders():
                self._open[each.symbol, each.venue_order_id] = each
                if before.pop((each.symbol, each.venue_order_id), None) != each:
                    self._outbox.put(each)
        except VenueError:
            self._open = before
            raise
        for (symbol, venue_order_id), last in before.items():
            try:
                self._outbox.put(await self._account.order(symbol, "", venue_order_id))
            except VenueError:
                # Nothing is concluded from a list it is not in: it is asked about again.
                self._open[symbol, venue_order_id] = last

    async def _ask_trades(self) -> None:
        since = self._since
        for fill in await self._account.trades(since):
            key = fill.symbol, fill.side, fill.trade_id
            if key not in self._seen:
                self._outbox.put(fill)
            self._seen[key] = fill.ts
            self._since = max(self._since, fill.ts - OVERLAP_NS)
        if self._since > since:
            self._seen = {key: ts for key, ts in self._seen.items() if ts >= self._since}


class PublicPoller:
    """Market data of one symbol, by questions."""

    def __init__(
        self,
        client: CcxtClient,
        symbol: str,
        methods: Sequence[str],
        take: Callable[[Kind, Raw], None],
        gap: Callable[[str], None],
        start: int,
    ) -> None:
        """`methods`: of `fetch_trades`, `fetch_ticker`, `fetch_order_book`; `symbol` is ccxt's.

        Prints from before `start` (venue time, ns) are not told.
        """
        self._client = client
        self._symbol = symbol
        self._methods = tuple(methods)
        self._take = take
        self._gap = gap
        self._start_ms = start // 1_000_000
        self._failures = 0

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            for method in self._methods:
                await self._try(method)
            await asyncio.sleep(MARKET_SECONDS)

    async def _try(self, method: str) -> None:
        try:
            await self._ask(method)
        except VenueError as error:
            self._failures += 1
            if self._failures == _FAILURES_UNTIL_TOLD:
                self._gap(f"polling {self._symbol} has no answer: {error}")
        else:
            self._failures = 0

    async def _ask(self, method: str) -> None:
        args = (self._start_ms,) if method == "fetch_trades" else ()
        answer = await self._client.call(method, self._symbol, *args, priority=Priority.DATA)
        if method == "fetch_trades":
            for each in rows(answer, "trades"):
                self._take(Kind.ROW, mapping(each, "trade"))
        elif method == "fetch_ticker":
            self._take(Kind.TICKER, mapping(answer, "ticker"))
        else:
            self._take(Kind.BOOK, {**mapping(answer, "book"), "symbol": self._symbol})
