"""Publishes a running engine to whoever is attached, ten times a second, and waits for nobody.

START HERE for a frame's way: `Hub.turn` drains the market into candles → if somebody is attached,
`views` make the rows that changed → `channels` number the differences → each subscription's queue.
Rows are made between two events and in slices, so that the engine's loop is never held for long.
A fault here is told and gone over: a screen must never stop a trade.
"""

import asyncio
from contextlib import suppress
from typing import Final

from alphaforge.client.messages import PUBLISH_HZ, Beat, Watch
from alphaforge.engine.valuation import Account
from alphaforge.services.clock import Clock
from alphaforge.services.control.candles import SLICE
from alphaforge.services.control.channels import encoded
from alphaforge.services.control.frames import Frames
from alphaforge.services.control.host import Host
from alphaforge.services.control.lag import LoopLag
from alphaforge.services.control.readings import Readings
from alphaforge.services.control.subscription import WATCHED, Subscription
from alphaforge.services.control.views import Moment
from alphaforge.store.export import iso_time

__all__ = ["Hub", "Subscription"]

TURN_NS: Final = 1_000_000_000 // PUBLISH_HZ
SILENCE_NS: Final = 500_000_000
SLOW_NS: Final = 1_000_000_000
"""What is dear or changes slowly is looked at so often."""

MOST_FAULTS_TOLD: Final = 10

_NS: Final = 1e9


