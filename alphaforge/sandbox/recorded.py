"""Plays a recorded feed through the exchange in place of the agents, at a speed.

Whoever trades meanwhile stands in the recorded queues; see `recorded_market`. Drives like `Life`.
Must never change what was recorded, and never read a clock.
"""

from collections.abc import Iterator
from decimal import Decimal

from msgspec.structs import replace

from alphaforge.errors import UsageError
from alphaforge.marketdata.dataset import Dataset
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import BookDelta, BookSnapshot, MarketEvent, Quote, Trade
from alphaforge.model.numbers import ONE, decimal_of, nearest_to
from alphaforge.sandbox.exchange import Exchange
from alphaforge.sandbox.listings import default_listings
from alphaforge.sandbox.pacing import LONGEST_GAP_NS, Pacing
from alphaforge.sandbox.recorded_market import BOOK, TAKER, RecordedMarket
from alphaforge.sandbox.terms import Listing

_PLAYABLE = frozenset({"trades", "quotes", "book"})
_LARGEST_ORDER = Decimal(10**9)


def recorded_listings(dataset: Dataset) -> tuple[Listing, ...]:
    """What a recording lists: its own grid, the usual fees, the first price it tells.

    A linear instrument is listed as a perpetual, `BTC/USDT:USDT`, as the exchange spells them.

    Raises:
        UsageError: It holds bars only, or an inverse instrument, or a symbol that is no pair.
        DataError: At the first bad row, when opened with `strict`.
    """
    if not _PLAYABLE & dataset.kinds:
        raise UsageError(
            f"{dataset.path} holds bars: there is no queue to stand in",
            remedy="play a recording of trades, quotes or the book",
        )
    first = _first_prices(dataset)
    return tuple(
        _listing(dataset, symbol, dataset.instruments[symbol], first[symbol])
        for symbol in dataset.symbols
        if symbol in first
    )


def _listing(dataset: Dataset, symbol: str, rules: Instrument, first: float) -> Listing:
    if rules.kind is InstrumentKind.INVERSE:
        raise UsageError(
            f"{symbol} of {dataset.path} is settled in its base",
            remedy="play a recording of a spot market or a linear perpetual",
        )
    (usual,) = default_listings((_listed(symbol, rules),))
    price = nearest_to(decimal_of(first), rules.price_step)
    return replace(
        usual,
        price_step=rules.price_step,
        quantity_step=rules.quantity_step,
        min_quantity=rules.quantity_step,
        max_quantity=_LARGEST_ORDER,
        # Recorded levels may hold a few cents.
        min_value=rules.min_value,
        multiplier=rules.multiplier if rules.kind is InstrumentKind.LINEAR else ONE,
        first_price=max(price, rules.price_step),
    )


def _listed(symbol: str, rules: Instrument) -> str:
    if rules.kind is InstrumentKind.SPOT or ":" in symbol:
        return symbol
    return f"{symbol}:{rules.settle or rules.quote}"


def _first_prices(dataset: Dataset) -> dict[str, float]:
    first: dict[str, float] = {}
    for event in _events(dataset):
        if isinstance(event, Trade | Quote | BookSnapshot) and _price(event):
            first.setdefault(event.symbol, _price(event))
            if len(first) == len(dataset.symbols):
                break
    return first


def _price(event: Trade | Quote | BookSnapshot) -> float:
    if isinstance(event, Trade):
        return event.price
    if isinstance(event, Quote):
        return event.mid
    return event.bids[0][0] if event.bids else 0.0


class Recorded:
    """Everything a recording does.

    Attributes:
        next_at: When something is due next, ns of the exchange's time; long after the end if
            nothing is left.
        has_ended: Nothing is left: the book stays as it was last.
        played: Events so far.
    """

    def __init__(self, exchange: Exchange, dataset: Dataset, speed: float, start_ns: int) -> None:
        """Begin.

        Args:
            exchange: One with the `recorded_listings` of the recording.
            dataset: The recording.
            speed: Recorded seconds per second of the exchange, more than 0.
            start_ns: Now; the first event happens at once.

        Raises:
            ValueError: A speed that is not more than 0.
            DataError: At a bad row, when opened with `strict`; `play` raises it, too.
        """
        if not speed > 0:
            raise ValueError(f"speed must be more than 0, it is {speed}")
        self._speed = speed
        self._pacing = Pacing(start_ns)
        self._markets: dict[str, RecordedMarket] = {}
        for symbol in dataset.symbols:
            listed = _listed(symbol, dataset.instruments[symbol])
            if listed in exchange.listings:
                self._markets[symbol] = RecordedMarket(exchange, listed)
        for account in (BOOK, TAKER):
            exchange.open_account(account, {})
            for symbol in exchange.listings:
                exchange.cancel_all(account, symbol, start_ns)
        exchange.listeners.append(self._pacing.hear)
        self.has_ended = False
        self.played = 0
        self._events = _events(dataset)
        self._event = next(self._events, None)
        self._first = self._event.ts_local if self._event is not None else 0
        self.next_at = start_ns
        self.play(start_ns)

    def play(self, now: int) -> None:
        """Let everything happen that is due by `now`."""
        pacing = self._pacing
        pacing.follow(now)
        while self._event is not None and (due := self._due(self._event)) <= now:
            self._happen(self._event, pacing.stamp(due))
            self._event = next(self._events, None)
        self.has_ended = self._event is None
        self.next_at = now + LONGEST_GAP_NS if self._event is None else self._due(self._event)

    def _happen(self, event: MarketEvent, now: int) -> None:
        self.played += 1
        if isinstance(event, Trade | Quote | BookSnapshot | BookDelta):
            market = self._markets.get(event.symbol)
            if market is not None:
                market.hear(event, now)

    def _due(self, event: MarketEvent) -> int:
        """A row older than the first happens at once."""
        return self._pacing.origin + int((event.ts_local - self._first) / self._speed)


def _events(dataset: Dataset) -> Iterator[MarketEvent]:
    for batch in dataset.batches():
        yield from batch
