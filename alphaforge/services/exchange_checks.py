"""What a start would find out about a venue, one check after the other, without trading.

A check that fails says what to do; those that need it are left out. Must never place an order.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import NamedTuple

from alphaforge.errors import AlphaForgeError, CredentialsError, VenueError
from alphaforge.services.credentials import Credentials
from alphaforge.services.exchange_reading import (
    key_test,
    load_markets,
    open_client,
    telling,
    unreadable,
)
from alphaforge.services.venue_access import VenueWay
from alphaforge.venues.ccxt_access import Access
from alphaforge.venues.ccxt_checks import Check as AdapterCheck
from alphaforge.venues.ccxt_client import CcxtClient
from alphaforge.venues.ccxt_time import VenueClock
from alphaforge.venues.ccxt_venue import CcxtVenue

_COMPARISONS = 3
_STREAM_SECONDS = 15.0
_NS_PER_MS = 1_000_000
_MS_PER_SECOND = 1000
_LIKED = ("BTC/USDT", "BTC/USDT:USDT", "BTC/USD", "BTC/USD:BTC")

_WITHDRAWALS = "withdrawals"
_OF_ACCOUNT = ("precision", "streams", _WITHDRAWALS, "position mode")

_Markets = Mapping[str, Mapping[str, object]]


class Check(NamedTuple):
    """One thing that was looked at.

    Attributes:
        ok: None where it was left out.
        detail: What was found, or why it was left out.
        error: What is wrong and what to do; None unless `ok` is False.
    """

    name: str
    ok: bool | None
    detail: str
    error: AlphaForgeError | None = None


async def exchange_checks(
    way: VenueWay, access: Access, key: Credentials | None
) -> AsyncGenerator[Check]:
    """Each check as it is done: network, clock, markets, stream, key."""
    async with open_client(way, access) as (client, clock):
        public = _Public(way, client, clock)
        steps = (
            ("network", public.reach),
            ("clock", public.compare_clocks),
            ("markets", public.load),
            ("stream", public.stream),
        )
        failed = ""
        for name, step in steps:
            if failed in {"network", "markets"}:
                yield Check(name, None, f"left out: {failed} failed")
                continue
            check = await _checked(name, step, way, access, key)
            failed = failed or ("" if check.ok else name)
            yield check
    if key is None:
        yield Check("key", None, f"left out: no key (alphaforge keys set {way.name})")
    elif failed in {"network", "markets"}:
        yield Check("key", None, f"left out: {failed} failed")
    else:
        check = await _checked("key", lambda: _try_key(way, access, key), way, access, key)
        yield check
        for each in await account_checks(way, access, key) if check.ok else ():
            yield each


async def account_checks(way: VenueWay, access: Access, key: Credentials) -> list[Check]:
    """What a key may do and how its account is set; for a key that is known to be good.

    Raises `VenueError` where the exchange cannot be reached.
    """
    venue = CcxtVenue(access, way.profile, name=way.name, account=way.section.account)
    with telling(way, access, key):
        found = await venue.checks()
    return [_of_account(way, each) for each in found if each.name in _OF_ACCOUNT]


def _of_account(way: VenueWay, check: AdapterCheck) -> Check:
    if check.ok:
        return Check(check.name, True, check.detail)
    if check.name != _WITHDRAWALS:
        return Check(check.name, False, check.detail, VenueError(f"{way.title}: {check.detail}"))
    if way.section.allow_withdrawal_keys:
        return Check(check.name, True, f"{check.detail}; allowed by your settings")
    error = CredentialsError(
        f"{way.title}: {check.detail}",
        remedy=f"make one that may not: alphaforge keys set {way.name}; or take the risk: "
        f"allow_withdrawal_keys = true in [venues.{way.name}]",
    )
    return Check(check.name, False, check.detail, error)


async def _checked(
    name: str,
    step: Callable[[], Awaitable[str]],
    way: VenueWay,
    access: Access,
    key: Credentials | None,
) -> Check:
    try:
        with telling(way, access, key):
            return Check(name, True, await step())
    except AlphaForgeError as error:
        return Check(name, False, error.message, error)


async def _try_key(way: VenueWay, access: Access, key: Credentials) -> str:
    found = await key_test(way, access, key)
    return f"{key.ending} may ask for the balance ({found['network']} network)"


class _Public:
    """The checks that need no key, in the order in which they build on each other."""

    def __init__(self, way: VenueWay, client: CcxtClient, clock: VenueClock) -> None:
        self._way = way
        self._client = client
        self._clock = clock
        self._markets: _Markets = {}

    async def reach(self) -> str:
        if self._client.has("fetchTime"):
            await self._compare()
            return f"{self._way.title} answers"
        self._markets = await load_markets(self._way, self._client)
        return f"{self._way.title} answers; it does not tell its time"

    async def compare_clocks(self) -> str:
        """The comparison with the shortest way is the best."""
        if not self._client.has("fetchTime"):
            return "not compared: it does not tell its time"
        best_trip, ahead_ms = min([await self._compare() for _ in range(_COMPARISONS)])
        bound_ms = self._way.profile.capabilities.clock_bound_ns // _NS_PER_MS
        trip_ms = best_trip * _MS_PER_SECOND
        if abs(ahead_ms) > bound_ms + trip_ms:
            raise VenueError(
                f"this machine's clock is {abs(ahead_ms)} ms "
                f"{'behind' if ahead_ms > 0 else 'ahead of'} the exchange's",
                remedy="set it by a time server (timedatectl set-ntp true), then try again",
            )
        return f"{ahead_ms:+d} ms apart, {trip_ms:.0f} ms there and back"

    async def _compare(self) -> tuple[float, int]:
        asked = asyncio.get_running_loop().time()
        told = await self._client.call("fetch_time")
        if not isinstance(told, int):
            raise unreadable(self._way, self._client, "time")
        self._clock.compare(told, asked)
        return self._clock.round_trip, self._clock.ahead_ms

    async def load(self) -> str:
        self._markets = self._markets or await load_markets(self._way, self._client)
        active = sum(market.get("active") is not False for market in self._markets.values())
        return f"{len(self._markets):,} markets, {active:,} trade"

    async def stream(self) -> str:
        """A book's first picture always comes, also of a quiet market."""
        symbol = next((each for each in _LIKED if each in self._markets), "")
        symbol = symbol or next(iter(self._markets), "")
        if not symbol or not self._client.streams("watch_order_book"):
            return "none: its market data is polled"
        await self._client.call("watch_order_book", symbol, timeout_s=_STREAM_SECONDS)
        return f"the book of {symbol} came"
