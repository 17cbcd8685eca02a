"""A made-up engine for the app's tests: fixed rows, no clock, no chance; told by real messages.

The figures are invented for the look of a screen; nothing here adds up to a real account.
"""

import asyncio
import math
from collections.abc import Mapping

import msgspec

from alphaforge.client.answers import RunRow, TripRow
from alphaforge.client.connection import Parameter
from alphaforge.client.errors import EngineLostError
from alphaforge.client.market_records import BarRow, BookRow, TapeRow
from alphaforge.client.messages import (
    CHANNELS,
    BarsMessage,
    BookMessage,
    Difference,
    Snapshot,
    TapeMessage,
    Watch,
)
from alphaforge.client.mirror import Mirror
from alphaforge.client.pages import Page
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
from alphaforge.client.report_records import ReportPoint, ReportRecord, YearRow
from alphaforge.client.times import iso_of, ns_of
from alphaforge.tui.link import LinkState, LinkStatus

NOW = "2026-11-20T12:59:41.000000000Z"
_SECOND = 1_000_000_000

LIVE = LinkStatus(LinkState.LIVE)
LOST = LinkStatus(LinkState.LOST, 3, 4.0, 7.0, "the engine ended the stream")

Rows = Mapping[str, Mapping[str, msgspec.Struct]]


def ago(seconds: float) -> str:
    return iso_of(ns_of(NOW) - int(seconds * _SECOND))


def record(mode: str = "paper") -> EngineRecord:
    return EngineRecord(
        run_id="20261120-091500-k3f", pid=1, version="0.1.0", mode=mode, venue="binance",
        account="main", strategies=("ema_cross", "mm_grid"), started=ago(13_000), project="/p",
        store="sqlite:///data/alphaforge.db", socket="/nowhere",
    )  # fmt: skip


def summary(**changes: object) -> SummaryRow:
    row = SummaryRow(
        run_id="20261120-091500-k3f", version="0.1.0", mode="paper", venue="binance",
        account="main", state="TRADING", risk_state="ACTIVE", risk_reason="", killed=False,
        now=NOW, started=ago(13_000), currency="USDT", equity="104160.73", start_equity="100000",
        net_pnl="4160.73", day_pnl="4160.73", day_pnl_pct=4.16, realized_pnl="3791.11",
        unrealized_pnl="384.17", fees="14.55", drawdown_pct=-1.8, cash={"USDT": "71204.11"},
        orders_open=5, orders_in_doubt=0, orders_submitted=128, orders_denied=1, positions_open=5,
        fills=38, trades_seen=182_334, bars=812, alerts=2, strategies_running=2, strategies=4,
        progress=None, loop_lag_ms_p99=1.2, order_us_p50=41.0, order_us_p99=180.0,
    )  # fmt: skip
    return msgspec.structs.replace(row, **changes)


_MARKETS = (
    ("BTC/USDT", 66_857.9, 1, 1.73, "8790"), ("ETH/USDT", 3_521.43, 2, 1.08, "43100"),
    ("SOL/USDT", 172.31, 2, -0.90, "773000"), ("DOGE/USDT", 0.15712, 5, 0.81, "107000000"),
    ("LINK/USDT", 16.44, 3, 2.85, "163000"), ("XRP/USDT", 0.5231, 4, 2.63, "261000000"),
    ("BNB/USDT", 591.2, 1, -0.21, "131000"),
)  # fmt: skip


def market(**changes: object) -> dict[str, MarketRow]:
    rows: dict[str, MarketRow] = {}
    for at, (symbol, last, decimals, change, volume) in enumerate(_MARKETS):
        step = 10**-decimals
        spark = tuple(last * (1 + 0.01 * math.sin(at + n / 2)) for n in range(24))
        row = MarketRow(
            symbol=symbol, venue="binance", price_decimals=decimals, size_decimals=3,
            last=f"{last:.{decimals}f}", bid=f"{last - step:.{decimals}f}",
            ask=f"{last:.{decimals}f}", bid_size="1.2", ask_size="0.8", change_pct=change,
            high=None, low=None, volume=volume, sparkline=spark, ts=ago(0.2), received=ago(0.1),
            is_live=True,
        )  # fmt: skip
        rows[symbol] = msgspec.structs.replace(row, **changes)
    return rows


