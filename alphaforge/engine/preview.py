"""What an order would do if it were sent now: cost, fee, position, every limit, the verdict.

The verdict and its reasons are the gate's own. Pure: the engine is left as it was, to the last
flat position. Must never send, book or number anything.
"""

from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from typing import NamedTuple

from alphaforge.engine.core import Engine
from alphaforge.engine.execution import ExecutionEngine
from alphaforge.engine.fill_prices import market_price
from alphaforge.engine.headroom import Check, checks_of
from alphaforge.engine.markets import SymbolState
from alphaforge.model.commands import Approved, SubmitOrder
from alphaforge.model.enums import OrderSide, OrderType
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Level
from alphaforge.model.numbers import EXACT, TOO_LARGE, ZERO, decimal_of
from alphaforge.model.orders import Order

_BUY = OrderSide.BUY
_TAKES_LATER = (OrderType.STOP_MARKET, OrderType.TRAILING_STOP)
_FIRST_LEVELS = 50
_BPS = 10_000.0


class Walk(NamedTuple):
    """How a quantity would meet the market right now.

    Attributes:
        price: Average over what the book covers; the market's price where no book is known.
        worst: Of the last level it needs.
        covers: Quantity that the known book would fill; 0 without a book.
    """

    price: Decimal
    worst: Decimal
    covers: Decimal


class Preview(NamedTuple):
    """See `alphaforge.client.requests.PreviewRow`; numbers are not yet text.

    Attributes:
        quantity: On the grid, cut to the position where the order is reduce-only.
        reasons: Why it would be denied; empty if it would pass.
    """

    venue: str
    currency: str
    quantity: Decimal
    price: Decimal | None
    worst_price: Decimal | None
    value: Decimal | None
    fee: Decimal | None
    slippage_bp: float | None
    takes: bool
    book_covers: Decimal
    position_before: Decimal
    position_after: Decimal
    leverage_before: float | None
    leverage_after: float | None
    checks: tuple[Check, ...]
    reasons: tuple[str, ...]


def preview(engine: Engine, order: Order) -> Preview:
    """Judge and price an order on a symbol of this engine without sending it.

    Raises `KeyError` for a symbol that is not traded here.
    """
    execution, state = engine.execution, engine.markets.states[order.symbol]
    with _as_it_was(execution):
        terms, reasons = _judged(execution, order)
        return _priced(execution, state, order, terms, reasons)


@contextmanager
def _as_it_was(execution: ExecutionEngine) -> Generator[None]:
    """Take back what only looking makes: a flat position that was never there."""
    positions = execution.portfolio.positions
    before = len(positions)
    try:
        yield
    finally:
        for key in tuple(positions)[before:]:
            del positions[key]


def _judged(execution: ExecutionEngine, order: Order) -> tuple[SubmitOrder | None, tuple[str, ...]]:
    """The terms as they would be approved, or why they would not."""
    reason = execution.why_not_now(order)
    if reason:
        return None, (reason,)
    verdict = execution.gate.submit(order, execution.now).verdict
    if not isinstance(verdict, Approved):
        return None, verdict.reasons
    command = verdict.command
    return (command if isinstance(command, SubmitOrder) else None), ()


def _priced(
    execution: ExecutionEngine,
    state: SymbolState,
    order: Order,
    terms: SubmitOrder | None,
    reasons: tuple[str, ...],
) -> Preview:
    instrument = state.instrument
    quantity = terms.quantity if terms is not None else _sane_quantity(order, instrument)
    limit = _sane_price(terms.limit_price if terms is not None else order.limit_price)
    trigger = _sane_price(terms.trigger_price if terms is not None else order.trigger_price)
    takes = _takes(order, limit, state)
    meets = takes or (limit is None and trigger is None)
    walk = _walk(state, order.side, quantity, limit) if meets else None
    price = _judged_at(walk, takes, limit, trigger)
    value = fee = None
    if price is not None:
        value = EXACT.abs(instrument.notional(quantity, price))
        is_taker = takes or order.order_type in _TAKES_LATER
        fee = instrument.fee(value, instrument.taker_fee if is_taker else instrument.maker_fee)
    signed = quantity if order.side is _BUY else EXACT.minus(quantity)
    held = _held(execution, order)
    return Preview(
        venue=instrument.venue,
        currency=instrument.settle,
        quantity=quantity,
        price=price,
        worst_price=walk.worst if walk is not None and takes else None,
        value=value,
        fee=fee,
        slippage_bp=_slippage(walk, state, order.side) if takes else None,
        takes=takes,
        book_covers=walk.covers if walk is not None and takes else ZERO,
        position_before=held,
        position_after=EXACT.add(held, signed),
        leverage_before=_leverage(execution, state, ZERO),
        leverage_after=_leverage(execution, state, signed),
        checks=checks_of(execution, state, order, terms, reasons),
        reasons=reasons,
    )


