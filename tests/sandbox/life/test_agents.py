"""Single agents on a market of their own: what each does, and what the exchange lets it."""

from collections.abc import Callable
from decimal import Decimal
from statistics import mean

from msgspec.structs import replace

from alphaforge.model.enums import OrderSide
from alphaforge.sandbox.agents import NEAR, Agent, Maker, Market, Noise, TrendFollower
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.listings import default_listings
from alphaforge.sandbox.terms import Kind, Listing, NewOrder, Print, Refusal, Told

SECOND = 1_000_000_000
START = 1_704_067_200 * SECOND
BTC = "BTC/USDT"


class Line:
    """A price that moves by a constant share of itself each second."""

    def __init__(self, per_second: float = 0.0) -> None:
        self._per_second = per_second

    def at(self, elapsed_ns: int) -> float:
        return 60_000.0 * (1 + self._per_second * elapsed_ns / SECOND)


class Stage:
    """A market with one agent and a user."""

    def __init__(self, per_second: float = 0.0, **rules: object) -> None:
        listing: Listing = replace(default_listings((BTC,))[0], **rules)
        self.exchange = Exchange((listing,))
        self.market = Market(self.exchange, BTC, Line(per_second))
        self.prints: list[Print] = []
        self.exchange.listeners.append(self._hear)
        self.exchange.open_account("@agent", {})
        self.exchange.open_account("user", {"USDT": Decimal(10**8), "BTC": Decimal(1_000)})

    def _hear(self, told: Told) -> None:
        if isinstance(told, Print):
            self.prints.append(told)

    def user(self, side: OrderSide, quantity: str, price: str | None = None) -> None:
        new = NewOrder(
            symbol=BTC,
            side=side,
            kind=Kind.MARKET if price is None else Kind.LIMIT,
            quantity=Decimal(quantity),
            limit_price=None if price is None else Decimal(price),
        )
        self.exchange.place("user", new, START)

    def depth_for_all(self) -> None:
        self.user(OrderSide.BUY, "100", "59900")
        self.user(OrderSide.SELL, "100", "60100")

    def run(self, agent: Agent, seconds: int, after: Callable[[], None] = lambda: None) -> None:
        elapsed = 0
        while elapsed <= seconds * SECOND:
            elapsed = agent.act(START + elapsed, elapsed)
            after()

    def middle(self) -> float:
        bid, ask = self.exchange.top(BTC)
        assert bid is not None
        assert ask is not None
        return float(bid[0] + ask[0]) / 2


def maker(stage: Stage) -> Maker:
    return Maker(stage.market, "@agent", NEAR, 0, seed=1)


def test_a_maker_that_was_sold_to_quotes_lower() -> None:
    middles: list[float] = []
    for sold in ("0.001", "1"):
        stage, seen = Stage(per_second=0.0001), list[float]()
        quoting = maker(stage)
        quoting.act(START, 0)
        stage.user(OrderSide.SELL, sold)
        stage.run(quoting, 60, lambda stage=stage, seen=seen: seen.append(stage.middle()))
        middles.append(mean(seen))
    assert 0.5 < middles[0] - middles[1] < 3


def test_a_maker_leaves_quotes_that_still_fit_where_they_are() -> None:
    stage = Stage()
    quoting = maker(stage)
    quoting.act(START, 0)
    before = {order.order_id for order in stage.exchange.open_orders("@agent")}
    stage.run(quoting, 10)
    after = {order.order_id for order in stage.exchange.open_orders("@agent")}
    assert len(after) == 2 * NEAR.rungs
    assert before == after


def test_a_maker_never_has_more_than_its_rungs_and_a_few_behind() -> None:
    stage = Stage(per_second=0.0003)
    counts: list[int] = []
    stage.run(maker(stage), 60, lambda: counts.append(len(stage.exchange.open_orders("@agent"))))
    assert max(counts) <= 2 * (NEAR.rungs + 2)
    assert min(counts) >= 2 * NEAR.rungs - 1


def test_noise_arrives_as_often_as_it_should_and_both_ways() -> None:
    stage = Stage()
    stage.depth_for_all()
    stage.run(Noise(stage.market, "@agent", 6.0, seed=1), 100)
    sides = [each.side for each in stage.prints]
    assert 450 < len(sides) < 750
    assert 0.4 < sides.count(OrderSide.BUY) / len(sides) < 0.6


def test_noise_trades_small_sizes_mostly_and_large_ones_sometimes() -> None:
    stage = Stage()
    stage.depth_for_all()
    stage.run(Noise(stage.market, "@agent", 6.0, seed=1), 100)
    values = sorted(float(each.price * each.quantity) for each in stage.prints)
    assert 600 < values[len(values) // 2] < 1_300
    assert values[0] >= 5
    assert 4_000 < values[-1] <= 20_000


def test_noise_that_was_not_called_for_long_does_not_make_up_for_it() -> None:
    stage = Stage()
    stage.depth_for_all()
    Noise(stage.market, "@agent", 6.0, seed=1).act(START, 3_600 * SECOND)
    assert 1 <= len(stage.prints) <= 2


def test_a_trend_follower_goes_with_the_price() -> None:
    for per_second, side in ((0.0002, OrderSide.BUY), (-0.0002, OrderSide.SELL)):
        stage = Stage(per_second)
        stage.depth_for_all()
        stage.run(TrendFollower(stage.market, "@agent", 1.5, seed=1), 60)
        assert len(stage.prints) > 40
        assert {each.side for each in stage.prints} == {side}


def test_a_trend_follower_stays_out_of_a_market_that_hardly_moves() -> None:
    stage = Stage(per_second=0.000003)
    stage.depth_for_all()
    stage.run(TrendFollower(stage.market, "@agent", 1.5, seed=1), 60)
    assert not stage.prints


def test_an_order_that_is_refused_is_not_there_and_is_counted() -> None:
    stage = Stage()
    stage.run(Noise(stage.market, "@agent", 6.0, seed=1), 5)
    assert not stage.prints
    assert stage.market.refused[Refusal.NO_LIQUIDITY] > 10


def test_orders_keep_to_the_listings_sizes() -> None:
    rules = {"min_value": Decimal(50_000), "max_quantity": Decimal(2)}
    stage = Stage(**rules)
    maker(stage).act(START, 0)
    orders = stage.exchange.open_orders("@agent")
    assert len(orders) == 2 * NEAR.rungs
    assert not stage.market.refused
    assert all(order.quantity <= 2 for order in orders)
