"""Margin, positions and profit of perpetuals."""

import pytest
from msgspec.structs import replace

from alphaforge.model.enums import InstrumentKind
from alphaforge.sandbox.ledger import CLEARING, FEES
from alphaforge.sandbox.terms import PositionChanged, Refusal, RefusedError, Standing
from tests.sandbox.exchange.desk import BUY, PERP, PERPETUAL, SELL, D, Desk


@pytest.fixture
def desk():
    return Desk()


def trade(desk, side, quantity, price, account="ann"):
    """The account takes from an agent at a price; returns its order."""
    opposite = SELL if side is BUY else BUY
    desk.place("@maker", opposite, quantity, price, symbol=PERP)
    return desk.place(account, side, quantity, price, symbol=PERP)


def position(desk, account="ann"):
    (view,) = desk.exchange.positions(account)
    return view


def test_an_order_holds_margin_and_its_fee(desk):
    desk.place("ann", BUY, "10", "99", symbol=PERP)

    assert desk.locked("ann", "USDT") == D("99") + D("0.99")


def test_only_the_worse_side_of_the_orders_needs_margin(desk):
    desk.place("ann", BUY, "10", "100", symbol=PERP)
    desk.place("ann", SELL, "8", "101", symbol=PERP)

    assert desk.locked("ann", "USDT") == D(100) + D(1)


def test_leverage_times_the_money_is_the_most_one_can_order(desk):
    with pytest.raises(RefusedError) as refused:
        desk.place("ann", BUY, "1000", "100", symbol=PERP)
    assert refused.value.refusal is Refusal.INSUFFICIENT_FUNDS

    desk.place("ann", BUY, "990", "100", symbol=PERP)
    assert desk.free("ann", "USDT") == D(10_000) - 9_900 - 99


def test_a_position_grows_at_its_average_price(desk):
    trade(desk, BUY, "1", "100")
    trade(desk, BUY, "3", "104")

    view = position(desk)
    assert (view.quantity, view.entry_price, view.unrealized_pnl) == (D(4), D(103), D(4))
    assert desk.total("ann", "USDT") == 10_000 - D("0.412")
    assert desk.locked("ann", "USDT") == D("41.2")


def test_a_partial_close_realizes_its_share(desk):
    trade(desk, BUY, "4", "103")
    closing = trade(desk, SELL, "1", "110")

    view = position(desk)
    assert (view.quantity, view.entry_price, view.realized_pnl) == (D(3), D(103), D(7))
    assert desk.exchange.executions("ann")[-1].realized_pnl == 7
    assert closing.standing is Standing.FILLED
    assert desk.total("ann", "USDT") == 10_000 + 7 - D("0.412") - D("0.11")
    assert (desk.total("@maker", "USDT"), desk.total(CLEARING, "USDT")) == (10_000 - 7, 0)


def test_a_trade_through_zero_closes_and_opens_the_rest(desk):
    trade(desk, BUY, "1", "100")
    trade(desk, SELL, "3", "90")

    view = position(desk)
    assert (view.quantity, view.entry_price, view.realized_pnl) == (D(-2), D(90), D(-10))


def test_a_short_gains_when_the_price_falls(desk):
    trade(desk, SELL, "2", "100")
    trade(desk, BUY, "2", "95")

    view = position(desk)
    assert (view.quantity, view.entry_price, view.realized_pnl) == (0, 0, D(10))
    assert desk.locked("ann", "USDT") == 0


def test_a_position_can_be_closed_with_all_margin_used(desk):
    trade(desk, BUY, "990", "100")
    desk.exchange.deposit("ann", "USDT", -desk.free("ann", "USDT"), 9)
    desk.place("@maker", BUY, "990", "100", symbol=PERP)

    closing = desk.place("ann", SELL, "990", symbol=PERP)

    assert closing.standing is Standing.FILLED
    assert position(desk).quantity == 0


def test_a_loss_beyond_the_money_is_borne_by_clearing(desk):
    trade(desk, BUY, "990", "100")

    trade(desk, SELL, "990", "80")

    assert desk.total("ann", "USDT") == 0
    assert position(desk).realized_pnl == -19_800
    assert desk.total(FEES, "USDT") == 99 + D("79.2")


