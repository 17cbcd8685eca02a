"""The figures of a run: what the status line shows while it lasts and the summary at its end.

Every number is read from the engine, none is computed here. Money is text in plain decimals.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from alphaforge.engine.core import Engine
from alphaforge.model.numbers import plain
from alphaforge.store.records import RunRecord


class Status(NamedTuple):
    """How a run stands right now.

    Attributes:
        now: Engine time, ns UTC.
        progress: Share of the recording that was read, 0 to 1; None for a market without an end.
        prices: Last price by symbol, where there is one.
        positions: Signed quantity by symbol, over all strategies; flat ones are left out.
    """

    now: int
    progress: float | None
    trades: int
    bars: int
    orders: int
    fills: int
    prices: dict[str, float]
    positions: dict[str, Decimal]
    equity: Decimal
    net_pnl: Decimal
    currency: str


def read_status(engine: Engine, progress: float | None) -> Status:
    """Look at a running engine, between events."""
    account = engine.valuation.account()
    positions: dict[str, Decimal] = {}
    for position in engine.portfolio.positions.values():
        positions[position.symbol] = positions.get(position.symbol, Decimal(0)) + position.quantity
    return Status(
        now=engine.execution.now,
        progress=progress,
        trades=engine.data.trades,
        bars=engine.data.bars_built,
        orders=engine.execution.counts.submitted,
        fills=engine.execution.counts.fills,
        prices={name: state.last for name, state in engine.markets.states.items() if state.last},
        positions={symbol: held for symbol, held in positions.items() if held},
        equity=account.equity,
        net_pnl=account.equity - account.start_equity,
        currency=engine.valuation.reporting_currency,
    )


def summarise(engine: Engine, run: RunRecord, seconds: float) -> dict[str, object]:
    """The summary of a run, its keys in the public order; money is text.

    `seconds` is wall time. `equity = start_equity + realized_pnl + unrealized_pnl − fees` and
    `submitted = filled + canceled + expired + rejected + absent + open` hold exactly.
    """
    counts = engine.execution.counts
    account = engine.valuation.account()
    latency = engine.execution.latency
    portfolio = engine.portfolio
    orders = engine.execution.statistics()
    return {
        "run_id": run.run_id,
        "mode": run.mode,
        "venue": run.venue,
        "strategies": [strategy.name for strategy in run.strategies],
        "seconds": round(seconds, 6),
        "trades_seen": engine.data.trades,
        "orders_submitted": counts.submitted,
        "orders_filled": counts.filled,
        "orders_canceled": counts.canceled,
        "orders_expired": counts.expired,
        "orders_rejected": counts.rejected,
        "orders_absent": counts.absent,
        "orders_open": orders["orders_open"],
        "orders_in_doubt": orders["orders_in_doubt"],
        "orders_denied": counts.denied,
        "fills": counts.fills,
        "fees": plain(account.fees),
        "realized_pnl": plain(account.realized_pnl),
        "unrealized_pnl": plain(account.unrealized_pnl),
        "equity": plain(account.equity),
        "latency_us_p50": latency.percentile(50) / 1000 if latency.count else None,
        "latency_us_p99": latency.percentile(99) / 1000 if latency.count else None,
        "bars": engine.data.bars_built,
        "late": engine.data.late,
        "rejected_by_reason": dict(engine.data.rejected),
        "start_equity": plain(account.start_equity),
        "cash": _plain(portfolio.cash),
        "fees_by_currency": _plain(portfolio.fees_by_currency),
    }


def _plain(amounts: Mapping[str, Decimal]) -> dict[str, str]:
    return {currency: plain(amount) for currency, amount in amounts.items()}
