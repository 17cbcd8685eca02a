"""What every panel is shown: the engine's mirror, how old it is, and what the person chose.

Ages are the engine's clock against its own stamps, and grow while it is silent. Must hold no
trading figure of its own and do no I/O.
"""

from collections import deque
from collections.abc import Mapping
from typing import Final

import msgspec

from alphaforge.client.messages import Watch
from alphaforge.client.mirror import Mirror
from alphaforge.client.records import (
    EngineRecord,
    MarketRow,
    OrderRow,
    StrategyRow,
    SummaryRow,
)
from alphaforge.client.times import age_text, ns_of
from alphaforge.tui.glyphs import GLYPHS
from alphaforge.tui.link import LinkState, LinkStatus
from alphaforge.tui.options import AppOptions
from alphaforge.tui.text import decimal_of

KINDS: Final = ("1s", "5s", "15s", "1m", "5m", "15m", "1h", "4h", "1d")
"""Time frames that `t` goes through."""

STALE_AFTER_NS: Final = 5_000_000_000
AGE_SHOWN_AFTER_NS: Final = 2_000_000_000
_NS: Final = 1_000_000_000
_GAPS: Final = 8
_LATE: Final = 2
"""A gap of so many times the longest usual one is too long."""

CONNECTING: Final = LinkStatus(LinkState.CONNECTING)


class AppState:
    """One for the whole app; panels read it, the app writes it.

    Attributes:
        mirror: Of the engine that is followed.
        record: Where that engine is.
        status: How the app stands to it.
        symbol: Shown by chart, ladder and tape; empty before the first market.
        kind: Time frame of the candles.
        shows_indicators: Whether the chart draws the strategies' lines.
        is_frozen: The screen stands still; the mirror goes on.
        frozen_at: The engine's clock (ns) when it was frozen.
        frozen_run: The run that is on the screen while it stands still.
        read_only: Nothing here changes anything there.
        size_class: `narrow`, `mid` or `wide`.
        glyphs: What the terminal's font has.
    """

    def __init__(self, record: EngineRecord, mirror: Mirror, options: AppOptions) -> None:
        self.record = record
        self.mirror = mirror
        self.options = options
        self.status = CONNECTING
        self.symbol = ""
        self.kind = "1m"
        self.shows_indicators = True
        self.is_frozen = False
        self.frozen_at = 0
        self.frozen_run = ""
        self.read_only = options.read_only
        self.size_class = "mid"
        self.glyphs = GLYPHS["safe"]
        self._gaps_of = ("", "")
        self._gaps: deque[int] = deque(maxlen=_GAPS)
        self._received = ""

    @property
    def summary(self) -> SummaryRow | None:
        """The run as a whole; None until told."""
        return self.mirror.summary

    @property
    def can_trade(self) -> bool:
        """Whether keys that change something in the engine may act."""
        return self.status.is_live and not self.read_only

    @property
    def mode(self) -> str:
        """`paper`, `sandbox`, `live` or another of the engine."""
        summary = self.summary
        return summary.mode if summary is not None else self.record.mode

    @property
    def shown_run(self) -> str:
        """The run whose rows are on the screen."""
        return self.frozen_run if self.is_frozen else self.record.run_id

    def now_ns(self) -> int:
        """The engine's clock, and while it is silent the time since; 0 before its first word."""
        told = self.mirror.now
        if not told:
            return 0
        silent = 0 if self.status.is_live else int(self.status.silent_for * _NS)
        return ns_of(told) + silent

    def age_ns(self, stamp: str | None) -> int | None:
        """How old a stamp of the engine is; None for none."""
        now = self.now_ns()
        return None if stamp is None or not now else max(0, now - ns_of(stamp))

    def market(self) -> MarketRow | None:
        """Of the chosen symbol."""
        return self.mirror.market.get(self.symbol)

    def price_decimals(self, symbol: str, default: int = 2) -> int:
        """Always shown of a price of that symbol."""
        row = self.mirror.market.get(symbol)
        return default if row is None else row.price_decimals

    def staleness(self, row: MarketRow | None) -> str:
        """`STALE 7s`, `~3s`, or nothing while it is fresh."""
        if row is None:
            return ""
        age = self.age_ns(row.received)
        old = "" if age is None else f" {age_text(age)}"
        if not self.status.is_live or not row.is_live:
            return f"STALE{old}"
        if age is not None and age >= max(STALE_AFTER_NS, _LATE * self._usual_gap(row)):
            return f"STALE{old}"
        return f"~{age_text(age)}" if age is not None and age >= AGE_SHOWN_AFTER_NS else ""

    def _usual_gap(self, row: MarketRow) -> int:
        """The longest of the last gaps (ns) between events of the symbol shown.

        A market of minute bars is not stale after five seconds.
        """
        key = (self.record.run_id, row.symbol)
        if key != self._gaps_of:
            self._gaps_of, self._received = key, ""
            self._gaps.clear()
        if row.received is not None and row.received != self._received:
            if self._received:
                self._gaps.append(ns_of(row.received) - ns_of(self._received))
            self._received = row.received
        return max(self._gaps, default=0)

    def choose_symbol(self) -> bool:
        """Pick a symbol to show if the chosen one is not there; whether it changed."""
        market = self.mirror.market
        if self.symbol in market or not market:
            return False
        held = [row.symbol for row in self.mirror.positions.values() if row.symbol in market]
        traded = [
            symbol
            for row in self.mirror.strategies.values()
            for symbol in row.symbols
            if symbol in market
        ]
        self.symbol = next(iter((*held, *traded, *market)))
        self.kind = self._natural_kind()
        return True

    def _natural_kind(self) -> str:
        """The time frame of a strategy that trades the symbol, if candles of it are kept."""
        for row in self.mirror.strategies.values():
            found = row.parameters.get("timeframe", "")
            if self.symbol in row.symbols and found in KINDS:
                return found
        return self.kind

    def watch(self) -> Watch:
        """What the engine is asked to stream of the chosen symbol."""
        return Watch(symbol=self.symbol, depth=40, kind=self.kind, count=500)

    def next_kind(self) -> str:
        """The time frame after this one, the first after the last."""
        at = KINDS.index(self.kind) if self.kind in KINDS else -1
        return KINDS[(at + 1) % len(KINDS)]

    def orders_of(self, symbol: str) -> list[OrderRow]:
        """Working orders of a symbol."""
        return [row for row in self.mirror.orders.values() if row.symbol == symbol and row.is_open]

    def strategy(self, name: str) -> StrategyRow | None:
        """None for `manual` and for one that is not there."""
        return self.mirror.strategies.get(name)


def equity_values(mirror: Mirror, most: int) -> list[float]:
    """The newest points of the equity curve, oldest first, as a picture needs them."""
    points = list(mirror.curve.values())[-most:]
    known = (decimal_of(point.equity) for point in points)
    return [float(value) for value in known if value is not None]


def heat(mirror: Mirror) -> float | None:
    """Per cent used of the limit that is nearest to its end; None where all are off."""
    used = [row.used_pct for row in mirror.risk.values() if row.used_pct is not None]
    return max(used) if used else None


def exposure_by_asset(mirror: Mirror) -> Mapping[str, list[str]]:
    """Base currency → keys of the positions in it, in the engine's order."""
    found: dict[str, list[str]] = {}
    for key, row in mirror.positions.items():
        found.setdefault(row.symbol.partition("/")[0], []).append(key)
    return found


def row_json(row: msgspec.Struct) -> str:
    """A row as it is copied: the API's own JSON."""
    return msgspec.json.encode(row).decode()
