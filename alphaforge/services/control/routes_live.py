"""What a running engine answers about itself: lists, candles, book, tape, one order, its health.

Every row is made by the views; here they are filtered and paged. Must change nothing but what was
read: an alert that somebody acknowledged.
"""

from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeVar

import msgspec
from msgspec.structs import asdict

from alphaforge import __version__
from alphaforge.client.answers import ConnectionRow, EngineAnswer, HealthRecord, TripRow
from alphaforge.client.market_records import BarRow, BookRow, TapeRow
from alphaforge.client.records import (
    AlertRow,
    CurvePoint,
    EngineRecord,
    FillRow,
    LogRow,
    MarketRow,
    OrderRow,
    PositionRow,
    RiskRow,
    SignalRow,
    StrategyRow,
    SummaryRow,
    VenueRow,
)
from alphaforge.client.requests import Accepted, KillRecord
from alphaforge.client.times import ns_of
from alphaforge.engine.portfolio import ClosedPosition
from alphaforge.engine.strategies import RunState
from alphaforge.errors import NotFoundError, UsageError
from alphaforge.model.numbers import plain
from alphaforge.services.control.access import Scope
from alphaforge.services.control.asked import order_id_of, symbol_of
from alphaforge.services.control.kill import KillSwitch
from alphaforge.services.control.metrics import metrics_text
from alphaforge.services.control.publisher import Hub
from alphaforge.services.control.route import MOST_ROWS, USUAL_ROWS, Asking, Route, Rows, Text, page
from alphaforge.services.control.row_texts import time_text
from alphaforge.services.control.tally import Tally
from alphaforge.services.control.writes import OrderDesk
from alphaforge.services.stored_rows import order_row
from alphaforge.store.order_reads import open_order_reader

_PAGED: Final[dict[str, tuple[str, type[msgspec.Struct], str]]] = {
    "orders": ("orders", OrderRow, "order_id"),
    "fills": ("trades", FillRow, "number"),
    "trades": ("trades", FillRow, "number"),
    "pnl": ("pnl", CurvePoint, "ts"),
    "signals": ("signals", SignalRow, "signal_id"),
    "alerts": ("alerts", AlertRow, "number"),
    "log": ("log", LogRow, "number"),
}
"""List → its channel, its rows, and the field by which it is paged, newest first."""

_WHOLE: Final[dict[str, tuple[str, type[msgspec.Struct]]]] = {
    "positions": ("positions", PositionRow),
    "strategies": ("strategies", StrategyRow),
    "risk": ("risk", RiskRow),
    "market": ("market", MarketRow),
    "venues": ("venues", VenueRow),
}
"""List → its channel and rows, all in one answer."""

_FILTERS: Final = ("symbol", "strategy")
_DEEPEST: Final = 50
_LARGEST: Final = 10**9 - 1
_READY: Final = frozenset({"READY", "SIMULATED"})
_METRICS_KIND: Final = "text/plain; version=0.0.4; charset=utf-8"

Item = TypeVar("Item")


