"""Rows of a running engine: the figures its summary and its export give, and who they belong to."""

from decimal import Decimal
from math import isfinite

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.client.records import (
    AlertRow,
    FillRow,
    MarketRow,
    OrderRow,
    PositionRow,
    RiskRow,
    SignalRow,
    StrategyRow,
    SummaryRow,
    VenueRow,
)
from alphaforge.engine.strategy import Strategy
from alphaforge.errors import NotFoundError
from alphaforge.indicators import MACD, SMA
from alphaforge.model.commands import SetRiskState, StartStrategy, StopStrategy
from alphaforge.model.enums import AlertLevel, RiskState
from alphaforge.model.events import Alert
from alphaforge.model.market import Bar, Trade
from alphaforge.model.numbers import plain
from alphaforge.model.settings import RiskSettings
from alphaforge.services.control.host import VenueView
from alphaforge.services.control.order_rows import KEEP_ENDED
from alphaforge.services.control.row_texts import decimals_of, float_text
from alphaforge.services.control.strategy_rows import parameter_text
from alphaforge.services.control.views import Past
from alphaforge.services.summary import summarise
from alphaforge.venues.base import VenueHealth
from tests.services.control.engine_rig import BTC, PERP, SECOND, START, Rig, quote, table_of, trade


class Scripted(Strategy):
    """Does what the test says on the trade of a number, counted from 1."""

    def __init__(self) -> None:
        self.seen = 0

    def on_start(self) -> None:
        self.subscribe_trades("BTC/USDT")

    def on_trade(self, trade: Trade) -> None:
        self.seen += 1
        getattr(self, f"at_{self.seen}", lambda: None)()


class Buyer(Scripted):
    """Buys once and protects it.

    And more that nobody needs to read.
    """

    def at_1(self) -> None:
        self.buy("BTC/USDT", "0.5", tag="entry")

    def at_2(self) -> None:
        self.sell("BTC/USDT", "0.5", stop="90", reduce_only=True)
        self.sell("BTC/USDT", "0.2", stop="95", reduce_only=True)


def only(rows: list[msgspec.Struct], kind: type) -> list[object]:
    assert all(isinstance(each, kind) for each in rows)
    return [*rows]


def summary_of(rig: Rig) -> SummaryRow:
    (row,) = rig.rows("portfolio")
    assert isinstance(row, SummaryRow)
    return row


def strategy_of(rig: Rig) -> StrategyRow:
    row = rig.rows("strategies")[0]
    assert isinstance(row, StrategyRow)
    return row


def orders_of(rig: Rig) -> list[OrderRow]:
    rows = rig.rows("orders")
    return [each for each in rows if isinstance(each, OrderRow)]


def position_of(rig: Rig) -> PositionRow:
    (row,) = rig.rows("positions")
    assert isinstance(row, PositionRow)
    return row


def test_a_position_shows_its_profit_its_nearest_stop_and_whose_it_is() -> None:
    rig = Rig({"buyer": Buyer})
    rig.feed([trade(0, 100.0), trade(1, 100.0), trade(2, 110.0)])
    orders_of(rig)
    row = position_of(rig)
    assert (row.strategy, row.symbol, row.side, row.quantity) == (
        "buyer",
        "BTC/USDT",
        "LONG",
        "0.5",
    )
    assert (row.average_price, row.mark, row.unrealized_pnl, row.value) == ("100", "110", "5", "55")
    assert row.unrealized_pnl_pct == pytest.approx(10.0)
    assert row.stop == "95"
    assert row.fees == "0.05"
    assert row.opened == "2023-11-14T22:14:00.000000000Z"


def test_a_position_that_is_flat_is_not_shown() -> None:
    class InAndOut(Scripted):
        def at_1(self) -> None:
            self.buy("BTC/USDT", "0.5")

        def at_2(self) -> None:
            self.close("BTC/USDT")

    rig = Rig({"bot": InAndOut})
    rig.feed([trade(0, 100.0), trade(1, 90.0)])
    assert rig.rows("positions") == []
    row = strategy_of(rig)
    assert (row.trades, row.win_rate_pct, row.realized_pnl) == (1, 0.0, "-5")


