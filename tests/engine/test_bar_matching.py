"""Fills on bars, by contract §3: an order decided on a bar meets the market from the next one.

A row is its open, then the bar at its end. Row n opens n minutes after the start.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.engine.build import simulate
from alphaforge.model.commands import StartSession
from alphaforge.model.enums import FillTiming, InstrumentKind, Liquidity, OrderStatus
from alphaforge.model.market import Bar, BarOpen
from alphaforge.model.orders import Order
from tests.engine.rig import SECOND, START, SYMBOL, Puppet, Rig, instrument

MAKER, TAKER = Liquidity.MAKER, Liquidity.TAKER
MINUTE = 60 * SECOND
FLAT = (100, 100, 100, 100)
Decision = Callable[[Puppet], object]
Row = tuple[float, float, float, float]


def played(decisions: Mapping[int, Decision], *rows: Row, **settings: Any) -> Rig:
    """Play rows to a strategy that decides something on the n-th bar."""
    seen = iter(range(1_000_000))

    def on_bar(puppet: Puppet, bar: Bar) -> None:
        decision = decisions.get(next(seen))
        if decision is not None:
            decision(puppet)

    rig = Rig("1m", hooks={"on_bar": on_bar}, **settings)
    rig.do(lambda puppet: puppet.subscribe_bars(SYMBOL, "1m"))
    for number, row in enumerate(rows):
        rig.row(number, *row)
    return rig


def bought(rig: Rig) -> list[tuple[str, Liquidity, int]]:
    """Price, liquidity and minute of every fill."""
    return [
        (f"{fill.price:f}".rstrip("0").rstrip("."), fill.liquidity, (fill.ts - START) // MINUTE)
        for fill in rig.fills
    ]


def buy(**terms: Any) -> Decision:
    return lambda puppet: puppet.buy(SYMBOL, 1, **terms)


def sell(**terms: Any) -> Decision:
    return lambda puppet: puppet.sell(SYMBOL, 1, **terms)


def test_a_market_order_fills_at_the_next_open_at_its_open_time() -> None:
    rig = played({0: buy()}, FLAT, (103, 110, 90, 105), FLAT)
    assert bought(rig) == [("103", TAKER, 1)]
    (order,) = [what for name, what in rig.puppet.heard if name == "on_order"][-1:]
    assert order.ts == START + MINUTE


def test_filled_at_the_close_a_market_order_meets_its_own_bar() -> None:
    rig = played({0: buy()}, (100, 104, 99, 102), (103, 110, 90, 105), fill_timing=FillTiming.CLOSE)
    assert bought(rig) == [("102", TAKER, 1)]


def test_filled_at_the_close_limits_and_stops_still_wait_for_the_next_bar() -> None:
    decide = {0: lambda puppet: (buy(limit=101)(puppet), buy(stop=101)(puppet))}
    rig = played(decide, (100, 104, 99, 100), (100, 104, 98, 103), fill_timing=FillTiming.CLOSE)
    assert sorted(bought(rig)) == [("100", TAKER, 2), ("101", TAKER, 2)]


@pytest.mark.parametrize(
    ("row", "filled"),
    [
        ((100, 105, 97, 103), ("98", MAKER, 2)),
        ((100, 105, 98, 103), ("98", MAKER, 2)),
        ((97.5, 105, 97, 103), ("97.5", TAKER, 2)),
        ((98, 105, 97, 103), ("98", TAKER, 2)),
        ((100, 105, 98.01, 103), None),
    ],
)
def test_a_buy_limit_fills_at_the_better_of_open_and_limit_if_the_low_reaches_it(
    row: Row, filled: tuple[str, Liquidity, int] | None
) -> None:
    rig = played({0: buy(limit=98)}, (100, 100, 90, 100), row)
    assert bought(rig) == ([filled] if filled else [])


def test_an_order_that_rested_a_bar_is_a_maker_even_where_a_bar_opens_beyond_it() -> None:
    rig = played({0: buy(limit=98)}, FLAT, FLAT, (95, 105, 94, 103))
    assert bought(rig) == [("95", MAKER, 3)]


@pytest.mark.parametrize(
    ("row", "filled"),
    [
        ((100, 105, 97, 103), ("102", TAKER, 2)),
        ((100, 102, 97, 100), ("102", TAKER, 2)),
        ((104, 105, 97, 100), ("104", TAKER, 2)),
        ((100, 101.99, 97, 100), None),
    ],
)
def test_a_buy_stop_fills_at_the_worse_of_open_and_stop_if_the_high_reaches_it(
    row: Row, filled: tuple[str, Liquidity, int] | None
) -> None:
    rig = played({0: buy(stop=102)}, (100, 110, 90, 100), row)
    assert bought(rig) == ([filled] if filled else [])


@pytest.mark.parametrize(
    ("row", "filled"),
    [
        # Path: open, the nearer extreme, the farther extreme, close.
        ((100, 106, 98, 101), ("99", MAKER, 2)),  # low first, then 102, back to 101: not to 99
        ((100, 103, 95, 97), ("99", MAKER, 2)),  # high first, then the low passes 99
        ((103, 104, 95, 97), ("99", MAKER, 2)),  # opens beyond the trigger
        ((100, 101, 90, 95), None),  # never wakes
    ],
)
def test_a_buy_stop_limit_below_its_trigger_fills_if_the_path_comes_back(
    row: Row, filled: tuple[str, Liquidity, int] | None
) -> None:
    rig = played({0: buy(stop=102, limit=99)}, FLAT, row)
    if row == (100, 106, 98, 101):
        assert bought(rig) == []
        (order,) = rig.puppet.orders()
        assert order.status is OrderStatus.TRIGGERED
    else:
        assert bought(rig) == ([filled] if filled else [])


def test_a_stop_limit_above_its_trigger_takes_at_the_trigger_or_the_open() -> None:
    inside = played({0: buy(stop=102, limit=104)}, FLAT, (100, 110, 99, 109))
    gapped = played({0: buy(stop=102, limit=104)}, FLAT, (103, 110, 99, 109))
    beyond = played({0: buy(stop=102, limit=104)}, FLAT, (105, 110, 103, 109))
    assert bought(inside) == [("102", TAKER, 2)]
    assert bought(gapped) == [("103", TAKER, 2)]
    assert bought(beyond) == [("104", MAKER, 2)]


def test_a_woken_stop_limit_is_a_limit_on_later_bars() -> None:
    rig = played({0: buy(stop=102, limit=99)}, FLAT, (100, 106, 98, 101), (101, 103, 98.5, 102))
    assert bought(rig) == [("99", MAKER, 3)]


@pytest.mark.parametrize(
    ("row", "price"),
    [
        ((100, 108, 99, 107), None),  # low first: 99 > 97; then to 108, trigger 105; close above
        ((100, 108, 99, 104), "105"),  # falls to the close through 108 - 3
        ((100, 102, 95, 96), "99"),  # high first, to 102; then falls through 99
        ((96, 102, 95, 96), "96"),  # opens below the trigger of 97
    ],
)
def test_a_trailing_stop_follows_the_path_of_the_bar(row: Row, price: str | None) -> None:
    rig = played({0: sell(trail=3)}, FLAT, row)
    assert bought(rig) == ([(price, TAKER, 2)] if price else [])


def test_a_trailing_stop_in_percent_remembers_the_best_of_earlier_bars() -> None:
    rig = played({0: sell(trail="10%")}, FLAT, (100, 200, 100, 199), (190, 191, 150, 160))
    assert bought(rig) == [("180", TAKER, 3)]


def test_when_one_bar_reaches_both_legs_of_a_bracket_the_stop_wins() -> None:
    rig = played(
        {0: buy(take_profit=105, stop_loss=95)}, FLAT, (100, 101, 99, 100), (100, 106, 94, 100)
    )
    assert bought(rig) == [("100", TAKER, 1), ("95", TAKER, 3)]
    assert rig.puppet.orders() == []


def test_legs_of_an_entry_filled_at_the_open_meet_that_very_bar() -> None:
    rig = played({0: buy(take_profit=105, stop_loss=95)}, FLAT, (100, 106, 99, 100))
    assert bought(rig) == [("100", TAKER, 1), ("105", MAKER, 2)]
    assert (rig.position, rig.puppet.orders()) == (0, [])


def test_legs_of_an_entry_filled_inside_a_bar_wait_for_the_next() -> None:
    rig = played(
        {0: buy(limit=98, take_profit=105, stop_loss=95)},
        FLAT,
        (100, 106, 94, 100),
        (100, 104, 96, 100),
        (100, 105, 96, 100),
    )
    assert bought(rig) == [("98", MAKER, 2), ("105", MAKER, 4)]


def test_orders_that_come_from_a_fill_inside_a_bar_do_not_meet_that_bar() -> None:
    def on_fill(puppet: Puppet, fill: Any) -> None:
        if len(puppet.heard) and fill.order_id == "o-000001":
            puppet.sell(SYMBOL, 1, limit=103)
            puppet.sell(SYMBOL, 1, stop=97)
            puppet.sell(SYMBOL, 1, trail=1)
            puppet.sell(SYMBOL, 1)

    rig = played({0: buy(limit=99)}, FLAT)
    rig.puppet.hooks["on_fill"] = on_fill
    rig.row(1, 100, 104, 96, 100)
    assert bought(rig) == [("99", MAKER, 2)]
    rig.row(2, 102, 103, 96, 102)
    assert bought(rig)[1:] == [
        ("102", TAKER, 2),
        ("102", TAKER, 3),
        ("97", TAKER, 3),
        ("103", MAKER, 3),
    ]


def test_orders_that_come_from_a_fill_at_the_open_meet_that_bar() -> None:
    rig = played({0: buy()}, FLAT)
    rig.puppet.hooks["on_fill"] = lambda puppet, fill: (
        puppet.sell(SYMBOL, 1, limit=103) if fill.order_id == "o-000001" else None
    )
    rig.row(1, 100, 104, 96, 100)
    assert bought(rig) == [("100", TAKER, 1), ("103", MAKER, 2)]


def test_an_order_meets_no_part_of_the_bar_it_was_decided_on() -> None:
    decide = {
        0: lambda puppet: [
            puppet.buy(SYMBOL, 1, limit=95),
            puppet.buy(SYMBOL, 1, stop=105),
            puppet.sell(SYMBOL, 1, trail=1),
        ]
    }
    rig = played(decide, (100, 110, 90, 100))
    assert rig.fills == []


@pytest.mark.parametrize("tif", ["IOC", "FOK"])
def test_an_immediate_limit_meets_the_next_open_and_nothing_else(tif: str) -> None:
    missed = played({0: buy(limit=99, tif=tif)}, FLAT, (100, 101, 90, 95))
    taken = played({0: buy(limit=99, tif=tif)}, FLAT, (98, 101, 90, 95))
    assert bought(missed) == []
    assert missed.puppet.heard[-2][1].status is OrderStatus.CANCELED
    assert bought(taken) == [("98", TAKER, 1)]


def test_a_post_only_order_that_the_next_open_crosses_is_rejected() -> None:
    rig = played({0: buy(limit=99, post_only=True)}, FLAT, (98, 101, 90, 95))
    assert bought(rig) == []
    orders = [what for name, what in rig.puppet.heard if name == "on_order"]
    assert orders[-1].status is OrderStatus.REJECTED
    assert [alert.code for step in rig.steps for alert in step.alerts] == []


def test_an_order_made_before_the_first_bar_meets_its_open() -> None:
    rig = Rig("1m")
    market, limit, stop = rig.buy(), rig.buy(limit=99), rig.buy(stop=101)
    rig.row(0, 100, 102, 98, 100)
    assert market.status is OrderStatus.DENIED
    assert [order.average_price for order in (limit, stop)] == [99, 101]


def test_an_order_expires_between_bars() -> None:
    rig = played({0: buy(limit=98, expires=START + MINUTE + 1)}, FLAT, (100, 101, 90, 95))
    assert bought(rig) == []


def test_a_changed_order_meets_the_next_bar_with_its_new_terms() -> None:
    def lower(puppet: Puppet) -> None:
        puppet.modify(puppet.orders()[0], limit=96)

    rig = played({0: buy(limit=90), 1: lower}, FLAT, (100, 101, 95, 99), (97, 98, 95, 97))
    assert bought(rig) == [("96", MAKER, 3)]


def test_a_canceled_order_meets_no_bar() -> None:
    rig = played({0: buy(), 1: buy(limit=98)}, FLAT, FLAT)
    rig.do(lambda puppet: puppet.cancel_all())
    rig.row(2, 98, 99, 90, 95)
    assert bought(rig) == [("100", TAKER, 1)]


def test_slippage_is_paid_at_the_open_and_by_stops() -> None:
    decide = {0: lambda puppet: (buy()(puppet), buy(stop=102)(puppet), buy(limit=98)(puppet))}
    rig = played(decide, FLAT, (100, 103, 97, 100), slippage_bps=Decimal(100))
    assert bought(rig) == [("101", TAKER, 1), ("103.02", TAKER, 2), ("98", MAKER, 2)]


def test_bars_without_opens_before_them_are_met_at_their_own_open() -> None:
    rig = played({0: buy(), 1: buy(limit=98)})
    for number, row in enumerate((FLAT, (101, 102, 99, 100), (97, 100, 96, 99))):
        begin = START + number * MINUTE
        rig.feed(Bar(SYMBOL, "1m", begin + MINUTE, begin, *row))
    assert bought(rig) == [("101", TAKER, 1), ("97", TAKER, 3)]


def test_an_order_of_a_timer_inside_a_bar_does_not_meet_that_bars_open() -> None:
    rig = Rig("1m", hooks={"on_timer": lambda puppet, _: puppet.orders() or puppet.buy(SYMBOL, 1)})
    rig.feed(Bar(SYMBOL, "1m", START + MINUTE, START, *FLAT))
    rig.do(lambda puppet: puppet.timer("half", 90))
    for number, price in ((1, 110), (2, 120), (3, 130)):
        begin = START + number * MINUTE
        rig.feed(Bar(SYMBOL, "1m", begin + MINUTE, begin, price, price, price, price))
    assert bought(rig) == [("130", TAKER, 3)]


def test_a_post_only_order_made_by_a_fill_at_the_open_never_takes() -> None:
    rig = played({0: buy()}, FLAT)
    rig.puppet.hooks["on_fill"] = lambda puppet, fill: (
        fill.order_id == "o-000001"
        and [puppet.sell(SYMBOL, 1, limit=limit, post_only=True) for limit in (99, 103)]
    )
    rig.row(1, 100, 104, 96, 100)
    assert bought(rig) == [("100", TAKER, 1), ("103", MAKER, 2)]
    statuses = [what.status for name, what in rig.puppet.heard if name == "on_order"]
    assert OrderStatus.REJECTED in statuses
    assert [alert.code for step in rig.steps for alert in step.alerts] == []


# Several symbols ----------------------------------------------------------------------------------


def test_an_order_on_another_symbols_bar_does_not_meet_a_bar_that_was_over_by_then() -> None:
    puppet = Puppet()
    puppet.hooks["on_start"] = lambda puppet, _: puppet.subscribe_bars("A/USDT", "1m")
    puppet.hooks["on_bar"] = lambda puppet, bar: (
        [puppet.buy("B/USDT", 1, **terms) for terms in ({"limit": 95}, {"stop": 105}, {"trail": 1})]
        if bar.ts == START + MINUTE
        else None
    )
    names = ("A/USDT", "B/USDT")
    engine = simulate(
        None,
        {name: instrument(name, kind=InstrumentKind.LINEAR) for name in names},
        dict.fromkeys(names, "1m"),
    )
    engine.register("puppet", lambda: puppet)
    engine.process(StartSession(START))
    fills: list[tuple[str, int]] = []
    for minute in (0, 1):
        begin = START + minute * MINUTE
        for name in names:
            engine.process(BarOpen(name, begin, 100.0))
        for name in names:
            row = Bar(name, "1m", begin + MINUTE, begin, 100.0, 106.0, 94.0, 100.0)
            fills += [(fill.order_id, minute) for fill in engine.process(row).fills]
    assert sorted(fills) == [("o-000001", 1), ("o-000002", 1), ("o-000003", 1)]


# Mirror -------------------------------------------------------------------------------------------

AXIS = 200
distance = st.integers(0, 15)
rows = st.tuples(st.integers(90, 110), distance, distance, st.integers(0, 30)).filter(
    lambda drawn: drawn[1] != drawn[2]
)
kinds = st.sampled_from(["market", "limit", "stop", "stop-limit", "trail", "post-only", "ioc"])
price = st.integers(80, 120)
orders = st.tuples(st.sampled_from([1, -1]), kinds, price, price)


def run(script: list[tuple[Any, list[Any]]], *, mirrored: bool) -> list[tuple[str, ...]]:
    """Play rows with the orders decided on each; mirrored: reflected about 100."""

    def at(level: int) -> int:
        return AXIS - level if mirrored else level

    made: list[Order] = []

    def decide(puppet: Puppet, drawn: list[Any]) -> None:
        for sign, kind, first, second in drawn:
            terms: dict[str, dict[str, Any]] = {
                "market": {},
                "limit": {"limit": at(first)},
                "stop": {"stop": at(first)},
                "stop-limit": {"stop": at(first), "limit": at(second)},
                "trail": {"trail": first - 79},
                "post-only": {"limit": at(first), "post_only": True},
                "ioc": {"limit": at(first), "tif": "IOC"},
            }
            verb = puppet.buy if (sign > 0) != mirrored else puppet.sell
            made.append(verb(SYMBOL, 1, **terms[kind]))

    decisions = {
        number: (lambda puppet, drawn=drawn: decide(puppet, drawn))
        for number, (_, drawn) in enumerate(script)
    }
    bars: list[Row] = []
    for (begin, up, down, along), _ in script:
        close = begin - down + along % (up + down + 1)
        high, low = sorted((at(begin + up), at(begin - down)), reverse=True)
        bars.append((at(begin), high, low, at(close)))
    rig = played(decisions, *bars)
    fills = [
        (
            fill.order_id,
            str(fill.ts),
            str(AXIS - fill.price if mirrored else fill.price),
            fill.liquidity,
        )
        for fill in rig.fills
    ]
    return sorted(fills) + [(order.order_id, order.status) for order in made]


@given(st.lists(st.tuples(rows, st.lists(orders, max_size=3)), max_size=8))
def test_mirrored_bars_fill_the_mirrored_orders(script: list[tuple[Any, list[Any]]]) -> None:
    assert run(script, mirrored=False) == run(script, mirrored=True)