def position(symbol: str, quantity: str, entry: str, mark: str, pnl: str, pct: float,
             strategy: str, **changes: object) -> PositionRow:  # fmt: skip
    row = PositionRow(
        symbol=symbol, strategy=strategy, venue="binance",
        side="SHORT" if quantity.startswith("-") else "LONG", quantity=quantity,
        average_price=entry, mark=mark, unrealized_pnl=pnl, unrealized_pnl_pct=pct,
        realized_pnl="12.5", fees="1.1", value="28080", stop=None, currency="USDT",
        opened=ago(22_000), fills=3,
    )  # fmt: skip
    return msgspec.structs.replace(row, **changes)


def positions() -> dict[str, PositionRow]:
    rows = (
        position(
            "BTC/USDT", "0.42", "66512.3", "66857.9", "145.15", 0.52, "ema_cross", stop="65900.0"
        ),
        position("ETH/USDT", "-3.5", "3560.10", "3521.43", "135.34", 1.09, "mm_grid"),
        position("SOL/USDT", "45", "168.90", "172.31", "153.33", 2.02, "ema_cross"),
        position("DOGE/USDT", "-12000", "0.15610", "0.15712", "-12.21", -0.65, "mm_grid"),
        position("LINK/USDT", "220", "16.610", "16.440", "-37.45", -1.02, "ema_cross"),
    )
    return {f"{row.strategy}|{row.symbol}": row for row in rows}


def order(order_id: str, symbol: str = "BTC/USDT", **changes: object) -> OrderRow:
    row = OrderRow(
        order_id=order_id, client_order_id=f"af-{order_id}", venue_order_id=f"v-{order_id}",
        ts=ago(99), ts_last=ago(50), symbol=symbol, venue="binance", account="main",
        strategy="ema_cross", side="BUY", type="LIMIT", quantity="0.25", filled="0", leaves="0.25",
        limit="66980.0", stop=None, trail=None, take_profit=None, stop_loss=None, tif="GTC",
        expires=None, post_only=False, reduce_only=False, status="ACCEPTED", is_open=True,
        pending="NONE", in_doubt=False, emulated=False, average_price=None, distance_bp=19.0,
        reason="", tag="", parent_id="", signal_id="",
    )  # fmt: skip
    return msgspec.structs.replace(row, **changes)


def orders() -> dict[str, OrderRow]:
    rows = (
        order("o-000001", "XRP/USDT", status="REJECTED", is_open=False, quantity="5000",
              leaves="5000", limit="0.5012", distance_bp=-419.0, ts=ago(1776),
              reason="[/b] filter failure: MIN_NOTIONAL"),
        order("o-000002", "LINK/USDT", side="SELL", type="STOP_LIMIT", quantity="220",
              leaves="220", limit="15.900", stop="15.950", distance_bp=328.0, ts=ago(1181)),
        order("o-000003", "SOL/USDT", side="SELL", status="PARTIALLY_FILLED", quantity="45",
              filled="12", leaves="33", limit="176.40", distance_bp=237.0, ts=ago(910)),
        order("o-000004", "ETH/USDT", type="STOP_MARKET", quantity="3.5", leaves="3.5",
              limit=None, stop="3611.00", distance_bp=254.0, ts=ago(510)),
        order("o-000005", side="SELL", status="PARTIALLY_FILLED", quantity="0.42", filled="0.1",
              leaves="0.32", limit="67910.0", distance_bp=158.0, ts=ago(117), pending="CANCEL"),
        order("o-000006", status="SUBMITTED", ts=ago(2)),
        order("o-000007", "ETH/USDT", type="MARKET", quantity="1", limit=None, distance_bp=None,
              in_doubt=True, status="SUBMITTED", ts=ago(1)),
    )  # fmt: skip
    return {row.order_id: row for row in rows}


def fills() -> dict[str, FillRow]:
    rows: dict[str, FillRow] = {}
    for number in range(1, 39):
        symbol, last, decimals, _, _ = _MARKETS[number % 5]
        side = "BUY" if number % 3 else "SELL"
        rows[str(number)] = FillRow(
            number=number, ts=ago(3_000 - number * 75), venue="binance", account="main",
            symbol=symbol, strategy="ema_cross", order_id=f"o-{number:06d}",
            venue_order_id=f"v-{number}", trade_id=f"t-{number:06d}", side=side,
            quantity=f"0.{100 + number}", price=f"{last:.{decimals}f}",
            value=f"{last * 0.1:.2f}", fee="0.0673", fee_currency="USDT",
            liquidity="MAKER" if number % 2 else "TAKER",
            realized_pnl="0" if side == "BUY" else f"{(number - 20) * 1.37:.2f}",
        )  # fmt: skip
    return rows


