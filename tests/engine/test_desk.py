"""The verbs of a strategy, one by one."""

from decimal import Decimal
from typing import Any

import pytest

from alphaforge.engine.build import simulate
from alphaforge.model.commands import StartSession
from alphaforge.model.enums import OrderStatus, OrderType, TimeInForce
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar, BookSnapshot, Quote
from alphaforge.model.settings import EngineSettings, RiskSettings, SizingSettings
from tests.engine.driving import SECOND, SPOT, START, SYMBOL, Market, Puppet, limited, spending


@pytest.mark.parametrize(
    ("terms", "kind"),
    [
        ({}, OrderType.MARKET),
        ({"limit": 90}, OrderType.LIMIT),
        ({"stop": 110}, OrderType.STOP_MARKET),
        ({"stop": 110, "limit": 111}, OrderType.STOP_LIMIT),
        ({"trail": 1}, OrderType.TRAILING_STOP),
        ({"trail": "1%"}, OrderType.TRAILING_STOP),
    ],
)
def test_the_prices_say_what_kind_of_order_it_is(terms: dict[str, Any], kind: OrderType) -> None:
    order = Market().ask(lambda s: s.buy(SYMBOL, 1, **terms))
    assert order.order_type is kind
    assert order.status in (OrderStatus.ACCEPTED, OrderStatus.FILLED)


def test_a_trail_is_an_amount_or_a_percentage() -> None:
    market = Market()
    amount, percent = market.ask(lambda s: [s.sell(SYMBOL, 1, trail=t) for t in ("2.5", "2.5%")])
    assert (amount.trail, amount.trail_pct) == (Decimal("2.5"), None)
    assert (percent.trail, percent.trail_pct) == (None, Decimal("2.5"))


def test_a_tag_and_an_expiry_are_kept() -> None:
    order = Market().ask(lambda s: s.buy(SYMBOL, 1, limit=90, tag="mine", expires=s.now + SECOND))
    assert (order.tag, order.tif) == ("mine", TimeInForce.GTD)
    assert order.expires == START + 2 * SECOND


def test_orders_includes_at_once_what_was_just_asked_for() -> None:
    market = Market()

    def act(strategy: Any) -> list[Any]:
        first = strategy.buy(SYMBOL, 1, limit=90)
        seen = [strategy.orders(), strategy.orders(SYMBOL), strategy.orders("ETH/USDT")]
        assert first.status is OrderStatus.INITIALIZED
        return [first, *seen]

    first, every, here, elsewhere = market.ask(act)
    assert every == here == [first]
    assert elsewhere == []


def test_orders_leaves_out_what_has_ended() -> None:
    market = Market()
    filled, resting, denied = market.ask(
        lambda s: [s.buy(SYMBOL, 1), s.buy(SYMBOL, 1, limit=90), s.buy(SYMBOL, 0)]
    )
    assert filled.status is OrderStatus.FILLED
    assert denied.status is OrderStatus.DENIED
    assert market.ask(lambda s: s.orders()) == [resting]


def test_an_order_asked_for_and_canceled_in_one_callback_is_canceled() -> None:
    market = Market()

    def act(strategy: Any) -> Any:
        order = strategy.buy(SYMBOL, 1, limit=90)
        strategy.cancel(order)
        return order

    assert market.ask(act).status is OrderStatus.CANCELED


def test_cancel_all_takes_also_what_was_just_asked_for() -> None:
    market = Market()

    def act(strategy: Any) -> Any:
        orders = [strategy.buy(SYMBOL, 1, limit=90), strategy.buy(SYMBOL, 1, stop=110)]
        strategy.cancel_all()
        return orders

    assert {order.status for order in market.ask(act)} == {OrderStatus.CANCELED}


def test_a_handle_is_one_object_for_life() -> None:
    market = Market()
    order = market.ask(lambda s: s.buy(SYMBOL, 1, limit=90))
    assert market.ask(lambda s: s.orders()[0]) is order
    market.tick(90)
    assert order.status is OrderStatus.FILLED


