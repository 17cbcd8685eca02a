"""What goes into the store and comes out, as typed rows: no caller sees a table or a statement.

Times are integer nanoseconds UTC, money is Decimal. Rows are what views and exports show; they
are never read back by the engine to decide anything.
"""

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from alphaforge.errors import StoreError
from alphaforge.model.enums import (
    AlertLevel,
    Liquidity,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
    TimeInForce,
)
from alphaforge.model.instrument import Instrument

RowType = TypeVar("RowType", bound=msgspec.Struct)


class RunStatus(StrEnum):
    """How a run stands; RUNNING of a dead process means that it was killed."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class StrategySource(msgspec.Struct, frozen=True):
    """A strategy as it ran.

    Attributes:
        name: File stem, `-2` for a second instance.
        source: The file's text: the run can be explained after the file has changed.
        sha256: Of the source, in hex.
    """

    name: str
    path: str
    source: str
    sha256: str


class DataSource(msgspec.Struct, frozen=True):
    """A recording the run was fed from; its events are journaled by reference to it.

    Attributes:
        number: Source number: breaks ties between events of the same `ts_local`.
        fingerprint: Of the file's bytes.
        format: Which reader understood it.
    """

    number: int
    path: str
    fingerprint: str
    format: str


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that says what a run was and how it ended.

    Attributes:
        run_id: Made by the caller; sorts by time (`20261120-091500-k3f`).
        venue: Of orders whose instrument names none.
        parameters: By strategy name.
        settings: The engine's settings as plain values.
        started: Wall clock, ns UTC.
        ended: Wall clock, ns UTC; None while it runs.
        error: Why it failed; empty if it did not.
        summary: The figures printed at its end; None before.
    """

    run_id: str
    mode: str
    venue: str
    account: str
    strategies: tuple[StrategySource, ...] = ()
    parameters: dict[str, dict[str, Any]] = {}
    settings: dict[str, Any] = {}
    data: tuple[DataSource, ...] = ()
    instruments: tuple[Instrument, ...] = ()
    seed: int = 0
    started: int = 0
    ended: int | None = None
    status: RunStatus = RunStatus.RUNNING
    error: str = ""
    summary: dict[str, Any] | None = None


class FillRow(msgspec.Struct, frozen=True, gc=False):
    """A fill and its run; see `model.orders.Fill` for the fields."""

    run_id: str
    ts: int
    venue: str
    account: str
    symbol: str
    strategy: str
    order_id: str
    venue_order_id: str
    trade_id: str
    side: OrderSide
    quantity: Decimal
    price: Decimal
    value: Decimal
    fee: Decimal
    fee_currency: str
    liquidity: Liquidity
    realized_pnl: Decimal


class OrderRow(msgspec.Struct, frozen=True, gc=False):
    """An order as it stands now; `ts` is the time of its decision, `ts_last` of its last change."""

    run_id: str
    ts: int
    venue: str
    account: str
    symbol: str
    strategy: str
    order_id: str
    client_order_id: str
    venue_order_id: str
    side: OrderSide
    order_type: OrderType
    quantity: Decimal
    limit_price: Decimal | None
    trigger_price: Decimal | None
    tif: TimeInForce
    status: OrderStatus
    filled: Decimal
    average_price: Decimal | None
    reason: str
    leaves: Decimal
    in_doubt: bool
    ts_last: int


class EquityRow(msgspec.Struct, frozen=True, gc=False):
    """One sample of the account, in the reporting currency."""

    run_id: str
    ts: int
    equity: Decimal
    cash: Decimal
    unrealized_pnl: Decimal


class PositionRow(msgspec.Struct, frozen=True, gc=False):
    """What a strategy holds of a symbol; `ts` is its last change, `ts_open` when it left flat."""

    run_id: str
    ts: int
    venue: str
    account: str
    symbol: str
    strategy: str
    side: PositionSide
    quantity: Decimal
    cost: Decimal
    average_price: Decimal | None
    realized_pnl: Decimal
    fees: Decimal
    funding: Decimal
    fills: int
    ts_open: int


class AlertRow(msgspec.Struct, frozen=True, gc=False):
    """An alert and where in the run it was raised."""

    run_id: str
    sequence: int
    ts: int
    level: AlertLevel
    code: str
    message: str
    strategy: str
    symbol: str
    detail: str


class Difference(msgspec.Struct, frozen=True, gc=False):
    """Something in which the venue and our books did not agree.

    Attributes:
        kind: What was compared: `order`, `balance`, `position`, …
        subject: The symbol, currency or order id.
        ours: As text, so that money keeps every digit.
        theirs: What the venue said.
        cause: Why they differ, in a few words; empty where nobody knows.
    """

    kind: str
    subject: str
    ours: str
    theirs: str
    cause: str


class ReconciliationRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One comparison of our books with a venue.

    Attributes:
        sequence: Of the event that ended it.
        reason: Why it was made: `start`, `gap`, `time-out`, …
        seconds: How long it took, wall time.
        orders_checked: Orders the venue was asked about, listed ones included.
        trades: Trades it told that were new to us.
        adopted: Orders nobody here knew.
        absent: Orders proved never to have existed there.
        resolved: Orders in doubt that are no longer.
        differences: What was different before it was put right, or still is.
    """

    run_id: str
    sequence: int
    ts: int
    reason: str
    seconds: float
    orders_checked: int = 0
    trades: int = 0
    adopted: int = 0
    absent: int = 0
    resolved: int = 0
    differences: tuple[Difference, ...] = ()


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows: every given term must hold; None asks for nothing.

    Attributes:
        run_id: None = of every run.
        since: Engine time, ns UTC, included.
        until: Engine time, ns UTC, excluded.
        strategy: Exact name.
        symbol: Exactly as stored; matching what a person typed is the caller's business.
    """

    run_id: str | None = None
    since: int | None = None
    until: int | None = None
    strategy: str | None = None
    symbol: str | None = None


def typed(row: Mapping[Any, Any], kind: type[RowType]) -> RowType:
    """A database row as its type; columns the type does not have are left out.

    Raises `StoreError` for a row that holds what nothing of ours ever wrote.
    """
    try:
        return msgspec.convert({str(name): value for name, value in row.items()}, kind)
    except msgspec.ValidationError as error:
        raise StoreError(
            f"the database is damaged: a row cannot be read as {kind.__name__}: {error}",
            remedy="keep a copy of it, then restore a backup or name another file in `[store] url`",
            code="AF-J001",
        ) from error
