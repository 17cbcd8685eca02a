"""`python -m tests.faults.soak --minutes 10 --rate 200`: many orders, many faults, for long.

A real session trades on the built-in exchange, which is a process of its own, while random faults
strike requests and streams. At the end the books must be equal to the last digit; on the way no
order may be in doubt for more than a minute, and memory must not grow. Exit code 1 if one of them
is not so.
"""

import argparse
import asyncio
import contextlib
import json
import os
import random
import resource
import secrets
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import aiohttp
import msgspec

from alphaforge import Strategy
from alphaforge.errors import VenueUnavailableError
from alphaforge.model.enums import OrderStatus
from alphaforge.model.orders import Order
from alphaforge.services.clock import SystemClock
from alphaforge.services.lease import FileLease
from alphaforge.services.stopping import Reason, StopRequest
from alphaforge.services.wire_plan import Ports
from alphaforge.services.wire_session import run_wire_session
from alphaforge.services.writer_thread import WriterThread
from alphaforge.venues.ccxt_access import Access, Local, Network
from alphaforge.venues.ccxt_profiles import profile_of
from tests.faults.stage import HandPlan, Watcher
from tests.faults.watched import WatchedVenue
from tests.simulation.compare import unsettled
from tests.venues.local import ACCOUNT

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XRP/USDT", "BNB/USDT")
CASH = "1000000000 USDT, 10000 BTC, 100000 ETH, 1000000 SOL, 1000000000 XRP, 1000000 BNB"
QUANTITIES = {"BTC": "0.001", "ETH": "0.01", "SOL": "0.2", "XRP": "50", "BNB": "0.05"}
STRATEGIES = 24
TICK_SECONDS = 0.05
OLDEST_DOUBT_SECONDS = 60.0
CALM_SECONDS = 90.0
CATCH_UP = 2.0
"""While behind, for nothing leaves while the venue is asked, orders are placed so many times as
fast: enough for an average of the rate with up to half of the time held, and no flood."""

_MIB = 1024 * 1024
_EXCHANGE = (sys.executable, "-m", "alphaforge", "sandbox", "serve", "--json", "--child")

_REQUESTS: tuple[dict[str, object], ...] = (
    {"kind": "drop", "when": "after"},
    {"kind": "drop", "when": "before"},
    {"kind": "error", "status": 500, "when": "after"},
    {"kind": "error", "status": 500},
    {"kind": "html", "when": "after"},
    {"kind": "truncated"},
    {"kind": "malformed"},
    {"kind": "latency", "p50": 0.2, "p99": 2.0},
    {"kind": "throttle", "retry_after": 1},
    {"kind": "unknown_fields"},
)
# No stale reads: the exchange saves itself whole for them, which stops it once its history is long.
_STREAMS: tuple[dict[str, object], ...] = (
    {"kind": "push_drop"},
    {"kind": "push_duplicate"},
    {"kind": "push_reorder"},
    {"kind": "push_delay", "seconds": 0.02},
)
_CALLS = ("create", "create", "create", "cancel", "query", "open_orders", "trades", "balance")
"""Of which one is chosen."""


class Busy(Strategy):
    """Places its share of the rate: takes, rests, and takes out what rested."""

    number: int = 0

    share: ClassVar[float] = 0.0
    """Orders a second for each; 0: only take out what rests."""

    catch_up: ClassVar[float] = CATCH_UP

    def on_start(self) -> None:
        self.random = random.Random(self.number)
        self.began = self.placed = self.ticked = 0
        self.may = 0.0
        for symbol in SYMBOLS:
            self.subscribe_quotes(symbol)
        self.timer("tick", TICK_SECONDS)

    def on_timer(self, name: str) -> None:
        self.began = self.began or self.now
        wanted = int((self.now - self.began) / 1e9 * Busy.share)
        passed, self.ticked = (self.now - (self.ticked or self.now)) / 1e9, self.now
        # A tick that comes late makes up for itself and no more.
        self.may = min(self.may + passed * Busy.share * Busy.catch_up, 1 + Busy.catch_up)
        while self.may >= 1 and self.placed < wanted:
            self.may -= 1
            self._place()
        working = [each for each in self.orders() if each.venue_order_id and not each.in_doubt]
        for order in working:
            if self.now - order.ts > 1_000_000_000 and str(order.pending) == "NONE":
                self.cancel(order)

    def _place(self) -> None:
        symbol = self.random.choice(SYMBOLS)
        last = self.last(symbol)
        if last is None:
            return
        self.placed += 1
        quantity = QUANTITIES[symbol.partition("/")[0]]
        verb, sign = (self.buy, -1) if self.random.random() < 0.5 else (self.sell, 1)
        if self.random.random() < 0.7:
            verb(symbol, quantity)
        else:
            verb(symbol, quantity, limit=_near(last, sign))

    def on_order(self, order: Order) -> None:
        if order.status is OrderStatus.DENIED:
            self.placed -= 1  # it is in doubt beside another, or the venue is held: soon again

    def on_save(self) -> dict[str, Any]:
        return {}


