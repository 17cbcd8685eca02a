"""What an exchange answers when it is asked: its markets, and whether a key is good.

Reads only, and closes what it opened. Must never place, change or cancel an order.
"""

import asyncio
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from decimal import Decimal
from typing import NamedTuple, cast

from alphaforge.errors import VenueError
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import ZERO, decimal_of
from alphaforge.model.symbols import canonical
from alphaforge.services.clock import SystemClock
from alphaforge.services.credentials import Credentials
from alphaforge.services.venue_access import VenueWay
from alphaforge.services.venue_trouble import is_page, page_error, trouble
from alphaforge.venues.base import VenueHealth
from alphaforge.venues.ccxt_access import Access
from alphaforge.venues.ccxt_client import CcxtClient, open_limiter
from alphaforge.venues.ccxt_loading import ccxt_version
from alphaforge.venues.ccxt_market_data import instrument
from alphaforge.venues.ccxt_markets import Markets, MarketsCache
from alphaforge.venues.ccxt_orders import balances
from alphaforge.venues.ccxt_time import VenueClock
from alphaforge.venues.ccxt_values import MalformedError

_TICK_SIZE = 4
_NS_PER_MS = 1_000_000
_STATUS = {True: "trading", False: "halted"}


class MarketLine(NamedTuple):
    """One market.

    Attributes:
        rules: Its fees are those of the exchange's list, not of an account.
        status: `trading`, `halted`, or `unknown` where the exchange does not say.
    """

    rules: Instrument
    status: str


class MarketList(NamedTuple):
    """What was found.

    Attributes:
        lines: By symbol.
        skipped: Markets that we do not trade: options, and what settles in a third currency.
    """

    lines: list[MarketLine]
    skipped: int


async def read_markets(way: VenueWay, access: Access, match: str) -> MarketList:
    """The markets whose symbols hold `match`, ignoring case and separators; empty = all.

    From the list kept for a day, else from the exchange. Raises `VenueError`.
    """
    lines: list[MarketLine] = []
    skipped = 0
    for symbol, market in sorted((await _markets(way, access)).items()):
        if canonical(match) not in canonical(symbol):
            continue
        try:
            lines.append(_line(way, symbol, market))
        except MalformedError:
            skipped += 1
    return MarketList(lines, skipped)


def _line(way: VenueWay, symbol: str, market: Mapping[str, object]) -> MarketLine:
    rules = instrument(
        market,
        venue=way.name,
        symbol=symbol,
        maker=_fee(market, "maker"),
        taker=_fee(market, "taker"),
    )
    active = market.get("active")
    return MarketLine(rules, _STATUS[active] if isinstance(active, bool) else "unknown")


def _fee(market: Mapping[str, object], name: str) -> Decimal:
    given = market.get(name)
    fee = decimal_of(given) if isinstance(given, str | int | float) else ZERO
    return fee if fee.is_finite() else ZERO


async def _markets(way: VenueWay, access: Access) -> Mapping[str, Mapping[str, object]]:
    cache = None
    network = "-".join((access.network.value, *access.market_types))
    if access.cache_folder is not None:
        cache = MarketsCache(access.cache_folder, ccxt_version())
        held = cache.load(access.ccxt_id, network, SystemClock().wall_ns())
        if held is not None:
            return cast("Mapping[str, Mapping[str, object]]", held.markets)
    async with open_client(way, access) as (client, _clock):
        with telling(way, access, None):
            markets = await load_markets(way, client)
    if cache is not None:
        held = Markets(cast("dict[str, object]", dict(markets)))
        with suppress(OSError):  # without a place for it, it is asked for again next time
            cache.save(access.ccxt_id, network, held, SystemClock().wall_ns())
    return markets


async def load_markets(way: VenueWay, client: CcxtClient) -> Mapping[str, Mapping[str, object]]:
    """Ask an exchange for its markets; raises `VenueError` if none can be read.

    ccxt takes an answer that it does not understand for an exchange without markets.
    """
    await client.call("load_markets")
    if not client.markets:
        raise unreadable(way, client, "markets")
    if client.raw.precisionMode != _TICK_SIZE:
        raise VenueError(
            f"{way.title} states digits where others state steps: it is not supported",
            remedy="see the others: alphaforge exchange list",
        )
    return client.markets


def unreadable(way: VenueWay, client: CcxtClient, what: str) -> VenueError:
    """What to raise where an answer holds nothing: that of a proxy is no answer at all."""
    if is_page(str(client.raw.last_http_response)):
        return page_error(way.title)
    return VenueError(
        f"{way.title} tells no {what} that can be read",
        remedy="try again; if it stays so, its answers have changed: report it",
    )


async def key_test(way: VenueWay, access: Access, key: Credentials) -> dict[str, object]:
    """Ask for the balance with a key; what it says, ready for JSON.

    Raises `CredentialsError` where the key is refused, in the exchange's words, else `VenueError`.
    """
    async with open_client(way, access) as (client, _clock):
        with telling(way, access, key):
            held = balances(await client.call("fetch_balance"))
    return {
        "network": access.network.value,
        "currencies": [each.currency for each in held if each.total],
    }


@asynccontextmanager
async def open_client(
    way: VenueWay, access: Access
) -> AsyncGenerator[tuple[CcxtClient, VenueClock]]:
    """A client of its own, closed at the end, and what it knows of the exchange's clock."""
    health = VenueHealth()
    wall = SystemClock()
    clock = VenueClock(
        asyncio.get_running_loop().time, lambda: wall.wall_ns() // _NS_PER_MS, health
    )
    is_private = access.has_key
    limiter = open_limiter(health)
    client = CcxtClient(access, way.profile, limiter, clock, health, is_private=is_private)
    try:
        yield client, clock
    finally:
        await client.close()


@contextmanager
def telling(way: VenueWay, access: Access, key: Credentials | None) -> Generator[None]:
    """Lets a venue's errors say what to do about them."""
    try:
        yield
    except VenueError as error:
        told = trouble(error, way, access, key)
        if told is error:
            raise
        raise told from error
