"""The two rows on top: whose money, which venue, how it stands, and whether it is live.

Each row is budgeted in cells: the badge, the state of the link and the engine's clock are never
left out. Must never show a figure that the engine did not send.
"""

from collections.abc import Iterable
from typing import Final

from textual import events
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from alphaforge.client.records import SummaryRow
from alphaforge.client.times import age_text
from alphaforge.tui.asks import ActionChosen, app_of
from alphaforge.tui.link import LinkState
from alphaforge.tui.options import SCREENS, SMALLEST_HEIGHT, SMALLEST_WIDTH
from alphaforge.tui.pieces import Hit, Piece, action_at, fitted, hits_of, strip_of
from alphaforge.tui.state import AppState, equity_values, heat
from alphaforge.tui.text import clock, direction, number, percent, safe_text, signed
from alphaforge.tui.theme import Tone, look_of
from alphaforge.tui.widgets.bars import gauge, gauge_tone, resampled, sparkline
from alphaforge.tui.words import direction_tone, mode_badge, risk_word, venue_tone

_SHORT: Final = ("Dash", "Chart", "Blot", "Strat", "Risk", "Logs", "Rept")
_LONG: Final = ("Dash", "Chart", "Blotter", "Strategies", "Risk", "Logs", "Report")
_NARROW, _WIDE = 110, 150
_GAUGE: Final = 10
_CURVE: Final = 480
_SLOW_MS: Final = 1_000.0
_LONGEST_VENUE: Final = 18


def header_rows(state: AppState, width: int, screen: str) -> tuple[list[Piece], list[Piece]]:
    """Both rows, each of exactly `width` cells."""
    return _first(state, width, screen), _second(state, width)


def _first(state: AppState, width: int, screen: str) -> list[Piece]:
    badge = mode_badge(state.mode)
    brand = " ◆ alphaforge " if width >= _NARROW else " ◆ AF "
    left = [
        Piece(" ◆", "accent"),
        Piece(f"{brand[2:]} ", "accent", bold=True, rank=8),
        Piece(f" {badge.text} ", badge.tone, badge.ground, bold=True),
        *_flags(state),
        *_venues(state, width),
    ]
    right = _right(state, width)
    taken = sum(piece.cells for piece in (*left, *right))
    return fitted([*left, *_tabs(screen, width - taken)], right, width)


def _flags(state: AppState) -> list[Piece]:
    """What is out of the ordinary, each as a tag or a word."""
    flags: list[Piece] = []
    summary = state.summary
    if summary is not None and summary.killed:
        flags.append(Piece(" KILLED ", "error", "tag_error"))
    elif summary is not None and (word := risk_word(summary.risk_state)).text:
        flags.append(Piece(f" {word.text} ", word.tone, word.ground))
    if state.is_frozen:
        age = age_text(max(0, state.now_ns() - state.frozen_at) if state.frozen_at else 0)
        flags.append(Piece(f" FROZEN {age} ", "info", "tag_info", rank=2))
    if state.read_only:
        flags.append(Piece(" READ-ONLY", "dim", rank=3))
    return [piece for flag in flags for piece in (Piece(" "), flag)]


def _venues(state: AppState, width: int) -> list[Piece]:
    """A chip for each venue; one that is not ready says so in a word."""
    rows = list(state.mirror.venues.values())
    if not rows:
        return [Piece(f"  {safe_text(state.record.venue)[:_LONGEST_VENUE]} ", "dim", rank=6)]
    pieces: list[Piece] = []
    for row in rows[:3]:
        tone = venue_tone(row.state)
        name = safe_text(row.venue)[: _LONGEST_VENUE if width >= _NARROW else 8]
        word = "" if tone == "dim" else f" {row.state.lower()}"
        pieces.append(Piece(f"  {name}{word}", tone, rank=6 if tone == "dim" else 2))
    if len(rows) > len(pieces):
        pieces.append(Piece(f" +{len(rows) - len(pieces)}", "dim", rank=6))
    return [*pieces, Piece(" ")]


