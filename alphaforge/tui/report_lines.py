"""The figures of a run's report as lines, and the columns of the list of runs.

Must compute no figure: they are those the run printed at its end.
"""

from collections.abc import Iterable
from typing import Final

from alphaforge.client.answers import RunRow
from alphaforge.client.report_records import ReportRecord
from alphaforge.tui.tables import money, ordering
from alphaforge.tui.text import (
    NONE,
    Amount,
    clock,
    decimal_of,
    direction,
    number,
    percent,
    signed,
)
from alphaforge.tui.widgets.columns import Cell, Column
from alphaforge.tui.widgets.lines import Words
from alphaforge.tui.words import direction_tone, mode_badge

MONTHS: Final = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_LABEL: Final = 15
_VALUE: Final = 13

# name in the summary → what it is called here and how it is spelled
_BACKTEST: Final = (
    ("return_pct", "return", "percent"),
    ("buy_and_hold_pct", "buy & hold", "percent"),
    ("net_pnl", "net", "money"),
    ("final_equity", "equity", "number"),
    ("max_drawdown_pct", "max drawdown", "loss"),
    ("sharpe", "sharpe", "ratio"),
    ("sortino", "sortino", "ratio"),
    ("profit_factor", "profit factor", "ratio"),
    ("exposure_pct", "exposure", "share"),
    ("trades", "round trips", "count"),
    ("win_rate_pct", "won", "share"),
    ("orders", "orders", "count"),
    ("fills", "fills", "count"),
    ("fees", "fees", "number"),
    ("events", "events", "count"),
    ("seconds", "seconds", "ratio"),
)
_RUN: Final = (
    ("equity", "equity", "number"),
    ("start_equity", "began with", "number"),
    ("realized_pnl", "realized", "money"),
    ("unrealized_pnl", "unrealized", "money"),
    ("fees", "fees", "number"),
    ("orders_submitted", "orders", "count"),
    ("orders_filled", "filled", "count"),
    ("orders_canceled", "canceled", "count"),
    ("orders_rejected", "rejected", "count"),
    ("orders_open", "still open", "count"),
    ("orders_in_doubt", "in doubt", "count"),
    ("orders_denied", "denied", "count"),
    ("fills", "fills", "count"),
    ("trades_seen", "trades seen", "count"),
    ("bars", "bars", "count"),
    ("latency_us_p50", "decision p50 µs", "ratio"),
    ("latency_us_p99", "decision p99 µs", "ratio"),
    ("seconds", "seconds", "ratio"),
)


def span_words(first: str, last: str) -> tuple[str, str]:
    """What stands below a curve: days, or times where it is all of one day."""
    if first[:10] == last[:10]:
        return clock(first), clock(last)
    return first[:10], last[:10]


def metric_lines(report: ReportRecord) -> Iterable[list[Words]]:
    """What the run was, then its figures."""
    badge = mode_badge(report.mode)
    yield [Words(f" {badge.text} ", badge.tone, bold=True, ground=badge.ground),
           Words(f" {', '.join(report.strategies)}", bold=True)]  # fmt: skip
    yield [
        Words(f" {', '.join(report.symbols) or NONE} · {report.venue} · seed {report.seed}", "dim")
    ]
    if report.points:
        yield [Words(f" data {_span(report.points[0].ts, report.points[-1].ts)}", "dim")]
    ran = _span(report.started, report.ended) if report.ended else f"since {report.started[:16]}"
    yield [Words(f" ran {ran.replace('T', ' ')}", "dim")]
    yield []
    summary = report.summary
    if summary is None:
        yield [Words(" it runs: its figures are in the header", "dim")]
        return
    for name, label, kind in _BACKTEST if "return_pct" in summary else _RUN:
        if name in summary:
            yield [Words(f" {label}", "dim", width=_LABEL), _spelled(summary[name], kind)]


def _span(first: str, last: str) -> str:
    """Days, or times of one day."""
    begin, end = span_words(first, last)
    day = f"{first[:10]} " if first[:10] == last[:10] else ""
    return f"{day}{begin} → {end}"


def _spelled(value: object, kind: str) -> Words:
    amount: Amount = value if isinstance(value, str | int | float) else None
    if kind == "loss":
        below = decimal_of(amount)
        amount = None if below is None else -abs(below)
    if kind in {"percent", "loss"}:
        tone = direction_tone(direction(amount))
        return Words(percent(amount), tone, bold=True, width=_VALUE, align="right")
    if kind == "money":
        tone = direction_tone(direction(amount))
        return Words(signed(amount), tone, bold=True, width=_VALUE, align="right")
    decimals = {"count": 0, "share": 1}.get(kind, 2)
    text = number(amount, decimals)
    suffix = "%" if kind == "share" and text != NONE else ""
    return Words(f"{text}{suffix}", width=_VALUE, align="right")


def run_columns() -> tuple[Column[RunRow], ...]:
    """Of stored runs."""

    def figure(row: RunRow, name: str) -> Amount:
        value = None if row.summary is None else row.summary.get(name)
        return value if isinstance(value, str | int | float) else None

    def result(row: RunRow) -> Cell:
        found = figure(row, "return_pct")
        if found is not None:
            return Cell(percent(found, 1), direction_tone(direction(found)))
        return money(figure(row, "realized_pnl"))

    return (
        Column("run", "run", lambda row: Cell(row.run_id), 18, 22),
        Column("mode", "mode", lambda row: Cell(row.mode, "dim"), 8, None, "left", 3),
        Column("result", "result", result, 8, 12, "right", 0,
               lambda row: ordering(figure(row, "return_pct"))),
        Column("status", "status", lambda row: Cell(row.status, "dim"), 7, 10, "left", 2),
        Column("strategies", "strategies", lambda row: Cell(", ".join(row.strategies), "dim"), 10,
               24, "left", 4),
        Column("time", "time", lambda row: Cell(clock(row.started), "dim"), 8, None, "left", 5),
    )  # fmt: skip
