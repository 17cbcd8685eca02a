"""The profile of every venue: the ones with a table, and safe defaults for any other.

A venue without a table promises nothing, so that an order whose outcome is unknown stays in doubt
there until the venue shows it. Must never guess.
"""

from alphaforge.venues.ccxt_profile import (
    LOCAL,
    NOT_FOUND,
    UNSUPPORTED,
    Amend,
    Expiry,
    ExpiryWay,
    LookUp,
    LookUps,
    Profile,
    TestNetwork,
    TriggerStore,
    WireId,
    from_wire,
    to_wire,
)
from alphaforge.venues.profiles.binance import BINANCE, BINANCECOINM, BINANCEUSDM
from alphaforge.venues.profiles.bybit import BYBIT
from alphaforge.venues.profiles.contract_venues import DERIBIT, HYPERLIQUID, KRAKENFUTURES
from alphaforge.venues.profiles.okx import OKX
from alphaforge.venues.profiles.spot_venues import (
    BITGET,
    COINBASE,
    GATE,
    KRAKEN,
    KUCOIN,
    unknown_venue,
)

__all__ = [
    "LOCAL",
    "NOT_FOUND",
    "PROFILES",
    "UNSUPPORTED",
    "Amend",
    "Expiry",
    "ExpiryWay",
    "LookUp",
    "LookUps",
    "Profile",
    "TestNetwork",
    "TriggerStore",
    "WireId",
    "from_wire",
    "profile_of",
    "to_wire",
]

PROFILES = {
    profile.ccxt_id: profile
    for profile in (
        BINANCE,
        BINANCEUSDM,
        BINANCECOINM,
        BYBIT,
        OKX,
        COINBASE,
        KRAKEN,
        KRAKENFUTURES,
        BITGET,
        GATE,
        KUCOIN,
        HYPERLIQUID,
        DERIBIT,
    )
}
"""The venues with a table, by ccxt id."""


def profile_of(ccxt_id: str) -> Profile:
    """What a venue does; safe defaults for one that no table was written for."""
    return PROFILES.get(ccxt_id) or unknown_venue(ccxt_id)
