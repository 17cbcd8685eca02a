"""Where a run's market events come from: recordings, or the synthetic market.

A recording can be read again, so its events are journaled by reference; what a feed made up on the
spot must be recorded. Must never hand an event to the engine: that is the pump's.
"""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Protocol

from alphaforge.engine.desk import HistoryRequest
from alphaforge.errors import DataError
from alphaforge.marketdata.dataset import Dataset, merge
from alphaforge.marketdata.synthetic import SyntheticMarket
from alphaforge.model.market import Bar, MarketEvent
from alphaforge.store.records import DataSource

SYNTHETIC_BATCH = 16
"""Events made ahead: few, since in real time each waits for its moment."""


class Feed(Protocol):
    """One pass over a stream of market events.

    Attributes:
        recorded: The stream can be read again: the journal keeps references only.
        sources: The recordings, numbered; empty for a feed that is none.
        symbols: Those of each recording, as the run spells them.
        start_ns: Time of the first event, ns UTC.
    """

    recorded: bool
    sources: tuple[DataSource, ...]
    symbols: tuple[tuple[str, ...], ...]
    start_ns: int

    def batches(self) -> Iterator[list[MarketEvent]]:
        """The events in order; may be asked for once. An empty list: nothing has come yet."""
        ...

    async def history(self, request: HistoryRequest) -> tuple[Bar, ...]:
        """Bars from before the start that a strategy asked for; empty where there are none."""
        ...

    def progress(self) -> float | None:
        """How much has been read, 0 to 1; None for a stream without an end."""
        ...


class RecordedFeed:
    """Data files, merged by time.

    Raises `DataError` at once if no event can be read.
    """

    recorded = True

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self.datasets = tuple(datasets)
        self.sources = tuple(
            DataSource(number, str(dataset.path.resolve()), dataset.fingerprint, dataset.format)
            for number, dataset in enumerate(datasets)
        )
        self.symbols = tuple(dataset.symbols for dataset in datasets)
        self._rest = merge(datasets)
        self._first = next(self._rest, None)
        if not self._first:
            raise DataError("holds no event", path=datasets[0].path, expected="market data")
        self.start_ns = self._first[0].ts_local

    def batches(self) -> Iterator[list[MarketEvent]]:
        """See `Feed`."""
        first, self._first = self._first, None
        return chain([first] if first else [], self._rest)

    async def history(self, request: HistoryRequest) -> tuple[Bar, ...]:
        """None: warm-up on a recording is by its own first bars."""
        del request
        return ()

    def progress(self) -> float | None:
        """See `Feed`."""
        return sum(dataset.progress() for dataset in self.datasets) / len(self.datasets)


class SyntheticFeed:
    """The synthetic market, without an end."""

    recorded = False
    sources: tuple[DataSource, ...] = ()
    symbols: tuple[tuple[str, ...], ...] = ()

    def __init__(self, market: SyntheticMarket) -> None:
        self._market = market
        self.start_ns = market.start_ns

    def batches(self) -> Iterator[list[MarketEvent]]:
        """See `Feed`."""
        events = self._market.events()
        while batch := list(islice(events, SYNTHETIC_BATCH)):
            yield batch

    async def history(self, request: HistoryRequest) -> tuple[Bar, ...]:
        """See `Feed`."""
        return self._market.history(request.symbol, request.kind, request.count)

    def progress(self) -> float | None:
        """See `Feed`."""
        return None
