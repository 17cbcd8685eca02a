"""What is asked: orders and requests on their way to a venue, and what an operator says.

`Approved` is made by `alphaforge.engine.risk.gate` and nowhere else (a test holds this): a venue
takes only `Approved`, so that an unscreened command cannot leave by construction.
"""

from decimal import Decimal
from typing import TypeAlias

import msgspec

from alphaforge.model.enums import OrderSide, OrderType, RiskState, TimeInForce
from alphaforge.model.orders import Order


class SubmitOrder(msgspec.Struct, frozen=True, gc=False, tag="submit"):
    """The terms of a new order, on the instrument's grid; see `Order` for the fields."""

    order_id: str
    symbol: str
    strategy: str
    side: OrderSide
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    trail: Decimal | None = None
    trail_pct: Decimal | None = None
    tif: TimeInForce = TimeInForce.GTC
    expires: int = 0
    post_only: bool = False
    reduce_only: bool = False
    client_order_id: str = ""


class ModifyOrder(msgspec.Struct, frozen=True, gc=False, tag="modify"):
    """New terms of a working order; None leaves a term as it is.

    Attributes:
        version: Counts the modifications of this order from 1; the latest accepted one wins.
        quantity: New total quantity, filled part included.
        symbol: With both ids, for a venue over a wire; empty where orders are simulated.
    """

    order_id: str
    version: int
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    symbol: str = ""
    client_order_id: str = ""
    venue_order_id: str = ""


class CancelOrder(msgspec.Struct, frozen=True, gc=False, tag="cancel"):
    """Take a working order out of the market.

    Attributes:
        symbol: With both ids, for a venue over a wire; empty where orders are simulated.
    """

    order_id: str
    symbol: str = ""
    client_order_id: str = ""
    venue_order_id: str = ""


class Approved(msgspec.Struct, frozen=True, gc=False, tag="approved"):
    """A command that passed the risk gate at engine time `ts`: the only thing a venue accepts."""

    command: SubmitOrder | ModifyOrder | CancelOrder
    ts: int


class Refused(msgspec.Struct, frozen=True, gc=False, tag="refused"):
    """A command that did not pass, with every reason, in the order the rules were asked."""

    order_id: str
    reasons: tuple[str, ...]
    ts: int


class BeginEpoch(msgspec.Struct, frozen=True, gc=False, tag="begin_epoch"):
    """A process takes the run up, for the first time or after a crash, over a wire.

    Attributes:
        epoch: Of the lease it holds: no other process ever had or gets it, so that client order
            ids made under it are new even if the end of the journal was lost.
    """

    epoch: int
    ts_local: int


class StartSession(msgspec.Struct, frozen=True, gc=False, tag="start_session"):
    """Begin: every registered strategy starts, in command-line order."""

    ts_local: int


class StopSession(msgspec.Struct, frozen=True, gc=False, tag="stop_session"):
    """End: every running strategy's `on_stop` runs and its last orders are processed."""

    ts_local: int
    who: str = ""


class StartStrategy(msgspec.Struct, frozen=True, gc=False, tag="start_strategy"):
    """Start a registered or stopped strategy (a stopped one starts anew)."""

    strategy: str
    ts_local: int
    who: str = ""


class StopStrategy(msgspec.Struct, frozen=True, gc=False, tag="stop_strategy"):
    """Stop one strategy: `on_stop` runs, then its working orders are canceled."""

    strategy: str
    ts_local: int
    who: str = ""


class SetRiskState(msgspec.Struct, frozen=True, gc=False, tag="set_risk_state"):
    """Say what may trade from now on."""

    state: RiskState
    ts_local: int
    reason: str = ""
    who: str = ""


class CancelAll(msgspec.Struct, frozen=True, gc=False, tag="cancel_all"):
    """Cancel every working order of a strategy and symbol; empty = of all."""

    ts_local: int
    strategy: str = ""
    symbol: str = ""
    who: str = ""


class PlaceOrder(msgspec.Struct, frozen=True, gc=False, tag="place_order"):
    """A person's order: judged, sent and booked like a strategy's.

    Attributes:
        order: The terms as asked, not yet numbered. `strategy` is whose position it counts to: a
            strategy of the run, or `manual`.
    """

    order: Order
    ts_local: int
    who: str = ""


class OperatorCancel(msgspec.Struct, frozen=True, gc=False, tag="operator_cancel"):
    """A person cancels one working order."""

    order_id: str
    ts_local: int
    who: str = ""


class OperatorModify(msgspec.Struct, frozen=True, gc=False, tag="operator_modify"):
    """A person gives a working order new terms; None leaves a term as it is.

    Attributes:
        quantity: New total quantity, filled part included.
    """

    order_id: str
    ts_local: int
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    who: str = ""


class Flatten(msgspec.Struct, frozen=True, gc=False, tag="flatten"):
    """Close positions by reduce-only market orders; empty = of every strategy and symbol.

    One that an order already works to close is left to that order.
    """

    ts_local: int
    strategy: str = ""
    symbol: str = ""
    who: str = ""


class RestartStrategy(msgspec.Struct, frozen=True, gc=False, tag="restart_strategy"):
    """Stop a strategy, and start it anew with other parameters or another source.

    Attributes:
        parameters: Every parameter's value, as JSON.
        source: The text of its file; empty = the one it was last made from.
    """

    strategy: str
    parameters: str
    source: str
    ts_local: int
    who: str = ""


OperatorCommand: TypeAlias = (
    BeginEpoch
    | StartSession
    | StopSession
    | StartStrategy
    | StopStrategy
    | SetRiskState
    | CancelAll
    | PlaceOrder
    | OperatorCancel
    | OperatorModify
    | Flatten
    | RestartStrategy
)
