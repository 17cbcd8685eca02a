"""How an engine stands, as a frame of a few lines and as one fact a line. Must compute nothing."""

import os
import sys
from collections.abc import Iterator, Sequence
from decimal import Decimal
from shutil import get_terminal_size
from typing import Final, NamedTuple

from alphaforge.cli.invocation import has_color
from alphaforge.cli.printing import counted
from alphaforge.client.records import PositionRow, SummaryRow, VenueRow

MOST_POSITIONS: Final = 10
"""Shown in a frame; the rest is counted."""

_RED, _GREEN, _YELLOW, _BOLD, _DIM = 31, 32, 33, 1, 2


class Standing(NamedTuple):
    """What a frame is made of."""

    summary: SummaryRow
    venues: Sequence[VenueRow]
    positions: Sequence[PositionRow]


def plain_lines(found: Standing) -> Iterator[str]:
    """One fact a line, `name: value`, in words."""
    row = found.summary
    money = row.currency
    yield f"run: {row.run_id}"
    yield f"mode: {row.mode} on {row.venue}"
    yield f"state: {row.state.lower()}, risk {row.risk_state.lower()}"
    if row.risk_reason:
        yield f"reason: {row.risk_reason}"
    if row.killed:
        yield "killed: yes"
    yield f"time: {row.now[:19].replace('T', ' ')} UTC"
    yield f"equity: {row.equity} {money}"
    yield f"profit today: {_signed(row.day_pnl)} {money}"
    yield f"open profit: {_signed(row.unrealized_pnl)} {money}"
    yield f"fees: {row.fees} {money}"
    yield f"drawdown: {row.drawdown_pct:.2f} percent"
    yield f"open orders: {row.orders_open}"
    yield f"orders in doubt: {row.orders_in_doubt}"
    yield f"fills: {row.fills}"
    yield f"strategies running: {row.strategies_running} of {row.strategies}"
    yield f"unread alerts: {row.alerts}"
    for venue in found.venues:
        why = f", {venue.reason}" if venue.reason else ""
        yield f"venue {venue.venue}: {venue.state.lower()}{why}"
    for position in found.positions:
        yield f"position {position.symbol}: {_position(position)}"


def frame_lines(found: Standing) -> list[str]:
    """A frame for a terminal, no line wider than it is."""
    width = _width() - 1
    return [_painted(_visible(line)[:width]) for line in _frame(found)]


def _frame(found: Standing) -> Iterator[str]:
    row = found.summary
    killed = "  KILLED" if row.killed else ""
    where = f"{row.mode.upper()}  {row.venue}  {row.state}{killed}"
    yield f"{where}  run {row.run_id}  {row.now[11:19]}Z"
    percent = "" if row.day_pnl_pct is None else f" ({row.day_pnl_pct:+.2f} %)"
    yield (
        f"equity {_money(row.equity)} {row.currency}  day {_signed_money(row.day_pnl)}{percent}  "
        f"open {_signed_money(row.unrealized_pnl)}  fees {_money(row.fees)}  "
        f"drawdown {row.drawdown_pct:.2f} %"
    )
    doubt = f", {row.orders_in_doubt} in doubt" if row.orders_in_doubt else ""
    reason = f" ({row.risk_reason})" if row.risk_reason else ""
    yield (
        f"risk {row.risk_state}{reason}  {counted(row.orders_open, 'open order')}{doubt}  "
        f"{counted(row.fills, 'fill')}  strategies {row.strategies_running}/{row.strategies}  "
        f"{counted(row.alerts, 'alert')}"
    )
    for venue in found.venues:
        yield _venue(venue)
    for position in found.positions[:MOST_POSITIONS]:
        yield f"  {position.symbol} {_position(position)}"
    rest = len(found.positions) - MOST_POSITIONS
    if rest > 0:
        yield f"  and {counted(rest, 'more position')}: alphaforge positions"


def _visible(line: str) -> str:
    """Nothing that a terminal would act on."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)


def _venue(row: VenueRow) -> str:
    parts = [f"venue {row.venue} {row.state}"]
    if row.reason:
        parts.append(row.reason)
    if row.latency_ms is not None:
        parts.append(f"{row.latency_ms:.1f} ms")
    if row.streams_wanted:
        parts.append(f"streams {row.streams}/{row.streams_wanted}")
    if row.age_ms is not None:
        parts.append(f"last event {row.age_ms / 1000:.1f} s ago")
    return "  ".join(parts)


def _position(row: PositionRow) -> str:
    price = f" at {row.average_price}" if row.average_price is not None else ""
    mark = f", now {row.mark}" if row.mark is not None else ""
    profit = f", {_signed(row.unrealized_pnl)} {row.currency}" if row.unrealized_pnl else ""
    return f"{row.side.lower()} {row.quantity.lstrip('-')}{price}{mark}{profit} ({row.strategy})"


def _signed(text: str) -> str:
    return text if text.startswith("-") or Decimal(text) == 0 else f"+{text}"


def _money(text: str) -> str:
    """For the eye: two decimals and thousands; `--json` has every digit."""
    return f"{Decimal(text):,.2f}"


def _signed_money(text: str) -> str:
    return f"{Decimal(text):+,.2f}"


def _painted(line: str) -> str:
    """The words that a person must not miss, in colour; the words stay."""
    if not has_color(sys.stdout):
        return line
    for word, colour in _WORDS.items():
        line = line.replace(word, f"\x1b[{colour}m{word}\x1b[0m")
    return line


_WORDS: Final = {
    "KILLED": _RED,
    "HALTED": _RED,
    "REDUCING": _YELLOW,
    "RECONCILING": _YELLOW,
    "CONNECTING": _YELLOW,
    " in doubt": _YELLOW,
    "LIVE  ": _RED,
    "TRADING": _GREEN,
    "READY": _GREEN,
}


def _width() -> int:
    try:
        return int(os.environ.get("COLUMNS") or os.get_terminal_size(sys.stdout.fileno()).columns)
    except (OSError, ValueError):
        return get_terminal_size().columns
