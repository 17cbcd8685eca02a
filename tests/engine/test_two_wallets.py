"""Money of two venues in one engine: `USDT@a` pays at a only, and all of it is worth something."""

from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from alphaforge import Order
from alphaforge.model.enums import Liquidity, OrderSide, OrderStatus
from alphaforge.model.reports import OrderFilled
from tests.engine.driving import SPOT, Market, reasons, spending


def at(venue: str) -> Any:
    """The symbol at one venue, with that venue's wallet."""
    return replace(
        SPOT,
        symbol=f"A/USDT@{venue}",
        venue=venue,
        account=f"{venue}-main",
        base=f"A@{venue}",
        quote=f"USDT@{venue}",
        settle=f"USDT@{venue}",
    )


def two_venues() -> Market:
    cash = {"USDT@a": "150", "USDT@b": "1000", "A@b": "2"}
    market = Market(spending(cash), (at("a"), at("b")), wire=True)
    market.tick(100.0, symbol="A/USDT@b")
    market.tick(100.0, symbol="A/USDT@a")
    return market


def asked(market: Market, verb: str, symbol: str, quantity: int) -> Order:
    puppet = market.strategy()
    puppet.do = lambda s: getattr(s, verb)(symbol, quantity)
    puppet.subscribe_trades("A/USDT@a")
    market.tick(100.0, symbol="A/USDT@a")
    market.tick(100.0, symbol="A/USDT@a")
    return puppet.answer


def test_what_lies_at_one_venue_does_not_pay_at_the_other() -> None:
    poor, rich = two_venues(), two_venues()
    denied = asked(poor, "buy", "A/USDT@a", 2)
    assert denied.status is OrderStatus.DENIED
    assert any("USDT@a" in reason for reason in reasons(denied))
    assert asked(rich, "buy", "A/USDT@b", 2).status is OrderStatus.SUBMITTED


def test_coins_are_sold_only_where_they_lie() -> None:
    assert asked(two_venues(), "sell", "A/USDT@a", 1).status is OrderStatus.DENIED
    assert asked(two_venues(), "sell", "A/USDT@b", 1).status is OrderStatus.SUBMITTED


def test_the_plain_name_means_all_wallets_and_equity_counts_each_once() -> None:
    market = two_venues()
    portfolio = market.engine.portfolio
    assert portfolio.balance("USDT") == 1150
    assert portfolio.balance("USDT@a") == 150
    assert portfolio.balance("A") == 2
    assert portfolio.balance("B") == 0
    account = market.engine.valuation.account()
    assert account.equity == 1150 + 2 * 100
    assert account.start_equity == account.equity
    assert account.unpriced == ()


def test_a_fill_moves_its_own_wallet_and_carries_its_own_account() -> None:
    market = two_venues()
    order = asked(market, "buy", "A/USDT@b", 1)
    fill = OrderFilled(
        order.order_id,
        "v-1",
        "t-1",
        Decimal(1),
        Decimal(100),
        Decimal("0.1"),
        "USDT@b",
        Liquidity.TAKER,
        market.now,
        market.now,
    )
    step = market.process(fill)
    assert [(each.venue, each.account, each.side) for each in step.fills] == [
        ("b", "b-main", OrderSide.BUY)
    ]
    cash = market.engine.portfolio.cash
    assert cash["USDT@b"] == Decimal("899.9")
    assert cash["USDT@a"] == 150
    assert cash["A@b"] == 3