PRICES = st.lists(st.integers(50, 200), min_size=1, max_size=60)


class Swinger(Strategy):
    """Buys and sells in turns, never the same amount."""

    def on_start(self) -> None:
        self.subscribe_trades("BTC/USDT")
        self.seen = 0

    def on_trade(self, trade: Trade) -> None:
        self.seen += 1
        if self.seen % 3:
            self.buy(trade.symbol, f"0.{self.seen % 7 + 1}")
        elif self.position(trade.symbol).quantity:
            self.sell(trade.symbol, "0.4")


@given(PRICES, st.sampled_from([BTC, PERP]))
def test_every_figure_is_the_summarys_to_the_last_digit(prices: list[int], what: object) -> None:
    instrument = what if what is BTC else msgspec.structs.replace(PERP, symbol="BTC/USDT")
    rig = Rig({"swinger": Swinger}, instruments=(instrument,))  # type: ignore[arg-type]  # sampled
    rig.feed(trade(number, price / 7) for number, price in enumerate(prices))
    row, told = summary_of(rig), summarise(rig.engine, rig.run, 1.0)
    for field in ("equity", "start_equity", "realized_pnl", "unrealized_pnl", "fees", "cash"):
        assert getattr(row, field) == told[field], field
    for field in ("orders_submitted", "orders_denied", "orders_open", "fills", "trades_seen"):
        assert getattr(row, field) == told[field], field
    net = Decimal(row.equity) - Decimal(row.start_equity)
    assert row.net_pnl == plain(net)
    strategy = strategy_of(rig)
    assert strategy.net_pnl == row.net_pnl
    assert (strategy.realized_pnl, strategy.unrealized_pnl) == (
        row.realized_pnl,
        row.unrealized_pnl,
    )
    fills = only(rig.rows("trades"), FillRow)
    assert len(fills) == min(row.fills, KEEP_ENDED)


def test_an_ended_order_is_shown_with_all_that_only_its_handle_knew() -> None:
    rig = Rig({"buyer": Buyer})
    rig.feed([trade(0, 100.0), trade(1, 100.0)])
    entry, stop, nearer = orders_of(rig)
    assert (entry.status, entry.tag, entry.average_price, entry.is_open) == (
        "FILLED",
        "entry",
        "100",
        False,
    )
    assert (stop.status, stop.stop, stop.is_open, stop.type) == (
        "ACCEPTED",
        "90",
        True,
        "STOP_MARKET",
    )
    assert (nearer.leaves, nearer.reduce_only) == ("0.2", True)


def test_a_denied_order_is_shown_with_its_reason_even_if_it_asked_for_nonsense() -> None:
    class Fool(Scripted):
        def at_1(self) -> None:
            self.buy("BTC/USDT", float("nan"))
            self.buy("DOGE/USDT", "1")

    rig = Rig({"fool": Fool})
    rig.feed([trade(0, 100.0)])
    first, second = orders_of(rig)
    assert (first.status, first.quantity) == ("DENIED", "0")
    assert "number above zero" in first.reason
    assert (second.venue, second.account, second.distance_bp) == ("", "paper", None)


@pytest.mark.parametrize(
    ("side", "terms", "distance"),
    [
        ("buy", {"limit": "99"}, 100.0),
        ("sell", {"limit": "101"}, 100.0),
        ("buy", {"stop": "102"}, 200.0),
        ("sell", {"stop": "98"}, 200.0),
    ],
)
def test_a_distance_is_positive_while_the_market_must_still_move(
    side: str, terms: dict[str, str], distance: float
) -> None:
    class One(Scripted):
        def at_1(self) -> None:
            self.buy("BTC/USDT", "1")

        def at_2(self) -> None:
            act = self.buy if side == "buy" else self.sell
            act("BTC/USDT", "0.1", **terms)  # type: ignore[arg-type]  # prices only

    rig = Rig({"one": One})
    rig.feed([trade(0, 100.0), trade(1, 100.0)])
    assert orders_of(rig)[-1].distance_bp == pytest.approx(distance)


