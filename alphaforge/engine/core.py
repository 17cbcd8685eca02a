"""START HERE. The engine: one synchronous door, `Engine.process(event) -> Step`.

Everything that happens comes in through it: a market event, a venue's report, an operator's
command. Backtest, paper, sandbox and live differ only in who feeds it and who carries out the
Steps. It must never read a clock, do I/O, await, or keep anything outside itself.

Order inside one market event: timers due → time bars due, and the orders they cause → judge, last
price, book → simulated venue matches → bars → `on_trade`/`on_quote`/`on_book` → `on_bar`; requests
are carried out at each arrow.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from alphaforge.engine.bar_matching import match_bar, match_open
from alphaforge.engine.data import TOO_LARGE, DataEngine
from alphaforge.engine.desk import Shared
from alphaforge.engine.execution import ExecutionEngine
from alphaforge.engine.funding import pay_funding
from alphaforge.engine.interruption import RAISED
from alphaforge.engine.markets import Markets, SymbolState, VenueClock
from alphaforge.engine.operator import OperatorDesk
from alphaforge.engine.simulated_venue import SimulatedVenue
from alphaforge.engine.strategies import Runner, StrategyManager
from alphaforge.engine.strategy import Strategy
from alphaforge.engine.timers import Timers
from alphaforge.model.claims import (
    BooksDiffer,
    BustReport,
    Claim,
    FillReport,
    OrderStatusReport,
    VenueStateChanged,
)
from alphaforge.model.commands import (
    Approved,
    BeginEpoch,
    OperatorCommand,
    StopSession,
)
from alphaforge.model.events import Alert, FundingPaid, Signal
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import (
    Bar,
    BarOpen,
    BookDelta,
    BookSnapshot,
    FundingRate,
    HistoryBars,
    MarketEvent,
    Quote,
    Trade,
    VenueTime,
)
from alphaforge.model.orders import Fill
from alphaforge.model.reports import OrderReport
from alphaforge.model.settings import EngineSettings
from alphaforge.model.step import EMPTY_STEP, Step

__all__ = ["EMPTY_STEP", "Engine", "Step"]

SAMPLE_MASK: Final = 1023
"""One market event in 1,024 is timed strategy by strategy."""

MOST_REQUESTS: Final = 10_000
"""Requests carried out within one event before the strategies that keep asking are stopped."""

_NOT_EVENTS: Final = (Approved, Alert, Signal, FundingPaid)

EngineEvent = MarketEvent | OrderReport | OperatorCommand | Claim | VenueStateChanged | BooksDiffer


class Engine:
    """One account's strategies on one stream of events.

    `simulate(...)` in `alphaforge.engine.build` makes one with a simulated venue; without a venue
    the Steps' `outgoing` must be sent over a wire and the reports fed back through `process`.

    Attributes:
        sequence: Number of the last event.
    """

    def __init__(
        self,
        settings: EngineSettings | None = None,
        instruments: Mapping[str, Instrument] | None = None,
        *,
        simulated: Callable[[Markets, Timers], SimulatedVenue] | None = None,
    ) -> None:
        """Take settings, the symbols that may trade, and what makes the venue, if simulated."""
        settings = settings or EngineSettings()
        self.sequence = 0
        self.timers = Timers()
        self.markets = Markets(instruments, unknown=None)
        self.venue = simulated(self.markets, self.timers) if simulated is not None else None
        self.data = DataEngine(self.markets, statistics=False)
        self.execution = ExecutionEngine(settings, self.markets, self.venue, self.timers)
        shared = Shared(self.data, self.execution)
        self.shared = shared
        self.strategies = StrategyManager(shared, self.timers)
        self._matcher = self.venue or self.execution.emulation
        self.portfolio = self.execution.portfolio
        self.valuation = self.execution.valuation
        self.data.on_due = self._due
        self._dispatch = self.strategies.dispatch
        self._requests = shared.requests
        self._record = self.execution.record
        self._states = self.markets.states
        self._handlers: dict[type, Callable[..., None]] = {
            Quote: self._quote,
            BarOpen: self._open,
            Bar: self._bar,
            BookDelta: self._book,
            BookSnapshot: self._book,
            VenueTime: self._time,
            HistoryBars: self._history,
            FundingRate: self._funding,
            OrderStatusReport: self._claim,
            FillReport: self._claim,
            BustReport: self._claim,
        }
        self._handlers |= OperatorDesk(self.execution, self.strategies, self._drain).handlers
        self._handlers[StopSession] = partial(self._stop_session, self._handlers[StopSession])
        claims = self.execution.claims
        if claims is not None:
            self._handlers |= {VenueStateChanged: self._claim, BeginEpoch: claims.begin}
            self._handlers[BooksDiffer] = claims.differ

    def register(self, name: str, make: Callable[[], Strategy]) -> Runner:
        """Add a strategy under a unique name; it starts with `StartSession`."""
        if self.execution.claims is not None:
            self.execution.claims.strategies.append(name)
        return self.strategies.register(name, make)

    def process(self, event: EngineEvent) -> Step:  # noqa: PLR0912, C901 - perf: tick_ema, see below
        """Take one event to its end and say what came of it; `EMPTY_STEP` if nothing did.

        A trade's whole way stands here, the good case of `DataEngine.accept_trade` included: three
        calls fewer are a tenth of a tick. Everything else is in `_handlers`.
        """
        sequence = self.sequence = self.sequence + 1
        clock = self.timers
        now = event.ts_local
        # Nothing is decided before the epoch is known under which it would be sent.
        if now >= clock.next_due and event.__class__ is not BeginEpoch:
            self._fire(now)
        if now > clock.now:
            clock.now = now
        if type(event) is not Trade:
            self._handlers.get(event.__class__, self._report)(event)
            return self._step() if self._record else EMPTY_STEP
        state = self._states.get(event.symbol)
        price, ts = event.price, event.ts
        if (
            state is None
            or not 0.0 < price < TOO_LARGE
            or not 0.0 < event.size < TOO_LARGE
            or ts < state.trade_ts
            or event.trade_id
            or not state.traded
        ):
            state = self.data.accept_trade(event)
            if state is None:
                return self._step() if self._record else EMPTY_STEP
        else:
            state.trade_ts = ts
            venue_clock = state.clock
            if ts > venue_clock.ts:
                venue_clock.ts = ts
                if ts >= venue_clock.next_end:
                    self._due(venue_clock)
            state.last = price
            state.trade_count += 1
        if price <= state.low or price >= state.high:
            self._match_trade(state)
        builder = state.builder
        bars = builder.add(event) if builder is not None else None
        if sequence & SAMPLE_MASK:
            for callback in state.trade_listeners:
                try:
                    callback(event)
                except RAISED as error:
                    self.strategies.failed(callback, error, event)
        else:
            self.strategies.dispatch_timed(state.trade_listeners, event)
        if self._requests:
            self._drain()
        if bars:
            self._deliver(bars)
        return self._step() if self._record else EMPTY_STEP

    # Market -----------------------------------------------------------------------------------

    def _match_trade(self, state: SymbolState) -> None:
        """Match after a trade that reached what rests (`SymbolState.low`, `.high`)."""
        if self._matcher is not None:
            self._matcher.event = self.sequence
            self._matcher.on_trade(state, self.timers.now)
            if self._requests:
                self._drain()

    def _quote(self, quote: Quote) -> None:
        state = self.data.accept_quote(quote)
        if state is None:
            return
        self._match_quote(state)
        if state.quote_builder is not None:
            state.quote_builder.add_price((quote.bid + quote.ask) / 2, quote.ts)
        if state.quote_listeners:
            self._dispatch(state.quote_listeners, quote)
            if self._requests:
                self._drain()

    def _match_quote(self, state: SymbolState) -> None:
        """Match after bid and ask moved, if they touch anything."""
        touched = (
            state.ask <= state.ask_low
            or state.bid >= state.bid_high
            or state.ask >= state.ask_high
            or state.bid <= state.bid_low
            or state.resting.fresh
        )
        if touched and self._matcher is not None:
            self._matcher.event = self.sequence
            self._matcher.on_quote(state, self.timers.now)
            if self._requests:
                self._drain()

    def _book(self, event: BookSnapshot | BookDelta) -> None:
        state = self.data.accept_book(event)
        if state is None:
            return
        if state.quoted == 1:
            self._match_quote(state)
        if state.book_listeners:
            self._dispatch(state.book_listeners, event)
            if self._requests:
                self._drain()

    def _open(self, event: BarOpen) -> None:
        state = self.data.accept_open(event)
        if state is not None and state.resting.fresh and self.venue is not None:
            self.venue.event = self.sequence
            match_open(self.venue, state, event.price, self.timers.now)
            if self._requests:
                self._drain()

    def _bar(self, bar: Bar) -> None:
        state = self.data.accept_bar(bar)
        if state is None:
            return
        if self.venue is not None:
            self.venue.event = self.sequence
            match_bar(self.venue, state, bar, self.timers.now)
            if self._requests:
                self._drain()
        derived = self.data.build_from_bar(state, bar)
        self._deliver((bar, *derived))

    def _time(self, event: VenueTime) -> None:
        self.data.accept_time(event)

    def _history(self, event: HistoryBars) -> None:
        self.strategies.history(event)
        if self._requests:
            self._drain()

    def _funding(self, event: FundingRate) -> None:
        state = self._states.get(event.symbol)
        if state is not None:
            self.data.accept_time(VenueTime(state.clock.venue, event.ts))
        pay_funding(self.execution, event)

    def _due(self, clock: VenueClock) -> None:
        self._deliver(self.data.due_bars(clock))

    def _deliver(self, bars: tuple[Bar, ...] | list[Bar]) -> None:
        """Hand finished bars to their listeners, one by one, in order."""
        for bar in bars:
            listeners = self._states[bar.symbol].bar_listeners.get(bar.kind)
            if listeners:
                self.strategies.dispatch_timed(listeners, bar)
                if self._requests:
                    self._drain()

    def _fire(self, now: int) -> None:
        """Fire timers due at or before `now`, each at its own time."""
        clock = self.timers
        while (due := clock.pop(now)) is not None:
            clock.now = max(clock.now, due[0])
            if self.venue is not None:
                self.venue.event = self.sequence
            due[1](clock.now)
            if self._requests:
                self._drain()

    # Reports ------------------------------------------------------------------------------

    def _report(self, report: OrderReport) -> None:
        self.execution.take(report)
        if self.execution.claims is not None:
            self.execution.claims.settle()
        if self._requests:
            self._drain()

    def _claim(self, claim: Claim | VenueStateChanged) -> None:
        if self.execution.claims is not None:
            self.execution.claims.take(claim)
        if self._requests:
            self._drain()

    def _stop_session(self, stop: Callable[[StopSession], None], command: StopSession) -> None:
        stop(command)
        if self.execution.emulation is not None:
            self.execution.emulation.tell_of_end()

    # Requests and Steps -----------------------------------------------------------------------

    def _drain(self) -> None:
        """Carry out what the callbacks asked for, and what the callbacks about that asked for."""
        requests = self._requests
        done = 0
        try:
            for act, args in requests:  # it grows while it is walked
                act(*args)
                done += 1
                if not done % MOST_REQUESTS:
                    self._stop_the_insatiable(done)
        finally:
            requests.clear()

    def _stop_the_insatiable(self, done: int) -> None:
        """Strategies that answer each answer with a request would hold the engine for ever."""
        asked: dict[str, int] = {}
        for _, args in self._requests[:done]:
            name = getattr(args[0], "strategy", "") if args else ""
            asked[name] = asked.get(name, 0) + 1
        for name in self.strategies.runners:
            if asked.get(name, 0) >= MOST_REQUESTS:
                reason = f"it asked for {MOST_REQUESTS:,} things within one event, without end"
                self.strategies.fail(name, RuntimeError(reason))

    def _step(self) -> Step:
        """Sort what was recorded into a Step."""
        record: list[Any] = self._record[:]
        self._record.clear()
        others: tuple[tuple[Any, ...], ...] = ()
        if self.execution.mixed:
            self.execution.mixed = False
            others = tuple(
                tuple(item for item in record if item.__class__ is kind) for kind in _NOT_EVENTS
            )
            record = [item for item in record if item.__class__ not in _NOT_EVENTS]
        events: list[Any] = []
        fills: list[Any] = []
        for item in record:
            (fills if item.__class__ is Fill else events).append(item)
        return Step(self.sequence, self.timers.now, tuple(events), tuple(fills), *others)