def _sane_quantity(order: Order, instrument: Instrument) -> Decimal:
    asked = order.quantity
    is_sane = asked.is_finite() and ZERO < asked < TOO_LARGE
    return instrument.quantity_floor(asked) if is_sane else ZERO


def _sane_price(price: Decimal | None) -> Decimal | None:
    is_sane = price is not None and price.is_finite() and ZERO < price < TOO_LARGE
    return price if is_sane else None


def _held(execution: ExecutionEngine, order: Order) -> Decimal:
    position = execution.portfolio.positions.get((order.strategy, order.symbol))
    return position.quantity if position is not None else ZERO


# The market -----------------------------------------------------------------------------------


def _takes(order: Order, limit: Decimal | None, state: SymbolState) -> bool:
    """Whether it would take liquidity at once."""
    if order.order_type is OrderType.MARKET:
        return True
    if order.order_type is not OrderType.LIMIT or limit is None or order.post_only:
        return False
    market = market_price(state, order.side)
    if not market:
        return False
    return market <= limit if order.side is _BUY else market >= limit


def _judged_at(
    walk: Walk | None, takes: bool, limit: Decimal | None, trigger: Decimal | None
) -> Decimal | None:
    """The average of walking the book where it takes, else its limit, else its trigger."""
    if takes:
        return walk.price if walk is not None else None
    if limit is not None or trigger is not None:
        return limit if limit is not None else trigger
    return walk.price if walk is not None else None


def _walk(
    state: SymbolState, side: OrderSide, quantity: Decimal, limit: Decimal | None
) -> Walk | None:
    """Fill a quantity from the known book, level by level; None where no price is known."""
    instrument = state.instrument
    cost = covered = ZERO
    worst: Decimal | None = None
    for level_price, level_size in _levels(state, side, quantity, limit):
        size = min(level_size, EXACT.subtract(quantity, covered))
        cost = EXACT.add(cost, EXACT.multiply(size, level_price))
        covered = EXACT.add(covered, size)
        worst = level_price
        if covered >= quantity:
            break
    if worst is not None and covered:
        return Walk(
            EXACT.divide(cost, covered).quantize(_fine(instrument), context=EXACT), worst, covered
        )
    market = market_price(state, side)
    if not market:
        return None
    price = instrument.price_of(market)
    return Walk(price, price, ZERO)


def _fine(instrument: Instrument) -> Decimal:
    """An average is told four digits finer than the grid."""
    return instrument.price_step.scaleb(-4)


def _levels(
    state: SymbolState, side: OrderSide, quantity: Decimal, limit: Decimal | None
) -> Generator[tuple[Decimal, Decimal]]:
    """The opposite side's levels an order may take, best first, as exact numbers."""
    book = state.book
    if book is None or not book.valid or state.on_bars or not quantity:
        return
    instrument, taken, count = state.instrument, 0, _FIRST_LEVELS
    while True:
        bids, asks = book.depth(count)
        levels: list[Level] = asks if side is _BUY else bids
        for price_now, size_now in levels[taken:]:
            price = instrument.price_of(price_now)
            if limit is not None and (price > limit if side is _BUY else price < limit):
                return
            yield price, decimal_of(size_now)
        if len(levels) < count:
            return
        taken, count = count, count * 8


def _slippage(walk: Walk | None, state: SymbolState, side: OrderSide) -> float | None:
    """The average against the middle, in basis points of it, unfavourable positive."""
    middle = (state.bid + state.ask) / 2 if state.bid and state.ask else state.last
    if walk is None or not middle:
        return None
    apart = (float(walk.price) - middle) / middle * _BPS
    return apart if side is _BUY else -apart


def _leverage(execution: ExecutionEngine, state: SymbolState, signed: Decimal) -> float | None:
    """Σ |position value| ÷ equity with `signed` more of a symbol; None where it is not defined."""
    valuation, portfolio = execution.valuation, execution.portfolio
    equity = valuation.equity()
    if equity <= 0 or execution.settings.account.cash is None:
        return None
    total = ZERO
    for symbol, each in execution.markets.states.items():
        held = portfolio.net(symbol)
        if each is state:
            held = EXACT.add(held, signed)
        if not held:
            continue
        mark, rate = each.mark(), valuation.rate(each.instrument.settle)
        if mark is None or rate is None:
            return None
        worth = EXACT.multiply(each.instrument.notional(held, mark), rate)
        total = EXACT.add(total, EXACT.abs(worth))
    return float(EXACT.divide(total, equity))