def strategy(name: str, state: str, **changes: object) -> StrategyRow:
    row = StrategyRow(
        name=name, file=f"strategies/{name}.py", doc="Long while the fast average is above.",
        state=state, symbols=("BTC/USDT",),
        parameters={"fast": "10", "slow": "30", "timeframe": "1m"},
        realized_pnl="820", unrealized_pnl="4", fees="11.6", net_pnl="812.40", day_pnl="812.40",
        currency="USDT", orders=128, orders_open=2, fills=64, trades=31, win_rate_pct=54.0,
        starts=1, callback_us_p50=38.0, callback_us_p99=410.0,
        indicators={"fast_average": 66_901.2, "slow_average": None}, error="",
    )  # fmt: skip
    return msgspec.structs.replace(row, **changes)


def strategies() -> dict[str, StrategyRow]:
    rows = (
        strategy("ema_cross", "RUNNING"),
        strategy("mm_grid", "RUNNING", day_pnl="-97.11", net_pnl="-97.11", orders=2_104,
                 symbols=("ETH/USDT", "DOGE/USDT"), win_rate_pct=61.0),
        strategy("breakout", "STOPPED", day_pnl="311.0", orders=12),
        strategy("carry_v2", "FAILED", day_pnl="-20.0", orders=3, win_rate_pct=None,
                 error="KeyError: 'funding'\n  carry_v2.py:41 in on_bar\n [/b] rates['funding']"),
    )  # fmt: skip
    return {row.name: row for row in rows}


def alerts() -> dict[str, AlertRow]:
    rows = (
        AlertRow(number=1, ts=ago(1776), level="ERROR", code="order-rejected",
                 message="XRP/USDT rejected: [/b] filter failure: MIN_NOTIONAL",
                 strategy="ema_cross", symbol="XRP/USDT", detail="", acknowledged=False),
        AlertRow(number=2, ts=ago(96), level="WARNING", code="stream-gap",
                 message="gap of 412 ms in the book of BTC/USDT, read anew", strategy="",
                 symbol="BTC/USDT", detail="", acknowledged=False),
    )  # fmt: skip
    return {str(row.number): row for row in rows}


def risk() -> dict[str, RiskRow]:
    rows = (
        RiskRow(
            name="max_position_value",
            subject="BTC/USDT",
            used="28080",
            limit="60000",
            used_pct=46.8,
            unit="USDT",
        ),
        RiskRow(name="max_open_orders", subject="", used="18", limit="20", used_pct=90.0, unit=""),
        RiskRow(
            name="max_order_value", subject="", used="0", limit="25000", used_pct=0.0, unit="USDT"
        ),
        RiskRow(
            name="price_collar_pct",
            subject="ETH/USDT",
            used="1.4",
            limit="2",
            used_pct=70.0,
            unit="%",
        ),
        RiskRow(
            name="max_order_quantity", subject="", used="0", limit=None, used_pct=None, unit=""
        ),
    )
    return {row.name: row for row in rows}


def log() -> dict[str, LogRow]:
    words = (
        ("INFO", "fill ema_cross BUY 0.10 BTC/USDT at 67,254.1"),
        ("INFO", "order o-000005 changed"),
        ("WARNING", "stream gap 412 ms, book read anew"),
        ("ERROR", "carry_v2 stopped: KeyError 'funding' \x1b[31m"),
        ("DEBUG", "cache hit rate 99.2 %"),
    )
    rows = (
        LogRow(
            number=n,
            ts=ago(400 - n),
            level=words[n % 5][0],
            source="engine",
            message=words[n % 5][1],
        )
        for n in range(1, 41)
    )
    return {str(row.number): row for row in rows}


def curve() -> dict[str, CurvePoint]:
    points = (
        CurvePoint(ts=ago(12_000 - n * 60), cash="71204.11", unrealized_pnl="0",
                   equity=f"{100_000 + n * 20 + 900 * math.sin(n / 9):.2f}")
        for n in range(200)
    )  # fmt: skip
    return {point.ts: point for point in points}