def test_a_handle_cannot_be_written_to() -> None:
    order = Market().ask(lambda s: s.buy(SYMBOL, 1))
    with pytest.raises(AttributeError):
        order.quantity = Decimal(5)


def test_modify_changes_the_named_terms() -> None:
    market = Market()
    order = market.ask(lambda s: s.buy(SYMBOL, 1, stop=110, limit=112))
    market.ask(lambda s: s.modify(order, quantity=2, stop="109.04"))
    assert (order.quantity, order.trigger_price, order.limit_price) == (2, 109, 112)
    market.tick(109)
    assert order.filled == 2


# close --------------------------------------------------------------------------------------------


def test_close_goes_flat_and_is_none_when_flat() -> None:
    market = Market(limited())
    assert market.ask(lambda s: s.close(SYMBOL)) is None
    for verb in ("buy", "sell"):
        market.ask(lambda s, verb=verb: getattr(s, verb)(SYMBOL, "1.5"))
        order = market.ask(lambda s: s.close(SYMBOL))
        assert order.reduce_only
        assert order.filled == Decimal("1.5")
        assert market.ask(lambda s: s.position(SYMBOL).quantity) == 0


def test_close_twice_is_one_order() -> None:
    market = Market(wire=True)
    order = market.ask(lambda s: s.buy(SYMBOL, 1))
    filled(market, order, 1)
    first, second = market.ask(lambda s: [s.close(SYMBOL), s.close(SYMBOL)])
    assert first is second
    assert market.ask(lambda s: s.close(SYMBOL)) is first, "it still works"
    filled(market, first, 1)
    assert market.ask(lambda s: s.close(SYMBOL)) is None


def filled(market: Market, order: Any, quantity: int) -> None:
    """A venue's fill."""
    from alphaforge.model.enums import Liquidity
    from alphaforge.model.reports import OrderFilled

    now = market.now
    price, fee = Decimal(100), Decimal(0)
    market.process(
        OrderFilled(
            order.order_id,
            "x-1",
            f"x-{order.order_id}",
            Decimal(quantity),
            price,
            fee,
            "USDT",
            Liquidity.TAKER,
            now,
            now,
        )
    )


# Looking ------------------------------------------------------------------------------------------


def test_what_a_strategy_can_look_at() -> None:
    market = Market(spending({"USDT": "1000"}))
    market.ask(lambda s: s.buy(SYMBOL, 1), 100)
    seen = market.ask(
        lambda s: (s.last(SYMBOL), s.cash("USDT"), s.cash("BTC"), s.cash("XYZ"), s.equity, s.now),
        110,
    )
    cash = Decimal("899.9")
    assert seen == (110.0, cash, 1, 0, cash + 110, START + 2 * SECOND)


def test_last_is_none_before_the_first_price() -> None:
    other = Instrument(symbol="ETH/USDT", base="ETH", quote="USDT", settle="USDT")
    market = Market(instruments=[other, Instrument(symbol=SYMBOL, base="BTC", quote="USDT")])
    assert market.ask(lambda s: s.last("ETH/USDT")) is None


def test_log_is_an_alert_of_the_strategy() -> None:
    market = Market()
    market.ask(lambda s: s.log({"any": 1}))
    (alert,) = market.step.alerts
    assert (alert.code, alert.strategy, alert.message) == ("strategy-log", "puppet", "{'any': 1}")


