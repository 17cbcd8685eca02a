"""What a killed engine has not yet rid itself of: strategies, orders, doubts, positions.

Must ask for nothing: it only looks.
"""

from typing import NamedTuple

from alphaforge.engine.core import Engine
from alphaforge.engine.portfolio import Position
from alphaforge.engine.strategies import RunState
from alphaforge.model.enums import OrderType
from alphaforge.model.orders import Order


class Left(NamedTuple):
    """What is not yet as it should be.

    Attributes:
        strategies: That run.
        orders: That work, closing ones left out.
        closing: Orders that work towards flat.
        in_doubt: Orders of which nobody knows.
        positions: That an order could still close. Where the account holds nothing of a symbol,
            what strategies hold of it against each other is none.
        dust: That no order is small enough for.
    """

    strategies: tuple[str, ...]
    orders: tuple[Order, ...]
    closing: tuple[Order, ...]
    in_doubt: int
    positions: tuple[Position, ...]
    dust: tuple[Position, ...]


def left_of(engine: Engine, *, closes: bool) -> Left:
    """What is left now; where positions are being closed, their orders are no strays."""
    runners = engine.strategies.runners.values()
    working = [each.life.order for each in engine.execution.orders.values()]
    works = [order for order in working if order.is_open]
    portfolio = engine.portfolio
    held = [each for each in portfolio.positions.values() if each.quantity]
    open_here = [each for each in held if portfolio.net(each.symbol)]
    return Left(
        strategies=tuple(each.name for each in runners if each.state is RunState.RUNNING),
        orders=tuple(order for order in works if not (closes and _closes(order))),
        closing=tuple(order for order in works if closes and _closes(order)),
        in_doubt=len(engine.execution.doubtful),
        positions=tuple(each for each in open_here if _is_closable(each)),
        dust=tuple(each for each in open_here if not _is_closable(each)),
    )


def _closes(order: Order) -> bool:
    return order.reduce_only and order.order_type is OrderType.MARKET


def _is_closable(position: Position) -> bool:
    """Whether an order could be small enough for it."""
    instrument = position.instrument
    amount = instrument.quantity_floor(position.quantity.copy_abs())
    return amount >= max(instrument.min_quantity, instrument.quantity_step)