def test_a_loss_never_takes_what_a_spot_order_holds(desk):
    desk.place("ann", BUY, "20", "99")
    held = D(1980) * D("1.001")
    trade(desk, BUY, "700", "100")

    trade(desk, SELL, "700", "80")

    assert desk.locked("ann", "USDT") == desk.total("ann", "USDT") == held


def test_reduce_only_without_a_position_is_refused(desk):
    with pytest.raises(RefusedError) as refused:
        desk.place("ann", SELL, "1", "100", symbol=PERP, reduce_only=True)

    assert refused.value.refusal is Refusal.REDUCE_ONLY


def test_reduce_only_is_cut_to_the_position_and_needs_no_margin(desk):
    trade(desk, BUY, "2", "100")
    before = desk.locked("ann", "USDT")

    placed = desk.place("ann", SELL, "5", "110", symbol=PERP, reduce_only=True)

    assert placed.quantity == 2
    assert desk.locked("ann", "USDT") == before


def test_resting_reduce_only_orders_shrink_and_end_with_the_position(desk):
    trade(desk, BUY, "2", "100")
    resting = desk.place("ann", SELL, "2", "110", symbol=PERP, reduce_only=True)

    trade(desk, SELL, "0.5", "101")
    assert (resting.quantity, resting.standing) == (D("1.5"), Standing.OPEN)
    assert desk.exchange.depth(PERP, 5).asks == ((D(110), D("1.5")),)

    trade(desk, SELL, "1.5", "101")
    assert (resting.standing, desk.changes(resting)[-1]) == (Standing.EXPIRED, "EXPIRED")


def test_reduce_only_orders_never_turn_a_position_round(desk):
    trade(desk, BUY, "2", "100")
    for price in ("110", "111"):
        desk.place("ann", SELL, "2", price, symbol=PERP, reduce_only=True)

    desk.place("@maker", BUY, "4", "120", symbol=PERP)

    assert position(desk).quantity == 0


def test_a_stop_that_only_reduces_expires_if_there_is_nothing_left(desk):
    trade(desk, BUY, "2", "100")
    stop = desk.place("ann", SELL, "2", symbol=PERP, trigger_price="95", reduce_only=True)
    trade(desk, SELL, "2", "99")
    desk.place("@maker", BUY, "2", "90", symbol=PERP)

    desk.trade_at("95", PERP)

    assert (stop.standing, position(desk).quantity) == (Standing.EXPIRED, 0)


def test_a_stop_without_margin_is_rejected_as_it_wakes(desk):
    stop = desk.place("ann", BUY, "990", "106", symbol=PERP, trigger_price="105")
    assert desk.locked("ann", "USDT") == 0

    desk.trade_at("105", PERP)

    assert stop.standing is Standing.REJECTED
    assert desk.locked("ann", "USDT") == 0


def test_leverage_can_be_lowered_if_the_margin_is_there(desk):
    trade(desk, BUY, "300", "100")

    desk.exchange.set_leverage("ann", PERP, D(5), 9)
    assert desk.exchange.leverage("ann", PERP) == 5
    assert desk.locked("ann", "USDT") == 6_000

    for leverage, refusal in ((2, Refusal.INSUFFICIENT_FUNDS), (11, Refusal.BAD_REQUEST)):
        with pytest.raises(RefusedError) as refused:
            desk.exchange.set_leverage("ann", PERP, D(leverage), 10)
        assert refused.value.refusal is refusal
    assert desk.exchange.leverage("ann", PERP) == 5


def test_an_inverse_contract_is_valued_and_settled_in_coins():
    inverse = replace(
        PERPETUAL, kind=InstrumentKind.INVERSE, settle="BTC", multiplier=D(10), taker_fee=D(0)
    )
    desk = Desk(inverse)
    trade(desk, BUY, "20", "100")
    assert desk.locked("ann", "BTC") == D("0.2")

    trade(desk, SELL, "20", "125")

    view = position(desk)
    assert (view.quantity, view.realized_pnl) == (0, D("0.4"))
    assert desk.total("ann", "BTC") == D("10.4")


def test_a_position_change_is_told_with_the_position_after_it(desk):
    trade(desk, BUY, "2", "100")

    (told,) = [each for each in desk.told if isinstance(each, PositionChanged)]
    assert (told.account, told.position) == ("ann", position(desk))
