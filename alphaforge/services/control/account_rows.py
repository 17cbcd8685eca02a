"""The account as rows: the run as a whole, positions, and how much of each risk limit is used.

Every figure of profit and loss is read from the engine's portfolio and valuation, so that these
rows, the run's summary and its export are equal to the last digit. Must book nothing.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final

from alphaforge import __version__
from alphaforge.client.records import PositionRow, RiskRow, SummaryRow
from alphaforge.engine.core import Engine
from alphaforge.engine.portfolio import Position
from alphaforge.engine.strategies import RunState
from alphaforge.engine.valuation import Account, rounded
from alphaforge.model.enums import PositionSide
from alphaforge.model.numbers import EXACT, ZERO, plain
from alphaforge.model.orders import Order
from alphaforge.services.control.curve import Standing
from alphaforge.services.control.host import Host
from alphaforge.services.control.order_rows import OrderRows
from alphaforge.services.control.order_sizes import OrderSizes
from alphaforge.services.control.row_texts import money_text, ratio_pct, time_text
from alphaforge.store.export import iso_time

_LONG: Final = PositionSide.LONG


class Pulse:
    """What the summary shows and no part of the engine knows.

    Attributes:
        risk_reason: Why trading is not ACTIVE.
        killed: The kill switch was used and nobody armed trading again.
        alerts: Warnings and errors nobody acknowledged.
        loop_lag_ms_p99, order_us_p50, order_us_p99: See `SummaryRow`.
    """

    def __init__(self) -> None:
        self.risk_reason = ""
        self.killed = False
        self.alerts = 0
        self.loop_lag_ms_p99: float | None = None
        self.order_us_p50: float | None = None
        self.order_us_p99: float | None = None


def summary_row(host: Host, account: Account, standing: Standing, pulse: Pulse) -> SummaryRow:
    """The run as a whole, now; `account` is the engine's valuation of this moment."""
    engine, run = host.engine, host.run
    execution, counts = engine.execution, engine.execution.counts
    runners = engine.strategies.runners.values()
    day = standing.day_pnl(account)
    return SummaryRow(
        run_id=run.run_id,
        version=__version__,
        mode=run.mode,
        venue=run.venue,
        account=run.account,
        state=host.state,
        risk_state=execution.gate.state.value,
        risk_reason=pulse.risk_reason,
        killed=pulse.killed,
        now=iso_time(host.now()),
        started=iso_time(run.started),
        currency=engine.valuation.reporting_currency,
        equity=plain(account.equity),
        start_equity=plain(account.start_equity),
        net_pnl=plain(EXACT.subtract(account.equity, account.start_equity)),
        day_pnl=plain(day),
        day_pnl_pct=ratio_pct(day, EXACT.subtract(account.equity, day)),
        realized_pnl=plain(account.realized_pnl),
        unrealized_pnl=plain(account.unrealized_pnl),
        fees=plain(account.fees),
        drawdown_pct=standing.drawdown_pct(account),
        cash={name: plain(amount) for name, amount in engine.portfolio.cash.items()},
        orders_open=counts.open,
        orders_in_doubt=len(execution.doubtful),
        orders_submitted=counts.submitted,
        orders_denied=counts.denied,
        positions_open=sum(bool(each.quantity) for each in engine.portfolio.positions.values()),
        fills=counts.fills,
        trades_seen=engine.data.trades,
        bars=engine.data.bars_built,
        alerts=pulse.alerts,
        strategies_running=sum(each.state is RunState.RUNNING for each in runners),
        strategies=len(runners),
        progress=host.progress,
        loop_lag_ms_p99=pulse.loop_lag_ms_p99,
        order_us_p50=pulse.order_us_p50,
        order_us_p99=pulse.order_us_p99,
    )


def position_rows(engine: Engine, orders: OrderRows) -> Iterator[tuple[str, PositionRow]]:
    """Every position that is not flat, by its key."""
    for (strategy, symbol), position in tuple(engine.portfolio.positions.items()):
        if position.quantity:
            stops = orders.stops(strategy, symbol)
            yield f"{strategy}|{symbol}", position_row(engine, position, stops)


def position_row(engine: Engine, position: Position, stops: Iterable[Order]) -> PositionRow:
    """One position, marked at the last price; `stops` are its strategy's working ones."""
    instrument, symbol = position.instrument, position.symbol
    mark = engine.markets.mark(symbol)
    profit = position.unrealized_pnl(mark) if mark is not None else None
    value = instrument.notional(position.quantity, mark) if mark is not None else None
    return PositionRow(
        symbol=symbol,
        strategy=position.strategy,
        venue=instrument.venue,
        side=position.side.value,
        quantity=plain(position.quantity),
        average_price=money_text(position.average_price),
        mark=money_text(mark),
        unrealized_pnl=money_text(profit),
        unrealized_pnl_pct=None if profit is None else ratio_pct(profit, abs(position.cost)),
        realized_pnl=plain(position.realized_pnl),
        fees=plain(position.fees),
        value=money_text(value),
        stop=money_text(_nearest_stop(position, stops)),
        currency=instrument.settle,
        opened=time_text(position.ts_open),
        fills=position.fills,
    )


