"""Bars from trades, quotes or lower bars: time, tick, volume and value.

All aggregators of a symbol share one column of prices and running totals, so a tick costs one
append and a few comparisons however many kinds are built; a bar looks at its slice once, when it
closes. Sizes are summed as integer counts of the instrument's step, so volume is conserved
exactly. Must never look at a clock: time bars close when `close_due` is told the venue's time.
"""

import re
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Final

import msgspec

from alphaforge.errors import UsageError
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import Bar, Trade

FAR_FUTURE: Final = 1 << 62
UNREACHED: Final = 1 << 400
"""A running total no market reaches: what "no such bars" compares against."""

COMPACT_ROWS: Final = 65_536
"""Longest column kept before open bars are folded into their partials."""

NO_BARS: Final[tuple[Bar, ...]] = ()

_UNIT_NS = {
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_TIME = re.compile(r"([1-9]\d*)([smhd])(@quote)?")
_THRESHOLD = re.compile(r"(\d+(?:\.\d+)?)-(tick|volume|value)")


class BarKind(msgspec.Struct, frozen=True):
    """What `"1m"`, `"1m@quote"`, `"100-tick"`, `"10-volume"` or `"1000000-value"` asks for.

    Attributes:
        text: As written.
        basis: `time`, `tick`, `volume` or `value`.
        interval_ns: Of time bars; 0 otherwise.
        threshold: Of the others: trades, base units or quote units; 0 otherwise.
        from_quotes: Built from quote middles.
    """

    text: str
    basis: str
    interval_ns: int = 0
    threshold: Decimal = Decimal(0)
    from_quotes: bool = False


def parse_kind(text: str) -> BarKind:
    """Read a bar kind; raises UsageError with the forms understood."""
    match = _TIME.fullmatch(text)
    if match is not None:
        interval = int(match[1]) * _UNIT_NS[match[2]]
        return BarKind(text, "time", interval_ns=interval, from_quotes=bool(match[3]))
    match = _THRESHOLD.fullmatch(text)
    if match is not None and Decimal(match[1]) > 0:
        whole = match[2] != "tick" or "." not in match[1]
        if whole:
            return BarKind(text, match[2], threshold=Decimal(match[1]))
    raise UsageError(
        f"`{text}` is no kind of bar",
        remedy="use a time (1s 1m 5m 1h 1d), 1m@quote, 100-tick, 10-volume or 1000000-value",
    )


class Aggregator:
    """One kind's bar in the making: where it starts in the shared column, and what was folded.

    Attributes:
        start: Absolute index of its first price in the column.
        lots: The running lot total at its start, late trades excluded.
        target: Trades (absolute index), lots or value at which a threshold bar closes.
        next_end: When a time bar closes, ns; far away for the others.
        extra: What a lower bar's own count of trades adds to counting it as one.
    """

    __slots__ = (
        "close",
        "complete",
        "count",
        "extra",
        "high",
        "interval",
        "kind",
        "lots",
        "low",
        "next_end",
        "open",
        "start",
        "target",
        "threshold",
        "ts_open",
    )

    def __init__(self, kind: str, interval: int, threshold: int) -> None:
        self.kind = kind
        self.interval = interval
        self.threshold = threshold
        self.start = 0
        self.lots = 0
        self.target = 0
        self.next_end = FAR_FUTURE
        self.ts_open = 0
        self.complete = True
        self.reset_partial()

    def reset_partial(self) -> None:
        """Forget what was folded."""
        self.count = self.extra = 0
        self.open = self.high = self.low = self.close = 0.0

    def fold(self, prices: list[float]) -> None:
        """Take a stretch of prices out of the column into the partial."""
        if prices:
            self.fold_range(prices[0], max(prices), min(prices), prices[-1], len(prices))

    def fold_range(self, first: float, high: float, low: float, last: float, count: int) -> None:
        """Take an already reduced stretch into the partial."""
        if self.count == 0:
            self.open, self.high, self.low = first, high, low
        else:
            self.high = max(self.high, high)
            self.low = min(self.low, low)
        self.close = last
        self.count += count


class BarBuilder:
    """All bars of one symbol built from one stream.

    Owners call `close_due` with the venue's time before each event, then `add`.

    Attributes:
        next_end: When the next time bar ends, ns.
        late: Trades (or lower bars) of closed buckets, not added to some time bar.
        built: Bars delivered.
    """

    def __init__(self, instrument: Instrument) -> None:
        self.symbol = instrument.symbol
        self.next_end = FAR_FUTURE
        self.late = 0
        self.built = 0
        self._units = 1 / instrument.quantity_step
        self._scale = float(self._units)
        self._whole_units = int(self._units) if self._units == int(self._units) else 0
        self._step = instrument.quantity_step
        self._value_unit = instrument.price_step * instrument.quantity_step * instrument.multiplier
        self._price_scale, self._price_round = float(1 / instrument.price_step), 0.5
        if instrument.kind is InstrumentKind.INVERSE:  # a contract is worth quote at any price
            self._value_unit = instrument.quantity_step * instrument.multiplier
            self._price_scale, self._price_round = 0.0, 1.0
        self._prices: list[float] = []
        self._base = 0
        self._lots = 0
        self._value = 0
        self._late_before = 0
        self._time: list[Aggregator] = []
        self._thresholds: list[Aggregator] = []
        self._opening: list[Aggregator] = []
        self._value_bars: list[Aggregator] = []
        self._usual_from = 0
        self._next_index = UNREACHED
        self._next_row = COMPACT_ROWS
        self._next_lots = UNREACHED
        self._next_value = UNREACHED

    def watch(self, kind: BarKind) -> None:
        """Build this kind from now on; a kind already built is left alone."""
        if any(each.kind == kind.text for each in (*self._time, *self._thresholds)):
            return
        unit = {"volume": self._step, "value": self._value_unit}.get(kind.basis, Decimal(1))
        threshold = ceil(Fraction(kind.threshold) / Fraction(unit))
        added = Aggregator(kind.text, kind.interval_ns, threshold)
        added.start = self._base + len(self._prices)
        added.lots = self._lots
        if kind.interval_ns:
            self._time.append(added)
            self._time.sort(key=lambda each: each.interval)
        else:
            self._thresholds.append(added)
            self._opening.append(added)
            self._usual_from = FAR_FUTURE
            if kind.basis == "value":
                self._value_bars.append(added)
            self._aim(added)

    def start_clock(self, ts: int) -> None:
        """Set the first ends of time bars that have none, from the venue's time (0: not known)."""
        for each in self._time:
            if each.next_end == FAR_FUTURE:
                each.next_end = ts // each.interval * each.interval + each.interval if ts else 0
        self._refresh_ends()

    def close_due(self, ts: int) -> list[Bar]:
        """Close every time bar that ends at or before `ts`; empty ones give no bar."""
        bars: list[Bar] = []
        for each in self._time:
            if ts >= each.next_end:
                bar = self._take(each, each.next_end)
                if bar is not None:
                    bars.append(bar)
                each.next_end = ts // each.interval * each.interval + each.interval
        self._refresh_ends()
        return bars

    def add(self, trade: Trade) -> tuple[Bar, ...] | list[Bar]:
        """Count a trade in; returns the tick, volume and value bars that it closes."""
        lots = int(trade.size * self._scale + 0.5)
        prices = self._prices
        total = self._lots = self._lots + lots
        if trade.ts >= self._usual_from or not self._is_late(trade, lots):
            prices.append(trade.price)
        if self._value_bars:
            worth = int(trade.price * self._price_scale + self._price_round) * lots
            value = self._value = self._value + worth
            if value >= self._next_value:
                return self._reached(trade)
        if total >= self._next_lots or len(prices) >= self._next_row:
            return self._reached(trade)
        return NO_BARS

    def add_price(self, price: float, ts: int) -> None:
        """Count a price without size in (quote middles); a late one is left out uncounted."""
        if ts < self._late_before:
            self._add_late(price, 0, ts)
            return
        self._prices.append(price)
        if len(self._prices) >= self._next_row:
            self._compact()

    def add_bar(self, bar: Bar) -> None:
        """Count a lower bar in; only time bars are built from bars."""
        lots = int(bar.volume * self._scale + 0.5)
        self._lots += lots
        self.late += bar.ts_open < self._late_before
        for each in self._time:
            if bar.ts_open < each.next_end - each.interval:
                each.lots += lots
                continue
            each.fold_range(bar.open, bar.high, bar.low, bar.close, 1)
            each.extra += bar.trade_count - 1
            each.complete = each.complete and bar.complete

    def mark_gap(self) -> None:
        """The feed lost something: the bars now open are not complete."""
        for each in (*self._time, *self._thresholds):
            each.complete = False

    def unfinished(self) -> int:
        """How many bars are open with something in them: they are not delivered at the end."""
        end = self._base + len(self._prices)
        return sum(each.count > 0 or each.start < end for each in (*self._time, *self._thresholds))

    def _refresh_ends(self) -> None:
        self.next_end = min((each.next_end for each in self._time), default=FAR_FUTURE)
        starts = (each.next_end - each.interval for each in self._time)
        self._late_before = max(starts, default=0)
        self._usual_from = FAR_FUTURE if self._opening else self._late_before

    def _is_late(self, trade: Trade, lots: int) -> bool:
        """The unusual trade: the first of a threshold bar, or one whose bucket has closed."""
        if self._opening:
            for each in self._opening:
                each.ts_open = trade.ts
            self._opening = []
            self._usual_from = self._late_before
        if trade.ts >= self._late_before:
            return False
        self.late += self._add_late(trade.price, lots, trade.ts)
        return True

    def _add_late(self, price: float, lots: int, ts: int) -> bool:
        """Add to all but the time bars that closed its bucket; whether there are such."""
        self._compact()
        late = False
        for each in self._time:
            if ts < each.next_end - each.interval:
                each.lots += lots
                late = True
            else:
                each.fold_range(price, price, price, price, 1)
        self._base += 1
        for each in (*self._time, *self._thresholds):
            each.start = self._base
        for each in self._thresholds:
            each.fold_range(price, price, price, price, 1)
        self._aim_rows()
        return late

    def _compact(self) -> None:
        """Fold every open bar's prices into its partial and empty the column."""
        prices, base = self._prices, self._base
        for each in (*self._time, *self._thresholds):
            each.fold(prices[each.start - base :])
            each.start = base + len(prices)
        self._base = base + len(prices)
        prices.clear()
        self._aim_rows()

    def _aim_rows(self) -> None:
        """Set at how many rows the column is looked at: a tick bar ends, or it is long enough."""
        self._next_row = min(COMPACT_ROWS, self._next_index - self._base)

    def _reached(self, trade: Trade) -> list[Bar]:
        """Some total is reached: close bars, and empty the column if it is long."""
        bars = self._close_thresholds(trade)
        if len(self._prices) >= COMPACT_ROWS:
            self._compact()
        return bars

    def _aim(self, each: Aggregator) -> None:
        """Set where a threshold bar that starts now closes, and the nearest close of its basis."""
        if each.kind.endswith("-tick"):
            each.target = each.start - each.count + each.threshold
            self._next_index = self._nearest("-tick")
            self._aim_rows()
        elif each.kind.endswith("-volume"):
            each.target = self._lots + each.threshold
            self._next_lots = self._nearest("-volume")
        else:
            each.target = self._value + each.threshold
            self._next_value = self._nearest("-value")

    def _nearest(self, basis: str) -> int:
        targets = (each.target for each in self._thresholds if each.kind.endswith(basis))
        return min(targets, default=UNREACHED)

    def _close_thresholds(self, trade: Trade) -> list[Bar]:
        totals = {
            "-tick": self._base + len(self._prices),
            "-volume": self._lots,
            "-value": self._value,
        }
        bars: list[Bar] = []
        for each in self._thresholds:
            basis = each.kind[each.kind.rindex("-") :]
            if totals[basis] >= each.target:
                bar = self._take(each, trade.ts)
                if bar is not None:
                    bars.append(bar)
                self._opening.append(each)
                self._usual_from = FAR_FUTURE
                self._aim(each)
        return bars

    def _take(self, each: Aggregator, ts: int) -> Bar | None:
        """Finish a bar with all prices so far; None if nothing is in it."""
        each.fold(self._prices[each.start - self._base :])
        each.start = self._base + len(self._prices)
        lots, each.lots = self._lots - each.lots, self._lots
        if each.count == 0:
            return None
        bar = Bar(
            self.symbol,
            each.kind,
            ts,
            ts - each.interval if each.interval else each.ts_open,
            each.open,
            each.high,
            each.low,
            each.close,
            lots / self._whole_units if self._whole_units else float(lots * self._step),
            each.count + each.extra,
            False,
            each.complete,
        )
        each.reset_partial()
        each.complete = True
        self.built += 1
        return bar
