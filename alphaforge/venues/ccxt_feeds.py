"""Which streams a venue has, which of its parts are polled instead, and both running.

Private streams tell of orders and trades, public ones of the market. While a private stream is
down, the poller does its work. Must never leave a symbol without quotes because the venue has no
stream of that name.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any

from alphaforge.errors import VenueUnavailableError
from alphaforge.venues.base import StreamGap, VenueHealth, Watch
from alphaforge.venues.ccxt_account import CcxtAccount
from alphaforge.venues.ccxt_connecting import Clients
from alphaforge.venues.ccxt_map import Names
from alphaforge.venues.ccxt_outbox import Outbox
from alphaforge.venues.ccxt_polling import Account, PrivatePoller, PublicPoller
from alphaforge.venues.ccxt_reading import PublicReading, take_private
from alphaforge.venues.ccxt_streams import StreamKeeper
from alphaforge.venues.ccxt_tap import Kind, Raw, Stream

OPEN_SECONDS = 15.0
"""How long the first subscriptions may take."""

TOGETHER_SECONDS = 3.0
"""How long a gap waits for market streams that were lost with the others."""

FLOOD_SECONDS = 5.0
"""The same complaint about market data is told again after so long."""

_PUBLIC_METHODS = {Watch.TRADES: "watch_trades", Watch.BOOK: "watch_order_book"}
_POLLED = {
    Watch.TRADES: "fetch_trades",
    Watch.QUOTES: "fetch_ticker",
    Watch.BOOK: "fetch_order_book",
}


class Feeds:
    """Everything that one venue pushes, or is asked for instead."""

    def __init__(
        self,
        clients: Clients,
        account: CcxtAccount | None,
        names: Names,
        outbox: Outbox,
        health: VenueHealth,
    ) -> None:
        self._clients = clients
        self._names = names
        self._outbox = outbox
        self._health = health
        self._reading = PublicReading(names, outbox, clients.clock)
        self._public = StreamKeeper(clients.data, self._reading.take, self._public_gap, health)
        self._private: StreamKeeper | None = None
        self._poller: PrivatePoller | None = None
        if clients.trade is not None and account is not None:
            self._private = StreamKeeper(clients.trade, self._take_private, self._gap, health)
            asked = Account(account.open_orders, account.trades, account.order, clients.clock.now)
            self._poller = PrivatePoller(asked, outbox, self._is_private_down)
        self._watched: set[tuple[str, Watch]] = set()
        self._subscribed: set[tuple[str, str]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._failures: list[BaseException] = []
        self._loop = asyncio.get_running_loop()
        self._reasons: list[str] = []
        self._public_reasons: dict[str, float] = {}
        self._tell_by = 0.0

    async def open(self) -> None:
        """Subscribe to orders and trades, and to prints and quotes of every symbol.

        Raises `VenueUnavailableError` if the streams do not come up.
        """
        if self._private is not None:
            self._open_private(self._private)
        for symbol in self._names.symbols:
            self.watch(symbol, Watch.TRADES)
            self.watch(symbol, Watch.QUOTES)
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                if self._private is not None:
                    await self._private.until_up()
                await self._public.until_up()
        except TimeoutError:
            down = [each for each in self._streams if not each.is_up]
            names = ", ".join(each.name for each in down)
            trouble = "; ".join(dict.fromkeys(each.trouble for each in down if each.trouble))
            raise VenueUnavailableError(
                f"{self._names.profile.title}: no stream of {names}: {trouble or 'no answer'}"
            ) from None
        if self._poller is not None:
            await self._poller.begin()
            self._start(self._poller.run())

    def watch(self, symbol: str, what: Watch) -> None:
        """Have a public stream of a symbol (ccxt's) too."""
        if (symbol, what) in self._watched:
            return
        self._watched.add((symbol, what))
        if what is Watch.BOOK:
            self._reading.want_book(symbol)
        method = self._method(symbol, what)
        if not method:
            self._poll(symbol, what)
        elif (symbol, method) not in self._subscribed:
            self._subscribed.add((symbol, method))
            args: object = [symbol] if method == "watch_bids_asks" else symbol
            self._public.open(Stream(f"{what.value} of {symbol}", method, args))

    def expect(self) -> None:
        """The venue took a request of ours: a private stream, or the poller, must tell."""
        if self._private is not None and self._private.streams:
            self._private.expect()
        if self._poller is not None and self._is_private_down():
            self._poller.nudge()

    async def close(self) -> None:
        """End every stream and poller."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        try:
            await self._public.close()
        finally:
            if self._private is not None:
                await self._private.close()
        if self._failures:
            raise self._failures[0]

    # Private ----------------------------------------------------------------------------------

    def _open_private(self, keeper: StreamKeeper) -> None:
        for name, method in (("orders", "watch_orders"), ("trades", "watch_my_trades")):
            if self._clients.trade is not None and self._clients.trade.streams(method):
                keeper.open(Stream(f"our {name}", method, is_private=True))

    def _is_private_down(self) -> bool:
        """Whether questions must do what streams do not."""
        private = self._private
        wanted = 2  # orders and trades
        return private is None or len(private.streams) < wanted or not private.is_up

    def _take_private(self, kind: Kind, raw: Raw) -> None:
        take_private(self._names, self._outbox, kind, raw)

    # Public -----------------------------------------------------------------------------------

    @property
    def _streams(self) -> list[Stream]:
        private = self._private.streams if self._private is not None else []
        return [*private, *self._public.streams]

    def _method(self, symbol: str, what: Watch) -> str:
        """The method that streams it; empty where it must be polled."""
        data = self._clients.data
        if what is not Watch.QUOTES:
            method = _PUBLIC_METHODS[what]
            return method if data.streams(method) else ""
        if data.streams("watch_bids_asks"):
            return "watch_bids_asks"
        if data.streams("watch_order_book"):
            self._reading.quote_by_book(symbol)
            return "watch_order_book"
        return "watch_ticker" if data.streams("watch_ticker") else ""

    def _poll(self, symbol: str, what: Watch) -> None:
        now = self._clients.clock.now()
        methods = [_POLLED[what]]
        poller = PublicPoller(
            self._clients.data, symbol, methods, self._reading.take, self._public_gap, now
        )
        self._start(poller.run())

    # Gaps and tasks ---------------------------------------------------------------------------

    def _public_gap(self, reason: str) -> None:
        self._reading.begin_again()
        now = self._loop.time()
        # What can not be read comes in floods; one look at the account is enough for each.
        if self._public_reasons.get(reason, 0.0) <= now:
            self._public_reasons = {reason: now + FLOOD_SECONDS}
            self._gap(reason)
        self._tell_gap()

    def _gap(self, reason: str) -> None:
        self._reasons.append(reason)
        self._tell_by = self._tell_by or self._loop.time() + TOGETHER_SECONDS
        self._tell_gap()

    def _tell_gap(self) -> None:
        """Tell it once what follows is whole: lost streams mostly come back together.

        A market stream that stays away must not keep the account from being looked at.
        """
        if not self._reasons:
            return
        private = self._private is None or self._private.is_whole
        late = self._loop.time() >= self._tell_by
        if private and (self._public.is_whole or late):
            reasons, self._reasons = self._reasons, []
            self._tell_by = 0.0
            self._outbox.put(StreamGap("; ".join(dict.fromkeys(reasons))))
        elif not late:
            self._loop.call_at(self._tell_by, self._tell_gap)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._failures.append(error)
            self._gap(f"a poller ended: {error}")