def _near(last: float, sign: int) -> Decimal:
    """A price 2 % away, on every grid."""
    price = Decimal(repr(last)) * (1 + Decimal(sign) / 50)
    return price.quantize(Decimal("0.0001") if price < 1 else Decimal("0.01"))


class Soak:
    """One soak, and what it found."""

    def __init__(self, minutes: float, rate: float, seed: int, catch_up: float = CATCH_UP) -> None:
        self.seconds = 60 * minutes
        self.rate = rate
        self.catch_up = catch_up
        self.wrong: list[str] = []
        self.figures: dict[str, object] = {}
        self._random = random.Random(seed)
        self._rss: list[tuple[float, float]] = []
        self._theirs: list[tuple[float, float]] = []
        self._doubts: dict[str, float] = {}
        self._oldest = 0.0

    async def run(self, folder: Path) -> None:
        """From the exchange's start to the comparison."""
        async with exchange(folder) as told, aiohttp.ClientSession() as admin:
            venue = _venue(told)
            Busy.share, Busy.catch_up = self.rate / STRATEGIES, self.catch_up
            plan = HandPlan("soak", {f"busy{i}": _made(i) for i in range(STRATEGIES)})
            stop, watcher, store = StopRequest(), Watcher(), folder / "runs.db"
            session = asyncio.create_task(_session(plan, venue, store, stop, watcher))
            async with asyncio.timeout(60):
                await watcher.is_certain.wait()
            began = time.monotonic()
            watching = asyncio.create_task(self._watch(plan, venue, told, began))
            try:
                await self._trouble(_Admin(admin, told), began, session)
                failures = venue.failures["create"]
                kept = sum(isinstance(each, VenueUnavailableError) for each in failures)
                sent = venue.answers["create"] + len(failures) - kept
                self.figures["orders_sent"], self.figures["orders_that_never_left"] = sent, kept
                self.figures["orders_per_s"] = round(sent / (time.monotonic() - began), 1)
                Busy.share = 0.0
                books = await self._calm(_Admin(admin, told), plan, store)
            finally:
                watching.cancel()
                stop.ask(Reason.END)
                await session
            self.wrong += list(differences(plan, store, books))
        self._sum_up(venue, watcher)

    async def _trouble(self, admin: "_Admin", began: float, session: asyncio.Task[None]) -> None:
        """A fault now and then, until the time is over."""
        struck: Counter[str] = Counter()
        while time.monotonic() - began < self.seconds and not session.done():
            fault = self._fault()
            struck[str(fault["kind"])] += 1
            await admin.post("faults", fault)
            await asyncio.sleep(self._random.uniform(0.3, 1.5))
            if self._random.random() < 0.04:
                await admin.post("act", {"kind": "cut", "private": True})
                struck["cut"] += 1
        await admin.clear()
        self.figures["faults"] = dict(struck)

    def _fault(self) -> dict[str, object]:
        lasting: dict[str, object] = {"lasts": self._random.uniform(0.5, 3.0)}
        if self._random.random() < 0.3:
            kind = self._random.choice(_STREAMS)
            probability = self._random.choice((0.02, 0.1))
            return {**kind, **lasting, "probability": probability, "private": True}
        kind, call = self._random.choice(_REQUESTS), self._random.choice(_CALLS)
        return {**kind, **lasting, "call": call, "probability": self._random.choice((0.02, 0.1))}

    async def _calm(self, admin: "_Admin", plan: HandPlan, store: Path) -> Any:
        """Until nothing is open or in doubt; then the exchange's books."""
        engine = plan.engine
        assert engine is not None
        try:
            async with asyncio.timeout(CALM_SECONDS):
                while engine.execution.orders or _is_held(plan):  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.2)
        except TimeoutError:
            self.wrong += [f"in doubt: {each}" for each in unsettled(engine)[:20]]
            self.wrong.append(f"{len(engine.execution.orders)} orders still open")
        await asyncio.sleep(2.0)  # the writer commits what is left
        return await admin.books()

    async def _watch(
        self, plan: HandPlan, venue: WatchedVenue, told: Mapping[str, Any], began: float
    ) -> None:
        """Memory and doubts, once a second."""
        while True:
            await asyncio.sleep(1.0)
            now = time.monotonic()
            _let_go(venue.failures)
            self._rss.append((now - began, _rss(os.getpid())))
            self._theirs.append((now - began, _rss(int(told["pid"]))))
            assert plan.engine is not None
            doubtful = plan.engine.execution.doubtful
            self._doubts = {each: self._doubts.get(each, now) for each in doubtful}
            self._oldest = max([self._oldest, *(now - at for at in self._doubts.values())])

    def _sum_up(self, venue: WatchedVenue, watcher: Watcher) -> None:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.figures |= {
            "rate_wanted": self.rate,
            "catch_up": self.catch_up,
            "seconds": round(self._rss[-1][0], 1),
            "oldest_doubt_s": round(self._oldest, 1),
            "rss_mib": [round(self._rss[0][1]), round(self._rss[-1][1])],
            "slope_mib_per_hour": round(slope(self._rss), 1),
            "exchange_slope_mib_per_hour": round(slope(self._theirs), 1),
            "cpu_share": round((usage.ru_utime + usage.ru_stime) / self._rss[-1][0], 2),
            "failures": {name: _counted(each) for name, each in venue.failures.items()},
            "answers": dict(venue.answers),
            "reconnects": venue.health.reconnects,
            "alerts": dict(Counter(each.code for each in watcher.alerts)),
        }
        if self._oldest > OLDEST_DOUBT_SECONDS:
            self.wrong.append(f"an order was in doubt for {self._oldest:.0f} s")


