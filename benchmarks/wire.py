"""From a strategy's decision to the first byte on the socket, beside the same order by plain ccxt.

Ours is the whole live path: gate, journal's commit, gateway, adapter, ccxt. Plain is a call of
ccxt's `create_order`; durable is the same after one row in a database, the least that a killed
process does not forget. All run in this process, in turns, against the built-in exchange in another
one; the first byte is the call of `write` of the socket's transport. Wall time, because waiting is
a part of what is measured.
"""

import asyncio
import tempfile
from asyncio import sslproto
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter_ns, thread_time_ns
from typing import Any, NamedTuple, cast

from alphaforge.engine.strategy import Strategy
from alphaforge.model.market import Trade
from alphaforge.model.orders import Order
from alphaforge.services.clock import SystemClock
from alphaforge.services.stopping import Reason, StopRequest
from alphaforge.services.wire_plan import Ports
from alphaforge.services.wire_session import run_wire_session
from alphaforge.services.writer_thread import WriterThread
from alphaforge.venues.ccxt_profiles import profile_of
from alphaforge.venues.ccxt_venue import CcxtVenue
from benchmarks.harness import Harness, Row, percentile
from benchmarks.wire_plan import Plan, Watcher, lease
from benchmarks.wire_stage import SYMBOL, Notes, Stage, stage

NAMES = (
    "wire_p50_ms",
    "wire_p99_ms",
    "plain_ccxt_p50_ms",
    "plain_ccxt_p99_ms",
    "wire_overhead_p50_pct",
    "wire_over_durable_p50_pct",
    "wire_ours_p99_ms",
)

ORDERS = 500
"""Of each kind in one try."""

BEST_OF = 3
WARM_UP = 20
PAUSE_SECONDS = 0.004
"""After each order, so that what it left behind in the loop is done."""

ANSWER_SECONDS = 20.0
FAR = 0.95
"""Of the price: an order that may fill at once or not at all, and does not."""

_PROD = "prod"
_NEW_ORDER = b"POST /api/v3/order "
_SIGNING = "_sign_as_ccxt"
_TRANSPORT = "_SSLProtocolTransport"
"""Names of what is not meant for others, where the time is taken: of ours, and of asyncio's."""

_MS = 1e6


class Moment(NamedTuple):
    """A moment, ns by the wall clock and of the thread's processor time."""

    wall: int
    cpu: int


def now() -> Moment:
    """This one."""
    return Moment(perf_counter_ns(), thread_time_ns())


class Moments:
    """When one order came by where; each is set anew by the next order.

    Attributes:
        decided: The strategy calls `buy`.
        asked, committed: The journal is asked to commit, and has.
        called: ccxt's `create_order` is called.
        written: The transport's `write`, ns by the wall clock; 0 = not yet.
        hooks: ns spent inside that call in what we hang into ccxt: budget, signing, time stamp.
        signing: ns spent by ccxt's own signing, which one of the hooks calls.
    """

    def __init__(self) -> None:
        self.decided = self.asked = self.committed = self.called = now()
        self.written = self.hooks = self.signing = 0
        self.ended = asyncio.Event()


class Spent(NamedTuple):
    """One order of ours, ns; `cpu` is the processor time of `ours`."""

    whole: int
    commit: int
    ccxt: int
    ours: int
    cpu: int


class Prodded(Strategy):
    """Orders once for each trade that the benchmark puts into the stream."""

    def on_start(self) -> None:
        """Listen."""
        self.moments = MOMENTS[-1]
        self.subscribe_trades(SYMBOL)

    def on_trade(self, trade: Trade) -> None:
        """Decide."""
        if trade.trade_id.startswith(_PROD):
            self.moments.decided = now()
            self.buy(SYMBOL, "0.001", limit=int(trade.price * FAR), tif="IOC")

    def on_order(self, order: Order) -> None:
        """It could not fill at once, so it is over."""
        if order.status == "EXPIRED":
            self.moments.ended.set()


MOMENTS: list[Moments] = []
"""The last is the one of the try that runs: the engine makes its strategies by itself."""


