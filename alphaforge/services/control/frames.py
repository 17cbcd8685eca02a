"""Brings every channel's table up to the engine: all of it for the first who looks, then changes.

Works in slices: rows are made between two events, and the loop gets a turn after half a
millisecond. Must number nothing and send nothing.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeAlias

import msgspec

from alphaforge.client.messages import CHANNELS
from alphaforge.client.records import AlertRow, FillRow, LogRow, SignalRow, SummaryRow
from alphaforge.engine.valuation import Account
from alphaforge.services.clock import Clock
from alphaforge.services.control.channels import Table
from alphaforge.services.control.host import Host
from alphaforge.services.control.news_rows import KEEP
from alphaforge.services.control.order_rows import KEEP_ENDED
from alphaforge.services.control.views import RUN, Keyed, Views

HOLD_NS: Final = 500_000
"""How long rows are made before the loop gets a turn."""

MOST_REMEASURED: Final = 200
"""Working orders whose distance is measured again in one turn."""

MOST_ORDERS: Final = 2_500
"""Rows of orders that clients hold: working and ended ones; more are paged by HTTP."""

_KEPT: Final = {
    "orders": MOST_ORDERS,
    "trades": KEEP_ENDED,
    "alerts": KEEP,
    "signals": KEEP,
    "log": KEEP,
}
"""Channels that grow at one end and lose at the other, and how many rows they hold."""

NewsRow: TypeAlias = FillRow | AlertRow | SignalRow | LogRow


class Frames:
    """The tables of all channels.

    Attributes:
        tables: By channel.
    """

    def __init__(self, host: Host, views: Views, clock: Clock) -> None:
        self.tables = {name: Table(name, _KEPT.get(name, 0)) for name in CHANNELS}
        self._host = host
        self._views = views
        self._clock = clock
        self._told: dict[str, int] = {}
        self._curve_at = ""
        self._summary: SummaryRow | None = None
        self._markets: dict[str, object] = {}
        self._until = 0

    async def fill(self, account: Account) -> None:
        """Every row there is, for the first who comes."""
        views = self._views
        await self._in_slices(views.orders.refresh())
        views.orders.fresh.clear()
        rows = dict(sorted(views.orders.rows.items()))
        await self._in_slices(self._put("orders", rows.items()))
        self.tables["orders"].drop_all_but(rows)
        self._told.clear()
        self._curve_at, self._summary = "", None
        self._markets.clear()
        await self.refresh(account)
        await self.refresh_slowly()
        await self.refresh_news()

    async def refresh(self, account: Account) -> None:
        """What events of the engine can have changed."""
        views = self._views
        await self._give_way()
        await self._in_slices(views.orders.refresh())
        views.orders.remeasure(MOST_REMEASURED)
        await self.breathe()
        await self._in_slices(self._put_orders())
        await self._in_slices(self._put("market", self._market_rows()))
        await self._in_slices(self.tables["positions"].putting_all(views.positions()))
        await self._in_slices(self.tables["strategies"].putting_all(views.strategies.rows()))
        self._put_summary(account)
        await self.breathe()

    async def refresh_slowly(self) -> None:
        """What is looked at once a second; from here on every symbol is looked at again."""
        orders = self._views.orders
        await self._in_slices(orders.sizes.measure(orders.rows))
        self._markets.clear()
        self._summary = None
        self.tables["risk"].put_all(self._views.risk())
        self.tables["venues"].put_all(self._views.venues())

    async def refresh_news(self) -> None:
        """What was added: fills, alerts, signals, lines, points of the curve."""
        await self._in_slices(self._news())

    def _news(self) -> Iterator[None]:
        views, news = self._views, self._views.news
        views.fills.refresh()
        yield from self._put_new("trades", views.fills.last, views.fills.rows)
        yield from self._put_new("alerts", news.last_alert, news.alerts)
        self._put_acknowledged()
        yield from self._put_new("signals", news.last_signal, news.signals)
        yield from self._put_new("log", news.last_line, news.log)
        points = views.standing.points
        if points and self._curve_at != points[-1].ts:
            self._curve_at = points[-1].ts
            yield from self.tables["pnl"].putting_all(views.curve())

    def _put_acknowledged(self) -> None:
        """Alerts that somebody has read, unless they are gone already."""
        table, news = self.tables["alerts"], self._views.news
        for row in news.changed:
            if str(row.number) in table:
                table.put(str(row.number), row)
        news.changed.clear()

    def _put_new(self, channel: str, last: int, rows: Sequence[NewsRow]) -> Iterator[None]:
        """The rows after the last one told; `last` counts all there ever were."""
        table, told = self.tables[channel], self._told.get(channel, 0)
        self._told[channel] = last
        table.truncated = last > len(rows)
        for row in [*islice(reversed(rows), last - told)][::-1]:
            table.put(row.signal_id if isinstance(row, SignalRow) else str(row.number), row)
            yield

    async def _in_slices(self, work: Iterable[object]) -> None:
        """Do some work bit by bit, giving the loop a turn in between."""
        for _ in work:
            if self._clock.steady_ns() >= self._until:
                await self._give_way()
        await self.breathe()

    async def breathe(self) -> None:
        """Give the loop a turn if it was held for long enough."""
        if self._clock.steady_ns() >= self._until:
            await self._give_way()

    async def _give_way(self) -> None:
        await asyncio.sleep(0)
        self._until = self._clock.steady_ns() + HOLD_NS

    def _put_orders(self) -> Iterator[None]:
        orders, table = self._views.orders, self.tables["orders"]
        table.truncated |= orders.truncated
        for order_id in sorted(orders.moved - orders.fresh):
            orders.moved.discard(order_id)
            if order_id in table and order_id in orders.rows:
                table.put(order_id, orders.rows[order_id])
            yield
        for order_id in sorted(orders.fresh):
            orders.fresh.discard(order_id)
            row = orders.rows.get(order_id)
            if row is None:
                table.drop(order_id)
            else:
                table.put(order_id, row)
            yield

    def _put(self, channel: str, rows: Iterable[Keyed]) -> Iterator[None]:
        table = self.tables[channel]
        for key, row in rows:
            table.put(key, row)
            yield

    def _market_rows(self) -> Iterator[Keyed]:
        """Symbols of which something came in."""
        views = self._views
        venues = {view.name: view for view in self._host.venues()}
        for symbol, state in tuple(self._host.engine.markets.states.items()):
            market = views.candles.market(symbol)
            mark = (market.received, market.trades, state.last) if market is not None else None
            if symbol not in self._markets or self._markets[symbol] != mark:
                self._markets[symbol] = mark
                yield symbol, views.markets.row(symbol, venues)

    def _put_summary(self, account: Account) -> None:
        """The run as a whole; its clock alone is no news but once a second."""
        row = self._views.summary(account)
        timeless = msgspec.structs.replace(row, now="")
        if self._summary != timeless:
            self._summary = timeless
            self.tables["portfolio"].put(RUN, row)
