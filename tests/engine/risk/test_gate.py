"""The risk gate: what it puts on the grid, what it refuses and why, what it never lets by."""

import ast
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from alphaforge import Order
from alphaforge.model.commands import SetRiskState
from alphaforge.model.enums import AccountType, InstrumentKind, OrderStatus, RiskState
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Quote
from alphaforge.model.reports import OutcomeUnknown
from tests.engine.driving import (
    LINEAR,
    SPOT,
    START,
    SYMBOL,
    Market,
    limited,
    reasons,
    spending,
)

DENIED = OrderStatus.DENIED
PACKAGE = Path(__file__).resolve().parents[3] / "alphaforge"


# The grid ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "asked", "booked"),
    [("buy", "99.97", "99.9"), ("sell", "100.03", "100.1"), ("buy", "99.9", "99.9")],
)
def test_a_limit_is_rounded_in_the_orders_favour(side: str, asked: str, booked: str) -> None:
    market = Market()
    order = market.ask(lambda s: getattr(s, side)(SYMBOL, 1, limit=asked))
    assert order.limit_price == Decimal(booked)


@pytest.mark.parametrize(("asked", "booked"), [("103.04", "103"), ("103.07", "103.1")])
def test_a_trigger_is_rounded_to_the_nearest(asked: str, booked: str) -> None:
    market = Market()
    order = market.ask(lambda s: s.buy(SYMBOL, 1, stop=asked))
    assert order.trigger_price == Decimal(booked)


@pytest.mark.parametrize("asked", ["1.0009", 1.0009, Decimal("1.0009")], ids=repr)
def test_a_quantity_is_floored_whatever_it_is_written_in(asked: Any) -> None:
    market = Market()
    order = market.ask(lambda s: s.buy(SYMBOL, asked))
    assert order.quantity == order.filled == Decimal("1.000")


def test_a_float_is_read_by_its_shortest_text() -> None:
    market = Market()
    order = market.ask(lambda s: s.buy(SYMBOL, 0.1 + 0.2, limit=0.1 + 0.2 + 99))
    assert order.quantity == Decimal("0.300")
    assert order.limit_price == Decimal("99.3")


@pytest.mark.parametrize("step", ["0.25", "0.10", "5"])
def test_any_step_is_a_grid(step: str) -> None:
    instrument = Instrument(
        symbol=SYMBOL, base="BTC", quote="USDT", settle="USDT", price_step=Decimal(step)
    )
    market = Market(instruments=[instrument])
    order = market.ask(lambda s: s.buy(SYMBOL, 1, limit="98.99"))
    assert order.limit_price is not None
    assert order.limit_price % Decimal(step) == 0
    assert Decimal("98.99") - Decimal(step) < order.limit_price <= Decimal("98.99")


def test_below_the_minimum_is_denied_with_the_numbers() -> None:
    order = Market().ask(lambda s: s.buy(SYMBOL, "0.0019"))
    assert order.status is DENIED
    for number in ("0.0019", "0.002", "0.001", SYMBOL):
        assert number in order.reason


def test_below_the_minimum_value_is_denied_with_the_numbers() -> None:
    instrument = Instrument(
        symbol=SYMBOL, base="BTC", quote="USDT", settle="USDT", min_value=Decimal(10)
    )
    order = Market(instruments=[instrument]).ask(lambda s: s.buy(SYMBOL, "0.09"))
    assert order.status is DENIED
    assert "9" in order.reason
    assert "minimum 10" in order.reason


# Bad numbers --------------------------------------------------------------------------------------

BAD = [0, -1, "-0.5", "nan", float("nan"), float("inf"), "-inf", "abc", "", None, True, "1e400"]


@pytest.mark.parametrize("quantity", BAD, ids=repr)
def test_a_bad_quantity_is_denied_and_nothing_raises(quantity: Any) -> None:
    market = Market()
    order = market.ask(lambda s: s.buy(SYMBOL, quantity))
    assert order.status is DENIED
    assert "quantity" in order.reason
    assert not [alert for alert in market.step.alerts if alert.code == "strategy-error"]