def _tabs(screen: str, room: int) -> list[Piece]:
    """The screens in the longest spelling that fits; at least their numbers and the one shown."""
    at = SCREENS.index(screen) if screen in SCREENS else 0
    spellings = (
        [f" {n} {name} " for n, name in enumerate(_LONG, 1)],
        [f" {n} {name} " for n, name in enumerate(_SHORT, 1)],
        [f" {n}{name} " if n == at + 1 else f" {n} " for n, name in enumerate(_SHORT, 1)],
        [f"{n}{name} " if n == at + 1 else f"{n} " for n, name in enumerate(_SHORT, 1)],
    )
    names = next((each for each in spellings if sum(map(len, each)) + 1 <= room), spellings[-1])
    tabs: list[Piece] = []
    for number_of, text in enumerate(names):
        action = f"screen:{SCREENS[number_of]}"
        if number_of == at:
            tabs.append(Piece(text, "accent", "tag_accent", bold=True, rank=4, action=action))
        else:
            tabs.append(Piece(text, "dim", rank=9, action=action))
    return tabs


def _right(state: AppState, width: int) -> list[Piece]:
    """The state of the link and the engine's clock."""
    status = state.status
    time = Piece(f" {clock(state.mirror.now or None)}Z ", "fg")
    if status.state is LinkState.CONNECTING:
        return [Piece(" ● connecting ", "warn"), time]
    if not status.is_live:
        retry = f", retry {status.attempt} ({status.retry_in:.0f}s)" if status.attempt else ""
        words = f" × engine lost{retry if width >= _NARROW - 30 else ''} "
        return [Piece(words, "error", "tag_error", bold=True), time]
    pieces = [Piece(" ● ", "up"), Piece("live ", "up")]
    latency = _latency(state)
    if latency is not None:
        tone: Tone = "warn" if latency > _SLOW_MS else "dim"
        pieces.append(Piece(f"{latency:.0f}ms ", tone, rank=5))
    return [*pieces, time]


def _latency(state: AppState) -> float | None:
    """The slowest venue's last round trip."""
    known = [row.latency_ms for row in state.mirror.venues.values() if row.latency_ms is not None]
    return max(known) if known else None


def _second(state: AppState, width: int) -> list[Piece]:
    summary = state.summary
    if summary is None:
        words = " waiting for the engine's first word" if not state.status.reason else (
            f" {safe_text(state.status.reason)}"
        )  # fmt: skip
        return fitted([Piece(words, "dim")], (), width)
    live = state.status.is_live
    left = [
        *_labelled("equity", number(summary.equity, 2), "fg", live=live, bold=True),
        *_labelled("day", _day(summary), _money(summary.day_pnl), live=live, bold=True),
        Piece(f" {_curve(state, 24 if width >= _NARROW else 8)} ", _money(summary.day_pnl), rank=5),
        *_labelled("open", signed(summary.unrealized_pnl), _money(summary.unrealized_pnl),
                   live=live, rank=3),
        *_labelled("dd", percent(summary.drawdown_pct, 1), _money(round(summary.drawdown_pct, 1)),
                   live=live, rank=4),
        *_heat(state),
        *_counts(summary, width),
    ]  # fmt: skip
    return fitted(left, _alarms(summary), width)


def _labelled(
    label: str, value: str, tone: Tone, *, live: bool, bold: bool = False, rank: int = 0
) -> Iterable[Piece]:
    yield Piece(f" {label} ", "dim", rank=rank)
    yield Piece(f"{value} ", tone if live else "dim", bold=bold and live, rank=rank)


def _day(summary: SummaryRow) -> str:
    if summary.day_pnl_pct is None:
        return signed(summary.day_pnl)
    return f"{signed(summary.day_pnl)} {percent(summary.day_pnl_pct)}"


def _money(value: str | float) -> Tone:
    return direction_tone(direction(value))


