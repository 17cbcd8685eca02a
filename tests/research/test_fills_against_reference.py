"""Every simulated fill agrees with a second simulation written from the public rules alone."""

from collections import defaultdict
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alphaforge.model.enums import InstrumentKind, OrderSide
from tests.research.reference import Ask, BarRow, Cancel, Change, Script
from tests.research.reference_profit import average_cost
from tests.research.reference_ticks import Tick
from tests.research.scripted import (
    CASH,
    bar_events,
    check_bars,
    check_ticks,
    engine_run,
    settings,
    spot,
)

MINUTE = 60_000_000_000
BEGIN = 1_577_836_800_000_000_000
CENT = Decimal("0.01")
SIGN = {OrderSide.BUY: 1, OrderSide.SELL: -1}


@st.composite
def bar_rows(draw: st.DrawFn) -> list[BarRow]:
    """Bars of a rough walk in cents: gaps, flat bars, wide ones; now and then a missing minute."""
    rows, price, begin = [], 10_000, BEGIN
    for _ in range(draw(st.integers(2, 14))):
        first = price + draw(st.integers(-40, 40))
        last = first + draw(st.integers(-60, 60))
        high = max(first, last) + draw(st.integers(0, 40))
        low = min(first, last) - draw(st.integers(0, 40))
        prices = (Decimal(each) * CENT for each in (first, high, low, last))
        rows.append(BarRow(begin, begin + MINUTE, *prices))
        begin += MINUTE * draw(st.sampled_from([1, 1, 1, 1, 3]))
        price = last
    return rows


@st.composite
def asks(draw: st.DrawFn, key: str, price: Decimal, last_ts: int, *, ticks: bool) -> Ask:
    """An order of any type near the price; on ticks a stop always waits for a later event."""
    side = draw(st.sampled_from([1, -1]))
    ask = Ask(key, side, Decimal(draw(st.integers(1, 5000))) / 1000)
    kind = draw(st.sampled_from(["market", "limit", "stop", "stop-limit"]))
    beyond = Decimal(draw(st.integers(1, 60))) * CENT
    around = Decimal(draw(st.integers(-60, 60))) * CENT
    if kind in {"stop", "stop-limit"}:
        ask.stop = price + side * beyond
    if kind in {"limit", "stop-limit"}:
        ask.limit = (ask.stop or price) + around
    if draw(st.integers(0, 5)) == 0 and kind != "market":
        ask.expires = last_ts + draw(st.integers(1, 4)) * (MINUTE if not ticks else 1000)
    if ticks and kind == "limit":
        ask.tif = draw(st.sampled_from(["GTC", "GTC", "IOC", "FOK"])) if not ask.expires else "GTC"
        ask.post_only = draw(st.booleans()) and ask.tif == "GTC"
    return ask


@st.composite
def brackets(draw: st.DrawFn, price: Decimal, last_ts: int, *, ticks: bool) -> Ask:
    """An entry with one leg or two; alone, for legs only ever reduce the position."""
    ask = draw(asks("entry", price, last_ts, ticks=ticks))
    entry = ask.limit or ask.stop or price
    room = Decimal(2) if ticks else Decimal(0)
    which = draw(st.sampled_from(["both", "both", "loss", "profit"]))
    if which != "profit":
        ask.stop_loss = entry - ask.side * (draw(st.integers(1, 60)) * CENT + room)
    if which != "loss":
        ask.take_profit = entry + ask.side * (draw(st.integers(1, 60)) * CENT + room)
    return ask


def ends(draw: st.DrawFn, ask: Ask, price: Decimal) -> Cancel | Change:
    """What may become of an order later: no more of it, or another limit.

    A post-only order gets none: what becomes of it at a limit that crosses, the rules leave open.
    """
    if ask.limit is None or ask.stop is not None or ask.post_only or draw(st.booleans()):
        return Cancel(ask.key)
    return Change(ask.key, price + draw(st.integers(-60, 60)) * CENT)


@st.composite
def bar_scripts(draw: st.DrawFn) -> tuple[list[BarRow], Script]:
    """Bars, and up to six orders and two cancels on them."""
    rows = draw(bar_rows())
    script: defaultdict[int, list[Ask | Cancel | Change]] = defaultdict(list)
    for number in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(rows) - 1))
        ask = draw(asks(f"a{number}", rows[at].close, rows[at].end, ticks=False))
        script[at].append(ask)
        if draw(st.integers(0, 2)) == 0:
            later = min(at + draw(st.integers(1, 3)), len(rows) - 1)
            script[later].append(ends(draw, ask, rows[later].close))
    return rows, script


@given(bar_scripts())
def test_orders_on_bars_fill_as_the_rules_say(case: tuple[list[BarRow], Script]) -> None:
    rows, script = case
    fills = check_bars(rows, script, spot())
    gains = average_cost((each.quantity * SIGN[each.side], each.price) for each in fills)
    assert [each.realized_pnl for each in fills] == gains


