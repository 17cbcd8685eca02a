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
from alphaforge.model.market import Quote, Trade, VenueTime
from alphaforge.model.settings import AccountSettings, EngineSettings, RiskSettings
from tests.engine.driving import LINEAR, SECOND, SPOT, START, SYMBOL, Market, Puppet
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


class Listener(Puppet):
    """Hears trades and bars, and buys now and then."""

    def on_start(self) -> None:
        super().on_start()
        self.bars: list[Any] = []
        for kind in ("1s", "3-tick", "2-volume"):
            self.subscribe_bars(SYMBOL, kind)

    def on_bar(self, bar: Any) -> None:
        self.bars.append(bar)
        if bar.kind == "1s" and len(self.bars) % 3 == 0:
            self.buy(SYMBOL, "0.5", limit=bar.close - 1)


floats = st.sampled_from([100.0, 101.5, 99.0, 0.0, -1.0, float("nan"), float("inf"), 1e22])
prints = st.tuples(
    st.integers(-400, 1500),  # ms since the last: some go back
    st.sampled_from([100.0, 101.5, 99.0, 97.25]) | floats,
    st.sampled_from([0.5, 1.0, 0.125]) | floats,
    st.booleans(),  # the venue's clock runs ahead first, so that the trade may be late
)


def heard(play: Any, *, named: bool) -> list[Any]:
    """A run of these trades; with ids, each takes the long way through `accept_trade`."""
    market = Market(strategies={"listener": Listener})
    ts = START
    for number, (after, price, size, ahead) in enumerate(play):
        if ahead:
            market.process(VenueTime(SPOT.venue, ts + SECOND, START + number))
        ts += after * SECOND // 1000
        trade_id = str(number) if named else ""
        market.process(Trade(SYMBOL, ts, price, size, None, trade_id, START + number))
    data, state = market.engine.data, market.engine.markets.states[SYMBOL]
    counts = (data.trades, data.rejected, data.late, data.bars_built, data.unfinished)
    return [market.steps, market.strategy("listener").bars, counts, state.last, state.clock.ts]


@settings(max_examples=300)
@given(st.lists(prints, max_size=15))
def test_a_trade_goes_the_same_way_inlined_as_through_the_data_engine(play: Any) -> None:
    assert heard(play, named=False) == heard(play, named=True)