def signals() -> dict[str, SignalRow]:
    rows = (
        SignalRow(signal_id=f"s-{n}", ts=ago(900 - n * 40), strategy="ema_cross", symbol="BTC/USDT",
                  direction="LONG" if n % 2 else "SHORT", confidence=0.5 + n / 50,
                  reason="fast above slow", order_id=f"o-{n:06d}")
        for n in range(12)
    )  # fmt: skip
    return {row.signal_id: row for row in rows}


def venues(state: str = "READY") -> dict[str, VenueRow]:
    row = VenueRow(
        venue="binance", account="main", state=state, reason="", since=ago(13_000), latency_ms=12.0,
        clock_ahead_ms=3.0, used_weight=120, weight_limit=6000, streams=5, streams_wanted=5,
        reconnects=0, age_ms=80.0,
    )  # fmt: skip
    return {"binance": row}


def bars(count: int = 240) -> BarsMessage:
    made: list[BarRow] = []
    close = 66_900.0
    minute = 60 * _SECOND
    start = ns_of(NOW) // minute * minute - (count - 1) * minute
    for n in range(count):
        before = close
        close = 66_900 + 260 * math.sin(n / 23) + 90 * math.sin(n / 5)
        high, low = max(before, close) + 14 + n % 7 * 3, min(before, close) - 12 - n % 5 * 4
        opened = start + n * minute
        made.append(
            BarRow(ts_open=iso_of(opened), ts=iso_of(opened + minute), open=before, high=high,
                   low=low, close=close, volume=20.0 + n * 7 % 31)
        )  # fmt: skip
    average = tuple(
        sum(bar.close for bar in made[max(0, n - 20) : n + 1]) / min(n + 1, 21)
        for n in range(count)
    )
    return BarsMessage(symbol="BTC/USDT", kind="1m", bars=tuple(made),
                       indicators={"ema_cross.fast_average": average})  # fmt: skip


def book() -> BookMessage:
    asks = tuple((f"{66_857.9 + n * 0.4:.1f}", f"{0.2 + n * 7 % 11 / 10:.3f}") for n in range(20))
    bids = tuple((f"{66_857.8 - n * 0.4:.1f}", f"{0.1 + n * 5 % 13 / 10:.3f}") for n in range(20))
    return BookMessage(book=BookRow(symbol="BTC/USDT", ts=NOW, bids=bids, asks=asks))


def tape() -> TapeMessage:
    trades = tuple(
        TapeRow(ts=ago(40 - n), price=f"{66_857.9 - n % 4 * 0.6:.1f}", size=f"0.{1198 + n * 37}",
                side="SELL" if n % 3 else "BUY")
        for n in range(40)
    )  # fmt: skip
    return TapeMessage(symbol="BTC/USDT", trades=trades, skipped=12)


def everything() -> dict[str, dict[str, msgspec.Struct]]:
    return {
        "portfolio": {"run": summary()}, "positions": dict(positions()), "orders": dict(orders()),
        "trades": dict(fills()), "pnl": dict(curve()), "strategies": dict(strategies()),
        "signals": dict(signals()), "alerts": dict(alerts()), "risk": dict(risk()),
        "market": dict(market()), "venues": dict(venues()), "log": dict(log()),
    }  # fmt: skip


def told(rows: Rows) -> Mirror:
    """A mirror that was told these channels; the others are empty."""
    mirror = Mirror()
    for channel in CHANNELS:
        content = {
            key: msgspec.Raw(msgspec.json.encode(row)) for key, row in rows.get(channel, {}).items()
        }
        mirror.apply(Snapshot(channel=channel, seq=1, ts=NOW, rows=content))
    return mirror


def run_row(run_id: str = "20261120-080000-b7q", mode: str = "backtest") -> RunRow:
    figures: dict[str, object] = {
        "return_pct": 64.2, "buy_and_hold_pct": 31.0, "net_pnl": "64210.44",
        "final_equity": "164210.44",
        "max_drawdown_pct": 9.8, "sharpe": 1.84, "sortino": 2.61, "profit_factor": 1.71,
        "exposure_pct": 38.0, "trades": 412, "win_rate_pct": 54.1, "orders": 830, "fills": 824,
        "fees": "3901.12", "events": 21_600, "seconds": 1.31,
    }  # fmt: skip
    return RunRow(
        run_id=run_id, mode=mode, venue="sim", account=mode, strategies=("ema_cross",),
        started=ago(17_981), ended=ago(17_979), status="finished", error="", summary=figures,
    )  # fmt: skip


