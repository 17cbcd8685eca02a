"""The border to ccxt in one place: its dicts as our values, our commands as its calls.

Pure: no I/O, no clock, no ccxt. The parts are `ccxt_orders` (the account), `ccxt_market_data`,
`ccxt_requests`, `ccxt_names` and `ccxt_values`. Must never let a value through that can not be.
"""

from alphaforge.venues.ccxt_market_data import (
    bars,
    book_delta,
    book_snapshot,
    book_top,
    instrument,
    quote,
    trade,
)
from alphaforge.venues.ccxt_names import Names
from alphaforge.venues.ccxt_orders import (
    answer,
    balances,
    fill,
    order_status,
    positions,
    pushed_fill,
)
from alphaforge.venues.ccxt_requests import (
    CancelCall,
    CreateCall,
    EditCall,
    LookUpCall,
    Params,
    cancel_call,
    checked,
    create_call,
    kind_of,
    lookup_calls,
    modify_call,
)
from alphaforge.venues.ccxt_values import MalformedError

__all__ = [
    "CancelCall",
    "CreateCall",
    "EditCall",
    "LookUpCall",
    "MalformedError",
    "Names",
    "Params",
    "answer",
    "balances",
    "bars",
    "book_delta",
    "book_snapshot",
    "book_top",
    "cancel_call",
    "checked",
    "create_call",
    "fill",
    "instrument",
    "kind_of",
    "lookup_calls",
    "modify_call",
    "order_status",
    "positions",
    "pushed_fill",
    "quote",
    "trade",
]
