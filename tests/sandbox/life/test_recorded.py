"""A recording played through the exchange: its book, its tape, and the queue we stand in."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alphaforge.errors import UsageError
from alphaforge.marketdata.dataset import Dataset, open_dataset
from alphaforge.model.enums import InstrumentKind, Liquidity, OrderSide
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import BookDelta, BookSnapshot, Level, Quote, Trade
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.listings import default_listings
from alphaforge.sandbox.recorded import Recorded, recorded_listings
from alphaforge.sandbox.recorded_market import SHOWN, RecordedMarket
from alphaforge.sandbox.terms import Kind, MarketStatus, NewOrder, Order, Print, Standing, Told

SECOND = 1_000_000_000
START = 1_704_067_200 * SECOND
BTC = "BTC/USDT"
BUY, SELL = OrderSide.BUY, OrderSide.SELL


class Stage:
    """A market that is fed recorded events by hand, with a user who trades in it."""

    def __init__(self) -> None:
        listing = replace(default_listings((BTC,))[0], min_value=Decimal(0))
        self.exchange = Exchange((listing,))
        for account in ("@recorded", "@recorded-taker"):
            self.exchange.open_account(account, {})
        self.exchange.open_account("user", {"USDT": Decimal(10**8), "BTC": Decimal(1_000)})
        self.tape: list[Print] = []
        self.exchange.listeners.append(self._hear)
        self.market = RecordedMarket(self.exchange, BTC)
        self.now = START

    def _hear(self, told: Told) -> None:
        if isinstance(told, Print):
            self.tape.append(told)

    def book(self, bids: dict[float, float], asks: dict[float, float]) -> None:
        event = BookSnapshot(BTC, self.now, tuple(bids.items()), tuple(asks.items()), 1)
        self.market.hear(event, self.now)

    def change(self, bids: dict[float, float], asks: dict[float, float] | None = None) -> None:
        event = BookDelta(BTC, self.now, tuple(bids.items()), tuple((asks or {}).items()))
        self.market.hear(event, self.now)

    def trade(self, price: float, size: float, side: OrderSide | None = SELL) -> None:
        self.market.hear(Trade(BTC, self.now, price, size, side), self.now)

    def quote(self, bid: Level, ask: Level) -> None:
        self.market.hear(Quote(BTC, self.now, bid[0], ask[0], bid[1], ask[1]), self.now)

    def order(self, side: OrderSide, quantity: str, price: str | None = None) -> Order:
        new = NewOrder(
            symbol=BTC,
            side=side,
            kind=Kind.MARKET if price is None else Kind.LIMIT,
            quantity=Decimal(quantity),
            limit_price=None if price is None else Decimal(price),
        )
        return self.exchange.place("user", new, self.now)

    def levels(self) -> tuple[dict[float, float], dict[float, float]]:
        depth = self.exchange.depth(BTC, 10_000)
        bids, asks = (
            {float(price): float(size) for price, size in side} for side in (depth.bids, depth.asks)
        )
        return bids, asks


def two_sided() -> Stage:
    stage = Stage()
    stage.book({60_000.0: 2.0, 59_999.0: 3.0}, {60_001.0: 1.0, 60_002.0: 4.0})
    return stage


def test_the_recorded_book_is_the_exchanges() -> None:
    stage = two_sided()
    assert stage.levels() == (
        {60_000.0: 2.0, 59_999.0: 3.0},
        {60_001.0: 1.0, 60_002.0: 4.0},
    )
    stage.change({60_000.0: 0.5, 59_998.0: 7.0}, {60_001.0: 0.0, 60_002.0: 5.0})
    assert stage.levels() == ({60_000.0: 0.5, 59_999.0: 3.0, 59_998.0: 7.0}, {60_002.0: 5.0})


def test_a_trade_at_our_price_fills_us_only_after_those_ahead() -> None:
    stage = two_sided()
    ours = stage.order(BUY, "1", "60000")
    stage.trade(60_000.0, 1.5)
    assert ours.filled == 0
    stage.trade(60_000.0, 0.75)
    assert ours.filled == Decimal("0.25")
    stage.trade(60_000.0, 5.0)
    assert ours.standing is Standing.FILLED
    assert {each.liquidity for each in stage.exchange.executions("user")} == {Liquidity.MAKER}


def test_what_is_added_later_comes_behind_us() -> None:
    stage = two_sided()
    ours = stage.order(BUY, "1", "60000")
    stage.change({60_000.0: 10.0})
    stage.trade(60_000.0, 2.5)
    assert ours.filled == Decimal("0.5")


def test_what_is_canceled_is_not_taken_from_ahead_of_us() -> None:
    stage = two_sided()
    ours = stage.order(BUY, "1", "60000")
    stage.change({60_000.0: 10.0})
    stage.change({60_000.0: 2.0})
    stage.trade(60_000.0, 2.0)
    assert ours.filled == 0
    stage.change({60_000.0: 0.0})
    stage.trade(60_000.0, 0.25)
    assert ours.filled == Decimal("0.25")


def test_a_level_that_shrinks_below_what_was_ahead_brings_us_forward() -> None:
    stage = two_sided()
    ours = stage.order(BUY, "1", "60000")
    stage.change({60_000.0: 0.5})
    stage.trade(60_000.0, 0.75)
    assert ours.filled == Decimal("0.25")


@pytest.mark.parametrize(
    ("side", "limit", "through"), [(BUY, "60000", 59_999.99), (SELL, "60001", 60_001.01)]
)
def test_a_trade_through_our_price_fills_us_whole(
    side: OrderSide, limit: str, through: float
) -> None:
    stage = two_sided()
    ours = stage.order(side, "5", limit)
    stage.trade(through, 0.001, SELL if side is BUY else BUY)
    assert ours.standing is Standing.FILLED
    assert ours.filled_value == 5 * Decimal(limit)


def test_a_trade_on_the_other_side_does_not_fill_us() -> None:
    stage = two_sided()
    ours = stage.order(BUY, "1", "60000")
    stage.trade(60_001.0, 1.0, BUY)
    stage.trade(60_002.0, 1.0, BUY)
    assert ours.filled == 0


def test_an_order_inside_the_spread_is_first() -> None:
    stage = two_sided()
    ours = stage.order(BUY, "1", "60000.5")
    stage.trade(60_000.5, 0.25)
    assert ours.filled == Decimal("0.25")


def test_a_recorded_offer_at_our_price_trades_with_us() -> None:
    stage = two_sided()
    ours = stage.order(BUY, "1", "60000.5")
    stage.change({}, {60_000.5: 0.25})
    assert ours.filled == Decimal("0.25")


def test_we_take_from_the_recorded_book_and_it_stays_taken() -> None:
    stage = two_sided()
    stage.order(BUY, "3")
    assert stage.levels()[1] == {60_002.0: 2.0}
    stage.change({59_990.0: 1.0})
    assert stage.levels()[1] == {60_002.0: 2.0}
    stage.change({}, {60_002.0: 6.0})
    assert stage.levels()[1] == {60_002.0: 6.0}


def test_the_tape_shows_every_recorded_trade_whole() -> None:
    stage = two_sided()
    stage.trade(60_000.0, 9.0)
    stage.trade(59_500.0, 0.5)
    stage.trade(60_700.0, 0.25, BUY)
    sizes = Counter[Decimal]()
    for each in stage.tape:
        sizes[each.price] += each.quantity
    assert sizes == {Decimal(60_000): 9, Decimal(59_500): Decimal("0.5"), 60_700: Decimal("0.25")}


def test_a_trade_beyond_a_level_hides_it_until_the_book_is_told_again() -> None:
    stage = two_sided()
    stage.trade(59_999.0, 1.0)
    assert stage.levels()[0] == {59_999.0: 2.0}
    stage.change({59_998.0: 1.0})
    assert stage.levels()[0] == {60_000.0: 2.0, 59_999.0: 2.0, 59_998.0: 1.0}


def test_a_level_that_crosses_the_other_side_says_that_it_is_gone() -> None:
    stage = two_sided()
    stage.change({60_001.0: 1.0})
    assert stage.levels() == (
        {60_001.0: 1.0, 60_000.0: 2.0, 59_999.0: 3.0},
        {60_002.0: 4.0},
    )
    assert not stage.tape


def test_quotes_alone_make_a_book_of_one_level() -> None:
    stage = Stage()
    stage.quote((60_000.0, 1.0), (60_001.0, 2.0))
    stage.quote((60_000.5, 1.5), (60_001.5, 2.5))
    assert stage.levels() == ({60_000.5: 1.5}, {60_001.5: 2.5})


def test_a_book_is_believed_before_quotes_are() -> None:
    stage = two_sided()
    before = stage.levels()
    stage.quote((60_000.5, 1.0), (60_001.5, 2.0))
    assert stage.levels() == before


def test_differences_without_a_book_mean_nothing() -> None:
    stage = Stage()
    stage.change({60_000.0: 1.0})
    assert stage.levels() == ({}, {})


def test_trades_alone_leave_as_much_on_both_sides() -> None:
    stage = Stage()
    stage.trade(60_000.0, 0.5, None)
    assert stage.levels() == ({59_999.99: 0.5}, {60_000.01: 0.5})
    assert [(each.price, each.quantity) for each in stage.tape] == [(60_000, Decimal("0.5"))]


def test_where_the_feed_does_not_say_who_lifts_the_ask_bought() -> None:
    stage = two_sided()
    stage.trade(60_001.0, 0.5, None)
    stage.trade(60_000.0, 0.5, None)
    assert [each.side for each in stage.tape] == [BUY, SELL]


def test_only_the_levels_near_the_best_are_brought_in_and_they_follow_it() -> None:
    stage = Stage()
    stage.book({60_000.0 - n: 1.0 for n in range(1_000)}, {60_001.0 + n: 1.0 for n in range(1_000)})
    bids, asks = stage.levels()
    assert len(bids) == len(asks) == SHOWN
    stage.change({60_000.0 - n: 0.0 for n in range(400)})
    bids, _ = stage.levels()
    assert max(bids) == 59_600.0
    assert len(bids) == SHOWN


def test_a_jump_over_all_levels_that_were_brought_in_brings_in_the_next() -> None:
    stage = Stage()
    stage.book({60_000.0 - n: 1.0 for n in range(1_000)}, {60_001.0 + n: 1.0 for n in range(1_000)})
    stage.change({60_151.0: 1.0})
    bids, asks = stage.levels()
    assert (max(bids), min(asks), len(asks)) == (60_151.0, 60_152.0, SHOWN)


def test_a_halt_lets_the_recording_go_on_and_the_book_catches_up() -> None:
    stage = two_sided()
    listing = stage.exchange.listings[BTC]
    stage.exchange.set_listing(replace(listing, status=MarketStatus.HALTED), stage.now)
    stage.change({60_000.0: 7.0})
    stage.trade(60_000.0, 1.0)
    assert not stage.tape
    stage.exchange.set_listing(listing, stage.now)
    stage.change({59_990.0: 1.0})
    assert stage.levels()[0] == {60_000.0: 7.0, 59_999.0: 3.0, 59_990.0: 1.0}


CHANGES = st.lists(
    st.tuples(
        st.sampled_from((BUY, SELL)), st.integers(0, 9), st.integers(0, 50).map(lambda n: n / 10)
    ),
    max_size=40,
)


@given(changes=CHANGES)
def test_without_us_the_exchanges_book_is_always_the_recorded_one(
    changes: list[tuple[OrderSide, int, float]],
) -> None:
    stage = two_sided()
    bids, asks = stage.levels()
    for side, distance, size in changes:
        levels = bids if side is BUY else asks
        price = 60_000.0 - distance if side is BUY else 60_001.0 + distance
        levels[price] = size
        stage.change({price: size} if side is BUY else {}, {price: size} if side is SELL else {})
    wanted = [{price: size for price, size in levels.items() if size} for levels in (bids, asks)]
    assert list(stage.levels()) == wanted
    assert not stage.tape


# Whole recordings -----------------------------------------------------------------------------


def played(dataset: Dataset, speed: float) -> tuple[Exchange, Recorded]:
    exchange = Exchange(recorded_listings(dataset))
    return exchange, Recorded(exchange, dataset, speed, START)


def write_trades(path: Path, *rows: tuple[int, float, float, str]) -> Dataset:
    lines = ["timestamp,price,size,side"]
    lines += [f"{1_700_000_000_000 + ms},{price},{size},{side}" for ms, price, size, side in rows]
    path.write_text("\n".join(lines) + "\n")
    return open_dataset(path, symbol=BTC)


def test_events_happen_when_they_are_due_and_as_fast_as_asked(tmp_path: Path) -> None:
    rows = ((0, 100.5, 1.0, "buy"), (1_000, 101.0, 2.0, "sell"), (4_000, 102.0, 1.0, "buy"))
    exchange, recorded = played(write_trades(tmp_path / "trades.csv", *rows), 2.0)
    assert [each.price for each in exchange.prints(BTC)] == [Decimal("100.5")]
    assert recorded.next_at == START + SECOND // 2
    recorded.play(recorded.next_at - 1)
    assert len(exchange.prints(BTC)) == 1
    recorded.play(recorded.next_at)
    assert exchange.prints(BTC)[-1].ts == START + SECOND // 2
    assert not recorded.has_ended
    recorded.play(START + 60 * SECOND)
    assert recorded.has_ended
    assert recorded.next_at > START + 60 * SECOND
    assert [each.ts - START for each in exchange.prints(BTC)] == [0, SECOND // 2, 2 * SECOND]


def test_a_recording_lists_its_own_grid_and_first_price(tmp_path: Path) -> None:
    dataset = write_trades(tmp_path / "trades.csv", (0, 100.5, 1.25, "buy"), (1, 100.7, 2, "sell"))
    (listing,) = recorded_listings(dataset)
    assert (listing.symbol, listing.first_price) == (BTC, Decimal("100.5"))
    assert (listing.price_step, listing.quantity_step) == (Decimal("0.1"), Decimal("0.01"))
    assert listing.taker_fee == Decimal("0.001")


@pytest.mark.parametrize("speed", [0.0, -2.0, float("nan")])
def test_a_speed_that_is_none_is_refused(tmp_path: Path, speed: float) -> None:
    dataset = write_trades(tmp_path / "trades.csv", (0, 100.5, 1.25, "buy"))
    with pytest.raises(ValueError, match="speed must be more than 0"):
        played(dataset, speed)


def test_bars_have_no_queue_to_stand_in(tmp_path: Path) -> None:
    path = tmp_path / "bars.csv"
    path.write_text(
        "timestamp,open,high,low,close,volume\n"
        "1700000000000,1.0,2.0,1.0,2.0,5\n1700000060000,2.0,3.0,2.0,3.0,5\n"
    )
    with pytest.raises(UsageError, match="holds bars") as raised:
        recorded_listings(open_dataset(path, symbol=BTC))
    assert "trades" in raised.value.remedy


def test_an_inverse_recording_is_refused(data_file: Callable[[str], Path]) -> None:
    rules = Instrument(symbol="BTC/USD", kind=InstrumentKind.INVERSE, base="BTC", quote="USD")
    path = data_file("binance_cm_btcusd_perp_20240808.jsonl.gz")
    dataset = open_dataset(path, instruments={"BTC/USD": rules})
    with pytest.raises(UsageError, match="settled in its base"):
        recorded_listings(dataset)


@pytest.fixture(scope="module")
def spot(data_file: Callable[[str], Path]) -> Dataset:
    return open_dataset(data_file("binance_spot_btcusdt_20240808.jsonl.gz"))


@pytest.mark.slow
def test_a_recorded_session_of_a_large_venue_plays_to_its_end(spot: Dataset) -> None:
    exchange, recorded = played(spot, 1.0)
    exchange.open_account("user", {"USDT": Decimal(10**6), "BTC": Decimal(10)})
    traded = Counter[Decimal]()
    exchange.listeners.append(
        lambda told: traded.update({told.price: told.quantity}) if isinstance(told, Print) else None
    )
    for seconds in range(1, 31):
        recorded.play(START + seconds * SECOND)
        bid, ask = exchange.top(BTC)
        assert bid is not None
        assert ask is not None
        assert 0 < ask[0] - bid[0] < 20
        depth = exchange.depth(BTC, 1_000)
        assert len(depth.bids) >= 40
        assert len(depth.asks) >= 40
    assert recorded.played > 2_000
    assert sum(traded.values()) > 1


@pytest.mark.slow
def test_the_tape_of_a_recorded_session_is_the_recorded_tape(spot: Dataset) -> None:
    exchange, recorded = played(spot, 20.0)
    tape = list(exchange.prints(BTC))
    exchange.listeners.append(lambda told: tape.append(told) if isinstance(told, Print) else None)
    recorded.play(START + 2 * SECOND)
    mine = Counter[Decimal]()
    for each in tape:
        mine[each.price] += each.quantity
    theirs, count = Counter[Decimal](), 0
    for batch in spot.batches():
        for event in batch:
            count += 1
            if count <= recorded.played and isinstance(event, Trade):
                theirs[Decimal(repr(event.price))] += Decimal(repr(event.size))
    assert theirs
    assert mine == theirs


def test_a_linear_recording_is_listed_as_a_perpetual(data_file: Callable[[str], Path]) -> None:
    (listing,) = recorded_listings(
        open_dataset(data_file("binance_usdm_btcusdt_20240808.jsonl.gz"))
    )
    assert (listing.symbol, listing.kind) == ("BTC/USDT:USDT", InstrumentKind.LINEAR)
    assert listing.price_step == Decimal("0.1")
