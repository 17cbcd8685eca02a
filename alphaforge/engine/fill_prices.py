"""Prices at which a simulated venue fills: the market's, on the grid, slipped against takers.

Pure: looks at a market's state, changes nothing.
"""

from decimal import Decimal

from alphaforge.engine.markets import SymbolState
from alphaforge.engine.resting import RestingOrder
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import Liquidity, OrderSide, OrderType
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import EXACT, ONE, ZERO, ceil_to, floor_to

_BUY = OrderSide.BUY


# Enum members as module names: looking one up on its class costs ten times as much.
_MAKER = Liquidity.MAKER
_TAKER = Liquidity.TAKER
_LIMIT = OrderType.LIMIT


def market_price(state: SymbolState, side: OrderSide) -> float:
    """The opposite quote if there is one, else the last trade; 0.0 before both.

    A book that lost its place quotes nothing until its next snapshot.
    """
    if state.quoted and not state.on_bars:
        return (state.ask if side is _BUY else state.bid) or state.last
    return state.last


def stop_reference(state: SymbolState, side: OrderSide) -> float:
    """What wakes stops: trades; in a market with quotes only, the opposite quote."""
    return state.last if state.traded else market_price(state, side)


def crosses(order: RestingOrder, price: float) -> bool:
    """Whether a market at `price` is at or through the order's limit."""
    return price <= order.limit if order.terms.side is _BUY else price >= order.limit


def marketable(order: RestingOrder, state: SymbolState) -> bool:
    """Whether a limit (or a woken stop-limit) could fill at once."""
    if order.terms.order_type is not _LIMIT and not order.triggered:
        return False
    price = market_price(state, order.terms.side)
    return bool(price) and crosses(order, price)


def trail(order: RestingOrder, instrument: Instrument, price: float) -> None:
    """Let a trailing stop follow a market at `price`, if that is the best since its arrival.

    Its trigger is exact, on the grid: as floats, 0.3 − 0.1 is not 0.2.
    """
    terms = order.terms
    buys = terms.side is _BUY
    if order.best and (price >= order.best if buys else price <= order.best):
        return
    order.best = price
    best = instrument.price_of(price)
    distance = terms.trail
    if distance is None:
        distance = EXACT.multiply(best, terms.trail_pct or ZERO) / 100
    trigger = EXACT.add(best, distance) if buys else EXACT.subtract(best, distance)
    order.trigger = float(instrument.trigger_on_grid(trigger))


def booked_price(
    terms: SubmitOrder,
    state: SymbolState,
    price: float,
    liquidity: Liquidity,
    slippage: Decimal,
) -> Decimal:
    """The price on the grid, slipped (a fraction) against a taker but never past its limit."""
    limit = terms.limit_price
    if limit is None and not slippage and price == state.last:
        return state.mark() or ZERO
    if liquidity is _MAKER and limit is not None and price == float(limit):
        return limit
    instrument = state.instrument
    booked = (state.mark() if price == state.last else instrument.price_of(price)) or ZERO
    if slippage and liquidity is _TAKER:
        buys = terms.side is _BUY
        factor = EXACT.add(ONE, slippage) if buys else EXACT.subtract(ONE, slippage)
        slipped = EXACT.multiply(booked, factor)
        booked = (ceil_to if buys else floor_to)(slipped, instrument.price_step)
    if limit is None:
        return booked
    return min(booked, limit) if terms.side is _BUY else max(booked, limit)
