"""A fee taken out of the coins that were bought: what arrived is the position, and can be sold."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alphaforge import Order
from alphaforge.engine.portfolio import Portfolio, Position
from alphaforge.model.enums import Liquidity, OrderSide, OrderStatus
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import EXACT
from alphaforge.model.reports import OrderFilled
from alphaforge.store.views import book
from tests.engine.driving import SPOT, SYMBOL, Market, spending

FEE = Decimal("0.001")
QUANTITIES = st.decimals("0.001", "50", places=3)
PRICES = st.decimals("1", "1000", places=1)


def fill(number: int, quantity: Decimal, price: Decimal, fee: Decimal, coin: str) -> OrderFilled:
    names = ("o-1", "v-1", f"t-{number}")
    return OrderFilled(*names, quantity, price, fee, coin, Liquidity.TAKER, number, number)


def acted(market: Market, verb: Any) -> Any:
    """What a verb gave back, asked for in the next `on_trade`."""
    puppet = market.strategy()
    puppet.subscribe_trades(SYMBOL)
    puppet.do = verb
    market.tick(100.0)
    market.tick(100.0)
    return puppet.answer


def bought(market: Market, quantity: str, fee: str) -> None:
    order: Order = acted(market, lambda puppet: puppet.buy(SYMBOL, quantity))
    paid = Decimal(fee), SPOT.base
    report = fill(1, Decimal(quantity), Decimal(100), *paid)
    names = {"order_id": order.order_id, "ts": market.now, "ts_local": market.now}
    market.process(OrderFilled(**{**_fields(report), **names}))


def _fields(report: OrderFilled) -> dict[str, Any]:
    return {name: getattr(report, name) for name in report.__struct_fields__}


def test_a_position_bought_with_a_fee_in_its_coin_is_closed_whole() -> None:
    market = Market(spending({"USDT": "1000"}), (SPOT,), wire=True)
    bought(market, "1", "0.001")
    assert market.engine.portfolio.net(SYMBOL) == Decimal("0.999")
    assert market.engine.portfolio.balance(SPOT.base) == Decimal("0.999")
    closing: Order = acted(market, lambda puppet: puppet.close(SYMBOL))
    assert (closing.status, closing.quantity) == (OrderStatus.SUBMITTED, Decimal("0.999"))


def test_what_is_left_below_a_step_counts_as_flat_and_stays_in_the_balance() -> None:
    portfolio = Portfolio({"USDT": Decimal(1000)}, reporting_currency="USDT")
    fee = Decimal("0.0005")
    portfolio.book("s", SPOT, OrderSide.BUY, fill(1, Decimal(1), Decimal(100), fee, SPOT.base))
    portfolio.book(
        "s", SPOT, OrderSide.SELL, fill(2, Decimal("0.999"), Decimal(100), Decimal(0), "USDT")
    )
    position = portfolio.position("s", SPOT)
    assert (position.quantity, position.cost, position.trip) == (0, 0, None)
    assert portfolio.net(SYMBOL) == 0
    assert portfolio.balance(SPOT.base) == Decimal("0.0005")
    assert len(portfolio.closed_positions) == 1


def test_a_fee_in_a_third_coin_moves_no_position_and_is_no_quote() -> None:
    portfolio = Portfolio({"USDT": Decimal(1000), "BNB": Decimal(1)}, reporting_currency="USDT")
    portfolio.book("s", SPOT, OrderSide.BUY, fill(1, Decimal(1), Decimal(100), FEE, "BNB"))
    position = portfolio.position("s", SPOT)
    assert (position.quantity, position.fees) == (1, 0)
    assert portfolio.balance("BNB") == Decimal("0.999")
    assert portfolio.fees_by_currency == {"BNB": FEE}


@given(
    trades=st.lists(
        st.tuples(
            st.sampled_from(OrderSide), QUANTITIES, PRICES, st.sampled_from(["BTC", "USDT", "BNB"])
        ),
        max_size=30,
    )
)
def test_books_and_views_agree_and_no_coin_is_lost(
    trades: list[tuple[OrderSide, Decimal, Decimal, str]],
) -> None:
    instrument: Instrument = SPOT
    portfolio, viewed = Portfolio({}), Position(instrument, "s")
    expected = dict.fromkeys(("BTC", "USDT", "BNB"), Decimal(0))
    for number, (side, quantity, price, coin) in enumerate(trades, 1):
        fee = EXACT.multiply(quantity, FEE)
        row = portfolio.book("s", instrument, side, fill(number, quantity, price, fee, coin))
        book(viewed, row)
        sign = 1 if side is OrderSide.BUY else -1
        expected["BTC"] += sign * quantity
        expected["USDT"] -= sign * EXACT.multiply(quantity, price)
        expected[coin] -= fee
    kept = portfolio.position("s", instrument)
    for name in ("quantity", "cost", "realized_pnl", "fees", "fills"):
        assert getattr(viewed, name) == getattr(kept, name), name
    assert portfolio.net(SYMBOL) == kept.quantity
    assert {coin: portfolio.balance(coin) for coin in expected} == expected
    if not kept.quantity:
        assert kept.cost == 0
