"""Reads any file of rows with a known layout: CSV, Binance dumps, LEAN.

Two passes: the first finds decimals, spacing and order, the second gives events. A bar row gives
two events, its open at the open time and its bar at the end; at equal times every end comes
before every open.
"""

from collections.abc import Iterator, Mapping
from heapq import heappop, heappush
from itertools import islice

from alphaforge.marketdata.facts import (
    DecimalCounter,
    FileFacts,
    SpacingCounter,
    SymbolFacts,
)
from alphaforge.marketdata.layout import Layout
from alphaforge.marketdata.report import ReadReport
from alphaforge.marketdata.rows import (
    Item,
    Row,
    RowReader,
    Spelling,
    blank_price,
    explain,
    own_symbol,
    row_reader,
    split_rows,
)
from alphaforge.marketdata.source import BLOCK_LINES, Source
from alphaforge.marketdata.times import DAY_NS, MINUTE_NS, timeframe_name
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.market import Bar, BarOpen, MarketEvent

_KINDS = {"trades": "trades", "quotes": "quotes", "bars": "bars", "quote-bars": "bars"}


class TableReader:
    """Reads one file of rows; see the module."""

    def __init__(self, source: Source, layout: Layout) -> None:
        self.format = layout.format
        self._source = source
        self._layout = layout

    def scan(self) -> FileFacts:
        """The first pass over the whole file."""
        report = ReadReport(self._source.path)
        scan = _Scan(self._layout)
        for first, rows in self._blocks(report):
            for line, row in enumerate(rows, first):
                self._scan_row(scan, row, line, report)
        facts = scan.finish()
        facts.bad_count, facts.bad = report.bad_count, report.bad
        return facts

    def _scan_row(self, scan: "_Scan", row: Row, line: int, report: ReadReport) -> None:
        try:
            scan.row(row)
        except (ValueError, IndexError):
            if not _is_blank(row):
                report.add_bad(explain(self._layout, row, line))

    def read(
        self, facts: FileFacts, names: Mapping[str, str], report: ReadReport
    ) -> Iterator[list[MarketEvent]]:
        """One pass: lists of events in time order, with symbols as `names` spells them."""
        spelling = Spelling(names, timeframe_name(facts.timeframe_ns), facts.timeframe_ns)
        items = self._items(spelling, report)
        if facts.order != "file":
            items = _sorted(items, newest_first=facts.order == "reversed")
        if "bars" in facts.kinds:
            yield from _opens_and_ends(items)
        else:
            for block in items:
                yield list(block)

    def _items(self, spelling: Spelling, report: ReadReport) -> Iterator[list[Item]]:
        read, bars = row_reader(self._layout, spelling), len(self._layout.bars)
        for first, rows in self._blocks(report):
            block: list[Item] = []
            good = self._read_block(read, first, rows, block, report)
            report.rows += good
            if bars:
                report.empty += good * bars - len(block)
            yield block

    def _read_block(
        self,
        read: RowReader,
        first: int,
        rows: Iterator[Row],
        block: list[Item],
        report: ReadReport,
    ) -> int:
        """Append what the rows say; returns how many could be read."""
        line, passed_over = first - 1, 0
        for line, row in enumerate(rows, first):
            try:
                block.extend(read(row))
            except (ValueError, IndexError, KeyError):
                passed_over += 1
                if not _is_blank(row):
                    report.add_bad(explain(self._layout, row, line))
        return line + 1 - first - passed_over

    def _blocks(self, report: ReadReport) -> Iterator[tuple[int, Iterator[Row]]]:
        """Blocks of rows below the header, each with its first line's number."""
        passed_over, delimiter = self._layout.header_lines, self._layout.delimiter
        for first, lines in self._source.reported_blocks(report):
            skipped = max(0, min(len(lines), passed_over + 1 - first))
            yield first + skipped, iter(split_rows(lines[skipped:], delimiter))


def _is_blank(row: Row) -> bool:
    return not any(cell.strip() for cell in row)


class _Scan:
    """What the first pass gathers."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._own = own_symbol(layout)
        self._decimals: dict[str, DecimalCounter] = {}
        self._spacing = SpacingCounter()
        self._rows = 0
        self._is_bars = bool(layout.bars)
        self._blank = blank_price(layout)
        self._columns = [
            (bars.own, bars.prices, layout.sizes if bars.volume is None else (bars.volume,))
            for bars in layout.bars
        ] or [("", layout.prices, layout.sizes)]
        for own, _, _ in self._columns:
            if own:
                self._decimals[own] = DecimalCounter()

    def row(self, row: Row) -> None:
        """Take one row into account; `ValueError` or `IndexError` when it cannot be read."""
        ts = self._layout.when(row[self._layout.time])
        for fixed, prices, sizes in self._columns:
            cells = [row[at] for at in prices]
            if self._is_bars and not "".join(cells).strip():
                continue
            for text in cells:
                float(text or self._blank)
            own = fixed or self._own(row)
            counter = self._decimals.get(own)
            if counter is None:
                counter = self._decimals[own] = DecimalCounter()
            counter.add(cells, [row[at] for at in sizes], self._layout.scale)
            self._spacing.add(own, ts)
        self._rows += 1

    def finish(self) -> FileFacts:
        """What was found."""
        layout = self._layout
        kind = InstrumentKind.INVERSE if layout.inverse else InstrumentKind.SPOT
        venue = "binancecoinm" if layout.inverse else "sim"
        facts = FileFacts(
            rows=self._rows,
            kinds=[_KINDS[layout.kind]],
            order=self._spacing.order,
            symbols={
                own: SymbolFacts(
                    price_decimals=counter.price,
                    size_decimals=counter.size,
                    kind=kind,
                    venue=venue,
                    equity=layout.equity,
                )
                for own, counter in self._decimals.items()
            },
        )
        if layout.bars:
            alone = MINUTE_NS if (self._spacing.last_ts or 0) % DAY_NS else DAY_NS
            facts.timeframe_ns = layout.bar_ns or self._spacing.most_common or alone
        return facts


def _sorted(items: Iterator[list[Item]], newest_first: bool) -> Iterator[list[Item]]:
    """The whole file by time; rows of one time stay in file order, or turned round with it."""
    every = [item for block in items for item in block]
    if newest_first:
        every.reverse()
    every.sort(key=_begin)
    rest = iter(every)
    while block := list(islice(rest, BLOCK_LINES)):
        yield block


def _begin(item: Item) -> int:
    return item.ts_open if isinstance(item, Bar) else item.ts_local


def _opens_and_ends(items: Iterator[list[Item]]) -> Iterator[list[MarketEvent]]:
    """Each bar as its open and its end, in time order, ends before opens."""
    waiting: list[tuple[int, int, Bar]] = []
    count = 0
    for block in items:
        events: list[MarketEvent] = []
        for bar in block:
            if not isinstance(bar, Bar):
                continue
            while waiting and waiting[0][0] <= bar.ts_open:
                events.append(heappop(waiting)[2])
            events.append(BarOpen(bar.symbol, bar.ts_open, bar.open))
            heappush(waiting, (bar.ts, count, bar))
            count += 1
        yield events
    yield [heappop(waiting)[2] for _ in range(len(waiting))]