class Venue(CcxtVenue):
    """The adapter, with a way to put a print into its stream and to its client."""

    def prod(self, number: int, price: float) -> None:
        """As if the venue had streamed it now."""
        ts = SystemClock().wall_ns()
        self._outbox.put(Trade(SYMBOL, ts, price, 0.1, trade_id=f"{_PROD}-{number}"))

    def look_into(self, moments: Moments) -> None:
        """Take the time in the private client's hooks."""
        client = cast("Any", self._open.trade)
        raw = client.raw
        raw.create_order = _marking(raw.create_order, moments)
        raw.throttle = _timing(raw.throttle, moments)
        raw.nonce = _timed(raw.nonce, moments, "hooks")
        raw.sign = _timed(raw.sign, moments, "hooks")
        held = cast("dict[str, Any]", vars(client))
        held[_SIGNING] = _timed(held[_SIGNING], moments, "signing")


class Thread(WriterThread):
    """The store's thread, with the time that each commit takes."""

    moments: Moments

    async def commit(self, place: int) -> None:
        """See `WriterThread`."""
        self.moments.asked = now()
        await super().commit(place)
        self.moments.committed = now()


# The row ------------------------------------------------------------------------------------------


class Series(NamedTuple):
    """One try: our orders, plain ones, those behind ccxt's own rate limiter or a row on disk."""

    ours: list[Spent]
    plain: list[int]
    limited: list[int]
    durable: list[int]


def run(harness: Harness) -> dict[str, Row]:
    """Measure `wire_*`; the try with the lowest tail of ours counts, with its own plain orders."""
    count = 10 if harness.quick else ORDERS
    tries = [asyncio.run(_measure(count)) for _ in range(harness.tries(BEST_OF))]
    best = min(tries, key=lambda each: _ms([one.whole for one in each.ours], 0.99))
    return _rows(best, len(tries))


def _rows(series: Series, best_of: int) -> dict[str, Row]:
    ours = series.ours
    whole, commit = [each.whole for each in ours], [each.commit for each in ours]
    alone = [each.whole - each.commit for each in ours]
    own, plain = [each.ours for each in ours], series.plain
    half, tail = 0.5, 0.99
    base = _ms(plain, half)
    in_ccxt = {
        "commit_p50": _ms(commit, half),
        "commit_p99": _ms(commit, tail),
        "ccxt_p50": _ms([each.ccxt for each in ours], half),
        "ours_p50": _ms(own, half),
    }
    limited = {"rate_limited_p50": _ms(series.limited, half)}
    cpu = {"cpu_p99": _ms([each.cpu for each in ours], tail)}
    without = {"without_commit_pct": (_ms(alone, half) / base - 1) * 100}
    least = _ms(series.durable, half)
    return {
        "wire_p50_ms": Row(_ms(whole, half), "ms", best_of, extra=_rounded(in_ccxt)),
        "wire_p99_ms": Row(_ms(whole, tail), "ms", best_of),
        "plain_ccxt_p50_ms": Row(base, "ms", best_of, extra=_rounded(limited)),
        "plain_ccxt_p99_ms": Row(_ms(plain, tail), "ms", best_of),
        "wire_overhead_p50_pct": Row(
            (_ms(whole, half) / base - 1) * 100, "%", best_of, extra=_rounded(without)
        ),
        "wire_over_durable_p50_pct": Row(
            (_ms(whole, half) / least - 1) * 100,
            "%",
            best_of,
            extra=_rounded({"durable_p50": least}),
        ),
        "wire_ours_p99_ms": Row(_ms(own, tail), "ms", best_of, extra=_rounded(cpu)),
    }


async def _measure(count: int) -> Series:
    """One try: a run that trades, and orders in turns until there are enough of each."""
    moments, stop, watcher = Moments(), StopRequest(), Watcher()
    MOMENTS.append(moments)
    with tempfile.TemporaryDirectory() as folder, _first_bytes(moments):
        async with stage() as there, asyncio.TaskGroup() as tasks:
            venue = Venue(there.access(), profile_of("binance"), name="local", wanted=[SYMBOL])
            thread = Thread(f"sqlite:///{Path(folder) / 'journal.db'}")
            thread.moments = moments
            ports = Ports((venue,), SystemClock(), thread, lease)
            session = tasks.create_task(run_wire_session(Plan(Prodded), ports, stop, watcher))
            try:
                await _or_raise(watcher.trades.wait(), session)
                venue.look_into(moments)
                return await _compete(Path(folder), venue, there, session, count)
            finally:
                stop.ask(Reason.END)


async def _compete(
    folder: Path, venue: Venue, there: Stage, session: asyncio.Task[object], count: int
) -> Series:
    with Notes(folder / "notes.db") as notes:
        return await _take_turns(venue, _Rivals(there, MOMENTS[-1], notes), session, count)


class _Rivals(NamedTuple):
    """What ours takes turns with."""

    there: Stage
    moments: Moments
    notes: Notes


