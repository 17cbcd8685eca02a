"""Everything a run shows of itself, channel by channel: the parts, put together.

START HERE for what a client sees: a Step or alert marks what changed → a reader asks for rows →
`order_rows`, `account_rows`, `strategy_rows`, `market_rows`, `news_rows`, `curve` make them from
the engine between two events. Must never change what it looks at.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import TypeAlias

import msgspec

from alphaforge.client.records import CurvePoint, FillRow, SummaryRow
from alphaforge.engine.valuation import Account
from alphaforge.errors import NotFoundError
from alphaforge.model.events import Alert, Signal
from alphaforge.model.step import Step
from alphaforge.services.control.account_rows import Pulse, position_rows, risk_rows, summary_row
from alphaforge.services.control.candle_kinds import BarSource, Chart
from alphaforge.services.control.candles import Candles
from alphaforge.services.control.curve import Standing
from alphaforge.services.control.host import Host
from alphaforge.services.control.indicator_series import IndicatorSeries
from alphaforge.services.control.market_rows import MarketRows, venue_row
from alphaforge.services.control.news_rows import NewsRows
from alphaforge.services.control.order_rows import FillRows, OrderRows
from alphaforge.services.control.strategy_rows import StrategyRows

Keyed: TypeAlias = tuple[str, msgspec.Struct]
"""(key, row)."""

RUN = "run"
"""Key of the one row of `portfolio`."""


class Past(msgspec.Struct, kw_only=True):
    """What a run that goes on has behind it, from its store: oldest first throughout.

    Attributes:
        fills: The newest ones, numbered; `fills_before` counts all there ever were.
        orders: Submitted ones, by strategy.
        curve: (engine time, point).
        peak: Highest equity so far; None where nobody knows.
    """

    fills: tuple[FillRow, ...] = ()
    fills_before: int = 0
    orders: dict[str, int] = {}
    alerts: tuple[Alert, ...] = ()
    signals: tuple[Signal, ...] = ()
    curve: tuple[tuple[int, CurvePoint], ...] = ()
    peak: Decimal | None = None


class Moment:
    """Where an engine stood when somebody began to look: what is older is behind it."""

    def __init__(self, host: Host) -> None:
        execution = host.engine.execution
        self.run_id = host.run.run_id
        self.now = execution.now
        self.sequence = host.engine.sequence
        self.fills = execution.counts.fills
        self.submitted = execution.counts.submitted
        self.started = host.run.started

    @property
    def has_past(self) -> bool:
        """Whether anything of the run is in its store that was not seen."""
        return bool(self.fills or self.submitted)


class Views:
    """The rows of one run.

    Attributes:
        pulse: Figures that others measure, for the summary.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        engine = host.engine
        self.pulse = Pulse()
        self.orders = OrderRows(engine)
        self.fills = FillRows()
        self.news = NewsRows()
        self.standing = Standing()
        self.candles = Candles(engine.markets.states)
        self.chart = Chart(self.candles, self._bar_source)
        self.indicators = IndicatorSeries(engine, self.candles)
        self.strategies = StrategyRows(host, self.orders, self.standing)
        self.markets = MarketRows(engine, self.candles)
        host.on_step.append(self.saw)
        host.on_alert.append(self.news.alert)

    def saw(self, step: Step) -> None:
        """Note what a Step changed."""
        if step.events:
            self.orders.saw(step)
        if step.fills:
            self.fills.saw(step)
        for alert in step.alerts:
            self.news.alert(alert)
        for signal in step.signals:
            self.news.signal(signal)

    def seed(self, past: Past) -> None:
        """Put what a run that goes on has behind it first; before anybody is shown anything."""
        self.fills.seed(past.fills, past.fills_before)
        for name, count in past.orders.items():
            self.orders.submitted[name] = self.orders.submitted.get(name, 0) + count
        self.news.seed(past.alerts, past.signals)
        if past.curve and past.peak is not None:
            self.standing.seed(past.curve, past.peak)

    def look(self) -> Account:
        """The account now, noted in its curve."""
        engine = self.host.engine
        return self.standing.look(engine, engine.execution.now)

    def summary(self, account: Account | None = None) -> SummaryRow:
        """The run as a whole."""
        self.pulse.alerts = self.news.unread
        self.pulse.risk_reason = self.news.risk_reason
        account = account or self.host.engine.valuation.account()
        return summary_row(self.host, account, self.standing, self.pulse)

    # Channels ---------------------------------------------------------------------------------

    def rows(self, channel: str) -> list[msgspec.Struct]:
        """Every row of a channel as it stands now, oldest first; raises `NotFoundError`."""
        if channel == "portfolio":
            return [self.summary()]
        if channel in {"orders", "positions"}:
            self._make_order_rows()
        elif channel == "risk":
            self.bring_orders_up()
        makers = {
            "orders": self.order_rows,
            "positions": self.positions,
            "trades": self.trades,
            "pnl": self.curve,
            "strategies": self.strategies.rows,
            "signals": self.signals,
            "alerts": self.alerts,
            "risk": self.risk,
            "market": self.market,
            "venues": self.venues,
            "log": self.log,
        }
        if channel not in makers:
            raise NotFoundError(f"there is no channel {channel[:40]!r}")
        return [row for _, row in makers[channel]()]

    def bring_orders_up(self) -> None:
        """Make the rows of all orders that changed, and find the largest, at once."""
        self._make_order_rows()
        for _ in self.orders.sizes.measure(self.orders.rows):
            pass

    def _make_order_rows(self) -> None:
        for _ in self.orders.refresh():
            pass

    def order_rows(self) -> Iterator[Keyed]:
        """Orders that work and the newest that ended, as last brought up."""
        return iter(sorted(self.orders.rows.items()))

    def positions(self) -> Iterator[Keyed]:
        """Positions that are not flat."""
        return position_rows(self.host.engine, self.orders)

    def trades(self) -> Iterator[Keyed]:
        """Our newest fills."""
        self.fills.refresh()
        return ((str(row.number), row) for row in self.fills.rows)

    def curve(self) -> Iterator[Keyed]:
        """Equity so far."""
        return ((point.ts, point) for point in self.standing.points)

    def signals(self) -> Iterator[Keyed]:
        """The newest signals."""
        return ((row.signal_id, row) for row in self.news.signals)

    def alerts(self) -> Iterator[Keyed]:
        """The newest alerts."""
        return ((str(row.number), row) for row in self.news.alerts)

    def log(self) -> Iterator[Keyed]:
        """The newest lines."""
        return ((str(row.number), row) for row in self.news.log)

    def risk(self) -> Iterator[Keyed]:
        """Every limit."""
        rows = risk_rows(self.host.engine, self.orders.sizes)
        return ((row.name, row) for row in rows)

    def market(self) -> Iterator[Keyed]:
        """Every symbol."""
        views = {view.name: view for view in self.host.venues()}
        for symbol in self.host.engine.markets.states:
            yield symbol, self.markets.row(symbol, views)

    def venues(self) -> Iterator[Keyed]:
        """Every venue."""
        for view in self.host.venues():
            yield view.name, venue_row(self.host, self.candles, view)

    def _bar_source(self, symbol: str) -> BarSource | None:
        state = self.host.engine.markets.states.get(symbol)
        name = state.instrument.venue if state is not None else ""
        return next((view.venue for view in self.host.venues() if view.name == name), None)
