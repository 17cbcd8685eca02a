"""Laws of held orders: woken as a simulated venue wakes them, sent once, counted throughout."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from alphaforge.engine.lifecycle import OrderLife
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import OrderSide
from alphaforge.model.events import OrderEvent, OrderHeld, OrderReleased
from alphaforge.model.orders import Order
from alphaforge.model.reports import OrderTriggered
from alphaforge.model.settings import AccountSettings, EngineSettings
from alphaforge.store.views import refold
from tests.engine.driving import SYMBOL, Market
from tests.engine.wire import BTC, Wire
from tests.engine.wire_driving import Life

STOPS = ("STOP_MARKET", "STOP_LIMIT", "TRAILING_STOP")
BARE = replace(BTC, unsupported=STOPS, emulated=STOPS)

_prices = st.lists(st.integers(900, 1100).map(lambda n: n / 10), min_size=1, max_size=40)
_far = st.integers(-80, 80).map(lambda n: Decimal(n) / 10)
_seeds = st.integers(0, 1 << 32)


@st.composite
def stops(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A verb and the terms of a stop near 100."""
    verb = draw(st.sampled_from(("buy", "sell")))
    kind = draw(st.sampled_from(("market", "limit", "trail", "trail-pct")))
    if kind == "trail":
        return verb, {"trail": draw(st.integers(1, 60).map(lambda n: Decimal(n) / 10))}
    if kind == "trail-pct":
        return verb, {"trail": f"{draw(st.integers(1, 60)) / 10}%"}
    trigger = 100 + draw(_far)
    return verb, {"stop": trigger, **({"limit": trigger} if kind == "limit" else {})}


def woken_at(market: Market, kind: type, asked: list[Any], prices: list[float]) -> dict[str, int]:
    """After how many ticks each stop woke."""
    market.tick(100)

    def place(bot: Any) -> None:
        for verb, terms in asked:
            getattr(bot, verb)(SYMBOL, 1, **terms)

    market.ask(place, 100)
    first = len(market.steps) - 1
    for price in prices:
        market.tick(price)
    return {
        event.order_id: number
        for number, step in enumerate(market.steps[first:])
        for event in step.events
        if isinstance(event, kind)
    }


@settings(max_examples=60)
@given(asked=st.lists(stops(), min_size=1, max_size=6), prices=_prices)
def test_a_held_stop_wakes_with_the_trade_at_which_the_simulated_venue_wakes_it(
    asked: list[Any], prices: list[float]
) -> None:
    cash = {"USDT": Decimal(100_000), "BTC": Decimal(100)}
    account = AccountSettings(cash=cash, reporting_currency="USDT")
    simulated = Market(EngineSettings(account=account), (replace(BTC, venue="sim"),))
    expected = woken_at(simulated, OrderTriggered, asked, prices)
    wire = Wire(instrument=BARE)
    assert woken_at(wire, OrderReleased, asked, prices) == expected
    assert len({order.order_id for order in submitted(wire.steps)}) == len(submitted(wire.steps))


def submitted(steps: list[Any]) -> list[SubmitOrder]:
    """Every order that left."""
    commands = (each.command for step in steps if step is not None for each in step.outgoing)
    return [each for each in commands if isinstance(each, SubmitOrder)]


def events_of(life: Life) -> list[OrderEvent]:
    return [event for _, _, step in life.rows if step is not None for event in step.events]


@settings(max_examples=15)
@given(seed=_seeds)
def test_nothing_leaves_twice_and_nothing_held_leaves_without_its_release(seed: int) -> None:
    life = Life(seed).run(220)
    left = submitted([step for _, _, step in life.rows])
    assert len({each.order_id for each in left}) == len(left)
    events = events_of(life)
    held = {each.order_id for each in events if isinstance(each, OrderHeld)}
    released = [each.terms for each in events if isinstance(each, OrderReleased)]
    assert [each for each in left if each.order_id in held] == released
    assert not {each.order_type.value for each in left if each.symbol == "ETH/USDT"} & {*STOPS}


@settings(max_examples=15)
@given(seed=_seeds)
def test_held_orders_count_as_every_other_until_they_end(seed: int) -> None:
    life = Life(seed)
    execution: Any = life.engine.execution
    for _ in range(40):
        life.run(5)
        rows = list(execution.orders.values())
        for symbol in ("BTC/USDT", "ETH/USDT"):
            for side, total in (
                (OrderSide.BUY, execution.exposure.buying(symbol)),
                (OrderSide.SELL, execution.exposure.selling(symbol)),
            ):
                worst = [
                    row.worst
                    for row in rows
                    if row.reservation is not None
                    and (row.life.order.symbol, row.life.order.side) == (symbol, side)
                ]
                assert total == sum(worst, Decimal(0))
        held = {row.life.order.order_id for row in rows if row.life.order.is_held}
        assert held == {*execution.emulation.held}
        assert {*execution.emulation.waiting} <= held
        counted = {row.life.order.order_id for row in rows if row.reservation is not None}
        assert held <= counted


def told(order: Order) -> tuple[Any, ...]:
    """What a view shows of an order."""
    return (
        *order.names,
        order.status,
        order.quantity,
        order.limit_price,
        order.trigger_price,
        order.filled,
        order.leaves,
        order.in_doubt,
        order.pending,
        order.reason,
        order.emulated,
        order.denial,
        order.ts,
        order.ts_last,
    )


@settings(max_examples=12)
@given(seed=_seeds)
def test_a_held_orders_events_fold_to_its_handle(seed: int) -> None:
    life = Life(seed).run(220)
    by_order: dict[str, list[OrderEvent]] = {}
    for event in events_of(life):
        by_order.setdefault(event.order_id, []).append(event)
    execution = life.engine.execution
    for order_id, events in by_order.items():
        working = execution.orders.get(order_id) or execution.closed.get(order_id)
        if working is None or not working.life.order.emulated:
            continue
        folded: OrderLife | None = refold(events)
        assert folded is not None
        assert told(folded.order) == told(working.life.order)