def test_equally_near_extremes_are_told_exactly_and_not_by_floats() -> None:
    # As floats 101.07 − 100.48 < 100.48 − 99.89; with the low first this order is only triggered.
    rows = [
        BarRow(BEGIN, BEGIN + MINUTE, *map(Decimal, ("100", "100", "100", "100"))),
        BarRow(
            BEGIN + MINUTE, BEGIN + 2 * MINUTE, *map(Decimal, ("100.48", "101.07", "99.89", "101"))
        ),
    ]
    entry = Ask("entry", 1, Decimal(1), limit=Decimal("100.5"), stop=Decimal("100.9"))
    assert check_bars(rows, {0: [entry]}, spot()) == []


@given(st.data())
def test_a_bracket_on_bars_ends_by_one_leg_and_the_stop_wins(data: st.DataObject) -> None:
    rows = data.draw(bar_rows())
    at = data.draw(st.integers(0, len(rows) - 1))
    entry = data.draw(brackets(rows[at].close, rows[at].end, ticks=False))
    check_bars(rows, {at: [entry]}, spot(), at_close=data.draw(st.booleans()))


@given(bar_rows(), st.data())
def test_a_cash_account_sells_what_it_holds_and_buys_what_it_can_pay(
    rows: list[BarRow], data: st.DataObject
) -> None:
    # Whether the cash is enough by a hair depends on a gap: then there is nothing to compare.
    script: dict[int, list[Ask]] = {}
    for at in range(len(rows)):
        side = data.draw(st.sampled_from([1, -1]))
        amount = data.draw(st.sampled_from(["0.5", "1", "3", "8", "20"]))
        script[at] = [Ask(f"a{at}", side, Decimal(amount))]
    check_bars(rows, script, spot(), cash=Decimal(1000))


@given(bar_scripts())
def test_market_orders_may_fill_at_the_close_of_the_deciding_bar(
    case: tuple[list[BarRow], Script],
) -> None:
    rows, script = case
    check_bars(rows, script, spot(), at_close=True)


@st.composite
def tick_scripts(draw: st.DrawFn, mixture: str) -> tuple[list[Tick], Script]:
    """Trades, quotes or both, starting with one of each that there is, and orders on them."""
    ticks: list[Tick] = []
    price, ts = 10_000, BEGIN
    kinds = {"trades": "t", "quotes": "q", "both": "tq"}[mixture]
    for number in range(draw(st.integers(4, 30))):
        price += draw(st.integers(-30, 30))
        ts += draw(st.sampled_from([0, 1, 1000]))
        kind = kinds[number] if number < len(kinds) else draw(st.sampled_from(kinds))
        bid = Decimal(price) * CENT
        ask = None if kind == "t" else bid + draw(st.integers(0, 10)) * CENT
        ticks.append(Tick(ts, bid, ask))
    script: defaultdict[int, list[Ask | Cancel | Change]] = defaultdict(list)
    for number in range(draw(st.integers(1, 8))):
        at = draw(st.integers(len(kinds) - 1, len(ticks) - 1))
        seen = [tick for tick in ticks[: at + 1] if (tick.ask is None) == ("t" in kinds)]
        ask = draw(asks(f"a{number}", seen[-1].bid, ticks[at].ts, ticks=True))
        script[at].append(ask)
        if draw(st.integers(0, 2)) == 0:
            later = min(at + draw(st.integers(1, 5)), len(ticks) - 1)
            script[later].append(ends(draw, ask, ticks[later].bid))
    return ticks, script


@given(st.data())
def test_a_bracket_on_ticks_ends_by_one_leg(data: st.DataObject) -> None:
    ticks, _ = data.draw(tick_scripts(data.draw(st.sampled_from(["trades", "quotes", "both"]))))
    at = data.draw(st.integers(2, len(ticks) - 1))
    entry = data.draw(brackets(ticks[at].bid, ticks[at].ts, ticks=True))
    check_ticks(ticks, {at: [entry]}, spot())


@given(tick_scripts("trades"))
def test_orders_on_trades_fill_as_the_rules_say(case: tuple[list[Tick], Script]) -> None:
    check_ticks(*case, spot())


@given(tick_scripts("quotes"))
def test_orders_on_quotes_fill_as_the_rules_say(case: tuple[list[Tick], Script]) -> None:
    check_ticks(*case, spot())


@given(tick_scripts("both"))
def test_orders_on_trades_and_quotes_fill_as_the_rules_say(
    case: tuple[list[Tick], Script],
) -> None:
    check_ticks(*case, spot())


@given(tick_scripts("both"), st.sampled_from([1, 7, 999, 1000, 5003]))
def test_with_latency_an_order_meets_the_market_as_it_stands_when_it_arrives(
    case: tuple[list[Tick], Script], latency: int
) -> None:
    check_ticks(*case, spot(), latency)


@given(bar_scripts())
def test_a_derivative_moves_cash_by_what_was_realized_and_by_fees(
    case: tuple[list[BarRow], Script],
) -> None:
    rows, script = case
    linear = replace(spot(), kind=InstrumentKind.LINEAR)
    _, fills, engine = engine_run(bar_events(rows), script, linear, settings(), kind="1m")
    gains = average_cost((each.quantity * SIGN[each.side], each.price) for each in fills)
    expected = CASH + sum(gains, Decimal(0)) - sum((each.fee for each in fills), Decimal(0))
    assert engine.portfolio.balance("USDT") == expected
    assert engine.portfolio.balance("BTC") == 0
