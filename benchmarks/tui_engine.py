"""`python -m benchmarks.tui_engine`: an engine that is looked at, for `benchmarks.tui`.

Twenty symbols, 50,000 trades a second between them, ten market orders a second, served on its
Unix socket. Says `ready` on stdout; a line on stdin asks how late its loop was since the last
line, answered in milliseconds; the end of stdin ends it. Must know nothing of who looks.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter_ns

from alphaforge.engine.core import Engine
from alphaforge.model.market import MarketEvent, Quote, Trade
from alphaforge.model.step import EMPTY_STEP
from alphaforge.services.clock import SystemClock
from alphaforge.services.control.host import Host, VenueView
from alphaforge.services.control.lag import LoopLag
from alphaforge.services.control.publisher import Hub
from alphaforge.services.control.serve import Serving, serve
from alphaforge.store.records import RunRecord, StrategySource
from benchmarks.market import START_NS, SYMBOL, start_engine, ticks
from benchmarks.strategies import EveryTick

TICKS_PER_SECOND = 50_000
SYMBOLS = (SYMBOL, *(f"S{number:02d}/USDT" for number in range(1, 20)))
ORDER_EVERY = 250
"""Trades of the first symbol: ten a second."""

_DRAWN = 500_000
_GAP_NS = 1_000_000_000 // TICKS_PER_SECOND
_MOST_IN_A_TURN = 200
_TURN_SECONDS = 0.001
_QUOTE_EVERY = 10


class Rarely(EveryTick):
    """A market order on some of the trades."""

    def on_start(self) -> None:
        """Ask for trades."""
        self.seen = 0
        super().on_start()

    def on_trade(self, trade: Trade) -> None:
        """Order, or only count."""
        self.seen += 1
        if not self.seen % ORDER_EVERY:
            super().on_trade(trade)


async def feed(engine: Engine, host: Host) -> None:
    """Trades when they are due, in turns of a few hundred, until canceled."""
    _, prices, sizes = ticks(_DRAWN)
    begun, done = perf_counter_ns(), 0
    while True:
        due = (perf_counter_ns() - begun) // _GAP_NS
        until = min(due, done + _MOST_IN_A_TURN)
        batch: list[MarketEvent] = []
        for number in range(done, until):
            batch += _events(number, prices[number % _DRAWN], sizes[number % _DRAWN])
        for event in batch:
            step = engine.process(event)
            if step is not EMPTY_STEP:
                host.saw(step)
        host.saw_market(batch)
        done = until
        await asyncio.sleep(_TURN_SECONDS if done >= due else 0)


def _events(number: int, price: float, size: float) -> list[MarketEvent]:
    """A trade, and before one in ten a quote."""
    ts, symbol = START_NS + number * _GAP_NS, SYMBOLS[number % len(SYMBOLS)]
    trade = Trade(symbol, ts, price, size, None, "", ts)
    if number % _QUOTE_EVERY:
        return [trade]
    return [Quote(symbol, ts, price - 0.1, 1.0, price, 1.0, ts), trade]


async def answer(clock: SystemClock) -> None:
    """Tell the lateness of the loop between two lines, until stdin ends."""
    while True:
        lag = LoopLag(clock)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(lag.run())
            line = await asyncio.to_thread(sys.stdin.readline)
            running.cancel()
        if not line:
            return
        print(lag.p99_ms() or 0.0, flush=True)


async def main() -> None:
    """Serve and feed until stdin ends."""
    engine = start_engine([Rarely], SYMBOLS)
    run = RunRecord(
        run_id="20261120-091500-k3f", mode="paper", venue="sim", account="paper",
        strategies=(StrategySource("strategy-0", "strategy-0.py", "", ""),),
    )  # fmt: skip
    views = (VenueView("sim", "paper", "SIMULATED", "", 0, None, None),)
    host = Host(engine, run, lambda: engine.timers.now, engine.process, lambda: views, lambda: None)
    host.state = "TRADING"
    clock = SystemClock()
    hub = Hub(host, clock)
    ticks(_DRAWN)
    with tempfile.TemporaryDirectory() as folder:
        settings = Serving(clock, Path(folder), "", environ=os.environ)
        async with serve(host, hub, settings), asyncio.TaskGroup() as tasks:
            feeding = tasks.create_task(feed(engine, host))
            print("ready", flush=True)
            await answer(clock)
            feeding.cancel()


if __name__ == "__main__":
    asyncio.run(main())