@pytest.mark.parametrize("price", [0, -1, "nan", float("inf"), "abc", "0.04"], ids=repr)
@pytest.mark.parametrize("term", ["limit", "stop"])
def test_a_bad_price_is_denied_and_nothing_raises(term: str, price: Any) -> None:
    market = Market()
    order = market.ask(lambda s: s.buy(SYMBOL, 1, **{term: price}))
    assert order.status is DENIED
    assert f"{term} price must be above zero" in order.reason


@pytest.mark.parametrize("price", [0, -1, "nan", "abc"])
@pytest.mark.parametrize("leg", ["take_profit", "stop_loss"])
def test_a_bad_bracket_price_denies_the_entry(leg: str, price: Any) -> None:
    market = Market()
    order = market.ask(lambda s: s.buy(SYMBOL, 1, **{leg: price}))
    assert order.status is DENIED
    assert market.engine.portfolio.net(SYMBOL) == 0


def test_all_that_is_wrong_with_the_terms_is_listed() -> None:
    order = Market().ask(
        lambda s: s.buy(SYMBOL, "nan", limit=-1, stop="abc", post_only=True, tif="GTD")
    )
    assert len(reasons(order)) == 5


def test_all_limits_that_are_broken_are_listed() -> None:
    market = Market(
        limited(
            max_order_quantity="2",
            max_order_value="150",
            max_position_value="250",
            max_open_orders=1,
            price_collar_pct="5",
        )
    )
    market.ask(lambda s: s.buy(SYMBOL, 1, limit="99"))
    market.process(SetRiskState(RiskState.HALTED, market.now))
    order = market.ask(lambda s: s.buy(SYMBOL, 3, limit="90"))
    assert len(reasons(order)) == 6
    for name in ("quantity", "order_value", "position_value", "open_orders", "collar", "HALTED"):
        assert name in order.reason


def test_the_state_is_named_beside_bad_terms() -> None:
    market = Market()
    market.tick(100)
    market.process(SetRiskState(RiskState.HALTED, market.now))
    order = market.ask(lambda s: s.buy(SYMBOL, "nan"))
    assert "HALTED" in order.reason
    assert "quantity" in order.reason


# Symbols and prices ------------------------------------------------------------------------------


def test_an_unknown_symbol_is_denied() -> None:
    order = Market().ask(lambda s: s.buy("DOGE/USDT", 1))
    assert order.status is DENIED
    assert "DOGE/USDT" in order.reason


def test_a_market_order_before_the_first_price_is_denied() -> None:
    other = Instrument(symbol="ETH/USDT", base="ETH", quote="USDT", settle="USDT")
    market = Market(instruments=[SPOT, other])
    order = market.ask(lambda s: s.buy("ETH/USDT", 1))
    assert order.status is DENIED
    assert "no market price" in order.reason


def test_a_market_order_is_judged_at_the_opposite_quote() -> None:
    market = Market(limited(max_order_value="100"))
    market.tick(90)
    market.process(Quote(SYMBOL, market.now, 99.0, 101.0))
    assert market.ask(lambda s: s.buy(SYMBOL, 1), 90).status is DENIED
    assert market.ask(lambda s: s.sell(SYMBOL, 1), 90).status is OrderStatus.FILLED


# States -------------------------------------------------------------------------------------------


def test_halted_refuses_every_new_order_and_lets_cancels_by() -> None:
    market = Market()
    resting = market.ask(lambda s: s.buy(SYMBOL, 1, limit="90"))
    market.process(SetRiskState(RiskState.HALTED, market.now))
    assert market.ask(lambda s: s.buy(SYMBOL, 1)).status is DENIED
    market.ask(lambda s: s.cancel(resting))
    assert resting.status is OrderStatus.CANCELED


def test_reducing_passes_only_what_brings_the_position_down() -> None:
    market = Market(limited())
    market.ask(lambda s: s.buy(SYMBOL, 2))
    market.process(SetRiskState(RiskState.REDUCING, market.now))
    assert market.ask(lambda s: s.buy(SYMBOL, 1)).status is DENIED
    assert market.ask(lambda s: s.sell(SYMBOL, 3)).status is DENIED, "it would turn the position"
    assert market.ask(lambda s: s.sell(SYMBOL, 1, limit="120")).status is OrderStatus.ACCEPTED
    assert market.ask(lambda s: s.sell(SYMBOL, 2)).status is DENIED, "with the resting one it would"
    assert market.ask(lambda s: s.sell(SYMBOL, 1)).status is OrderStatus.FILLED


