"""Opens any data file as one `Dataset`: what is in it, and its events pass after pass.

The door of this package. It finds the format, gives symbols the user's spelling and infers the
rules of instruments nobody described. Merging orders several files into one stream.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from alphaforge.errors import DataError, UsageError
from alphaforge.marketdata.binance_messages import recognise
from alphaforge.marketdata.binance_raw import BinanceRawReader
from alphaforge.marketdata.facts import (
    FACTS_VERSION,
    FileFacts,
    instrument_of,
    load_facts,
    save_facts,
)
from alphaforge.marketdata.layout import EXPECTED_HEADER, Layout, header_layout
from alphaforge.marketdata.published import dump_layout, lean_layout, named_by_dump
from alphaforge.marketdata.report import STRICT_REMEDY, ReadReport
from alphaforge.marketdata.source import BLOCK_LINES, Source
from alphaforge.marketdata.table import TableReader
from alphaforge.marketdata.times import timeframe_name
from alphaforge.model import symbols
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import BarOpen, MarketEvent

FORMATS = (
    "CSV with a header (bars, trades, quotes; wide multi-symbol bars), Binance public dumps "
    "(klines, trades, aggTrades), QuantConnect LEAN, raw Binance feed logs; plain, .gz or .zip"
)


class Reader(Protocol):
    """What a format must offer."""

    format: str

    def scan(self) -> FileFacts:
        """Read the whole file once for what it holds."""
        ...

    def read(
        self, facts: FileFacts, names: Mapping[str, str], report: ReadReport
    ) -> Iterator[list[MarketEvent]]:
        """Read it again for its events, symbols spelled as `names` says."""
        ...


@dataclass(frozen=True)
class Dataset:
    """One data file that is understood.

    Attributes:
        path: The file.
        fingerprint: sha256 of the file's bytes, hex.
        format: `binance-raw`, `csv-bars`, `csv-trades`, `csv-quotes`, `binance-klines`,
            `binance-trades`, `binance-aggTrades`, `lean-trade-bars`, `lean-quote-bars`,
            `lean-trade-tick`, `lean-quote-tick`.
        kinds: Of `trades`, `quotes`, `book`, `bars`.
        symbols: As the user spells them, in the order of the file.
        instruments: Their rules; `source` says where from.
        timeframe: Most common spacing of a bar file, `1m`; None for other files.
        rows: Rows the first pass could read.
        report: Filled while `batches` is read; each pass counts anew.
    """

    path: Path
    fingerprint: str
    format: str
    kinds: frozenset[str]
    symbols: tuple[str, ...]
    instruments: dict[str, Instrument]
    timeframe: str | None
    rows: int
    report: ReadReport
    _source: Source = field(repr=False)
    _reader: Reader = field(repr=False)
    _facts: FileFacts = field(repr=False)
    _names: dict[str, str] = field(repr=False)

    def batches(self) -> Iterator[list[MarketEvent]]:
        """A fresh pass: lists of events in time order, equal times in file order.

        A row older than the one before it stays where it is, for the engine to judge; a file that
        is sorted newest first, or symbol after symbol, is sorted by time.

        Raises:
            DataError: At the first bad row, when opened with `strict`.
        """
        self.report.reset()
        return (
            batch for batch in self._reader.read(self._facts, self._names, self.report) if batch
        )

    def estimate_rows(self) -> int | None:
        """Rows to come in a pass, for a progress bar."""
        return self.rows

    def progress(self) -> float:
        """How much of the file the running pass has read, 0 to 1."""
        return self._source.fraction_read


def open_dataset(  # noqa: PLR0913 - all keyword-only, one for each thing a command line can say
    path: Path | str,
    *,
    symbol: str | None = None,
    wanted: Sequence[str] = (),
    strict: bool = False,
    cache_dir: Path | None = None,
    kind: str | None = None,
    instruments: Mapping[str, Instrument] | None = None,
) -> Dataset:
    """Find out what a file is and what it holds.

    Args:
        path: The file.
        symbol: Renames a single-symbol file and names one without a symbol of its own.
        wanted: Symbols as strategies spell them; the file's own take a matching spelling.
        strict: The first bad row is an error.
        cache_dir: Where what the first pass finds is kept; None keeps nothing.
        kind: `trades`, `quotes` or `bars`, where a header could mean several.
        instruments: Configured definitions; they win over what the data shows.

    Raises:
        NotFoundError: No such file; the nearest names are in the remedy.
        DataError: Empty, damaged, not understood, no row that can be read, or a bad row (strict).
        UsageError: The file names no symbol and nobody else does.
        ConfigError: An inverse stream without an inverse instrument definition.
    """
    source = Source(Path(path))
    reader = _reader_of(source, kind)
    facts = _facts_of(source, reader, cache_dir, kind)
    report = ReadReport(source.path, strict=strict)
    if not facts.rows:
        raise facts.bad[0].error(source.path) if facts.bad else _no_rows(source.path)
    if strict and facts.bad:
        raise facts.bad[0].error(source.path, STRICT_REMEDY)
    names = _names_of(source.path, list(facts.symbols), symbol, wanted)
    return Dataset(
        path=source.path,
        fingerprint=source.fingerprint,
        format=reader.format,
        kinds=frozenset(facts.kinds),
        symbols=tuple(names.values()),
        instruments={
            name: instrument_of(own, name, facts.symbols[own], instruments or {})
            for own, name in names.items()
        },
        timeframe=timeframe_name(facts.timeframe_ns) if facts.timeframe_ns else None,
        rows=facts.rows,
        report=report,
        _source=source,
        _reader=reader,
        _facts=facts,
        _names=names,
    )


def _reader_of(source: Source, kind: str | None) -> Reader:
    lines = source.head()
    if not lines or not any(line.strip() for line in lines):
        raise _no_rows(source.path)
    if recognise(lines):
        return BinanceRawReader(source)
    layout = _layout_of(source, lines, kind)
    if layout is None:
        raise DataError(
            f"not understood: {lines[0][:120]}",
            path=source.path,
            line=1,
            column="1",
            expected=EXPECTED_HEADER,
            remedy=f"understood are: {FORMATS}",
        )
    return TableReader(source, layout)


def _layout_of(source: Source, lines: list[str], kind: str | None) -> Layout | None:
    layout = (
        header_layout(source.path, lines, kind) or dump_layout(lines) or lean_layout(source, lines)
    )
    return None if layout is None else named_by_dump(source, layout)


def _facts_of(source: Source, reader: Reader, folder: Path | None, kind: str | None) -> FileFacts:
    parts = (source.fingerprint[:40], reader.format, kind or "any", f"v{FACTS_VERSION}")
    name = "-".join(parts) + ".json"
    facts = load_facts(folder, name)
    if facts is None:
        facts = reader.scan()
        save_facts(folder, name, facts)
    return facts


def _names_of(
    path: Path, owns: list[str], symbol: str | None, wanted: Sequence[str]
) -> dict[str, str]:
    """The user's spelling of each of the file's own symbols.

    Raises:
        UsageError: The file names none and nobody else does, or two get the same name.
    """
    asked = ([symbol] if symbol else []) + list(wanted)
    if owns == [""]:
        if not asked:
            raise UsageError(f"{path} names no symbol", remedy="say which it is, --symbol BTC/USDT")
        return {"": asked[0]}
    if len(owns) == 1 and symbol:
        return {owns[0]: symbol}
    names = {own: symbols.match(own, asked) or symbols.spelled(own) for own in owns}
    if len(set(names.values())) < len(names):
        return {own: own if own in asked else symbols.spelled(own) for own in owns}
    return names


def _no_rows(path: Path) -> DataError:
    return DataError("holds no row", path=path, expected="market data")


@dataclass
class _Head:
    """Where merging stands in one file."""

    source: int
    opens: int
    batches: Iterator[list[MarketEvent]]
    batch: list[MarketEvent] = field(default_factory=list[MarketEvent])
    at: int = 0

    def fill(self) -> bool:
        """Make sure there is a next event; False at the end."""
        while self.at >= len(self.batch):
            batch = next(self.batches, None)
            if batch is None:
                return False
            self.batch, self.at = batch, 0
        return True

    def key(self) -> tuple[int, int]:
        """Of the next event: its time, then its source number."""
        event = self.batch[self.at]
        return event.ts_local, self.opens if isinstance(event, BarOpen) else self.source

    def take_until(self, other: tuple[int, int], events: list[MarketEvent]) -> bool:
        """Append events that come before `other`; False at the end of the file."""
        while self.key() < other:
            events.append(self.batch[self.at])
            self.at += 1
            if not self.fill():
                return False
            if len(events) >= BLOCK_LINES:
                return True
        return True


_NEVER = (1 << 63, 0)


def merge(datasets: Sequence[Dataset]) -> Iterator[list[MarketEvent]]:
    """All events of several files by (`ts_local`, source number, order in the file).

    The source number of file k of n is k, and n + k for opens of bars: at equal times every bar
    ends before any bar opens, across all files.
    """
    if len(datasets) == 1:
        yield from datasets[0].batches()
        return
    count = len(datasets)
    heads = [_Head(k, count + k, dataset.batches()) for k, dataset in enumerate(datasets)]
    heads = [head for head in heads if head.fill()]
    events: list[MarketEvent] = []
    while heads:
        first = min(heads, key=_Head.key)
        other = min((head.key() for head in heads if head is not first), default=_NEVER)
        if not first.take_until(other, events):
            heads.remove(first)
        if len(events) >= BLOCK_LINES:
            yield events
            events = []
    if events:
        yield events