def _heat(state: AppState) -> Iterable[Piece]:
    """How much of the nearest limit is used; nothing where no limit is on."""
    used = heat(state.mirror)
    if used is None:
        return
    tone = gauge_tone(used)
    on, off = gauge(state.glyphs, used, _GAUGE)
    yield Piece(" heat ", "dim", rank=7)
    yield Piece(on, tone, rank=7)
    yield Piece(off, "faint", rank=7)
    yield Piece(f" {used:.0f}% ", "fg" if tone == "info" else tone, rank=7)


def _counts(summary: SummaryRow, width: int) -> Iterable[Piece]:
    if width < _WIDE:
        return
    counted = (
        (summary.positions_open, "position"),
        (summary.orders_open, "order"),
        (summary.fills, "fill"),
    )
    told = " · ".join(f"{count} {word}" + "s" * (count != 1) for count, word in counted)
    yield Piece(f" {told} ", "dim", rank=8)
    if summary.progress is not None:
        yield Piece(f" read {summary.progress * 100:.0f}% ", "dim", rank=8)


def _alarms(summary: SummaryRow) -> list[Piece]:
    """What waits for a person: orders in doubt, alerts nobody has read."""
    pieces: list[Piece] = []
    if summary.orders_in_doubt:
        pieces.append(Piece(f" ?{summary.orders_in_doubt} in doubt ", "warn", bold=True))
    if summary.alerts:
        pieces.append(
            Piece(f" !{summary.alerts} ", "error", bold=True, action="screen:risk"),
        )
    return pieces


def _curve(state: AppState, cells: int) -> str:
    """The end of the equity curve in eighths; blank while it is flat or too short."""
    values = equity_values(state.mirror, _CURVE)
    if len(values) < cells // 2 or max(values) <= min(values):
        return ""
    return sparkline(resampled(values, cells), cells)


class Shell(Screen[object]):
    """The one screen under all dialogs; a background of every screen would hide it from them."""


class HeaderBar(Widget):
    """Both rows; a click on a tab goes there."""

    DEFAULT_CSS = "HeaderBar { height: 2; dock: top; }"

    def __init__(self, state: AppState) -> None:
        super().__init__(id="header")
        self._state = state
        self._screen = "dashboard"
        self._rows: list[list[Piece]] = [[], []]
        self._hits: list[list[Hit]] = [[], []]

    def show(self, screen: str) -> None:
        """Draw anew the rows that differ from what is shown."""
        self._screen = screen
        fresh = list(header_rows(self._state, self.size.width, screen))
        if fresh != self._rows:
            self._rows = fresh
            self._hits = [hits_of(row) for row in fresh]
            self.refresh()

    def on_resize(self) -> None:
        """Budget the cells again."""
        self.show(self._screen)

    def render_line(self, y: int) -> Strip:
        """One of the two."""
        look = look_of(app_of(self))
        return strip_of(self._rows[y], look).adjust_cell_length(
            self.size.width, look.palette.style("fg", "band")
        )

    def on_click(self, event: events.Click) -> None:
        """Do what the piece under the pointer does."""
        action = action_at(self._hits[event.y], event.x) if event.y < len(self._hits) else ""
        if action:
            self.post_message(ActionChosen(action))


class TooSmall(Widget):
    """Said instead of a screen where it would not fit."""

    DEFAULT_CSS = """
    TooSmall { display: none; height: 1; width: 1fr; }
    Screen.-tiny TooSmall, Screen.-flat TooSmall { display: block; }
    """

    def render_line(self, y: int) -> Strip:
        """One line: what it needs, what there is."""
        del y
        size = self.screen.size
        words = (
            f"need {SMALLEST_WIDTH}x{SMALLEST_HEIGHT}, have {size.width}x{size.height}; "
            "try alphaforge status --watch"
        )
        return strip_of(
            fitted([Piece(words, "warn", "")], (), self.size.width), look_of(app_of(self))
        )