def test_the_state_may_come_from_the_settings() -> None:
    market = Market(limited(state=RiskState.HALTED))
    assert market.ask(lambda s: s.buy(SYMBOL, 1)).status is DENIED


# Reduce-only --------------------------------------------------------------------------------------


def test_a_reduce_only_order_is_cut_to_the_position() -> None:
    market = Market()
    market.ask(lambda s: s.buy(SYMBOL, 2))
    order = market.ask(lambda s: s.sell(SYMBOL, 5, reduce_only=True))
    assert (order.quantity, order.filled) == (2, 2)
    assert market.engine.portfolio.net(SYMBOL) == 0


@pytest.mark.parametrize("held", [0, 1])
def test_a_reduce_only_order_without_a_position_on_the_other_side_is_denied(held: int) -> None:
    market = Market()
    if held:
        market.ask(lambda s: s.buy(SYMBOL, held))
    order = market.ask(lambda s: s.buy(SYMBOL, 1, reduce_only=True))
    assert order.status is DENIED
    assert "reduce-only" in order.reason


def test_two_reduce_only_orders_cannot_turn_the_position() -> None:
    market = Market()
    market.ask(lambda s: s.buy(SYMBOL, 2))
    first = market.ask(lambda s: s.sell(SYMBOL, 2, limit="105", reduce_only=True))
    second = market.ask(lambda s: s.sell(SYMBOL, 2, limit="106", reduce_only=True))
    market.tick(110)
    assert first.status is OrderStatus.FILLED
    assert second.status is OrderStatus.CANCELED
    assert market.engine.portfolio.net(SYMBOL) == 0


def test_reduce_only_looks_at_the_strategys_own_position() -> None:
    from tests.engine.driving import Puppet

    market = Market(limited(), strategies={"one": Puppet, "two": Puppet})
    market.ask(lambda s: s.buy(SYMBOL, 2), name="one")
    order = market.ask(lambda s: s.sell(SYMBOL, 1, reduce_only=True), name="two")
    assert order.status is DENIED


# Funds --------------------------------------------------------------------------------------------


def test_a_cash_account_pays_value_and_fee() -> None:
    market = Market(spending({"USDT": "100.1"}))
    assert market.ask(lambda s: s.buy(SYMBOL, "1.001")).status is DENIED
    assert market.ask(lambda s: s.buy(SYMBOL, 1)).status is OrderStatus.FILLED
    assert market.engine.portfolio.balance("USDT") == 0


def test_a_denial_for_funds_says_what_is_needed_and_what_is_free() -> None:
    market = Market(spending({"USDT": "100"}))
    order = market.ask(lambda s: s.buy(SYMBOL, 1))
    assert "100.1 USDT" in order.reason
    assert "100 is free" in order.reason


def test_a_cash_account_cannot_sell_what_it_does_not_hold() -> None:
    market = Market(spending({"USDT": "1000", "BTC": "0.5"}))
    assert market.ask(lambda s: s.sell(SYMBOL, 1)).status is DENIED
    assert market.ask(lambda s: s.sell(SYMBOL, "0.5")).status is OrderStatus.FILLED


def test_resting_orders_hold_back_what_they_would_need() -> None:
    market = Market(spending({"USDT": "100", "BTC": "1"}))
    resting = market.ask(lambda s: s.buy(SYMBOL, 1, limit="90"))
    assert market.ask(lambda s: s.buy(SYMBOL, "0.2", limit="90")).status is DENIED
    selling = market.ask(lambda s: s.sell(SYMBOL, "0.8", limit="110"))
    assert market.ask(lambda s: s.sell(SYMBOL, "0.3", limit="110")).status is DENIED
    market.ask(lambda s: (s.cancel(resting), s.cancel(selling)))
    assert market.ask(lambda s: s.buy(SYMBOL, "0.2", limit="90")).is_open
    assert market.ask(lambda s: s.sell(SYMBOL, "0.3", limit="110")).is_open


def test_orders_of_one_callback_see_each_others_reservations() -> None:
    market = Market(spending({"USDT": "100"}))
    both = market.ask(lambda s: [s.buy(SYMBOL, 1, limit="90"), s.buy(SYMBOL, 1, limit="90")])
    assert [order.status for order in both] == [OrderStatus.ACCEPTED, DENIED]