class LiveRoutes:
    """Reads of one running engine."""

    def __init__(
        self, hub: Hub, record: EngineRecord, orders: OrderDesk, kill: KillSwitch, tally: Tally
    ) -> None:
        self._hub = hub
        self._host = hub.views.host
        self._record = record
        self._orders = orders
        self._kill = kill
        self._tally = tally

    def routes(self) -> list[Route]:
        """All of them."""
        live = "/api/live/"
        return [
            *self._lists(live),
            Route("GET", f"{live}summary", self.summary, SummaryRow, "The run as a whole."),
            Route(
                "GET", f"{live}ws-connections", self.connections, ConnectionRow,
                "Open WebSockets.", is_list=True,
            ),
            Route(
                "GET", f"{live}closed-positions", self.trips, TripRow,
                "Round trips, newest first.", query=("limit", "before", *_FILTERS), is_list=True,
            ),
            Route("GET", "/api/engine", self.engine, EngineAnswer, "The engine that answers."),
            Route("GET", "/api/health", self.health, HealthRecord, "Whether to look at it."),
            Route("GET", "/metrics", self.metrics, None, "Figures for Prometheus."),
            Route("GET", "/api/kill", self.killing, KillRecord, "How far a kill is."),
            Route("GET", "/api/orders/{id}", self.order, OrderRow, "One order."),
            Route(
                "GET", "/api/book", self.book, BookRow, "The best levels of a symbol.",
                query=("symbol", "depth"),
            ),
            Route(
                "GET", "/api/tape", self.tape, TapeRow, "Public trades, newest first.",
                query=("symbol", "limit"), is_list=True,
            ),
            Route(
                "GET", "/api/bars", self.bars, BarRow, "Candles of a symbol, oldest first.",
                query=("symbol", "kind", "limit", "before"), is_list=True,
            ),
            Route(
                "POST", "/api/alerts/{number}/ack", self.acknowledge, Accepted,
                "Somebody has read an alert; `all` for every one.", scope=Scope.TRADE,
            ),
        ]  # fmt: skip

    def _lists(self, live: str) -> list[Route]:
        found: list[Route] = []
        for name, (channel, row, key) in _PAGED.items():
            query = ("limit", "before", *(each for each in _FILTERS if _has(row, each)))
            query = (*query, "open") if name == "orders" else query
            handle = partial(self.newest, channel, key)
            doc = f"{name.capitalize()}, newest first."
            found.append(Route("GET", live + name, handle, row, doc, query=query, is_list=True))
        for name, (channel, row) in _WHOLE.items():
            query = tuple(each for each in _FILTERS if _has(row, each))
            handle = partial(self.whole, channel)
            doc = f"{name.capitalize()}."
            found.append(Route("GET", live + name, handle, row, doc, query=query, is_list=True))
        return found

    # Lists ------------------------------------------------------------------------------------

    async def newest(self, channel: str, key: str, asking: Asking) -> Rows:
        """A page of a long list."""
        rows = self._filtered(self._hub.rows(channel), asking)
        if asking.flag("open"):
            rows = [row for row in rows if getattr(row, "is_open", True)]
        field = attrgetter(key)
        return page(rows, lambda row: str(field(row)), asking)

    async def whole(self, channel: str, asking: Asking) -> Rows:
        """A short list."""
        return Rows(self._filtered(self._hub.rows(channel), asking))

    def _filtered(self, rows: Sequence[Item], asking: Asking) -> list[Item]:
        tests = self._tests(asking)
        return [row for row in rows if all(test(row) for test in tests)]

    def _tests(self, asking: Asking) -> list[Callable[[object], bool]]:
        """What a row must be to be answered."""
        wanted = {name: asking.query[name] for name in _FILTERS if asking.query.get(name)}
        if "symbol" in wanted:
            wanted["symbol"] = symbol_of(self._host.engine, wanted["symbol"])
        return [partial(_matches, name, value) for name, value in wanted.items()]

    async def connections(self, asking: Asking) -> Rows:
        """Who is connected."""
        del asking
        return Rows(self._tally.connections)

    async def trips(self, asking: Asking) -> Rows:
        """Closed positions, the newest first; only those that are answered are looked at."""
        closed = self._host.engine.portfolio.closed_positions
        limit = asking.number("limit", USUAL_ROWS, 1, MOST_ROWS)
        tests = self._tests(asking)
        number = min(asking.number("before", len(closed) + 1, 1, _LARGEST), len(closed) + 1)
        rows: list[TripRow] = []
        while number > 1 and len(rows) < limit:
            number -= 1
            if all(test(closed[number - 1]) for test in tests):
                rows.append(_trip(number, closed[number - 1]))
        return Rows(rows, str(number) if number > 1 else None)

    # Single things ----------------------------------------------------------------------------

    async def summary(self, asking: Asking) -> SummaryRow:
        """The run as a whole."""
        del asking
        return self._hub.views.summary()

    async def engine(self, asking: Asking) -> EngineAnswer:
        """The engine without its tokens."""
        summary = self._hub.views.summary()
        known: dict[str, Any] = asdict(self._record)
        known["read_token"] = known["trade_token"] = ""
        return EngineAnswer(
            **known,
            state=summary.state,
            risk_state=summary.risk_state,
            killed=summary.killed,
            now=summary.now,
            scope=asking.caller.scope.value,
        )

    async def health(self, asking: Asking) -> HealthRecord:
        """Whether somebody should look."""
        del asking
        host = self._host
        venues = {view.name: view.state for view in host.venues()}
        reasons = self._why_degraded(venues)
        status = "killed" if self._kill.is_used else ("degraded" if reasons else "ok")
        return HealthRecord(
            run_id=host.run.run_id,
            version=__version__,
            status=status,
            reasons=tuple(reasons),
            state=host.state,
            now=time_text(host.now()) or "",
            venues=venues,
            errors=self._tally.by_class(),
            connections=len(self._tally.connections),
            dropped_events=host.dropped,
        )

    def _why_degraded(self, venues: dict[str, str]) -> list[str]:
        engine = self._host.engine
        reasons = [f"{name} is {state}" for name, state in venues.items() if state not in _READY]
        failed = [
            name
            for name, runner in engine.strategies.runners.items()
            if runner.state is RunState.FAILED
        ]
        reasons += [f"strategy {name} failed" for name in failed]
        if engine.execution.doubtful:
            reasons.append(f"{len(engine.execution.doubtful)} orders are in doubt")
        if self._host.dropped:
            reasons.append(f"{self._host.dropped} market events were not shown")
        return reasons

    async def metrics(self, asking: Asking) -> Text:
        """Figures for Prometheus."""
        del asking
        return Text(metrics_text(self._hub, self._tally).encode(), _METRICS_KIND)

    async def killing(self, asking: Asking) -> KillRecord:
        """How far a kill is."""
        del asking
        return self._kill.record()

    async def order(self, asking: Asking) -> OrderRow:
        """One order, by our id, our client id or the venue's; an old one from the store."""
        given = asking.names["id"]
        try:
            return self._orders.row(given)
        except NotFoundError:
            stored = await self._stored(order_id_of(given))
            if stored is None:
                raise
            return stored

    async def _stored(self, order_id: str) -> OrderRow | None:
        """An order of this run that is at hand no more; None for one that never was."""
        if not self._host.store_url:
            return None
        async with open_order_reader(self._host.store_url, self._host.run.run_id) as reader:
            found = await reader.order(order_id)
        return order_row(found) if found is not None else None

    async def acknowledge(self, asking: Asking) -> Accepted:
        """Somebody has read an alert, or all of them."""
        given, news = asking.names["number"], self._hub.views.news
        if given == "all":
            return Accepted(message=f"{news.acknowledge_all()} alerts acknowledged")
        number = int(given) if given.isascii() and given.isdigit() else 0
        if news.acknowledge(number) is None:
            raise NotFoundError(
                f"there is no alert {given[:20]!r}", remedy="see them: alphaforge alerts list"
            )
        return Accepted(message=f"alert {number} acknowledged")

    # The market -------------------------------------------------------------------------------

    def _symbol(self, asking: Asking) -> str:
        given = asking.query.get("symbol", "")
        if not given:
            known = ", ".join(self._host.engine.markets.states)
            raise UsageError("no symbol was given", remedy=f"write symbol=…; there are: {known}")
        return symbol_of(self._host.engine, given)

    async def book(self, asking: Asking) -> BookRow:
        """The best levels of a symbol."""
        return self._hub.book(self._symbol(asking), asking.number("depth", 20, 1, _DEEPEST))

    async def tape(self, asking: Asking) -> Rows:
        """Public trades, the newest first."""
        trades = self._hub.tape(self._symbol(asking), asking.number("limit", 100, 1, MOST_ROWS))
        return Rows(list(trades)[::-1])

    async def bars(self, asking: Asking) -> Rows:
        """Candles that begin before `before`, the newest of them, oldest first.

        The earliest may come from the venue; `next` leads further into the past.
        """
        limit, given = asking.number("limit", 300, 1, MOST_ROWS), asking.query.get("before", "")
        try:
            before = ns_of(given) if given else None
        except ValueError:
            raise UsageError(
                f"before={given[:40]} is no time", remedy="write it as ts_open is written"
            ) from None
        kind = asking.query.get("kind", "1m")
        rows = await self._hub.bars(self._symbol(asking), kind, limit, before)
        return Rows(rows, rows[0].ts_open if len(rows) == limit else None)


def _has(row: type[msgspec.Struct], field: str) -> bool:
    return field in row.__struct_fields__


def _matches(name: str, value: str, row: object) -> bool:
    return getattr(row, name, None) == value


def _trip(number: int, closed: ClosedPosition) -> TripRow:
    return TripRow(
        number=number,
        symbol=closed.symbol,
        strategy=closed.strategy,
        side=closed.side.value,
        quantity=plain(closed.quantity),
        realized_pnl=plain(closed.realized_pnl),
        fees=plain(closed.fees),
        opened=time_text(closed.ts_open) or "",
        closed=time_text(closed.ts_close) or "",
    )
