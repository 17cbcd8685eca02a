"""The rules of what a run trades at a venue: its grid, the account's fees, and what it cannot do.

What it cannot do the engine does in its place, where it can. Must never leave out something that
the venue would refuse or we would not send.
"""

from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from alphaforge.errors import VenueError
from alphaforge.model.enums import InstrumentKind, OrderType, TimeInForce
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import ONE
from alphaforge.venues.ccxt_connecting import Clients, market_of
from alphaforge.venues.ccxt_map import Names, instrument
from alphaforge.venues.ccxt_profile import Amend, Profile
from alphaforge.venues.ccxt_values import mapping, number_of

BECOMES: Final = {
    OrderType.STOP_MARKET: OrderType.MARKET,
    OrderType.STOP_LIMIT: OrderType.LIMIT,
    OrderType.TRAILING_STOP: OrderType.MARKET,
}
"""What a held stop is sent as."""

_FALLBACK_FEE = Decimal("0.001")
"""Where nobody tells a rate: what the dearer of the large venues take."""


async def read_instrument(clients: Clients, names: Names, symbol: str) -> Instrument:
    """The rules of one symbol, as it is spelled here; asks for the account's fees."""
    unified = names.unified(symbol)
    market = market_of(clients, unified)
    maker, taker = (_rate(market.get(each)) for each in ("maker", "taker"))
    client = clients.trade
    if client is not None and client.has("fetchTradingFee"):
        # A test network often has no answer: then the venue's list prices stand.
        with suppress(VenueError):
            told = mapping(await client.call("fetch_trading_fee", unified), "fee")
            maker, taker = _rate(told.get("maker")), _rate(told.get("taker"))
    read = instrument(market, venue=names.venue, symbol=symbol, maker=maker, taker=taker)
    if names.profile.counts_units:
        read = replace(read, multiplier=ONE)
    missing = unsupported(names.profile, read.kind)
    return replace(read, unsupported=missing, emulated=emulated(missing))


def check_rules(clients: Clients, names: Names, symbols: Sequence[str]) -> None:
    """Raises `MalformedError` where the list of markets holds rules that can not be read."""
    for symbol in symbols:
        market = market_of(clients, names.unified(symbol))
        maker, taker = (_rate(market.get(each)) for each in ("maker", "taker"))
        instrument(market, venue=names.venue, symbol=symbol, maker=maker, taker=taker)


def _rate(rate: object) -> Decimal:
    return _FALLBACK_FEE if rate is None else number_of(rate, "fee")


def unsupported(profile: Profile, kind: InstrumentKind) -> tuple[str, ...]:
    """What `Instrument.unsupported` says of instruments of a kind at a venue.

    The two legs of a spot bracket would each lock the whole holding, so it has none.
    """
    native = profile.order_types(kind)
    missing = [each.value for each in OrderType if each not in native]
    missing += [each.value for each in TimeInForce if each not in profile.tifs]
    if not profile.has_post_only:
        missing.append("POST_ONLY")
    if not profile.has_reduce_only and kind is not InstrumentKind.SPOT:
        missing.append("REDUCE_ONLY")
    if profile.amend is not Amend.IN_PLACE:
        missing.append("MODIFY")
    if kind is InstrumentKind.SPOT:
        missing.append("BRACKET")
    return tuple(missing)


def emulated(missing: tuple[str, ...]) -> tuple[str, ...]:
    """What of it the engine does in its place: where it can send what the order becomes."""
    found = [stop.value for stop, becomes in BECOMES.items() if becomes.value not in missing]
    found = [each for each in found if each in missing]
    if "BRACKET" in missing and not {OrderType.MARKET.value, OrderType.LIMIT.value} & {*missing}:
        found.append("BRACKET")
    return tuple(found)
