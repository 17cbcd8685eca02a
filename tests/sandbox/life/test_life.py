"""The agents keep a market that can be traded: deterministic, tight, deep, and never empty."""

from decimal import Decimal
from itertools import pairwise
from statistics import median

import pytest
from msgspec.structs import replace

from alphaforge.model.enums import OrderSide
from alphaforge.sandbox.candles import Candles
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.life import STEP_NS, Life
from alphaforge.sandbox.listings import default_listings
from alphaforge.sandbox.pacing import LONGEST_GAP_NS
from alphaforge.sandbox.terms import (
    Kind,
    MarketChanged,
    MarketStatus,
    NewOrder,
    Order,
    OrderChanged,
    Print,
    Standing,
    Told,
    TopChanged,
)

SECOND = 1_000_000_000
START = 1_704_067_200 * SECOND
BTC = "BTC/USDT"


class Place:
    """An exchange with life in it, and everything it tells."""

    def __init__(
        self, *symbols: str, seed: int = 1, speed: float = 1.0, keeps: type | None = None
    ) -> None:
        self.exchange = Exchange(default_listings(symbols or (BTC,)))
        self.told: list[Told] = []
        self._keeps = keeps
        self.candles = Candles(self.exchange.listings.values(), START)
        self.exchange.listeners += [self._hear, self.candles.hear]
        self.exchange.open_account("user", {"USDT": Decimal(10**7), "BTC": Decimal(100)})
        self.life = Life(self.exchange, seed, speed, START)
        self.now = START

    def _hear(self, told: Told) -> None:
        if self._keeps is None or isinstance(told, self._keeps):
            self.told.append(told)

    def play(self, seconds: float, step: int = STEP_NS) -> None:
        end = self.now + int(seconds * SECOND)
        while self.now < end:
            self.now = min(end, self.now + step)
            self.life.play(self.now)

    def of(self, symbol: str) -> list[tuple[object, ...]]:
        """Quotes and trades of a symbol: what is not numbered across the exchange."""
        found: list[tuple[object, ...]] = []
        for told in self.told:
            if isinstance(told, Print) and told.symbol == symbol:
                found.append((told.ts, told.price, told.quantity, told.side))
            elif isinstance(told, TopChanged) and told.symbol == symbol:
                found.append((told.ts, told.bid, told.ask))
        return found

    def order(self, side: OrderSide, quantity: str, limit: str | None = None) -> Order:
        price = Decimal(limit) if limit else None
        kind = Kind.LIMIT if limit else Kind.MARKET
        new = NewOrder(
            symbol=BTC, side=side, kind=kind, quantity=Decimal(quantity), limit_price=price
        )
        return self.exchange.place("user", new, self.now)


def test_a_seed_tells_the_same_events_to_the_last_digit() -> None:
    one, other = Place(BTC, "ETH/BTC", seed=3), Place(BTC, "ETH/BTC", seed=3)
    one.play(5)
    other.play(5)
    assert one.told
    assert one.told == other.told


def test_another_seed_is_another_market() -> None:
    one, other = Place(seed=3), Place(seed=4)
    one.play(3)
    other.play(3)
    assert one.of(BTC) != other.of(BTC)


def test_other_symbols_do_not_change_a_market() -> None:
    alone, among = Place(BTC), Place("ETH/USDT", "BTC/USDT:USDT", BTC)
    alone.play(5)
    among.play(5)
    assert alone.of(BTC) == among.of(BTC)
    assert len(alone.of(BTC)) > 50


def test_it_does_not_matter_how_late_it_is_played() -> None:
    often, seldom = Place(), Place()
    often.play(5)
    seldom.play(5, step=1_234_567_891)
    assert often.told == seldom.told


@pytest.mark.slow
@pytest.mark.parametrize(
    ("symbol", "widest"),
    [(BTC, 3.0), ("BTC/USDT:USDT", 3.0), ("ETH/BTC", 4.5), ("XRP/USDT", 4.5), ("ZZZ/USDT", 3.0)],
)
def test_a_market_is_tight_deep_and_busy(symbol: str, widest: float) -> None:
    place = Place(symbol, keeps=Print)
    spreads: list[float] = []
    for _ in range(600):
        place.play(0.1)
        depth = place.exchange.depth(symbol, 1_000)
        assert len(depth.bids) >= 20
        assert len(depth.asks) >= 20
        (bid, _), (ask, _) = depth.bids[0], depth.asks[0]
        assert bid < ask
        spreads.append(float(ask / bid - 1) * 10_000)
    assert 0.5 <= median(spreads) <= widest
    assert 60 * 4 <= len(place.told) <= 60 * 16
    assert not place.life.markets[symbol].refused


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 6))
def test_averages_of_one_second_bars_cross_again_and_again(seed: int) -> None:
    place = Place(seed=seed, keeps=Print)
    place.play(60)
    bars = place.candles.bars(BTC, "1s", None, place.now - SECOND, 80)
    closes = [float(bar.close) for bar in bars]
    signs = [
        sum(closes[end - 5 : end]) / 5 > sum(closes[end - 20 : end]) / 20
        for end in range(20, len(closes) + 1)
    ]
    assert any(signs[:16])
    assert sum(before is not after for before, after in pairwise(signs)) >= 3


