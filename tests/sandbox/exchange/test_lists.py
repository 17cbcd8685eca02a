"""One-cancels-other lists."""

import pytest

from alphaforge.sandbox.terms import Refusal, RefusedError, Standing
from tests.sandbox.exchange.desk import BUY, SELL, SPOT, D, Desk, order


@pytest.fixture
def desk():
    return Desk()


def place(desk, side=SELL, limit="110", trigger="95", quantity="2", **more):
    return desk.exchange.place_oco(
        "ann",
        order(side, quantity, limit),
        order(side, quantity, more.pop("price", None), trigger_price=trigger, **more),
        "pair",
        desk.tick(),
    )


def halves(desk):
    """(the list, its stop, its limit)."""
    made = place(desk)
    return made, made.orders[0], made.orders[1]


def test_both_halves_are_there_under_one_lock(desk):
    made, stop, limit = halves(desk)

    assert (stop.standing, limit.standing) == (Standing.PENDING, Standing.OPEN)
    assert {stop.list_id, limit.list_id} == {made.list_id}
    assert desk.locked("ann", "BTC") == 2
    assert desk.exchange.order_list("ann", made.list_id) is made


def test_a_buy_pair_locks_the_dearer_half(desk):
    place(desk, BUY, limit="90", trigger="105", price="106")

    assert desk.locked("ann", "USDT") == D(212) * D("1.001")


def test_a_partial_fill_of_the_limit_ends_the_stop_and_keeps_the_rest(desk):
    _, stop, limit = halves(desk)

    desk.place("@maker", BUY, "0.5", "110")

    assert (stop.standing, limit.standing, limit.filled) == (
        Standing.EXPIRED,
        Standing.OPEN,
        D("0.5"),
    )
    assert desk.locked("ann", "BTC") == D("1.5")


def test_a_trigger_ends_the_limit_and_the_stop_trades(desk):
    _, stop, limit = halves(desk)
    desk.place("@maker", BUY, "2", "94")

    desk.trade_at("95")

    assert (stop.standing, limit.standing) == (Standing.FILLED, Standing.EXPIRED)
    assert desk.locked("ann", "BTC") == 0
    assert desk.exchange.depth(SPOT, 5).asks == ()


@pytest.mark.parametrize("half", [0, 1])
def test_a_cancel_of_either_half_cancels_both(desk, half):
    made = place(desk)

    desk.cancel(made.orders[half])

    assert [each.standing for each in made.orders] == [Standing.CANCELED] * 2
    assert desk.free("ann", "BTC") == 10


def test_a_list_can_be_canceled_once(desk):
    made = place(desk)

    desk.exchange.cancel_list("ann", made.list_id, desk.tick())

    assert all(not each.is_open for each in made.orders)
    with pytest.raises(RefusedError) as refused:
        desk.exchange.cancel_list("ann", made.list_id, desk.tick())
    assert refused.value.refusal is Refusal.UNKNOWN_ORDER


@pytest.mark.parametrize(
    "terms",
    [
        {"limit": "99", "trigger": "95"},
        {"limit": "110", "trigger": "100"},
        {"side": BUY, "limit": "101", "trigger": "105"},
    ],
)
def test_prices_must_lie_on_either_side_of_the_last(desk, terms):
    with pytest.raises(RefusedError) as refused:
        place(desk, **terms)

    assert refused.value.refusal is Refusal.BAD_REQUEST
    assert desk.exchange.open_orders("ann") == []


def test_a_list_its_account_cannot_pay_is_refused_whole(desk):
    with pytest.raises(RefusedError) as refused:
        place(desk, quantity="11")

    assert refused.value.refusal is Refusal.INSUFFICIENT_FUNDS
    assert desk.exchange.orders("ann", SPOT) == []


def test_the_oldest_list_that_has_ended_is_forgotten_even_behind_one_that_is_open(
    desk, monkeypatch
):
    monkeypatch.setattr("alphaforge.sandbox.lists.KEPT", 2)
    stays = place(desk)
    for _ in range(3):
        desk.exchange.cancel_list("ann", place(desk).list_id, desk.tick())

    kept = [each.list_id for each in desk.exchange.order_lists("ann")]

    assert kept[0] == stays.list_id
    assert len(kept) == 2


def test_nobody_else_sees_a_list(desk):
    made = place(desk)

    with pytest.raises(RefusedError) as refused:
        desk.exchange.order_list("bob", made.list_id)

    assert refused.value.refusal is Refusal.UNKNOWN_ORDER
    assert desk.exchange.order_lists("ann") == [made]