def test_an_order_denied_before_anybody_listened_is_shown() -> None:
    class Hasty(Strategy):
        def on_start(self) -> None:
            self.buy("BTC/USDT", "1")

    rig = Rig({"hasty": Hasty})
    step = rig.engine.process(StopStrategy("hasty", START))
    rig.hub.views.orders._tap.ended.clear()
    restart = rig.engine.process(StartStrategy("hasty", START))
    rig.hub.views.orders._tap.ended.clear()
    assert step is not restart
    rig.host.saw(restart)
    assert [row.status for row in orders_of(rig)][-1] == "DENIED"


def test_old_ended_orders_go_and_working_ones_stay() -> None:
    class Busy(Strategy):
        def on_start(self) -> None:
            self.subscribe_trades("BTC/USDT")

        def on_trade(self, trade: Trade) -> None:
            if not self.orders():
                self.buy("BTC/USDT", "0.001", limit="1")
            self.buy("BTC/USDT", "0.001")

    rig = Rig({"busy": Busy})
    rig.feed(trade(number, 100.0) for number in range(KEEP_ENDED + 50))
    rows = orders_of(rig)
    assert len(rows) == KEEP_ENDED + 1
    assert rows[0].order_id == "o-000001"
    assert rows[0].is_open
    assert rig.hub.views.orders.truncated
    assert table_of(rig.rows("trades"))[-1]["number"] == KEEP_ENDED + 50
    assert rig.hub.views.fills.truncated


def test_fills_of_before_a_restart_keep_their_numbers() -> None:
    first = Rig({"buyer": Buyer})
    first.feed([trade(0, 100.0)])
    (old,) = first.rows("trades")
    assert isinstance(old, FillRow)
    second = Rig({"buyer": Buyer})
    second.hub.views.seed(Past(fills=(old,), fills_before=1, orders={"buyer": 1}))
    second.feed([trade(0, 100.0)])
    assert [each["number"] for each in table_of(second.rows("trades"))] == [1, 2]
    assert strategy_of(second).orders == 2


class Thinker(Strategy):
    """Keeps indicators."""

    period: int = 2
    symbol: str = "BTC/USDT"

    def on_start(self) -> None:
        self.average, self.waves = SMA(self.period), MACD()
        self.subscribe_bars(self.symbol, "1s")

    def on_bar(self, bar: Bar) -> None:
        self.average.update(bar.close)
        self.waves.update(bar.close)
        self.signal(self.symbol, "LONG", 0.25, "why not")


def test_a_strategy_shows_its_parameters_indicators_and_symbols() -> None:
    rig = Rig({"thinker": Thinker}, parameters={"thinker": {"period": 2, "symbol": "BTC/USDT"}})
    rig.feed(trade(number, 100.0 + number) for number in range(4))
    row = strategy_of(rig)
    assert row.parameters == {"period": "2", "symbol": "BTC/USDT"}
    assert row.indicators == {
        "average": 101.5,
        "waves": None,
        "waves.signal": None,
        "waves.histogram": None,
    }
    assert (row.symbols, row.doc, row.state) == (("BTC/USDT",), "Keeps indicators.", "RUNNING")
    signal = rig.rows("signals")[0]
    assert isinstance(signal, SignalRow)
    assert (signal.signal_id, signal.confidence, signal.strategy) == ("s-000001", 0.25, "thinker")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "none"),
        (5, "5"),
        (0.25, "0.25"),
        (Decimal("0.10"), "0.10"),
        ("BTC/USDT", "BTC/USDT"),
        (["a", "b"], "a,b"),
        ((1, 2), "1,2"),
        (10**30, "1" + "0" * 30),
        (object(), "object"),
    ],
)
def test_a_parameter_is_written_as_it_is_set(value: object, text: str) -> None:
    assert parameter_text(value) == text