def _nearest_stop(position: Position, stops: Iterable[Order]) -> Decimal | None:
    """The trigger that the market would reach first: the highest below a long, else the lowest."""
    is_long = position.side is _LONG
    triggers = [
        stop.trigger_price
        for stop in stops
        if stop.trigger_price is not None and (stop.side.value == "SELL") is is_long
    ]
    if not triggers:
        return None
    return max(triggers) if is_long else min(triggers)


def risk_rows(engine: Engine, sizes: OrderSizes) -> list[RiskRow]:
    """Every limit of `[risk]`, what of it is used, and how far the account is leveraged.

    `sizes` are those of the working orders, as last measured.
    """
    limits = engine.execution.gate.settings
    currency = engine.valuation.reporting_currency
    value = max(_order_values(engine, sizes), default=(ZERO, ""))
    position = max(worst_positions(engine), default=(ZERO, ""))
    collar = (Decimal(str(sizes.farthest[0])) / 100, sizes.farthest[1])
    count = (Decimal(engine.execution.exposure.open_orders), "")
    return [
        _risk_row("max_order_quantity", sizes.quantity, limits.max_order_quantity, "units"),
        _risk_row("max_order_value", value, limits.max_order_value, currency),
        _risk_row("max_position_value", position, limits.max_position_value, currency),
        _risk_row("max_open_orders", count, Decimal(limits.max_open_orders), "orders"),
        _risk_row("price_collar_pct", collar, limits.price_collar_pct, "%"),
        *_leverage_rows(engine, currency),
    ]


def _order_values(engine: Engine, sizes: OrderSizes) -> Iterator[tuple[Decimal, str]]:
    """Of each symbol the largest working order's value, in the reporting currency."""
    for symbol, value in sizes.values.items():
        rate = engine.valuation.rate(engine.markets.states[symbol].instrument.settle)
        if rate is not None:
            yield EXACT.multiply(value, rate), symbol


def worst_positions(engine: Engine) -> Iterator[tuple[Decimal, str]]:
    """Of each symbol what |position| is worth if every order on one side filled, and the symbol."""
    exposure, portfolio = engine.execution.exposure, engine.portfolio
    for symbol, state in engine.markets.states.items():
        net = portfolio.net(symbol)
        long = EXACT.add(net, exposure.buying(symbol))
        short = EXACT.subtract(exposure.selling(symbol), net)
        worst = max(long, short)
        mark = state.mark() if worst > 0 else None
        rate = engine.valuation.rate(state.instrument.settle) if mark is not None else None
        if mark is not None and rate is not None:
            value = EXACT.multiply(state.instrument.notional(worst, mark), rate)
            yield rounded(value), symbol


def _leverage_rows(engine: Engine, currency: str) -> list[RiskRow]:
    """Value of the positions over equity; and the margin they and their orders need at worst."""
    account = engine.execution.settings.account
    equity = engine.valuation.equity()
    held = sum((value for value, _ in _position_values(engine)), ZERO)
    used = EXACT.divide(held, equity).quantize(Decimal("1e-4"), context=EXACT) if equity else ZERO
    worst = sum((value for value, _ in worst_positions(engine)), ZERO)
    margin = rounded(EXACT.divide(worst, account.leverage))
    return [
        _risk_row("leverage", (used, ""), account.leverage, "x"),
        _risk_row("margin", (margin, ""), max(equity, ZERO), currency),
    ]


def _position_values(engine: Engine) -> Iterator[tuple[Decimal, str]]:
    for symbol, state in engine.markets.states.items():
        net = engine.portfolio.net(symbol)
        mark = state.mark() if net else None
        rate = engine.valuation.rate(state.instrument.settle) if mark is not None else None
        if mark is not None and rate is not None:
            value = EXACT.multiply(state.instrument.notional(net, mark), rate)
            yield EXACT.abs(value), symbol


def _risk_row(name: str, used: tuple[Decimal, str], limit: Decimal, unit: str) -> RiskRow:
    amount, subject = used
    return RiskRow(
        name=name,
        subject=subject if amount else "",
        used=plain(amount),
        limit=plain(limit) if limit else None,
        used_pct=ratio_pct(amount, limit),
        unit=unit,
    )
