"""The short cuts of the hot order path change nothing: a run with them equals one without.

Random markets, limits, funds and orders, through the whole engine, every Step compared.
"""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaforge.engine import lifecycle
from alphaforge.engine.risk.plain_orders import PlainOrders
from alphaforge.model.enums import AccountType
from alphaforge.model.market import Quote
from alphaforge.model.settings import AccountSettings, EngineSettings, RiskSettings
from tests.engine.driving import LINEAR, SECOND, SPOT, SYMBOL, Market
from tests.engine.order_facts import accepted, filled, submitted, triggered

good, bad = ["0.5", "1", "1", "2", "3.0009"], ["0.001", "40", "0", "-1", "NaN", "1e30"]
quantities = st.sampled_from([*good, *good, *good, *bad])
asks = st.tuples(
    st.sampled_from(["buy", "sell"]),
    quantities,
    st.sampled_from([{}] * 5 + [{"limit": 92}] * 3 + [{"stop": 103}, {"reduce_only": True}]),
    st.sampled_from([{}] * 6 + [{"take_profit": 120, "stop_loss": 80}, {"tif": "IOC"}]),
)
prices = st.integers(900, 1100).map(lambda tenths: tenths / 10)
turns = st.lists(st.tuples(prices, asks, st.booleans()), min_size=3, max_size=14)


def off_or(*amounts: int) -> st.SearchStrategy[Decimal]:
    """A limit: off half of the time."""
    return st.sampled_from([*[Decimal(0)] * len(amounts), *map(Decimal, amounts)])


limits = st.builds(
    RiskSettings,
    max_order_quantity=off_or(1, 3),
    max_order_value=off_or(100, 150, 400),
    max_position_value=off_or(200, 500),
    max_open_orders=st.sampled_from([0, 0, 1, 2]),
    price_collar_pct=off_or(2),
)
accounts = st.builds(
    AccountSettings,
    cash=st.none()
    | st.sampled_from([Decimal(90), Decimal(400), Decimal(10**6)]).map(
        lambda cash: {"USDT": cash, "BTC": Decimal(2)}
    ),
    reporting_currency=st.sampled_from(["USDT", "USDT", "BTC"]),
    account_type=st.sampled_from([None, AccountType.CASH, AccountType.MARGIN]),
    leverage=st.sampled_from([Decimal(1), Decimal(3)]),
)


def steps_of(chosen: EngineSettings, instrument: Any, play: Any) -> list[Any]:
    market = Market(chosen, (instrument,))
    for price, ask, quoted in play:
        if quoted:
            market.process(Quote(SYMBOL, market.now + SECOND // 2, price - 0.1, price + 0.1))
        side, quantity, first, second = ask
        terms = first | second
        market.ask(
            lambda s, a=(side, quantity, terms): getattr(s, a[0])(SYMBOL, a[1], **a[2]), price
        )
    market.stop()
    return market.steps


@pytest.mark.parametrize("instrument", [SPOT, LINEAR], ids=["SPOT", "LINEAR"])
@settings(max_examples=400)
@given(risk=limits, account=accounts, play=turns)
def test_every_step_is_the_same_without_the_short_cuts(
    instrument: Any, risk: RiskSettings, account: AccountSettings, play: Any
) -> None:
    chosen = EngineSettings(account=account, risk=risk)
    short = steps_of(chosen, instrument, play)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PlainOrders, "recognise", lambda *_: None)
        patch.setattr(lifecycle, "_COURSE", {})
        long = steps_of(chosen, instrument, play)
    assert short == long


facts = st.lists(
    st.sampled_from(
        [
            submitted(),
            accepted(),
            accepted("v-000002"),
            triggered(),
            filled("t-1", "10"),
            filled("t-1", "10", price="101"),
            filled("t-2", "4"),
            filled("t-2", "6", venue_order_id="v-000002"),
        ]
    ),
    max_size=7,
)


@given(facts)
def test_an_order_looks_the_same_without_the_short_cuts_of_its_plain_course(events: Any) -> None:
    def view() -> list[Any]:
        life = lifecycle.begin(submitted().terms, 0)
        told = [life.apply(event) for event in events]
        order = life.order
        shown = (order.status, order.is_open, order.filled, order.leaves, order.average_price)
        rest = (order.venue_order_id, order.in_doubt, order.pending, order.ts_last)
        return [told, shown, rest, life.facts, life.anomalies]

    short = view()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lifecycle, "_COURSE", {})
        assert view() == short
