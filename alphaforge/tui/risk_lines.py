"""Limits as gauges with what is used of each, alerts as lines: how the engine's rows are told.

Must never compute a limit: used, limit and share are the engine's.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from alphaforge.client.records import AlertRow, RiskRow
from alphaforge.tui.text import clock, number
from alphaforge.tui.theme import Tone
from alphaforge.tui.widgets.lines import Gauge, Words
from alphaforge.tui.words import UP_MARK

_NAMES: Final = {
    "max_order_quantity": "order qty",
    "max_order_value": "order value",
    "max_position_value": "position",
    "max_open_orders": "open orders",
    "price_collar_pct": "collar",
    "leverage": "leverage",
}
_MARKS: Final = {"ERROR": "×", "WARNING": UP_MARK}
_CENTS: Final = 2


def gauges_of(rows: Iterable[RiskRow]) -> list[Gauge]:
    """The limits that are on."""
    return [_gauge(row) for row in rows if row.limit is not None]


def _gauge(row: RiskRow) -> Gauge:
    share = f"{row.used_pct or 0.0:.0f}%"
    words = f"{share:>4} {shortened(row.used)}/{shortened(row.limit)} {row.subject}"
    return Gauge(limit_name(row.name), row.used_pct, words.rstrip())


def limit_name(name: str) -> str:
    """A limit in at most twelve letters."""
    return _NAMES.get(name, name.removeprefix("max_").replace("_", " "))


def below(rows: Sequence[RiskRow], alerts: Sequence[AlertRow]) -> list[list[Words]]:
    """What stands under the gauges: how many limits are off, then the newest alerts."""
    off = sum(row.limit is None for row in rows)
    lines = [[Words(f" {off} limit{'s' if off != 1 else ''} off ([risk])", "dim")]] if off else []
    told = [row for row in reversed(alerts) if row.level != "INFO"]
    return [*lines, *([alert_words(row)] for row in told)]


def alert_words(row: AlertRow) -> Words:
    """One alert in a line; one that was read is dim."""
    mark = _MARKS.get(row.level, "·")
    tone: Tone = "dim" if row.acknowledged else "error" if row.level == "ERROR" else "warn"
    return Words(f" {mark} {clock(row.ts)[:5]} {row.message}", tone)


def shortened(value: str | None) -> str:
    """Decimals are cut to two, from a thousand on left out: the whole figure is in the rows."""
    text = number(value)
    whole, dot, fraction = text.partition(".")
    if "," in whole:
        return whole
    return f"{whole}.{fraction[:_CENTS]}" if dot and len(fraction) > _CENTS else text
