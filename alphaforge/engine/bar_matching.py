"""A simulated venue's bars: what a whole bar does to the orders that wait for it and rest.

A bar row is two inputs. At its open waiting market orders fill and immediate ones do or die; at
its end stops and limits are looked at, stops first, so that of a bracket's two legs the stop wins.
A bar is met by the orders that were there when it opened, and by no later one: at its end it
would be looking back.
"""

from alphaforge.engine.bar_path import stop_limit_fill, trailing_fill
from alphaforge.engine.fill_prices import crosses
from alphaforge.engine.markets import SymbolState
from alphaforge.engine.resting import RestingOrder
from alphaforge.engine.simulated_venue import IMMEDIATE, SimulatedVenue
from alphaforge.model.enums import Liquidity, OrderSide, OrderType
from alphaforge.model.market import Bar
from alphaforge.model.reports import OrderTriggered

_BUY, _SELL = OrderSide.BUY, OrderSide.SELL


def match_open(venue: SimulatedVenue, state: SymbolState, price: float, now: int) -> None:
    """Let waiting orders meet a bar's open, at its open time."""
    state.opened = now
    for order in state.resting.take_fresh():
        terms = order.terms
        if terms.order_type is OrderType.MARKET:
            venue.fill(order, state, price, Liquidity.TAKER, now)
        elif terms.tif in IMMEDIATE and terms.order_type is OrderType.LIMIT:
            _do_or_die(venue, order, state, price, now)
        elif terms.post_only and crosses(order, price):
            venue.reject(order, now)
        else:
            venue.admit(order, now)
            if not order.queued:
                venue.rest(order, state)
            state.resting.fresh.append(order)
    venue.settle(state)


def match_bar(venue: SimulatedVenue, state: SymbolState, bar: Bar, now: int) -> None:
    """Match a whole bar, at its end."""
    if state.bar_open_ts != bar.ts_open:
        _meet_missed_open(venue, state, bar)
    held: list[RestingOrder] = []
    _trailing(venue, state, bar, now)
    _stops(venue, state, bar, now, held)
    _limits(venue, state, bar, now, held)
    for order in held:
        if order.alive:
            venue.rest(order, state)
    _end_freshness(venue, state, now)
    venue.settle(state)


def _meet_missed_open(venue: SimulatedVenue, state: SymbolState, bar: Bar) -> None:
    """A bar that nobody announced: what was decided inside it never saw its open."""
    state.opened = bar.ts_open
    waiting = state.resting.fresh
    if not waiting:
        return
    inside = [order for order in waiting if order.arrived > bar.ts_open]
    state.resting.fresh = [order for order in waiting if order.arrived <= bar.ts_open]
    match_open(venue, state, bar.open, bar.ts_open)
    state.resting.fresh += inside


def _do_or_die(
    venue: SimulatedVenue, order: RestingOrder, state: SymbolState, price: float, now: int
) -> None:
    if crosses(order, price):
        venue.fill(order, state, price, Liquidity.TAKER, now)
    else:
        venue.cancel_out(order, now, "nothing to take at the limit")


def _trailing(venue: SimulatedVenue, state: SymbolState, bar: Bar, now: int) -> None:
    for order in tuple(state.resting.trailing):
        if order.alive and order.arrived <= state.opened:
            price = trailing_fill(order, bar, state.instrument)
            if price is not None:
                state.resting.trailing.remove(order)
                _wake(venue, order, state, price, now)


def _stops(
    venue: SimulatedVenue, state: SymbolState, bar: Bar, now: int, held: list[RestingOrder]
) -> None:
    resting = state.resting
    reached = resting.touched_stops(_BUY, bar.high) if bar.high >= resting.buy_stop else []
    if bar.low <= resting.sell_stop:
        reached += resting.touched_stops(_SELL, bar.low)
    for order in reached:
        if not order.alive:
            continue
        if order.arrived > state.opened:
            held.append(order)
        elif order.terms.order_type is OrderType.STOP_LIMIT:
            _stop_limit(venue, order, state, bar, now)
        else:
            worst = max if order.terms.side is _BUY else min
            _wake(venue, order, state, worst(bar.open, order.trigger), now)


def _wake(
    venue: SimulatedVenue, order: RestingOrder, state: SymbolState, price: float, now: int
) -> None:
    order.triggered = True
    venue.report(OrderTriggered(order.terms.order_id, now, now))
    if order.alive:
        venue.fill(order, state, price, Liquidity.TAKER, now)


def _stop_limit(
    venue: SimulatedVenue, order: RestingOrder, state: SymbolState, bar: Bar, now: int
) -> None:
    order.triggered = True
    venue.report(OrderTriggered(order.terms.order_id, now, now))
    if not order.alive:
        return
    fill = stop_limit_fill(order, bar)
    if fill is not None:
        venue.fill(order, state, fill.price, fill.liquidity, now)
    elif order.terms.tif in IMMEDIATE:
        venue.cancel_out(order, now, "nothing to take at the limit")
    else:
        order.arrived = now
        venue.rest(order, state)


def _limits(
    venue: SimulatedVenue, state: SymbolState, bar: Bar, now: int, held: list[RestingOrder]
) -> None:
    resting = state.resting
    reached = resting.touched_limits(_BUY, bar.low) if bar.low <= resting.buy_limit else []
    if bar.high >= resting.sell_limit:
        reached += resting.touched_limits(_SELL, bar.high)
    for order in reached:
        if not order.alive:
            continue
        if order.arrived > state.opened:
            held.append(order)
            continue
        better = min if order.terms.side is _BUY else max
        takes = order.fresh and crosses(order, bar.open)
        if takes and order.terms.post_only:
            venue.reject(order, now)
            continue
        venue.admit(order, now)
        liquidity = Liquidity.TAKER if takes else Liquidity.MAKER
        venue.fill(order, state, better(bar.open, order.limit), liquidity, now)


def _end_freshness(venue: SimulatedVenue, state: SymbolState, now: int) -> None:
    """Orders that rested through this bar have met the market; the others still wait."""
    for order in state.resting.take_fresh():
        if order.queued and order.arrived <= state.opened:
            order.fresh = False
            venue.admit(order, now)
        else:
            state.resting.fresh.append(order)
