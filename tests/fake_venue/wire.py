"""What goes over the fake venue's socket: one JSON value per line, typed on both ends.

Numbers of money are texts. Values are checked by whoever reads them (`sane`): JSON can say
things that no exchange means.
"""

from decimal import Decimal
from math import isfinite
from typing import TypeAlias

import msgspec

from alphaforge.model.claims import BustReport, FillReport, OrderStatusReport
from alphaforge.model.commands import Approved
from alphaforge.model.market import MarketEvent
from alphaforge.model.numbers import TOO_LARGE

FRAME_LIMIT = 1 << 22
"""Bytes of the longest line either side reads."""

TIME_LIMIT = 1 << 62

Told: TypeAlias = MarketEvent | OrderStatusReport | FillReport | BustReport


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Client to server. `body` is what an administrator's method takes."""

    id: int
    method: str
    account: str = ""
    approved: Approved | None = None
    expires_at: int = 0
    symbol: str = ""
    client_order_id: str = ""
    venue_order_id: str = ""
    since: int = 0
    body: msgspec.Raw = msgspec.Raw(b"null")


class Refusal(msgspec.Struct, frozen=True):
    """A no in the exchange's words."""

    reply: str
    message: str
    retry_after_ns: int = 0


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    """The answer to one request: a result or a refusal."""

    id: int
    result: msgspec.Raw = msgspec.Raw(b"null")
    refusal: Refusal | None = None


class Push(msgspec.Struct, frozen=True, tag="push"):
    """One message of a subscription; `sequence` counts from 1 on each connection."""

    sequence: int
    message: Told


Frame: TypeAlias = Reply | Push


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """How often what goes wrong (0 to 1), for requests and reads of an account.

    Attributes:
        delay: Waits up to `delay_max_ms`, before or after the effect.
        drop_reply: The effect happens and no answer comes.
        cut_before: The connection is closed and nothing happens.
        cut_after: The effect happens and the connection is closed.
        error_before: Answers `server`; nothing happens.
        error_after: The effect happens and the answer is `server`.
        unknown_order: A cancel or modify answers `unknown-order`; nothing happens.
        stale: A read answers as of an earlier time, within `stale_max_ms`.
        drop_push: A pushed message is lost (its number is missing).
        duplicate_push: A pushed message comes twice.
        reorder_push: A pushed message comes after the next one.
    """

    delay: float = 0
    delay_max_ms: int = 100
    drop_reply: float = 0
    cut_before: float = 0
    cut_after: float = 0
    error_before: float = 0
    error_after: float = 0
    unknown_order: float = 0
    stale: float = 0
    stale_max_ms: int = 500
    drop_push: float = 0
    duplicate_push: float = 0
    reorder_push: float = 0


def line(value: object) -> bytes:
    """One value as it is sent."""
    return msgspec.json.encode(value) + b"\n"


def sane(value: object) -> bool:
    """Whether an exchange can mean this: numbers finite and of their sign, times positive."""
    if isinstance(value, list | tuple):
        parts: list[object] = list(value)  # pyright: ignore[reportUnknownArgumentType] - of anything
        return all(sane(part) for part in parts)
    if isinstance(value, msgspec.Struct):
        fields = (getattr(value, name) for name in value.__struct_fields__)
        return all(sane(field) for field in fields) and _counts(value)
    if isinstance(value, Decimal):
        return value.is_finite() and value.copy_abs() < TOO_LARGE
    if isinstance(value, float):
        return isfinite(value) and 0 <= value < float(TOO_LARGE)
    return not isinstance(value, int) or 0 <= value < TIME_LIMIT


def _counts(value: msgspec.Struct) -> bool:
    """Whether quantities and prices of orders and trades are more than zero."""
    if isinstance(value, FillReport):
        return value.quantity > 0 and value.price > 0
    if not isinstance(value, OrderStatusReport):
        return True
    numbers = (value.quantity, value.limit_price, value.trigger_price)
    positive = all(number is None or number > 0 for number in numbers)
    return positive and (value.filled is None or value.filled >= 0)