class Hub(Readings):
    """Everything a run shows, and who looks at it.

    Attributes:
        faults: Turns that failed.
    """

    def __init__(self, host: Host, clock: Clock) -> None:
        """Begin to listen; before the run's first Step, so that no fill is missed."""
        super().__init__(host)
        self.faults = 0
        self._clock = clock
        self._lag = LoopLag(clock)
        self._frames = Frames(host, self.views, clock)
        self._clients: list[Subscription] = []
        self._began = Moment(host)
        self._wanted = asyncio.Event()
        self._never = asyncio.Event()
        self._is_warm = False
        self._tasks: asyncio.TaskGroup | None = None
        self._account: Account | None = None
        self._slow_at = 0
        self._looked_at = -1
        host.take_market()  # from here on they are kept

    # What the server asks ---------------------------------------------------------------------

    @property
    def is_warm(self) -> bool:
        """Whether the tables show the engine as it is: somebody is attached, a turn was made."""
        return self._is_warm

    @property
    def clients(self) -> int:
        """Who is attached."""
        return len(self._clients)

    @property
    def loop_lag_ms_p99(self) -> float | None:
        """Of the engine's event loop, over the last minute."""
        return self._lag.p99_ms()

    def subscribe(self, channels: tuple[str, ...]) -> Subscription:
        """A stream of some channels; end it with `close`."""
        subscription = Subscription(self, channels, self._leave)
        self._clients.append(subscription)
        self._wanted.set()
        return subscription

    def snapshot(self, channel: str) -> bytes:
        """The encoded snapshot of a channel as the attached hold it."""
        return self._frames.tables[channel].snapshot(self._ts)

    def check_watch(self, watch: Watch) -> None:
        """See `subscription.Source`."""
        self._watched.check(watch)
        if watch.depth:
            self._host.watch_book(watch.symbol)

    def _leave(self, subscription: Subscription) -> None:
        with suppress(ValueError):
            self._clients.remove(subscription)
        if not self._clients:
            self._is_warm = False

    # The turns --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Turn after turn until canceled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._lag.run())
            await self._recall()
            while True:
                due = self._clock.steady_ns() + TURN_NS
                try:
                    await self.turn()
                except Exception as error:  # noqa: BLE001 - task boundary: trading goes on without a screen
                    self._begin_anew(error)
                await self._wait(due)

    async def _recall(self) -> None:
        """Of a run that goes on, have what is behind it."""
        url = self._host.store_url
        if not url or not self._began.has_past:
            return
        from alphaforge.services.control.past import read_past  # noqa: PLC0415 - it loads much

        try:
            self.views.seed(await read_past(url, self._began))
        except Exception as error:  # noqa: BLE001 - task boundary, as in `run`
            self._tell_fault(error)

    async def _wait(self, due: int) -> None:
        """Until the next turn; who comes while nobody is attached is served at once."""
        event = self._never if self._is_warm else self._wanted
        rest = (due - self._clock.steady_ns()) / _NS
        await self._clock.wait(event, max(rest, 0.001))

    def _begin_anew(self, error: Exception) -> None:
        """A turn failed half way: the next one makes every row again."""
        self._is_warm = False
        self._wanted.clear()
        self._tell_fault(error)

    def _tell_fault(self, error: Exception) -> None:
        self.faults += 1
        if self.faults <= MOST_FAULTS_TOLD:
            self.log("ERROR", "control", f"a view failed: {type(error).__name__}: {error}")

    async def turn(self) -> None:
        """Drain the market, and publish if anybody is attached."""
        await self._drain()
        engine = self._host.engine
        now = self._clock.steady_ns()
        is_slow = now - self._slow_at >= SLOW_NS
        if is_slow:
            self._slow_at = now
            self._look_slowly()
        has_moved = engine.sequence != self._looked_at
        self._looked_at = engine.sequence
        if has_moved or self._account is None:
            self._account = self.views.look()
        if not self._clients:
            self._wanted.clear()
            self.views.orders.tidy()
        elif self._is_warm:
            if has_moved or is_slow:
                await self._frames.refresh(self._account)
            if is_slow:
                await self._frames.refresh_slowly()
            await self._frames.refresh_news()
            await asyncio.sleep(0)
            self._publish()
        else:
            await self._warm_up(self._account)

    async def _warm_up(self, account: Account) -> None:
        """Make every row there is, for the first who comes."""
        await self._frames.fill(account)
        self._publish()
        self._is_warm = bool(self._clients)
        for client in self._clients:
            client.wake()

    async def _drain(self) -> None:
        """Take what the engine was fed into candles, in slices."""
        events = self._host.take_market()
        candles = self.views.candles
        for at in range(0, len(events), SLICE):
            candles.take(events[at : at + SLICE])
            await asyncio.sleep(0)
        self.views.indicators.sample()

    def _look_slowly(self) -> None:
        """Once a second: percentiles, and which symbol a strategy is about."""
        views, latency = self.views, self._host.engine.execution.latency
        views.strategies.read_timing()
        views.indicators.find_symbols()
        pulse = views.pulse
        pulse.loop_lag_ms_p99 = self._lag.p99_ms()
        if latency.count:
            pulse.order_us_p50 = latency.percentile(50) / 1000
            pulse.order_us_p99 = latency.percentile(99) / 1000

    # Out --------------------------------------------------------------------------------------

    @property
    def _ts(self) -> str:
        return iso_time(self._host.now())

    def _publish(self) -> None:
        """Number what changed and put it into every queue."""
        ts, now = self._ts, self._clock.steady_ns()
        for channel, table in self._frames.tables.items():
            receivers = [client for client in self._clients if client.wants(channel)]
            if not receivers:
                table.skip()
                continue
            payload = table.difference(ts)
            if payload is not None:
                for client in receivers:
                    client.offer(channel, payload, now)
        self._tell_watched(now)
        beat = encoded(Beat(ts=ts))
        for client in tuple(self._clients):
            client.beat(beat, now, SILENCE_NS)

    def _tell_watched(self, now: int) -> None:
        watching = [(each, each.watching) for each in self._clients]
        self._watched.changes(each.watch for _, each in watching if each is not None)
        for client, each in watching:
            if each is None:
                continue
            watch, is_fresh = each.watch, each.is_fresh
            told = self._watched.whole(watch) if is_fresh else self._watched.change_of(watch)
            if not each.has_tape:
                told = [*told, self._watched.latest_trades(watch.symbol)]
            taken = [client.offer(WATCHED, payload, now) for payload in told]
            each.is_fresh = not all(taken)
            each.has_tape |= all(taken)
            if is_fresh and watch.kind:
                self._ask_earlier(watch)

    def _ask_earlier(self, watch: Watch) -> None:
        key = (watch.symbol, watch.kind)
        if self._tasks is not None and key not in self.views.chart.earlier:
            self._tasks.create_task(self._tell_earlier(watch.symbol, watch.kind))

    async def _tell_earlier(self, symbol: str, kind: str) -> None:
        """Have candles from before the run, and tell who watches."""
        try:
            is_told = await self.views.chart.ask_earlier(symbol, kind)
        except Exception as error:  # noqa: BLE001 - task boundary, as in `run`
            self._tell_fault(error)
            return
        if not is_told:
            return
        for client in tuple(self._clients):
            watching = client.watching
            if watching is not None and (watching.watch.symbol, watching.watch.kind) == (
                symbol,
                kind,
            ):
                watching.is_fresh = True
