"""Opens the clients of one account and learns what must be known first: markets, clock, symbols.

Must never leave a connection open behind an error, nor send anything private before the venue's
clock is known.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from alphaforge.errors import CredentialsError, NotFoundError, OutcomeUnknownError, VenueError
from alphaforge.venues.base import VenueHealth
from alphaforge.venues.ccxt_access import Access
from alphaforge.venues.ccxt_client import CcxtClient, open_limiter
from alphaforge.venues.ccxt_limiter import Priority
from alphaforge.venues.ccxt_loading import ccxt_version, load_exchange
from alphaforge.venues.ccxt_markets import Markets, MarketsCache
from alphaforge.venues.ccxt_profile import Profile
from alphaforge.venues.ccxt_symbols import resolve
from alphaforge.venues.ccxt_time import VenueClock
from alphaforge.venues.ccxt_values import mapping

_NOT_TAKEN = frozenset({"AuthenticationError", "PermissionDenied", "AccountNotEnabled"})
"""What ccxt calls it."""

_NS_PER_MS = 1_000_000
_MARKETS_SECONDS = 30.0
_FIRST_MS, _LAST_MS = 1_230_768_000_000, 4_102_444_800_000


@dataclass
class Clients:
    """The clients of one account.

    Attributes:
        data: Public streams and questions.
        trade: Private ones; None without a key.
        clock: The venue's.
        has_asked: The markets come from the venue, not from disk.
    """

    data: CcxtClient
    trade: CcxtClient | None
    clock: VenueClock
    has_asked: bool = False

    async def close(self) -> None:
        """Close both; the second too if the first will not."""
        try:
            if self.trade is not None:
                await self.trade.close()
        finally:
            await self.data.close()

    async def compare_clocks(self) -> int:
        """Ask for the venue's time; ns UTC.

        A venue that has no such question is taken to have this machine's clock.
        """
        data = self.data
        if not data.has("fetchTime"):
            return self.clock.now()
        asked = asyncio.get_running_loop().time()
        answer = await data.call("fetch_time")
        if not isinstance(answer, int) or not _FIRST_MS < answer < _LAST_MS:
            raise OutcomeUnknownError(f"the venue's clock says {answer!r}")
        self.clock.compare(answer, asked)
        return answer * _NS_PER_MS


async def open_clients(access: Access, profile: Profile, health: VenueHealth) -> Clients:
    """Both clients, with the venue's markets and clock."""
    loop = asyncio.get_running_loop()
    limiter = open_limiter(health)
    # What ccxt reads for what it signs, so that both go by one clock of this machine.
    wall_ms = cast("Any", load_exchange(access.ccxt_id)).milliseconds
    clock = VenueClock(loop.time, wall_ms, health)
    opened: list[CcxtClient] = []
    try:
        for is_private in (False, True) if access.has_key else (False,):
            opened.append(  # noqa: PERF401 - what is open already is closed on an error
                CcxtClient(access, profile, limiter, clock, health, is_private=is_private)
            )
        clients = Clients(opened[0], opened[1] if access.has_key else None, clock)
        await clients.compare_clocks()
        await load_markets(clients, access, is_fresh=False)
        # Again, over the connection that there is now: the first answer was long on its way.
        await clients.compare_clocks()
    except BaseException:
        for each in opened:
            await each.close()
        raise
    return clients


async def check_key(clients: Clients, profile: Profile) -> None:
    """Ask for something private, before any stream: those can only be silent about a bad key.

    Raises `CredentialsError` with the venue's words where it does not take the key.
    """
    if clients.trade is None:
        return
    try:
        await clients.trade.call("fetch_balance")
    except VenueError as error:
        names = {each.__name__ for each in type(error.__cause__).__mro__}
        if not names & _NOT_TAKEN:
            raise
        raise CredentialsError(
            f"{profile.title} does not take the key: {error}",
            remedy="alphaforge keys test VENUE; is it for this network, and for this address?",
        ) from error


async def load_markets(clients: Clients, access: Access, *, is_fresh: bool) -> None:
    """Have both clients know the markets: from disk, or asked for where `is_fresh`."""
    data, trade, now = clients.data, clients.trade, clients.clock.now()
    cache = MarketsCache(access.cache_folder, ccxt_version()) if access.cache_folder else None
    names = access.ccxt_id, "-".join((access.network, *access.market_types))
    held = cache.load(*names, now) if cache and not is_fresh else None
    clients.has_asked = held is None
    if held is not None:
        data.raw.set_markets(held.markets, held.currencies or None)
    else:
        await data.call("load_markets", True, priority=Priority.QUERY, timeout_s=_MARKETS_SECONDS)
        if not data.markets:
            raise OutcomeUnknownError("the venue's list of markets is empty")
    if trade is not None:
        trade.raw.set_markets_from_exchange(data.raw)


def keep_markets(clients: Clients, access: Access) -> None:
    """Put what was asked for on disk, once it has been found good."""
    if not clients.has_asked or access.cache_folder is None:
        return
    data = clients.data
    names = access.ccxt_id, "-".join((access.network, *access.market_types))
    currencies = cast("dict[str, object]", data.raw.currencies or {})
    with suppress(OSError):  # without a cache the next start asks again
        MarketsCache(access.cache_folder, ccxt_version()).save(
            *names, Markets(dict(data.markets), currencies), clients.clock.now()
        )


async def find_symbols(
    clients: Clients, access: Access, wanted: Sequence[str], title: str
) -> Mapping[str, str]:
    """Ccxt's symbol for each wanted one; what the disk does not know is asked for anew."""
    try:
        return resolve(wanted, clients.data.markets, title)
    except NotFoundError:
        if access.cache_folder is None:
            raise
    await load_markets(clients, access, is_fresh=True)
    return resolve(wanted, clients.data.markets, title)


def market_of(clients: Clients, unified: str) -> Mapping[str, object]:
    """One of ccxt's markets."""
    return mapping(clients.data.markets.get(unified), "market")
