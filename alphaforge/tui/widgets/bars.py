"""Bars and curves of one row: gauges, sparklines, blocks of eighths.

Pure text; the caller gives the colours. Every text has exactly the asked-for width.
"""

import math
from collections.abc import Sequence
from typing import Final

from alphaforge.tui.glyphs import EIGHTHS, Glyphs
from alphaforge.tui.theme import Tone

_FULL: Final = 100.0
_WARN: Final = 60.0
_ALARM: Final = 85.0


def gauge(glyphs: Glyphs, used_pct: float | None, width: int) -> tuple[str, str]:
    """The used and the free part of a gauge; more than 100 per cent fills it.

    Any use at all shows one cell, and only full use shows all of them.
    """
    if used_pct is None or not math.isfinite(used_pct) or used_pct <= 0:
        used = 0
    elif used_pct >= _FULL:
        used = width
    else:
        used = max(1, min(width - 1, round(used_pct / _FULL * width)))
    used = max(0, min(used, width))
    return glyphs.gauge_on * used, glyphs.gauge_off * (width - used)


def gauge_tone(used_pct: float | None) -> Tone:
    """How worrying the use of a limit is: below 60 per cent, below 85, beyond."""
    if used_pct is None or not math.isfinite(used_pct) or used_pct < _WARN:
        return "info"
    return "warn" if used_pct < _ALARM else "error"


def sparkline(values: Sequence[float], width: int) -> str:
    """The last `width` values as blocks of eighths, the lowest one eighth high.

    Fewer values stand at the right; a flat line is half high.
    """
    shown = [value for value in values[-width:] if math.isfinite(value)] if width > 0 else []
    if not shown:
        return " " * width
    low, high = min(shown), max(shown)
    span = high - low
    if span <= 0 or not math.isfinite(span):
        text = EIGHTHS[4] * len(shown)
    else:
        text = "".join(EIGHTHS[1 + round((value - low) / span * 7)] for value in shown)
    return text.rjust(width)


def resampled(values: Sequence[float], count: int) -> list[float]:
    """At most `count` of the values, evenly spread, with the last one."""
    if count <= 0:
        return []
    if len(values) <= count:
        return list(values)
    last = len(values) - 1
    return [values[round((place + 1) * last / count)] for place in range(count)]
