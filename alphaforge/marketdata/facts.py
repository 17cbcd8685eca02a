"""What a first pass over a whole file finds out, kept by fingerprint so that it is made once.

Decimals give the price and quantity steps of a file's instruments, spacing gives its time frame,
order says whether it must be sorted. The cache is a convenience: a folder that cannot be written
costs the next run its first pass and nothing else.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path
from typing import Literal

import msgspec
from msgspec.structs import replace

from alphaforge.errors import ConfigError
from alphaforge.marketdata.report import BadRow
from alphaforge.model import symbols
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.instrument import Instrument, default_instrument
from alphaforge.model.numbers import decimals_in

FACTS_VERSION = 1
"""Raised whenever a reader changes what it finds in the same bytes."""

_FLOAT_DIGITS = 15
_CURRENCY_DECIMALS = 8

RowOrder = Literal["file", "reversed", "grouped"]


class SymbolFacts(msgspec.Struct, kw_only=True):
    """One symbol of a file, before it is given the user's spelling.

    Attributes:
        price_decimals: Most decimals of a price, trailing zeros dropped; -1 where none was seen.
        size_decimals: The same for sizes and volumes other than 0.
        kind: As far as the stream tells.
        venue: `sim` where the stream does not tell.
        equity: Traded in whole shares.
    """

    price_decimals: int = -1
    size_decimals: int = -1
    kind: InstrumentKind = InstrumentKind.SPOT
    venue: str = "sim"
    equity: bool = False


class FileFacts(msgspec.Struct, kw_only=True):
    """Everything the first pass over a file found.

    Attributes:
        rows: Rows read well.
        symbols: By the file's own name; the empty name where it has none.
        kinds: Of trades, quotes, book, bars.
        timeframe_ns: Most common spacing of bar rows; 0 for other files.
        order: `file` order is time order; or newest first; or symbol after symbol.
        first_venue_ns: The first venue time in the file; 0 where there is none.
        snapshots: Symbols whose book snapshot is in the file.
        trade_event: Which messages of a feed are its trades, where it has two kinds of them.
        bad_count: Rows that could not be read.
        bad: The first of them.
    """

    rows: int = 0
    symbols: dict[str, SymbolFacts] = {}
    kinds: list[str] = []
    timeframe_ns: int = 0
    order: RowOrder = "file"
    first_venue_ns: int = 0
    snapshots: list[str] = []
    trade_event: str = "trade"
    bad_count: int = 0
    bad: list[BadRow] = []


@lru_cache(maxsize=1 << 16)
def count_decimals(text: str) -> int:
    """Decimals a number needs after dropping trailing zeros; -1 for 0 and for what is no number.

    A text of more than 15 significant digits and more than 8 decimals is the noise of a float
    (`33.35399601000002`) and is rounded to 15 digits first.
    """
    whole, dot, fraction = text.partition(".")
    if dot and fraction.isdigit():
        decimals = len(fraction.rstrip("0"))
        if decimals > _CURRENCY_DECIMALS and len(whole.lstrip("-0")) + decimals > _FLOAT_DIGITS:
            decimals = decimals_in(f"{float(text):.{_FLOAT_DIGITS}g}")
        return -1 if not decimals and not whole.strip("-0") else decimals
    if whole.isdigit() and not dot:
        return 0 if whole.strip("0") else -1
    try:
        number = Decimal(text)
    except InvalidOperation:
        return -1
    return decimals_in(text) if number.is_finite() and number else -1


@lru_cache(maxsize=1 << 16)
def count_scaled_decimals(text: str, scale: int) -> int:
    """The same for a number written `scale` times too large: `1674200` at 10000 → 2."""
    if scale == 1:
        return count_decimals(text)
    try:
        return count_decimals(f"{Decimal(text) / scale:f}")
    except InvalidOperation:
        return -1


@dataclass
class DecimalCounter:
    """The most decimals of prices and of sizes, over as many texts as wanted."""

    price: int = -1
    size: int = -1

    def add(self, prices: Iterable[str], sizes: Iterable[str], scale: int = 1) -> None:
        """Take texts into account; prices are written `scale` times too large."""
        for text in prices:
            decimals = count_scaled_decimals(text, scale) if scale != 1 else count_decimals(text)
            self.price = max(self.price, decimals)
        for text in sizes:
            decimals = count_decimals(text)
            self.size = max(self.size, decimals)

    def add_levels(self, levels: Iterable[tuple[str, str]]) -> None:
        """Take the prices and sizes of book levels into account."""
        for price, size in levels:
            self.price = max(self.price, count_decimals(price))
            self.size = max(self.size, count_decimals(size))


@dataclass
class SpacingCounter:
    """Order and spacing of rows by time, over the whole file and symbol by symbol."""

    last: dict[str, int] = field(default_factory=dict[str, int])
    spacings: Counter[int] = field(default_factory=Counter[int])
    ascents: int = 0
    descents: int = 0
    file_descents: int = 0
    last_ts: int | None = None

    def add(self, symbol: str, ts: int) -> None:
        """Take the next row of the file into account."""
        before = self.last.get(symbol)
        if before is not None and ts != before:
            self.spacings[abs(ts - before)] += 1
            if ts > before:
                self.ascents += 1
            else:
                self.descents += 1
        self.last[symbol] = ts
        if self.last_ts is not None and ts < self.last_ts:
            self.file_descents += 1
        self.last_ts = ts

    @property
    def most_common(self) -> int:
        """The most common distance of neighbours, the smaller of equals; 0 where there is none."""
        best = max(self.spacings.items(), key=lambda item: (item[1], -item[0]), default=(0, 0))
        return best[0]

    @property
    def order(self) -> RowOrder:
        """How the file is sorted; a late row here and there leaves it in file order."""
        if self.descents > self.ascents:
            return "reversed"
        return "grouped" if self.file_descents > self.descents else "file"


def step_of(decimals: int) -> Decimal:
    """`2` → `0.01`; -1 (nothing seen) → 1e-8."""
    return Decimal(1).scaleb(-(_CURRENCY_DECIMALS if decimals < 0 else decimals))


def instrument_of(
    own: str, symbol: str, facts: SymbolFacts, configured: Mapping[str, Instrument]
) -> Instrument:
    """The rules of a file's symbol: the configured ones, else what the data shows.

    Raises:
        ConfigError: An inverse stream without an inverse definition is never traded as spot.
    """
    name = symbols.match(symbol, configured) or symbols.match(own, configured)
    if name is not None:
        known = configured[name]
        if facts.kind is InstrumentKind.INVERSE and known.kind is not InstrumentKind.INVERSE:
            raise _inverse_error(own, name, f"is defined as {known.kind}")
        venue = facts.venue if known.venue == "sim" else known.venue
        return replace(known, symbol=symbol, venue=venue)
    if facts.kind is InstrumentKind.INVERSE:
        raise _inverse_error(own, symbol, "has no instrument definition")
    plain = default_instrument(symbol, facts.venue)
    base, quote = _currencies(own, symbol) or (plain.base, plain.quote)
    quantity_step = Decimal(1) if facts.equity else step_of(facts.size_decimals)
    return replace(
        plain,
        kind=facts.kind,
        base=base,
        quote=quote,
        settle=quote,
        price_step=step_of(facts.price_decimals),
        quantity_step=quantity_step,
        min_quantity=quantity_step,
        source="data",
    )


def _currencies(own: str, symbol: str) -> tuple[str, str] | None:
    if "/" in symbol:
        return None
    return symbols.split(symbol) or (symbols.split(own) if own else None)


def _inverse_error(own: str, symbol: str, why: str) -> ConfigError:
    section = f'[instruments."{symbol}"]'
    return ConfigError(
        f"the stream {own} is inverse (sized in contracts, settled in the base currency) and {why}",
        key=f'instruments."{symbol}"',
        remedy=f'add a section {section} with kind = "INVERSE", base, quote, settle, multiplier, '
        "price_step and quantity_step to alphaforge.toml",
    )


def load_facts(folder: Path | None, name: str) -> FileFacts | None:
    """What an earlier pass kept; None where there is nothing usable."""
    if folder is None:
        return None
    try:
        return msgspec.json.decode((folder / name).read_bytes(), type=FileFacts)
    except (OSError, msgspec.DecodeError):
        return None


def save_facts(folder: Path | None, name: str, facts: FileFacts) -> None:
    """Keep for the next run, whole or not at all."""
    if folder is None:
        return
    # Not being able to keep them costs time only, never a result.
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{name}.draft"
        draft.write_bytes(msgspec.json.encode(facts))
        draft.replace(folder / name)
