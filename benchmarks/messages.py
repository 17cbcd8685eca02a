"""How many messages a second one stream's frames become values of ours, beside ccxt alone.

Frames as Binance sends them go into ccxt's WebSocket client as if they had been received: JSON,
ccxt's parsing and caches in both, and in ours the tap, the mapping and the queue to the engine as
well. Processor time; nothing is connected.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from time import process_time_ns
from typing import Any, NamedTuple, cast

import msgspec
from aiohttp import WSMessage, WSMsgType

from alphaforge.venues.base import VenueHealth
from alphaforge.venues.ccxt_access import Access
from alphaforge.venues.ccxt_client import CcxtClient, open_limiter
from alphaforge.venues.ccxt_loading import load_exchange
from alphaforge.venues.ccxt_map import Names
from alphaforge.venues.ccxt_outbox import Outbox
from alphaforge.venues.ccxt_profiles import profile_of
from alphaforge.venues.ccxt_reading import PublicReading, take_private
from alphaforge.venues.ccxt_streams import StreamKeeper
from alphaforge.venues.ccxt_tap import Stream
from alphaforge.venues.ccxt_time import VenueClock
from benchmarks.harness import Harness, Row, collection_paused
from tests.venues.ccxt_rig import BTC_USDT_SPOT

MESSAGES = 2_000
BEST_OF = 5
AT_ONCE = 20
"""Frames that arrive together: then the loop turns, and what they told is taken."""

SYMBOL = "BTC/USDT"
LEVELS = 500
"""Of each side of the book."""

_URL = "wss://stream.binance.com:9443/ws/0"
_START_MS = 1_795_188_949_342
_KEY = "k" * 64

Raw = dict[str, object]


class Kind(NamedTuple):
    """One kind of message.

    Attributes:
        make: The frame of a number.
        told: At least so many values must come of each frame.
    """

    make: Callable[[int], Raw]
    told: int = 1
    is_private: bool = False


def trade(number: int) -> Raw:
    """A print."""
    ts = _START_MS + number
    price = f"{60_000 + number % 7}.00000000"
    return {
        "e": "trade", "E": ts, "s": "BTCUSDT", "t": number + 1, "p": price, "q": "0.50000000",
        "T": ts, "m": bool(number % 2), "M": True,
    }  # fmt: skip


def book_ticker(number: int) -> Raw:
    """A new best bid and ask."""
    bid = 60_000 + number % 7
    return {
        "u": number + 1, "s": "BTCUSDT", "b": f"{bid}.00000000", "B": "0.50000000",
        "a": f"{bid + 1}.00000000", "A": "0.70000000",
    }  # fmt: skip


def depth_update(number: int) -> Raw:
    """Eight levels that have another size."""
    size = f"{1 + number % 5}.25000000"
    near = range(number % 3, number % 3 + 4)
    return {
        "e": "depthUpdate", "E": _START_MS + number, "s": "BTCUSDT", "U": number + 2,
        "u": number + 2,
        "b": [[f"{60_000 - each}.00000000", size] for each in near],
        "a": [[f"{60_001 + each}.00000000", size] for each in near],
    }  # fmt: skip


def execution_report(number: int) -> Raw:
    """An order of ours that was taken, then half of it filled, in turns."""
    order, is_fill = number // 2 + 1, bool(number % 2)
    ts = _START_MS + number
    filled = "0.00500000" if is_fill else "0.00000000"
    return {
        "e": "executionReport", "E": ts, "s": "BTCUSDT", "c": f"af00112233445566000001{order:010x}",
        "S": "BUY", "o": "LIMIT", "f": "GTC", "q": "0.01000000", "p": "59000.00000000",
        "P": "0.00000000", "F": "0.00000000", "g": -1, "C": "",
        "x": "TRADE" if is_fill else "NEW", "X": "PARTIALLY_FILLED" if is_fill else "NEW",
        "r": "NONE", "i": order, "l": filled, "z": filled, "L": "59000.00000000",
        "n": "0.00000500" if is_fill else "0", "N": "BTC" if is_fill else None, "T": ts,
        "t": number if is_fill else -1, "I": number, "w": True, "m": is_fill, "M": is_fill,
        "O": ts, "Z": "0.00000000", "Y": "0.00000000", "Q": "0.00000000", "W": ts, "V": "NONE",
    }  # fmt: skip


KINDS = {
    "messages_trade": Kind(trade),
    "messages_quote": Kind(book_ticker),
    "messages_book": Kind(depth_update),
    "messages_order": Kind(execution_report, is_private=True),
}


def run(harness: Harness) -> dict[str, Row]:
    """Measure `messages_*`; ours and plain ones in turns."""
    count, tries = harness.size(MESSAGES), harness.tries(BEST_OF)
    rows: dict[str, Row] = {}
    for name, kind in KINDS.items():
        frames = [
            WSMessage(WSMsgType.TEXT, msgspec.json.encode(kind.make(number)).decode(), None)
            for number in range(count)
        ]
        best = [1 << 62, 1 << 62]
        for _ in range(tries):
            harness.measure_floor()
            for place, measure in enumerate((_ours, _plain)):
                best[place] = min(best[place], asyncio.run(measure(kind, frames)))
        ours, plain = (count * 1e9 / spent for spent in best)
        extra = {"plain_per_second": round(plain), "of_plain": round(ours / plain, 3)}
        rows[name] = Row(ours, "msgs/s", tries, best[0] / count, extra)
    return rows


async def _ours(kind: Kind, frames: Sequence[WSMessage]) -> int:
    health = VenueHealth()
    access, profile = Access("binance", api_key=_KEY, secret=_KEY), profile_of("binance")
    loop = asyncio.get_running_loop()
    clock = VenueClock(loop.time, lambda: _START_MS, health)
    limiter = open_limiter(health)
    client = CcxtClient(access, profile, limiter, clock, health, is_private=kind.is_private)
    names, outbox = Names("local", "main", profile, {SYMBOL: SYMBOL}), Outbox(health)
    reading = PublicReading(names, outbox, clock)
    reading.want_book(SYMBOL)
    take = partial(take_private, names, outbox) if kind.is_private else reading.take
    keeper = StreamKeeper(client, take, _gap, health)
    for name in ("trades", "quotes", "book"):
        stream = Stream(name, name)
        stream.is_up = True
        keeper.streams.append(stream)
    _know(client.raw)
    reader = loop.create_task(_count(outbox))
    try:
        spent = await _feed(client.raw.client(_URL).handle_message, frames)
    finally:
        outbox.close()
        told = await reader
        await keeper.close()
        await client.close()
    if told < kind.told * len(frames):
        raise RuntimeError(f"benchmark: {told} values of {len(frames)} messages")
    return spent


async def _plain(kind: Kind, frames: Sequence[WSMessage]) -> int:
    del kind
    raw = cast("Any", load_exchange("binance"))({"apiKey": "k", "secret": "s"})
    _know(raw)
    try:
        return await _feed(raw.client(_URL).handle_message, frames)
    finally:
        await raw.close()


async def _feed(handle: Callable[[WSMessage], object], frames: Sequence[WSMessage]) -> int:
    """Processor time of taking them all in, ns."""
    with collection_paused():
        began = process_time_ns()
        for first in range(0, len(frames), AT_ONCE):
            for frame in frames[first : first + AT_ONCE]:
                handle(frame)
            await asyncio.sleep(0)
        return process_time_ns() - began


async def _count(outbox: Outbox) -> int:
    """The engine's end of the queue."""
    told = 0
    async for _message in outbox.read():
        told += 1
    return told


def _know(raw: Any) -> None:
    """One market and its book."""
    raw.options |= {"crossMarginPairsData": [], "isolatedMarginPairsData": []}
    raw.set_markets([raw.parse_market(BTC_USDT_SPOT)])
    book = raw.order_book({}, LEVELS)
    sides = {
        "bids": [[60_000.0 - each, 1.0] for each in range(LEVELS)],
        "asks": [[60_001.0 + each, 1.0] for each in range(LEVELS)],
    }
    book.reset({**sides, "nonce": 1, "symbol": SYMBOL, "timestamp": _START_MS})
    raw.orderbooks[SYMBOL] = book


def _gap(reason: str) -> None:
    raise RuntimeError(f"benchmark: {reason}")
