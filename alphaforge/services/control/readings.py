"""What can be read of a run at any moment, whether anybody is attached or not.

For requests that are answered once; who wants to be told of changes subscribes to the hub. Must
change nothing but what is only shown.
"""

import msgspec

from alphaforge.client.market_records import BarRow, BookRow, TapeRow
from alphaforge.client.messages import Watch
from alphaforge.client.records import OrderRow
from alphaforge.engine.markets import SymbolState
from alphaforge.errors import NotFoundError
from alphaforge.services.control.host import Host
from alphaforge.services.control.market_rows import book_row, tape_row
from alphaforge.services.control.views import Views
from alphaforge.services.control.watched import Watched


class Readings:
    """The rows of a run, asked for one by one.

    Attributes:
        views: Where they are made.
    """

    def __init__(self, host: Host) -> None:
        """Begin to listen; before the run's first Step, so that no fill is missed."""
        self.views = Views(host)
        self._host = host
        views = self.views
        self._watched = Watched(host.engine, views.candles, views.chart, views.indicators)

    def rows(self, channel: str) -> list[msgspec.Struct]:
        """Every row of a channel as it stands now, oldest first; raises `NotFoundError`."""
        return self.views.rows(channel)

    def order_row(self, order_id: str) -> OrderRow | None:
        """One order as it stands now; None for one that is not at hand (see the store)."""
        return self.views.orders.row(order_id)

    async def bars(
        self, symbol: str, kind: str, limit: int, before: int | None = None
    ) -> list[BarRow]:
        """The newest candles that begin before `before` (ns), those of before the run included.

        Raises `NotFoundError` for a symbol, `UsageError` for a kind that is not here.
        """
        self._state(symbol)
        self._watched.check(Watch(symbol=symbol, depth=0, kind=kind))
        await self.views.chart.ask_earlier(symbol, kind)
        return [*self._watched.bars(symbol, kind, limit, before).bars]

    def book(self, symbol: str, depth: int) -> BookRow:
        """The best levels; raises `NotFoundError` for a symbol that is not here."""
        self._host.watch_book(symbol)
        return book_row(self._state(symbol), self.views.candles.market(symbol), depth)

    def tape(self, symbol: str, limit: int) -> list[TapeRow]:
        """The newest public trades, oldest first; raises `NotFoundError` likewise."""
        self._state(symbol)
        market = self.views.candles.market(symbol)
        trades = [*market.tape][-limit:] if market is not None and limit > 0 else []
        return [tape_row(each) for each in trades]

    def log(self, level: str, source: str, message: str) -> None:
        """Say a line of the engine's log."""
        self.views.news.line(self._host.now(), level, source, message)

    def show_killed(self) -> None:
        """Show that the kill switch was used."""
        self.views.pulse.killed = True

    def show_armed(self) -> None:
        """Show that it was taken back."""
        self.views.pulse.killed = False

    def _state(self, symbol: str) -> SymbolState:
        state = self._host.engine.markets.states.get(symbol)
        if state is None:
            known = ", ".join(self._host.engine.markets.states)
            raise NotFoundError(f"no symbol `{symbol[:40]}` here", remedy=f"symbols here: {known}")
        return state