async def _take_turns(
    venue: Venue, rivals: _Rivals, session: asyncio.Task[object], count: int
) -> Series:
    series, moments = Series([], [], [], []), rivals.moments
    plain_as_is = rivals.there.plain(enableRateLimit=False)
    async with plain_as_is as plain, rivals.there.plain() as limited:
        price = float((await plain.fetch_ticker(SYMBOL))["last"])
        warm = min(WARM_UP, count)
        for number in range(warm + count):
            moments.ended.clear()
            moments.hooks = moments.signing = moments.written = 0
            venue.prod(number, price)
            await _or_raise(moments.ended.wait(), session)
            series.ours.append(_spent(moments))
            for name, client, first, spent in (
                ("plain", plain, _nothing, series.plain),
                ("limited", limited, _nothing, series.limited),
                ("durable", plain, rivals.notes.keep, series.durable),
            ):
                await asyncio.sleep(PAUSE_SECONDS)
                order = (f"{name}-{number}", price)
                spent.append(await _plain_order(client, moments, first, order))
            await asyncio.sleep(PAUSE_SECONDS)
    ours, *others = series
    return Series(ours[warm:], *(each[warm:] for each in others))


def _nothing(order_id: str) -> None:
    """What plain ccxt does before it sends an order."""


async def _plain_order(
    client: Any, moments: Moments, first: Callable[[str], None], order: tuple[str, float]
) -> int:
    """The same order by ccxt alone: from the call to the first byte, ns; `first` counts too."""
    moments.written = 0
    order_id, price = order
    terms = {"timeInForce": "IOC", "clientOrderId": order_id}
    began = perf_counter_ns()
    first(order_id)
    await client.create_order(SYMBOL, "limit", "buy", 0.001, float(int(price * FAR)), terms)
    return moments.written - began


def _spent(moments: Moments) -> Spent:
    decided, asked, committed, called = (
        moments.decided,
        moments.asked,
        moments.committed,
        moments.called,
    )
    whole, commit = moments.written - decided.wall, committed.wall - asked.wall
    hooks = moments.hooks - moments.signing
    ccxt = moments.written - called.wall - hooks
    cpu = asked.cpu - decided.cpu + called.cpu - committed.cpu + hooks
    return Spent(whole, commit, ccxt, whole - commit - ccxt, cpu)


async def _or_raise(wanted: Awaitable[object], session: asyncio.Task[object]) -> None:
    """Wait for it, unless the session ends first."""
    waiting = asyncio.ensure_future(wanted)
    async with asyncio.timeout(ANSWER_SECONDS):
        await asyncio.wait((waiting, session), return_when=asyncio.FIRST_COMPLETED)
    if not waiting.done():
        waiting.cancel()
        raise RuntimeError("benchmark: the session ended by itself")


# Taking the time ----------------------------------------------------------------------------------


class _first_bytes:  # noqa: N801 - reads as what it is for: a context manager
    """Inside, the first byte of a new order is marked as it is handed to the socket."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments
        # The one class that every TLS connection of asyncio writes through.
        self._transport = vars(sslproto)[_TRANSPORT]
        self._write = self._transport.write

    def __enter__(self) -> None:
        moments, write = self._moments, self._write

        def marking(transport: object, data: bytes) -> object:
            if not moments.written and data.startswith(_NEW_ORDER):
                moments.written = perf_counter_ns()
            return write(transport, data)

        self._transport.write = marking

    def __exit__(self, *_error: object) -> None:
        self._transport.write = self._write


def _marking(call: Callable[..., Any], moments: Moments) -> Callable[..., Any]:
    def marked(*args: object) -> Any:
        moments.called = now()
        return call(*args)

    return marked


def _timed(call: Callable[..., Any], moments: Moments, name: str) -> Callable[..., Any]:
    """As it is, its time added up under that name."""

    def timed(*args: object, **named: object) -> Any:
        began = perf_counter_ns()
        try:
            return call(*args, **named)
        finally:
            setattr(moments, name, getattr(moments, name) + perf_counter_ns() - began)

    return timed


def _timing(call: Callable[..., Any], moments: Moments) -> Callable[..., Any]:
    """The same for one that is awaited."""

    async def timed(*args: object) -> Any:
        began = perf_counter_ns()
        try:
            return await call(*args)
        finally:
            moments.hooks += perf_counter_ns() - began

    return timed


def _ms(values: Sequence[int], share: float) -> float:
    return percentile(values, share) / _MS


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(figure, 3) for name, figure in figures.items()}
