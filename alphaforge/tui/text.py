"""The one door for text onto the screen, and how numbers, times and ages are spelled there.

What a venue, a strategy or a file says may hold escape sequences, bidi overrides or cells of
double width; after `safe_text` it is plain characters that each advance the cursor. Must never
interpret markup, and must never show `nan`, `None` or a number that was not given.
"""

import math
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from rich.cells import cell_len

NONE: Final = "—"
"""Shown for what is not known or not defined."""

ELLIPSIS: Final = "…"
STAND_IN: Final = "·"
"""Shown for a character that has no business on a screen, one for one."""

Align: TypeAlias = Literal["left", "right"]
Amount: TypeAlias = str | Decimal | float | int | None
"""A number of the control API, as it comes; text is plain decimals."""

_LIMIT: Final = 1_000
_MAX_EXPONENT: Final = 18
_MAX_DECIMALS: Final = 12
_SCALES: Final = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_SHORT: Final = 10.0
_SMALLEST: Final = 0.01
_CLOCK: Final = slice(11, 19)
_ISO_LENGTH: Final = 19


def safe_text(value: object, limit: int = _LIMIT) -> str:
    """`value` as characters that are safe to print and advance the cursor by their own width.

    Line ends and tabs become blanks; other control characters (ESC and C1 too), bidi overrides,
    zero-width and unassigned characters become `·` or, where they would not be seen anyway,
    nothing. Brackets stay what they are: nothing here or behind reads markup. Longer texts than
    `limit` characters are cut with `…`.
    """
    text = value if isinstance(value, str) else str(value)
    if len(text) > limit:
        text = text[: max(limit - 1, 0)] + ELLIPSIS
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_safe_character, unicodedata.normalize("NFC", text)))


@lru_cache(maxsize=4096)
def _safe_character(character: str) -> str:
    if character in "\n\r\t\v\f\x85\u2028\u2029\xa0":
        return " "
    category = unicodedata.category(character)
    if category[0] == "Z":
        return " "
    if category in {"Cf", "Mn", "Me", "Mc"} or (category[0] != "C" and not cell_len(character)):
        return ""
    return character if character.isprintable() else STAND_IN


@lru_cache(maxsize=16384)
def fit(value: str, width: int, align: Align = "left") -> str:
    """Safe text of exactly `width` cells: padded, or cut with `…` at its end."""
    if width <= 0:
        return ""
    text = cut(safe_text(value), width)
    padding = " " * (width - cells_of(text))
    return padding + text if align == "right" else text + padding


def cells_of(text: str) -> int:
    """How many cells safe text takes."""
    return len(text) if text.isascii() else cell_len(text)


def cut(text: str, width: int) -> str:
    """Safe text of at most `width` cells; the last cell is `…` where something is missing.

    A character of double width that would only half fit is left out.
    """
    if cells_of(text) <= width:
        return text
    if width <= 0:
        return ""
    kept, room = 0, width - 1
    for character in text:
        room -= cell_len(character)
        if room < 0:
            break
        kept += 1
    return text[:kept] + ELLIPSIS


def decimal_of(value: Amount) -> Decimal | None:
    """A finite number, or None for what is none (absent, `nan`, infinite, not a number)."""
    if value is None or value == "":
        return None
    try:
        amount = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    except (InvalidOperation, ValueError, TypeError):
        return None
    return amount if amount.is_finite() else None


def number(value: Amount, decimals: int | None = None) -> str:
    """Thousands with commas: `66,857.90`; `—` for what is no number.

    Args:
        value: As the control API gives it.
        decimals: Always shown, so that no dot jumps; None keeps the digits as they came.
    """
    amount = decimal_of(value)
    if amount is None:
        return NONE
    if amount.adjusted() > _MAX_EXPONENT:
        return f"{amount:.3e}"
    if decimals is None:
        exponent = amount.as_tuple().exponent
        decimals = min(-exponent, _MAX_DECIMALS) if isinstance(exponent, int) else 0
    text = f"{amount:,.{max(decimals, 0)}f}"
    return text.removeprefix("-") if text.startswith("-") and not text.strip("-0.,") else text


def signed(value: Amount, decimals: int = 2) -> str:
    """As `number`, with its sign always: `+145.15`, `-12.21`; zero is `0.00`, it has none."""
    text = number(value, decimals)
    if text == NONE or text.startswith("-") or not text.strip("0.,"):
        return text
    return f"+{text}"


def percent(value: Amount, decimals: int = 2) -> str:
    """`value`, in per cent, with its sign: `+4.16%`."""
    text = signed(value, decimals)
    return text if text == NONE else f"{text}%"


def basis_points(value: float | None) -> str:
    """A distance: `+19bp`."""
    text = signed(value, 0)
    return text if text == NONE else f"{text}bp"


def compact(value: Amount) -> str:
    """In at most six cells, for volumes only: `950`, `1.2k`, `3.4M`, `879M`."""
    amount = decimal_of(value)
    if amount is None:
        return NONE
    plain = float(amount)
    for scale, letter in _SCALES:
        if abs(plain) >= scale:
            share = plain / scale
            digits = 1 if abs(share) < _SHORT else 0
            return f"{share:.{digits}f}{letter}" if math.isfinite(share) else NONE
    if plain == int(plain):
        return str(int(plain))
    return f"{plain:.2f}" if abs(plain) >= _SMALLEST else "0.00"


def clock(iso: str | None) -> str:
    """`12:58:02` of an ISO time, UTC; `—` for none."""
    return iso[_CLOCK] if iso is not None and len(iso) >= _ISO_LENGTH else NONE


def direction(value: Amount) -> int:
    """1 above zero, -1 below, 0 for zero and for what is no number."""
    amount = decimal_of(value)
    if amount is None or not amount:
        return 0
    return 1 if amount > 0 else -1
