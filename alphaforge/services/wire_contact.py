"""The first word with a venue, before a run begins: is it there, and does it take the key?

Everything that would make a run impossible is found here, where it can be said what to do about
it. Questions only: must never place, change or cancel an order, nor leave a connection open.
"""

from collections.abc import Sequence
from typing import Final

from alphaforge.errors import VenueError
from alphaforge.model.enums import InstrumentKind
from alphaforge.services.credentials import Credentials
from alphaforge.services.exchange_reading import open_client, telling, unreadable
from alphaforge.services.opening import patiently
from alphaforge.services.venue_access import VenueWay
from alphaforge.venues.base import VenueHealth
from alphaforge.venues.ccxt_access import Access
from alphaforge.venues.ccxt_connecting import Clients, find_symbols, open_clients
from alphaforge.venues.ccxt_map import kind_of
from alphaforge.venues.ccxt_values import mapping

PATIENCE_SECONDS: Final = 8.0
"""How long a venue that does not answer is asked: a person waits for the word."""


async def greet(way: VenueWay, access: Access, key: Credentials, wanted: Sequence[str]) -> None:
    """See that the venue answers, lists the `wanted` symbols and takes the key.

    Raises `CredentialsError` for a key that it refuses, `NotFoundError` for a symbol that it does
    not list, `VenueError` for anything else: no network, a web page, a halted symbol, an account
    that can be long and short at once.
    """
    refusals = way.profile.capabilities.refusals - way.profile.capabilities.throttled

    async def once() -> None:
        await _hear(way, access)
        clients = await open_clients(access, way.profile, VenueHealth())
        try:
            symbols = await find_symbols(clients, access, wanted, way.title)
            if clients.trade is not None:
                await clients.trade.call("fetch_balance")
            await _check_mode(way, clients, tuple(symbols.values()))
        finally:
            await clients.close()

    try:
        with telling(way, access, key):
            await patiently(once, refusals, way.title, PATIENCE_SECONDS)
    except VenueError as error:
        error.remedy = error.remedy or f"see what is wrong: alphaforge exchange test {way.name}"
        raise


async def _hear(way: VenueWay, access: Access) -> None:
    """See that who answers is an exchange: a page of somebody in between has no time in it."""
    async with open_client(way, access) as (client, _clock):
        if client.has("fetchTime") and not isinstance(await client.call("fetch_time"), int):
            raise unreadable(way, client, "time")


async def _check_mode(way: VenueWay, clients: Clients, symbols: Sequence[str]) -> None:
    """Refuse an account that holds long and short of one contract apart: ours is one position."""
    contracts = [each for each in symbols if kind_of(each) is not InstrumentKind.SPOT]
    trade = clients.trade
    if trade is None or not contracts or not trade.has("fetchPositionMode"):
        return
    told = mapping(await trade.call("fetch_position_mode", contracts[0]), "position mode")
    if told.get("hedged") is True:
        raise VenueError(
            f"{way.title}: the account is in hedge mode, long and short of one contract at once",
            remedy="set it to one-way mode there, then try again",
        )
