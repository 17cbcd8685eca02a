"""What happened to an order, in one sentence: shared by the log and by `why ORDER`.

Numbers are written in plain decimals. Must decide nothing and hold nothing.
"""

from collections.abc import Callable
from typing import Any, Final

from alphaforge.model import reports
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import OrderType, PendingRequest
from alphaforge.model.events import (
    CancelRequested,
    HeldModified,
    ModifyRequested,
    OrderAdopted,
    OrderDenied,
    OrderEvent,
    OrderHeld,
    OrderReleased,
    OrderSubmitted,
    RequestDenied,
)
from alphaforge.model.numbers import plain
from alphaforge.model.orders import Fill


def terms_words(terms: SubmitOrder) -> str:
    """`BUY 0.1 BTC/USDT LIMIT 67250 post-only`."""
    parts = [str(terms.side), plain(terms.quantity), terms.symbol, str(terms.order_type)]
    if terms.limit_price is not None:
        parts.append(plain(terms.limit_price))
    if terms.trigger_price is not None:
        parts.append(f"trigger {plain(terms.trigger_price)}")
    if terms.order_type is OrderType.TRAILING_STOP:
        parts.append(f"trail {_trail(terms)}")
    if terms.tif != "GTC":
        parts.append(str(terms.tif))
    parts += ["post-only"] if terms.post_only else []
    parts += ["reduce-only"] if terms.reduce_only else []
    return " ".join(parts)


def fill_words(fill: Fill) -> str:
    """`filled 0.1 at 67250 (6725 USDT), fee 6.725 USDT, taker`, and the P&L where it closed."""
    pnl = f", realized {plain(fill.realized_pnl)}" if fill.realized_pnl else ""
    return (
        f"filled {plain(fill.quantity)} at {plain(fill.price)} (value {plain(fill.value)}), "
        f"fee {plain(fill.fee)} {fill.fee_currency}, {fill.liquidity.value.lower()}{pnl}"
    )


def event_words(event: OrderEvent) -> str:
    """What an event says of its order, without the order's id."""
    words = _WORDS.get(type(event))
    return words(event) if words is not None else str(event.__struct_config__.tag)


def is_trouble(event: OrderEvent) -> bool:
    """Whether a person would want to be told: refused, in doubt, taken back."""
    return isinstance(event, _TROUBLE)


_TROUBLE: Final = (
    OrderDenied,
    RequestDenied,
    reports.OrderRejected,
    reports.CancelRejected,
    reports.ModifyRejected,
    reports.OutcomeUnknown,
    reports.StateUnknown,
    reports.AbsenceProved,
    reports.TradeBusted,
)


def _trail(terms: SubmitOrder) -> str:
    if terms.trail_pct is not None:
        return f"{plain(terms.trail_pct)}%"
    return plain(terms.trail) if terms.trail is not None else "?"


def _submitted(event: OrderSubmitted) -> str:
    return f"{terms_words(event.terms)}: passed every check and was sent"


def _adopted(event: OrderAdopted) -> str:
    return f"{terms_words(event.terms)}: found at the venue and adopted as {event.terms.strategy}'s"


def _denied(event: OrderDenied) -> str:
    return f"{terms_words(event.terms)}: denied, {'; '.join(event.reasons)}"


def _request_denied(event: RequestDenied) -> str:
    return f"the request was refused here and never left: {'; '.join(event.reasons)}"


def _modified(event: reports.OrderModified) -> str:
    return f"the venue took the new terms: {_new_terms(event)}"


def _new_terms(event: reports.OrderModified | HeldModified) -> str:
    named = (
        ("quantity", event.quantity),
        ("limit", event.limit_price),
        ("trigger", event.trigger_price),
    )
    terms = ", ".join(f"{name} {plain(value)}" for name, value in named if value is not None)
    return terms or "none changed"


def _unknown(event: reports.OutcomeUnknown) -> str:
    asked = {
        PendingRequest.NONE: "the order",
        PendingRequest.CANCEL: "the cancel",
        PendingRequest.MODIFY: "the modification",
    }
    return (
        f"in doubt: whether {asked[event.request]} reached the venue is not known, {event.reason}"
    )


def _execution(event: reports.OrderFilled) -> str:
    return (
        f"the venue filled {plain(event.quantity)} at {plain(event.price)} "
        f"(trade {event.trade_id}), fee {plain(event.fee)} {event.fee_currency}"
    )


# One entry for each kind of event; each function takes its own kind.
_WORDS: Final[dict[type[Any], Callable[[Any], str]]] = {
    OrderSubmitted: _submitted,
    OrderAdopted: _adopted,
    OrderDenied: _denied,
    OrderHeld: lambda event: f"{terms_words(event.terms)}: held here until its trigger",
    OrderReleased: lambda event: f"its trigger was reached: sent as {terms_words(event.terms)}",
    RequestDenied: _request_denied,
    CancelRequested: lambda _: "a cancel was sent",
    ModifyRequested: lambda event: f"modification {event.version} was sent",
    HeldModified: lambda event: f"it has new terms, held here: {_new_terms(event)}",
    reports.OrderAccepted: lambda event: f"the venue has it as {event.venue_order_id}: it works",
    reports.OrderRejected: lambda event: f"the venue refused it: {event.reason}",
    reports.OrderTriggered: lambda _: "its trigger was reached: it woke",
    reports.OrderFilled: _execution,
    reports.OrderCanceled: lambda event: f"canceled: {event.reason or 'as asked'}",
    reports.OrderExpired: lambda _: "expired",
    reports.OrderModified: _modified,
    reports.CancelRejected: lambda event: f"the venue would not cancel it: {event.reason}",
    reports.ModifyRejected: lambda event: f"the venue kept the old terms: {event.reason}",
    reports.OutcomeUnknown: _unknown,
    reports.StateUnknown: lambda event: f"in doubt: what we know may be old, {event.reason}",
    reports.QuantityFilled: lambda event: (
        f"the venue says that {plain(event.filled)} of it are filled in all"
    ),
    reports.DoubtResolved: lambda event: (
        f"asked, the venue confirmed where it stands, {plain(event.filled)} filled: no doubt left"
    ),
    reports.AbsenceProved: lambda event: f"proved never to have reached the venue: {event.reason}",
    reports.TradeBusted: lambda event: f"the venue took trade {event.trade_id} back",
}