def slope(samples: Sequence[tuple[float, float]]) -> float:
    """MiB an hour by least squares, over the last two thirds: a start has its own memory."""
    kept = samples[len(samples) // 3 :]
    mean_x = sum(x for x, _ in kept) / len(kept)
    mean_y = sum(y for _, y in kept) / len(kept)
    spread = sum((x - mean_x) ** 2 for x, _ in kept)
    return 3600 * sum((x - mean_x) * (y - mean_y) for x, y in kept) / spread if spread else 0.0


def _rss(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MIB


def _let_go(failures: Mapping[str, list[Exception]]) -> None:
    """Keep the words of errors and not the frames they came through: that would be our memory."""
    for errors in failures.values():
        for error in reversed(errors):
            if error.__traceback__ is None:
                break
            error.__traceback__ = error.__context__ = error.__cause__ = None


def _counted(errors: Sequence[Exception]) -> dict[str, int]:
    """The errors of one call by class and first words."""
    told = (f"{type(each).__name__}: {str(each)[:60]}" for each in errors)
    return dict(Counter(told).most_common(6))


def _is_held(plan: HandPlan) -> bool:
    assert plan.engine is not None
    claims = plan.engine.execution.claims
    return claims is not None and bool(claims.state.venue_states or claims.state.waiting)


# The processes --------------------------------------------------------------------------------


@asynccontextmanager
async def exchange(folder: Path) -> AsyncGenerator[Mapping[str, Any]]:
    """The built-in exchange as a process; what it says of itself."""
    options = ["--no-limits", "--cash", CASH, "--seed", "7", "--speed", "0.2"]
    options += [word for symbol in SYMBOLS for word in ("--symbol", symbol)]
    with (folder / "exchange.err").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *_EXCHANGE, *options, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield json.loads(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()


class _Admin:
    """The exchange's back door."""

    def __init__(self, session: aiohttp.ClientSession, told: Mapping[str, Any]) -> None:
        self._session = session
        self._address = f"http://127.0.0.1:{told['port']}/admin"
        self._headers = {"X-Admin-Token": str(told["admin_token"])}

    async def post(self, route: str, body: Mapping[str, object]) -> None:
        url = f"{self._address}/{route}"
        async with self._session.post(url, json=body, headers=self._headers) as answer:
            answer.raise_for_status()

    async def clear(self) -> None:
        async with self._session.delete(f"{self._address}/faults", headers=self._headers) as answer:
            answer.raise_for_status()

    async def books(self) -> Any:
        async with self._session.get(f"{self._address}/books", headers=self._headers) as answer:
            return msgspec.json.decode(await answer.read())


def _venue(told: Mapping[str, Any]) -> WatchedVenue:
    access = Access(
        ccxt_id="binance",
        network=Network.TEST,
        api_key=str(told["api_key"]),
        secret=str(told["secret"]),
        local=Local(int(told["port"]), Path(str(told["ca_file"]))),
    )
    return WatchedVenue(access, profile_of("binance"), name="soak", wanted=list(SYMBOLS))


def _made(number: int) -> Any:
    def make() -> Strategy:
        strategy = Busy()
        strategy.number = number
        return strategy

    return make


async def _session(
    plan: HandPlan, venue: WatchedVenue, store: Path, stop: StopRequest, watcher: Watcher
) -> None:
    url = f"sqlite:///{store}"

    def acquire(run_id: str, at_least: int) -> FileLease:
        return FileLease.acquire(
            "soak", ACCOUNT, steady_ns=SystemClock().steady_ns, run_id=run_id,
            at_least=at_least, store=url, directory=store.parent / "state",
        )  # fmt: skip

    ports = Ports((venue,), SystemClock(), WriterThread(url), acquire)
    await run_wire_session(plan, ports, stop, watcher)


# The books ------------------------------------------------------------------------------------

_SAME = {
    "FILLED": {"FILLED"},
    "CANCELED": {"CANCELED"},
    "EXPIRED": {"EXPIRED"},
    "REJECTED": {"REJECTED"},
    "OPEN": {"ACCEPTED", "PARTIALLY_FILLED"},
}


def differences(plan: HandPlan, store: Path, books: Any) -> Iterator[str]:
    """Orders, fills and balances: the database and the engine beside the exchange's books."""
    account = books["accounts"][ACCOUNT]
    with closing(sqlite3.connect(store)) as database:
        query = "SELECT client_order_id, status, filled FROM orders"
        ours = {row[0]: (row[1], Decimal(row[2])) for row in database.execute(query)}
        query = "SELECT side, quantity, price, fee, fee_currency FROM fills"
        fills = Counter(
            (row[0], *(Decimal(each) for each in row[1:4]), row[4])
            for row in database.execute(query)
        )
    yield from _orders_differ(ours, account["orders"])
    trades = Counter(
        (
            each["side"], Decimal(each["quantity"]), Decimal(each["price"]), Decimal(each["fee"]),
            each["fee_currency"],
        )
        for each in account["executions"]
    )  # fmt: skip
    yield from (f"lost: fill {each}" for each in list(trades - fills)[:10])
    yield from (f"imagined: fill {each}" for each in list(fills - trades)[:10])
    assert plan.engine is not None
    for currency, balance in account["balances"].items():
        total = sum((Decimal(balance.get(part, "0")) for part in ("free", "locked")), Decimal(0))
        mine = plan.engine.portfolio.balance(currency)
        if mine != total:
            yield f"balance: {mine} {currency} here, {total} there"


def _orders_differ(ours: dict[str, tuple[str, Decimal]], theirs: Any) -> Iterator[str]:
    seen = Counter(each["client_order_id"] for each in theirs)
    yield from (f"doubled: {name}, {n} orders there" for name, n in seen.items() if n > 1)
    for order in theirs:
        status, filled = ours.pop(order["client_order_id"], ("unknown", Decimal(0)))
        if status not in _SAME[order["standing"]] or filled != Decimal(order["filled"]):
            yield (
                f"order {order['client_order_id']}: {status} {filled} here, {order['standing']} "
                f"{order['filled']} there"
            )
    for name, (status, _) in ours.items():
        if status not in {"ABSENT", "REJECTED", "DENIED"}:
            yield f"imagined: {name} is {status} here and was never there"


def main() -> int:
    """Soak and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=200.0, help="orders a second")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument(
        "--catch-up", type=float, default=CATCH_UP, help="times the rate while behind"
    )
    arguments = parser.parse_args()
    soak = Soak(arguments.minutes, arguments.rate, arguments.seed, arguments.catch_up)
    with (
        contextlib.suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(prefix="alphaforge-soak-") as folder,
    ):
        asyncio.run(soak.run(Path(folder)))
    told = {"seed": arguments.seed, **soak.figures, "wrong": soak.wrong[:50]}
    sys.stdout.write(json.dumps(told, indent=2) + "\n")
    return 1 if soak.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
