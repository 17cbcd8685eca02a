"""AlphaForge: the names a strategy author needs, each loaded the moment it is first used.

`import alphaforge` must cost nothing and must never load an engine, a library or a file: start-up
of every command goes through here.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alphaforge.engine.bus import MessageBus
    from alphaforge.engine.cache import Cache
    from alphaforge.engine.core import Engine, Step
    from alphaforge.engine.data import DataEngine
    from alphaforge.engine.execution import ExecutionEngine
    from alphaforge.engine.portfolio import Portfolio
    from alphaforge.engine.strategy import Strategy
    from alphaforge.model.enums import Liquidity, OrderSide, OrderStatus, OrderType, TimeInForce
    from alphaforge.model.events import Signal
    from alphaforge.model.instrument import Instrument
    from alphaforge.model.market import Bar, BookDelta, BookSnapshot, Quote, Trade
    from alphaforge.model.orders import Fill, Order

__version__ = "0.1.0"

__all__ = [
    "Bar",
    "BookDelta",
    "BookSnapshot",
    "Cache",
    "DataEngine",
    "Engine",
    "ExecutionEngine",
    "Fill",
    "Instrument",
    "Liquidity",
    "MessageBus",
    "Order",
    "OrderSide",
    "OrderStatus",
    "OrderType",
    "Portfolio",
    "Quote",
    "Signal",
    "Step",
    "Strategy",
    "TimeInForce",
    "Trade",
    "__version__",
]

_HOMES = {
    "Bar": "alphaforge.model.market",
    "BookDelta": "alphaforge.model.market",
    "BookSnapshot": "alphaforge.model.market",
    "Cache": "alphaforge.engine.cache",
    "DataEngine": "alphaforge.engine.data",
    "Engine": "alphaforge.engine.core",
    "ExecutionEngine": "alphaforge.engine.execution",
    "Fill": "alphaforge.model.orders",
    "Instrument": "alphaforge.model.instrument",
    "Liquidity": "alphaforge.model.enums",
    "MessageBus": "alphaforge.engine.bus",
    "Order": "alphaforge.model.orders",
    "OrderSide": "alphaforge.model.enums",
    "OrderStatus": "alphaforge.model.enums",
    "OrderType": "alphaforge.model.enums",
    "Portfolio": "alphaforge.engine.portfolio",
    "Quote": "alphaforge.model.market",
    "Signal": "alphaforge.model.events",
    "Step": "alphaforge.engine.core",
    "Strategy": "alphaforge.engine.strategy",
    "TimeInForce": "alphaforge.model.enums",
    "Trade": "alphaforge.model.market",
}


def __getattr__(name: str) -> object:
    """Load a public name on first use; afterwards it is an ordinary attribute."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'alphaforge' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
