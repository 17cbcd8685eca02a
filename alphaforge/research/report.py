"""The figures of a backtest, in the public order: read off the engine, none computed twice.

Must never hold a price or a rule of its own.
"""

from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from alphaforge.engine.core import Engine
from alphaforge.engine.performance import PerformanceMonitor
from alphaforge.engine.portfolio import ClosedPosition
from alphaforge.model.numbers import EXACT, ONE, ZERO, plain


class Report(NamedTuple):
    """What `backtest --json` says: money exact, ratios and percentages float, None = undefined.

    Attributes:
        events: Market events fed to the engine, rejected ones included; a bar row is two.
        seconds: Wall time of the run: reading, deciding and writing.
        orders: Submitted: passed by the gate.
        trades: Round trips, flat to flat or up to a reversal.
        fees, net_pnl, final_equity: In the reporting currency.
    """

    run_id: str
    events: int
    seconds: float
    events_per_second: float | None
    orders: int
    fills: int
    trades: int
    win_rate_pct: float | None
    fees: Decimal
    net_pnl: Decimal
    final_equity: Decimal
    return_pct: float | None
    max_drawdown_pct: float | None
    sharpe: float | None
    sortino: float | None
    profit_factor: float | None
    exposure_pct: float | None
    buy_and_hold_pct: float | None

    def timed(self, events: int, seconds: float) -> "Report":
        """The same with how much was fed and how long that took."""
        rate = round(events / seconds, 1) if seconds > 0 else None
        return self._replace(events=events, seconds=round(seconds, 6), events_per_second=rate)

    def as_summary(self) -> dict[str, object]:
        """The same for the store: money as text."""
        return {
            name: plain(value) if isinstance(value, Decimal) else value
            for name, value in self._asdict().items()
        }


def summarise(
    engine: Engine, monitor: PerformanceMonitor, run_id: str, first_symbol: str
) -> Report:
    """Sum up an engine that has been stopped; not timed yet."""
    state = engine.markets.states[first_symbol]
    fees = engine.valuation.account().fees
    closed = [_reported(engine, each) for each in engine.portfolio.closed_positions]
    figures = monitor.report(closed, fees, state.first, state.last)
    counts = engine.execution.counts
    return Report(
        run_id=run_id,
        events=0,
        seconds=0.0,
        events_per_second=None,
        orders=counts.submitted,
        fills=counts.fills,
        trades=figures.trades,
        win_rate_pct=figures.win_rate_pct,
        fees=figures.fees,
        net_pnl=figures.net_pnl,
        final_equity=figures.final_equity,
        return_pct=figures.return_pct,
        max_drawdown_pct=figures.max_drawdown_pct,
        sharpe=figures.sharpe,
        sortino=figures.sortino,
        profit_factor=figures.profit_factor,
        exposure_pct=figures.exposure_pct,
        buy_and_hold_pct=figures.buy_and_hold_pct,
    )


def _reported(engine: Engine, trade: ClosedPosition) -> ClosedPosition:
    """A round trip in the reporting currency, at the last rate; 0 where no market says it."""
    settle = engine.markets.states[trade.symbol].instrument.settle
    rate = engine.valuation.rate(settle)
    if rate == ONE:
        return trade
    rate = ZERO if rate is None else rate
    return replace(
        trade,
        realized_pnl=EXACT.multiply(trade.realized_pnl, rate),
        fees=EXACT.multiply(trade.fees, rate),
    )
