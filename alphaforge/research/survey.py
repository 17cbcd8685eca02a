"""What a data file holds and what is wrong with it: one pass through the engine's own judgement.

Must never decide differently from a run: the events go through the same `DataEngine`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from alphaforge.engine.data import DataEngine
from alphaforge.engine.markets import Markets
from alphaforge.marketdata.dataset import Dataset
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import (
    Bar,
    BarOpen,
    BookDelta,
    BookSnapshot,
    MarketEvent,
    Quote,
    Trade,
    VenueTime,
)


class Survey(NamedTuple):
    """Facts about one data file.

    Attributes:
        rows: Rows read well.
        events: What they gave; a bar row gives two.
        first, last: Engine time of the first and last event, ns UTC; None without any.
        bad_rows: Rows that could not be read.
        rejected: Events a run would not be shown, by reason.
        problems: Everything wrong, one sentence each.
    """

    path: Path
    fingerprint: str
    format: str
    kinds: tuple[str, ...]
    symbols: tuple[str, ...]
    timeframe: str | None
    instruments: tuple[Instrument, ...]
    rows: int
    events: int
    first: int | None
    last: int | None
    bad_rows: int
    rejected: dict[str, int]
    problems: tuple[str, ...]


def survey(dataset: Dataset, reached: Callable[[float], object]) -> Survey:
    """Read a file to its end; raises `DataError` at a bad row if it was opened strictly."""
    data = DataEngine(Markets(dataset.instruments, unknown=None), statistics=False)
    events, first, last = 0, None, None
    for batch in dataset.batches():
        first = batch[0].ts_local if first is None else first
        last = batch[-1].ts_local
        events += len(batch)
        for event in batch:
            _judge(data, event)
        reached(dataset.progress())
    return Survey(
        path=dataset.path,
        fingerprint=dataset.fingerprint,
        format=dataset.format,
        kinds=tuple(sorted(dataset.kinds)),
        symbols=dataset.symbols,
        timeframe=dataset.timeframe,
        instruments=tuple(dataset.instruments.values()),
        rows=dataset.report.rows,
        events=events,
        first=first,
        last=last,
        bad_rows=dataset.report.bad_count,
        rejected=dict(data.rejected),
        problems=tuple(_problems(dataset, data)),
    )


def _judge(data: DataEngine, event: MarketEvent) -> None:
    if isinstance(event, Trade):
        data.accept_trade(event)
    elif isinstance(event, Quote):
        data.accept_quote(event)
    elif isinstance(event, Bar):
        data.accept_bar(event)
    elif isinstance(event, BarOpen):
        data.accept_open(event)
    elif isinstance(event, BookSnapshot | BookDelta):
        data.accept_book(event)
    elif isinstance(event, VenueTime):
        data.accept_time(event)


def _problems(dataset: Dataset, data: DataEngine) -> list[str]:
    report = dataset.report
    problems = [str(row.error(dataset.path)) for row in report.bad]
    if report.bad_count > len(report.bad):
        problems.append(f"and {report.bad_count - len(report.bad):,} more bad rows")
    problems += [f"{count:,} events rejected: {reason}" for reason, count in data.rejected.items()]
    if report.gaps:
        problems.append(f"{report.gaps:,} gaps in the sequence of book differences")
    return problems + report.notes