async def test_indicators_are_told_along_the_candles_they_closed_with() -> None:
    rig = Rig({"thinker": Thinker})
    await rig.turn(1.0)
    for number in range(6):
        rig.feed([trade(number, 100.0 + number)])
        await rig.turn()
    message = rig.hub.views.indicators.along(
        "BTC/USDT", [START + number * SECOND for number in range(1, 7)]
    )
    assert message["thinker.average"] == (None, 100.5, 101.5, 102.5, 103.5, 103.5)
    assert rig.hub.views.indicators.along("ETH/USDT", [START]) == {}


def test_a_failed_strategy_shows_the_users_own_frames() -> None:
    class Broken(Scripted):
        def at_1(self) -> None:
            raise ValueError("no idea")

    rig = Rig({"broken": Broken})
    rig.feed([trade(0, 100.0)])
    row = strategy_of(rig)
    assert row.state == "FAILED"
    assert row.error.endswith("ValueError: no idea")
    assert "at_1" in row.error
    assert summary_of(rig).alerts == 1
    assert summary_of(rig).strategies_running == 0


def test_a_strategy_that_starts_anew_shows_itself_anew() -> None:
    rig = Rig({"thinker": Thinker})
    rig.put(StopStrategy("thinker", START))
    assert strategy_of(rig).state == "STOPPED"
    rig.put(StartStrategy("thinker", START))
    assert (strategy_of(rig).state, strategy_of(rig).starts) == ("RUNNING", 2)


def test_an_alert_counts_until_somebody_has_read_it_and_a_word_of_a_strategy_is_none() -> None:
    rig = Rig()
    rig.host.alert(Alert(AlertLevel.WARNING, "clock", "it is late", START))
    rig.host.alert(Alert(AlertLevel.INFO, "strategy-log", "hello", START, strategy="bot"))
    assert summary_of(rig).alerts == 1
    assert [each["message"] for each in table_of(rig.rows("alerts"))] == ["it is late"]
    news = rig.hub.views.news
    assert news.acknowledge(7) is None
    assert news.acknowledge(1) is not None
    assert news.acknowledge(1) is not None
    assert summary_of(rig).alerts == 0
    (row,) = rig.rows("alerts")
    assert isinstance(row, AlertRow)
    assert row.acknowledged


def test_why_trading_is_halted_is_in_the_summary() -> None:
    rig = Rig()
    rig.put(SetRiskState(RiskState.REDUCING, START, "paused by cli", "cli"))
    row = summary_of(rig)
    assert (row.risk_state, row.risk_reason) == ("REDUCING", "paused by cli")


def test_each_limit_shows_what_is_nearest_to_it() -> None:
    limits = RiskSettings(
        max_order_quantity=Decimal(2), max_position_value=Decimal(200), max_open_orders=4
    )

    class Rester(Scripted):
        def at_1(self) -> None:
            self.buy("BTC/USDT", "0.5", limit="99")
            self.buy("BTC/USDT", "1", limit="90")

    rig = Rig({"rester": Rester}, risk=limits)
    rig.feed([trade(0, 100.0)])
    orders_of(rig)
    rows = {each.name: each for each in rig.rows("risk") if isinstance(each, RiskRow)}
    assert (rows["max_order_quantity"].used, rows["max_order_quantity"].used_pct) == ("1", 50.0)
    assert (rows["max_position_value"].used, rows["max_position_value"].subject) == (
        "150",
        "BTC/USDT",
    )
    assert rows["max_position_value"].used_pct == 75.0
    assert (rows["max_open_orders"].used, rows["max_open_orders"].limit) == ("2", "4")
    assert (rows["max_order_value"].limit, rows["max_order_value"].used_pct) == (None, None)
    assert rows["price_collar_pct"].used == "10"
    assert rows["leverage"].used == "0"