def report() -> ReportRecord:
    equity, peak, points = 100_000.0, 100_000.0, []
    for n in range(400):
        equity += 160 + 2_300 * math.sin(n / 11) * math.cos(n / 37)
        peak = max(peak, equity)
        ts = iso_of(ns_of(NOW) - (400 - n) * 2 * 86_400 * _SECOND)
        below = (equity / peak - 1) * 100
        points.append(ReportPoint(ts=ts, equity=equity, drawdown_pct=below))
    months = tuple(round(6 * math.sin(n * 1.7), 1) for n in range(12))
    row = run_row()
    return ReportRecord(
        run_id=row.run_id, mode=row.mode, venue=row.venue, strategies=row.strategies,
        symbols=("BTC/USDT",), started=row.started, ended=row.ended, seed=7, summary=row.summary,
        points=tuple(points), samples=21_600,
        years=(YearRow(year=2024, months=(None,) * 9 + months[:3], whole=3.1),
               YearRow(year=2025, months=months, whole=22.4),
               YearRow(year=2026, months=(*months[:11], None), whole=14.0)),
        closes=tuple(row for row in reversed(fills().values()) if row.realized_pnl != "0"),
    )  # fmt: skip


def trip(number: int) -> TripRow:
    return TripRow(
        number=number, symbol="BTC/USDT", strategy="ema_cross",
        side="LONG" if number % 2 else "SHORT", quantity="0.1", fees="0.13",
        realized_pnl=f"{(number - 3) * 11.5:.2f}",
        opened=ago(5_000 - number * 90), closed=ago(4_900 - number * 90),
    )  # fmt: skip


class ScriptedFeed:
    """A feed without an engine: it shows what a test tells it and remembers what was asked."""

    def __init__(self, rows: Rows | None = None, mode: str = "paper") -> None:
        self.record = record(mode)
        self.mirror = told(everything() if rows is None else rows)
        self.bytes_read = 0
        self.gaps = 0
        self.state = LIVE
        self.watched: list[Watch] = []
        self.asked: list[tuple[str, msgspec.Struct | None]] = []
        self.answers: dict[str, object] = {
            "/api/runs": Page(rows=[run_row(), run_row("20261120-091500-k3f", "paper")]),
            f"/api/runs/{run_row().run_id}/report": report(),
            "/api/live/closed-positions": Page(rows=[trip(n) for n in range(6, 0, -1)]),
        }
        self._seq = dict.fromkeys(CHANNELS, 1)
        self.with_market = True

    def status(self) -> LinkStatus:
        return self.state

    async def run(self) -> None:
        await asyncio.Event().wait()

    async def watch(self, watch: Watch) -> None:
        self.watched.append(watch)
        self.mirror.watching(watch)
        if self.with_market and watch.symbol == "BTC/USDT":
            for message in (bars(), book(), tape()):
                self.mirror.apply(message)

    def change(
        self, channel: str, rows: Mapping[str, msgspec.Struct], gone: tuple[str, ...] = ()
    ) -> None:
        self._seq[channel] += 1
        content = {key: msgspec.Raw(msgspec.json.encode(row)) for key, row in rows.items()}
        self.mirror.apply(
            Difference(channel=channel, seq=self._seq[channel], ts=NOW, set=content, gone=gone)
        )

    async def get_as(self, path: str, kind: type[object], **params: Parameter) -> object:
        return self._answer(path, None)

    async def post(
        self, path: str, body: msgspec.Struct | None, kind: type[object], **params: Parameter
    ) -> object:
        return self._answer(path, body)

    async def patch(self, path: str, body: msgspec.Struct, kind: type[object]) -> object:
        return self._answer(path, body)

    def _answer(self, path: str, body: msgspec.Struct | None) -> object:
        self.asked.append((path, body))
        if not self.state.is_live:
            raise EngineLostError("the engine is lost: nothing was sent")
        answer = self.answers.get(path, self.answers.get(path.partition("?")[0]))
        if answer is None:
            raise EngineLostError(f"the test has no answer for {path}")
        return answer
