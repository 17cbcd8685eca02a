"""What came of an order, printed: its status once the venue has answered, or what it would do.

Must never call an order done of which the engine does not know it.
"""

from typing import TYPE_CHECKING, Final

from alphaforge.cli.list_texts import orders_table, status_text
from alphaforge.cli.printing import print_json, print_table, talk
from alphaforge.client.records import OrderRow
from alphaforge.errors import ExitCode, PartlyDoneError, VenueRefusedError

if TYPE_CHECKING:
    from alphaforge.client.records import EngineRecord
    from alphaforge.client.requests import Accepted, PreviewRow

_UNANSWERED: Final = frozenset({"INITIALIZED", "SUBMITTED"})


def is_answered(row: OrderRow) -> bool:
    """Its venue has said something of it, or never will before its trigger."""
    return row.status not in _UNANSWERED or row.emulated or row.in_doubt


def is_settled(row: OrderRow) -> bool:
    """Nothing that was asked of the venue is open."""
    return row.pending == "NONE" and is_answered(row)


def is_ended(row: OrderRow) -> bool:
    """It is out of the market, or its cancel was refused."""
    return not row.is_open or is_settled(row)


def print_answer(record: "EngineRecord", accepted: "Accepted", *, as_json: bool) -> int:
    """The orders as they stand.

    Raises `VenueRefusedError` for one the venue refused, `PartlyDoneError` for one nobody knows
    the outcome of yet.
    """
    from msgspec import to_builtins

    if as_json:
        orders = [to_builtins(row) for row in accepted.orders]
        print_json({"run_id": record.run_id, "message": accepted.message, "orders": orders})
    elif accepted.orders:
        print_table(*orders_table(accepted.orders))
    else:
        print(accepted.message)
    _raise_refused(accepted.orders)
    _raise_open(record, accepted.orders)
    return ExitCode.OK


def _raise_refused(rows: tuple[OrderRow, ...]) -> None:
    refused = [row for row in rows if row.status == "REJECTED"]
    if refused:
        lines = "; ".join(f"{row.order_id}: {row.reason or 'no reason given'}" for row in refused)
        raise VenueRefusedError(
            f"the venue refused {lines}",
            remedy=f"see its life: alphaforge why {refused[0].order_id}",
        )


def _raise_open(record: "EngineRecord", rows: tuple[OrderRow, ...]) -> None:
    unknown = [row for row in rows if not is_settled(row) or row.in_doubt]
    if unknown:
        lines = "; ".join(f"{row.order_id} is {status_text(row)}" for row in unknown)
        raise PartlyDoneError(
            f"the engine has it and its venue has not answered: {lines}",
            remedy="do not send it again; look: alphaforge why "
            f"{unknown[0].order_id} --run {record.run_id}",
        )


def raise_still_open(record: "EngineRecord", rows: tuple[OrderRow, ...]) -> None:
    """Raise `PartlyDoneError` for orders that were to be canceled and still work."""
    left = [row.order_id for row in rows if row.is_open]
    if left:
        raise PartlyDoneError(
            f"still open after the cancel: {', '.join(left)}",
            remedy=f"see why: alphaforge why {left[0]} --run {record.run_id}",
        )


def print_preview(preview: "PreviewRow", *, as_json: bool) -> int:
    """What an order would do, each check, and the verdict; exit 6 where it would be denied."""
    from msgspec import to_builtins

    denied = preview.verdict != "ok"
    if as_json:
        print_json(to_builtins(preview))
        return ExitCode.RISK_REFUSED if denied else ExitCode.OK
    print_table(("dry run", ""), _facts(preview))
    rows = [
        (
            check.name,
            "ok" if check.passed else "denied",
            check.used_before,
            check.used_after,
            check.limit,
            check.unit,
            check.message,
        )
        for check in preview.checks
    ]
    columns = ("check", "verdict", "before", "after", "limit", "unit", "")
    if rows:
        print_table(columns, rows, right=columns[2:5])
    talk(f"denied: {'; '.join(preview.reasons)}" if denied else "it would pass; nothing was sent")
    return ExitCode.RISK_REFUSED if denied else ExitCode.OK


def _facts(preview: "PreviewRow") -> list[tuple[str, object]]:
    currency = preview.currency
    facts: list[tuple[str, object]] = [
        ("order", f"{preview.side} {preview.quantity} {preview.symbol} {preview.type}"),
        ("venue", preview.venue),
        ("limit", preview.limit),
        ("stop", preview.stop),
        ("price", preview.price),
        ("worst price", preview.worst_price),
        ("value", _with(preview.value, currency)),
        ("fee", _with(preview.fee, currency)),
        ("slippage", _with(preview.slippage_bp, "bp")),
        ("takes liquidity", "yes" if preview.takes else "no"),
        ("known book covers", preview.book_covers),
        ("position", f"{preview.position_before} → {preview.position_after}"),
        ("leverage", _leverage(preview)),
    ]
    return [(name, value) for name, value in facts if value is not None]


def _with(value: object, unit: str) -> str | None:
    return None if value is None else f"{value} {unit}"


def _leverage(preview: "PreviewRow") -> str | None:
    if preview.leverage_before is None or preview.leverage_after is None:
        return None
    return f"{preview.leverage_before:.2f}x → {preview.leverage_after:.2f}x"