@pytest.mark.parametrize("side", list(OrderSide))
def test_makers_refill_what_a_large_order_took(side: OrderSide) -> None:
    place = Place()
    place.play(2)
    place.order(side, "2.5")
    taken = place.exchange.depth(BTC, 1_000)
    place.play(0.5)
    refilled = place.exchange.depth(BTC, 1_000)
    (gone, there) = (
        (taken.asks, refilled.asks) if side is OrderSide.BUY else (taken.bids, refilled.bids)
    )
    assert len(gone) < 20 <= len(there)
    spread = refilled.asks[0][0] / refilled.bids[0][0] - 1
    assert spread < Decimal("0.0004")


def test_a_resting_order_that_the_price_runs_over_is_filled() -> None:
    place = Place()
    place.play(1)
    ask = place.exchange.top(BTC)[1]
    assert ask is not None
    price = (ask[0] * Decimal("1.0005")).quantize(Decimal("0.01"))
    order = place.order(OrderSide.SELL, "5", str(price))
    place.play(12)
    assert order.standing is Standing.FILLED


def test_speed_is_so_much_more_of_the_same() -> None:
    slow, fast = Place(keeps=Print), Place(keeps=Print, speed=10)
    slow.play(10)
    fast.play(1)
    assert len(slow.told) / 2 < len(fast.told) < len(slow.told) * 2
    assert {told.ts for told in fast.told} <= set(range(START, START + SECOND + 1, STEP_NS))


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed must be more than 0"):
        Life(Exchange(default_listings((BTC,))), 1, speed, START)


def test_what_is_due_next_is_told() -> None:
    place = Place()
    told = len(place.told)
    place.life.play(place.life.next_at - 1)
    assert len(place.told) == told
    for _ in range(100):
        place.life.play(place.life.next_at)
    assert len(place.told) > told


def test_a_halted_market_stands_still_and_goes_on() -> None:
    place = Place()
    place.play(1)
    listing = place.exchange.listings[BTC]
    place.exchange.set_listing(replace(listing, status=MarketStatus.HALTED), place.now)
    told = len(place.told)
    place.play(1)
    assert len(place.told) == told
    place.exchange.set_listing(listing, place.now)
    place.play(2)
    assert len(place.told) > told + 10


def test_a_market_that_is_listed_later_comes_to_life() -> None:
    place = Place()
    place.play(1)
    (eth,) = default_listings(("ETH/USDT",))
    place.exchange.set_listing(eth, place.now)
    place.exchange.set_listing(eth, place.now)
    assert any(isinstance(told, MarketChanged) for told in place.told)
    place.play(3)
    assert place.of("ETH/USDT")
    assert 20 <= len(place.exchange.depth("ETH/USDT", 1_000).bids) <= 45
    assert len([told for told in place.told if isinstance(told, Print)]) < 100


def test_makers_follow_a_coarser_grid() -> None:
    place = Place()
    place.play(1)
    listing = place.exchange.listings[BTC]
    place.exchange.set_listing(replace(listing, price_step=Decimal(5)), place.now)
    place.play(2)
    depth = place.exchange.depth(BTC, 1_000)
    assert len(depth.bids) >= 20
    assert all(price % 5 == 0 for price, _ in (*depth.bids, *depth.asks))


def test_nothing_happens_before_what_others_saw() -> None:
    place = Place()
    place.play(1)
    late = place.now + 300_000_000
    ask = place.exchange.top(BTC)[1]
    assert ask is not None
    place.now = late
    place.order(OrderSide.BUY, "0.01")
    place.told.clear()
    place.life.play(late + 5)
    assert place.told
    assert all(late <= told.ts <= late + 5 for told in place.told)


@pytest.mark.parametrize("jump", [-3_600 * SECOND, LONGEST_GAP_NS + 1, 10**6 * SECOND])
def test_a_clock_that_jumps_neither_stops_nor_floods_the_market(jump: int) -> None:
    place = Place()
    place.play(1)
    place.told.clear()
    place.now += jump
    place.life.play(place.now)
    assert len(place.told) < 200
    place.play(2)
    told = [each for each in place.told if isinstance(each, Print)]
    assert 5 <= len(told) <= 60


def test_a_new_life_takes_back_what_the_old_one_left() -> None:
    place = Place()
    place.play(3)
    place.exchange.listeners.clear()
    price = place.exchange.last(BTC)
    Life(place.exchange, 9, 1.0, place.now)
    depth = place.exchange.depth(BTC, 1_000)
    assert 20 <= len(depth.bids) <= 40
    assert abs(depth.bids[0][0] / price - 1) < Decimal("0.001")


def test_who_trades_pays_and_agents_do_not() -> None:
    place = Place()
    place.play(1)
    place.order(OrderSide.BUY, "1")
    fees = place.exchange.balances("@fees")["USDT"].total
    paid = sum(each.fee for each in place.exchange.executions("user"))
    assert fees == paid > 0


def test_every_agent_trades() -> None:
    place = Place()
    place.play(20)
    trading = {
        told.order.account
        for told in place.told
        if isinstance(told, OrderChanged) and told.execution is not None
    }
    for name in ("@maker-1", "@maker-2", "@maker-3", "@trend", "@noise"):
        assert f"{name} {BTC}" in trading