def test_a_market_shows_its_day_and_its_last_closes() -> None:
    rig = Rig()
    rig.feed([trade(0, 100.0, 2.0), trade(1, 90.0), trade(2, 120.0), quote(2.5, 119.0, 121.0)])
    rig.hub.views.candles.take(rig.host.take_market())
    row = rig.rows("market")[0]
    assert isinstance(row, MarketRow)
    assert (row.last, row.bid, row.ask, row.bid_size) == ("120", "119", "121", "1.5")
    assert (row.high, row.low, row.volume, row.change_pct) == ("120", "90", "4", 20.0)
    assert row.sparkline == (100.0, 90.0, 120.0)
    assert (row.price_decimals, row.size_decimals, row.is_live) == (1, 3, True)
    assert row.ts == row.received == "2023-11-14T22:14:02.500000000Z"
    other = rig.rows("market")[1]
    assert isinstance(other, MarketRow)
    assert (other.last, other.ts, other.sparkline) == (None, None, ())


def test_a_market_whose_stream_is_down_is_not_live() -> None:
    rig = Rig()
    health = VenueHealth(streams=1, streams_wanted=2, latency_ns=1_500_000)
    rig.venues = (VenueView("sim", "paper", "READY", "certain", START, health, None),)
    row, venue = rig.rows("market")[0], rig.rows("venues")[0]
    assert isinstance(row, MarketRow)
    assert not row.is_live
    assert isinstance(venue, VenueRow)
    assert (venue.latency_ms, venue.streams, venue.age_ms) == (1.5, 1, None)


def test_a_channel_that_is_not_there_is_refused() -> None:
    with pytest.raises(NotFoundError, match="no channel"):
        Rig().rows("weather")


async def test_the_day_begins_at_midnight_and_the_drawdown_at_the_highest() -> None:
    rig = Rig({"buyer": Buyer})
    await rig.turn()
    midnight = (START // (86_400 * SECOND) + 1) * 86_400
    seconds = midnight - START // SECOND
    for at, price in (
        (0, 100.0),
        (1, 100.0),
        (2, 120.0),
        (seconds + 1, 110.0),
        (seconds + 2, 130.0),
    ):
        rig.feed([trade(at, price)])
        await rig.turn()
    row = summary_of(rig)
    assert row.day_pnl == "10"
    assert row.drawdown_pct == 0.0
    rig.feed([trade(seconds + 3, 106.0)])
    await rig.turn()
    row = summary_of(rig)
    assert row.day_pnl == "-2"
    assert row.drawdown_pct == pytest.approx(-12 / (100_000 + 15 - 0.05) * 100, rel=1e-6)
    assert strategy_of(rig).day_pnl == "-2"


async def test_a_long_curve_is_thinned_out_and_keeps_its_beginning() -> None:
    rig = Rig()
    for number in range(2_000):
        rig.feed([trade(number, 100.0)])
        await rig.turn()
    points = table_of(rig.rows("pnl"))
    assert 360 <= len(points) <= 720
    assert points[0]["ts"] == "2023-11-14T22:14:00.000000000Z"
    assert rig.hub.views.standing.step_ns == 4 * SECOND


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_market_number_is_written_plainly_and_read_back_the_same(number: float) -> None:
    text = float_text(number)
    assert "e" not in text
    assert "n" not in text
    if isfinite(number):
        assert float(text) == number


def test_decimals_are_those_of_the_grid() -> None:
    assert [decimals_of(Decimal(step)) for step in ("0.10", "5", "0.25", "1e-8", "100")] == [
        1,
        0,
        2,
        8,
        0,
    ]


def test_a_fill_row_says_what_the_export_says() -> None:
    rig = Rig({"buyer": Buyer})
    rig.feed([trade(0, 100.0)])
    (row,) = table_of(rig.rows("trades"))
    assert row["order_id"] == "o-000001"
    assert (row["value"], row["fee"], row["liquidity"], row["side"]) == (
        "50",
        "0.05",
        "TAKER",
        "BUY",
    )
