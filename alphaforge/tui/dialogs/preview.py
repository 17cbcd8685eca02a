"""What the engine says an order would do, as rows of a ticket. Must compute nothing."""

from typing import Final

from alphaforge.client.requests import CheckRow, PreviewRow
from alphaforge.tui.dialogs.sheet import Row, words, wrapped
from alphaforge.tui.risk_lines import shortened
from alphaforge.tui.text import number

_MOST_CHECKS: Final = 6


def preview_rows(found: PreviewRow, width: int) -> list[Row]:
    """Cost, resulting position, head-room of each limit that is on, and the verdict."""
    rows = [_cost(found), _position(found)]
    told = [each for each in found.checks if not each.passed or each.limit is not None]
    rows += [_check(check) for check in told[:_MOST_CHECKS]]
    if found.verdict == "ok":
        what = "takes liquidity at once" if found.takes else "rests in the book"
        rows.append(
            [words("verdict  ", "dim"), words("ok", "info", bold=True), words(f" · {what}", "dim")]
        )
        return rows
    rows.append([words("verdict  ", "dim"), words("× DENIED", "error", bold=True)])
    for reason in found.reasons:
        rows += wrapped(reason, width, "error", 2)
    return rows


def _cost(found: PreviewRow) -> Row:
    row = [words("value ", "dim"), words(f"{number(found.value)} {found.currency}")]
    row += [words("  fee≈ ", "dim"), words(number(found.fee))]
    if found.slippage_bp is not None:
        row += [words("  slip≈ ", "dim"), words(f"{found.slippage_bp:.1f}bp")]
    return row


def _position(found: PreviewRow) -> Row:
    row = [words("position ", "dim"), words(f"{signed_text(found.position_before)} → ")]
    row.append(words(signed_text(found.position_after), bold=True))
    before, after = found.leverage_before, found.leverage_after
    if before is not None and after is not None:
        row += [words("  lev ", "dim"), words(f"{before:.2f}→{after:.2f}x")]
    return row


def signed_text(quantity: str) -> str:
    """A quantity with its own digits and its sign."""
    text = number(quantity)
    return text if text.startswith("-") or quantity in {"0", ""} else f"+{text}"


def _check(check: CheckRow) -> Row:
    tone = "info" if check.passed else "error"
    row = [words(f"{check.name.replace('_', ' '):<22}", "dim")]
    row.append(words("ok " if check.passed else "×  ", tone, bold=True))
    if check.used_after is not None and check.limit is not None:
        used = f" {shortened(check.used_before)} → {shortened(check.used_after)}"
        row += [words(used), words(f" of {shortened(check.limit)} {check.unit}", "dim")]
    else:
        row.append(words(f" {check.message}", "error"))
    return row
