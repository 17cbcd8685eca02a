"""What the engine's states are called on the screen, and in which colour.

A word goes with every colour; an order is SENDING until the venue has answered. Must hold no
widget.
"""

from typing import Final, NamedTuple

from alphaforge.client.records import OrderRow
from alphaforge.tui.theme import Ground, Tone

UP_MARK: Final = "▲"
DOWN_MARK: Final = "▼"


class Word(NamedTuple):
    """A word and the palette's style for it."""

    text: str
    tone: Tone
    ground: Ground = ""


_STATUS: Final = {
    "INITIALIZED": Word("SENDING", "dim"),
    "SUBMITTED": Word("SENDING", "dim"),
    "DENIED": Word("DENIED", "error"),
    "ACCEPTED": Word("NEW", "info"),
    "TRIGGERED": Word("TRIGGERED", "info"),
    "PARTIALLY_FILLED": Word("PARTIAL", "accent"),
    "FILLED": Word("FILLED", "up"),
    "CANCELED": Word("CANCELED", "dim"),
    "EXPIRED": Word("EXPIRED", "dim"),
    "REJECTED": Word("REJECTED", "error"),
    "ABSENT": Word("ABSENT", "error"),
}
_PENDING: Final = {
    "CANCEL": Word("CANCELING", "warn"),
    "MODIFY": Word("MODIFYING", "warn"),
}
_TYPES: Final = {
    "MARKET": "MARKET",
    "LIMIT": "LIMIT",
    "STOP_MARKET": "STOP",
    "STOP_LIMIT": "STPLMT",
    "TRAILING_STOP": "TRAIL",
}
_BADGES: Final = {
    "live": Word("LIVE", "error", "tag_error"),
    "paper": Word("PAPER", "accent", "tag_accent"),
    "sandbox": Word("SANDBOX", "accent", "tag_accent"),
    "backtest": Word("BACKTEST", "info", "tag_info"),
    "replay": Word("REPLAY", "info", "tag_info"),
}
_STRATEGY: Final = {
    "REGISTERED": Word("wait", "dim"),
    "RUNNING": Word("run", "up"),
    "STOPPED": Word("off", "dim"),
    "FAILED": Word("err", "error"),
}
_LEVEL: Final = {
    "DEBUG": Word("DEBUG", "dim"),
    "INFO": Word("INFO", "info"),
    "WARNING": Word("WARN", "warn"),
    "ERROR": Word("ERROR", "error"),
}
_VENUE: Final[dict[str, Tone]] = {
    "CONNECTING": "warn",
    "RECONCILING": "warn",
    "READY": "dim",
    "SIMULATED": "dim",
}
_RISK: Final = {
    "ACTIVE": Word("", "dim"),
    "REDUCING": Word("PAUSED", "warn", "tag_warn"),
    "HALTED": Word("HALTED", "error", "tag_error"),
}


def order_word(row: OrderRow) -> Word:
    """Where an order stands: doubt before what was asked, that before the status."""
    if row.in_doubt:
        return Word("IN DOUBT", "warn")
    if row.is_open and row.pending in _PENDING:
        return _PENDING[row.pending]
    if row.emulated and row.status == "INITIALIZED":
        return Word("HELD", "info")  # by the engine, until its trigger: nothing was sent
    return _STATUS.get(row.status, Word(row.status, "dim"))


def type_word(row: OrderRow) -> str:
    """Its type in at most six letters."""
    return _TYPES.get(row.type, row.type)


def side_word(side: str) -> Word:
    """`▲ BUY`, `▼ SELL`, `▲ LONG`, `▼ SHORT`."""
    if side in {"BUY", "LONG"}:
        return Word(f"{UP_MARK} {side}", "up")
    if side in {"SELL", "SHORT"}:
        return Word(f"{DOWN_MARK} {side}", "down")
    return Word(side or "—", "dim")


def mode_badge(mode: str) -> Word:
    """The badge of the header; an unknown mode is told as it is."""
    return _BADGES.get(mode, Word(mode.upper() or "?", "info", "tag_info"))


def strategy_word(state: str) -> Word:
    """Word of a strategy's state."""
    return _STRATEGY.get(state, Word(state.lower(), "dim"))


def level_word(level: str) -> Word:
    """Of an alert or a line of the log."""
    return _LEVEL.get(level, Word(level, "dim"))


def venue_tone(state: str) -> Tone:
    """Colour of a venue's chip; what is not known is an error."""
    return _VENUE.get(state, "error")


def risk_word(state: str) -> Word:
    """What stands in the header unless trading goes on as usual."""
    return _RISK.get(state, Word(state, "error", "tag_error"))


def direction_tone(value: int) -> Tone:
    """`up`, `down`, or the foreground for neither."""
    return "up" if value > 0 else "down" if value < 0 else "fg"