def test_a_modification_is_judged_by_its_new_needs_and_gives_back_the_rest() -> None:
    market = Market(spending({"USDT": "100"}))
    order = market.ask(lambda s: s.buy(SYMBOL, 1, limit="90"))
    market.ask(lambda s: s.modify(order, quantity=2))
    assert order.quantity == 1
    market.ask(lambda s: s.modify(order, quantity=2, limit="45"))
    assert (order.quantity, order.limit_price) == (2, 45)
    market.ask(lambda s: s.modify(order, quantity=1))
    assert market.ask(lambda s: s.buy(SYMBOL, 1, limit="50")).is_open


def test_leverage_bounds_the_position_on_margin() -> None:
    account = {"account_type": AccountType.MARGIN, "leverage": Decimal(2)}
    market = Market(spending({"USDT": "100"}, **account))
    assert market.ask(lambda s: s.sell(SYMBOL, 2)).status is DENIED, "the fee is not covered"
    assert market.ask(lambda s: s.sell(SYMBOL, "1.9")).status is OrderStatus.FILLED
    assert market.ask(lambda s: s.sell(SYMBOL, "0.2")).status is DENIED
    assert market.ask(lambda s: s.buy(SYMBOL, "1.9")).status is OrderStatus.FILLED


def test_margin_is_shared_by_all_symbols() -> None:
    other = Instrument(
        symbol="ETH/USDT", kind=InstrumentKind.LINEAR, base="ETH", quote="USDT", settle="USDT"
    )
    one = Instrument(
        symbol=SYMBOL, kind=InstrumentKind.LINEAR, base="BTC", quote="USDT", settle="USDT"
    )
    market = Market(spending({"USDT": "100"}), [one, other])
    market.tick(10, symbol="ETH/USDT")
    assert market.ask(lambda s: s.buy(SYMBOL, "0.8")).status is OrderStatus.FILLED
    assert market.ask(lambda s: s.buy("ETH/USDT", 3)).status is DENIED
    assert market.ask(lambda s: s.buy("ETH/USDT", 1)).status is OrderStatus.FILLED


def test_the_multiplier_counts_in_values() -> None:
    market = Market(limited(max_order_value="1"), [LINEAR])
    assert market.ask(lambda s: s.buy(SYMBOL, 1)).status is OrderStatus.FILLED
    assert market.ask(lambda s: s.buy(SYMBOL, "1.001")).status is DENIED


# Doubt --------------------------------------------------------------------------------------------


def test_a_same_side_order_beside_one_in_doubt_is_denied() -> None:
    market = Market(wire=True)
    order = market.ask(lambda s: s.buy(SYMBOL, 1, limit="90"))
    market.process(OutcomeUnknown(order.order_id, "timed out", market.now, market.now))
    assert order.in_doubt
    beside = market.ask(lambda s: s.buy(SYMBOL, 1, limit="90"))
    assert beside.status is DENIED
    assert "in doubt" in beside.reason
    assert market.ask(lambda s: s.sell(SYMBOL, 1, limit="110")).status is OrderStatus.SUBMITTED


def test_what_is_in_doubt_holds_its_worst_case() -> None:
    market = Market(limited(max_position_value="150", max_open_orders=1), wire=True)
    order = market.ask(lambda s: s.buy(SYMBOL, 1, limit="90"))
    market.process(OutcomeUnknown(order.order_id, "timed out", market.now, market.now))
    exposure = market.engine.execution.exposure
    assert (exposure.buying(SYMBOL), exposure.open_orders) == (1, 1)


# By construction ----------------------------------------------------------------------------------


def test_only_the_gate_makes_approved() -> None:
    makers = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id == "Approved")
            or (isinstance(node.func, ast.Attribute) and node.func.attr == "Approved")
        )
    }
    assert makers == {"engine/risk/gate.py"}


def test_a_denied_order_never_reaches_the_venue() -> None:
    market = Market(wire=True)
    order = market.ask(lambda s: s.buy(SYMBOL, 0))
    assert isinstance(order, Order)
    assert market.step.outgoing == ()
    assert order.ts == START + 1_000_000_000