def test_every_subscription_reaches_its_callback_once() -> None:
    class Listening(Puppet):
        def on_start(self) -> None:
            super().on_start()
            for _ in range(2):
                self.subscribe_quotes(SYMBOL)
                self.subscribe_book(SYMBOL)
                self.subscribe_bars(SYMBOL, "1s")

        def on_quote(self, quote: Quote) -> None:
            self.heard.append(("quote", quote.bid))

        def on_book(self, event: Any) -> None:
            self.heard.append(("book", len(event.bids)))

        def on_bar(self, bar: Bar) -> None:
            self.heard.append(("bar", bar.close))

    market = Market(strategies={"puppet": Listening})
    market.tick(100)
    market.process(Quote(SYMBOL, market.now, 99.0, 101.0))
    market.process(BookSnapshot(SYMBOL, market.now, ((99.0, 1.0),), ((101.0, 1.0),)))
    market.tick(101)
    assert market.strategy().heard == [("quote", 99.0), ("book", 1), ("bar", 100.0)]


# Signals ------------------------------------------------------------------------------------------


def sized(**sizing: str) -> EngineSettings:
    exact = {name: Decimal(text) for name, text in sizing.items()}
    return EngineSettings(
        account=spending({"USDT": "10000"}).account,
        risk=RiskSettings(sizing=SizingSettings(**exact)),
    )


def test_a_signal_alone_orders_nothing() -> None:
    market = Market(sized())
    signal = market.ask(lambda s: s.signal(SYMBOL, "LONG", 0.7, "why not"))
    assert market.step.signals == (signal,)
    assert (signal.order_id, signal.confidence, signal.reason) == ("", 0.7, "why not")
    assert market.step.events == ()


def test_an_auto_sized_signal_is_linked_to_its_order() -> None:
    market = Market(sized(fraction="0.1"))
    signal = market.ask(lambda s: s.signal(SYMBOL, "LONG", 0.5, size="auto"))
    (fill,) = market.step.fills
    assert fill.order_id == signal.order_id
    assert fill.value == 500, "a tenth of equity, half confident"


def test_the_size_of_a_signal_is_bounded() -> None:
    market = Market(sized(fraction="0.1", max_value="200"))
    market.ask(lambda s: s.signal(SYMBOL, "LONG", 1.0, size="auto"))
    assert market.step.fills[0].value == 200


def test_a_flat_signal_closes_and_none_is_linked_when_flat() -> None:
    market = Market(sized())
    market.ask(lambda s: s.signal(SYMBOL, "LONG", 1.0, size="auto"))
    closing = market.ask(lambda s: s.signal(SYMBOL, "FLAT", 1.0, size="auto"))
    assert closing.order_id
    assert market.ask(lambda s: s.position(SYMBOL).quantity) == 0
    assert market.ask(lambda s: s.signal(SYMBOL, "FLAT", 1.0, size="auto")).order_id == ""


def test_a_signal_in_another_currency_is_sized_in_the_reporting_one() -> None:
    other = Instrument(symbol="ETH/BTC", base="ETH", quote="BTC", settle="BTC")
    main = Instrument(symbol=SYMBOL, base="BTC", quote="USDT", settle="USDT")
    settings = EngineSettings(
        account=spending({"USDT": "10000", "BTC": "10"}).account,
        risk=RiskSettings(sizing=SizingSettings(fraction=Decimal("0.1"))),
    )
    market = Market(settings, [main, other])
    market.tick(1000)
    market.tick(0.05, symbol="ETH/BTC")
    market.ask(lambda s: s.signal("ETH/BTC", "LONG", 1.0, size="auto"), 1000)
    (fill,) = market.step.fills
    assert fill.value == 2, "a tenth of 20,000 USDT, in BTC"


@pytest.mark.parametrize("stream", ["trades", "quotes", "book"])
def test_asking_bar_data_for_a_stream_they_do_not_have_is_told(stream: str) -> None:
    engine = simulate(None, {SYMBOL: SPOT}, {SYMBOL: "1m"})

    class Hopeful(Puppet):
        def on_start(self) -> None:
            getattr(self, f"subscribe_{stream}")(SYMBOL)

    engine.register("hopeful", Hopeful)
    (alert,) = engine.process(StartSession(START)).alerts
    assert alert.code == "no-such-stream"
    assert "1m bars" in alert.message
    assert "subscribe_bars" in alert.message
