"""Binance spot's vocabulary: its names for symbols, order types, states and numbers.

Pure translation between the exchange's terms and the venue's. Must hold no rule of trading.
"""

import hashlib
from collections.abc import Iterator, Mapping
from decimal import Decimal

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.sandbox.dialects.binance_errors import BinanceError
from alphaforge.sandbox.floor import Floor
from alphaforge.sandbox.terms import (
    Kind,
    Listing,
    MarketStatus,
    Order,
    SelfTrade,
    Standing,
    Tif,
)

NS_PER_MS = 1_000_000
BASIS_POINTS = 10_000
NO_LIST = -1
_DECIMALS = 8

SIDES: Mapping[str, OrderSide] = {side.value: side for side in OrderSide}
TIFS: Mapping[str, Tif] = {tif.value: tif for tif in Tif}
SELF_TRADES: Mapping[str, SelfTrade] = {mode.value: mode for mode in SelfTrade}

STATUSES: Mapping[MarketStatus, str] = {
    MarketStatus.TRADING: "TRADING",
    MarketStatus.HALTED: "HALT",
    MarketStatus.DELISTED: "BREAK",
}

ORDER_TYPES = (
    "LIMIT",
    "LIMIT_MAKER",
    "MARKET",
    "STOP_LOSS",
    "STOP_LOSS_LIMIT",
    "TAKE_PROFIT",
    "TAKE_PROFIT_LIMIT",
)

_STANDINGS: Mapping[Standing, str] = {
    Standing.PENDING: "NEW",
    Standing.FILLED: "FILLED",
    Standing.CANCELED: "CANCELED",
    Standing.EXPIRED: "EXPIRED",
    Standing.EXPIRED_IN_MATCH: "EXPIRED_IN_MATCH",
    Standing.REJECTED: "REJECTED",
}


def ms(stamp: int) -> int:
    """Of ns, as the venue's milliseconds."""
    return stamp // NS_PER_MS


def number(amount: Decimal | None) -> str:
    """With 8 decimals as the venue writes, or with all it has; None is zero."""
    if amount is None:
        return "0.00000000"
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -_DECIMALS:
        return f"{amount:f}"
    return f"{amount:.{_DECIMALS}f}"


def wire_symbol(symbol: str) -> str:
    """`BTC/USDT` → `BTCUSDT`."""
    return symbol.replace("/", "")


def order_type(order: Order) -> str:
    """The venue's type of an order.

    Which side of the market a stop waits on tells a loss from a profit.
    """
    if order.trigger_price is None and order.trail is None:
        if order.kind is Kind.MARKET:
            return "MARKET"
        return "LIMIT_MAKER" if order.post_only else "LIMIT"
    is_loss = order.trigger_above is (order.side is OrderSide.BUY)
    name = "STOP_LOSS" if is_loss else "TAKE_PROFIT"
    return name if order.kind is Kind.MARKET else f"{name}_LIMIT"


def status(order: Order) -> str:
    """The venue's status of an order."""
    if order.standing is Standing.OPEN:
        return "PARTIALLY_FILLED" if order.filled else "NEW"
    return _STANDINGS[order.standing]


def list_number(order: Order) -> int:
    """`orderListId`; -1 for none."""
    return order.list_id or NO_LIST


def trailing_delta(order: Order) -> int | None:
    """Basis points; None for an order that does not trail."""
    return None if order.trail is None else int(order.trail * BASIS_POINTS)


def made_id(*parts: object) -> str:
    """A client id for a request that came without: 22 characters, the same for the same parts."""
    text = ":".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:22]


class Symbols:
    """The spot listings by the venue's names."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def __iter__(self) -> Iterator[Listing]:
        for listing in self._floor.exchange.listings.values():
            if listing.kind is InstrumentKind.SPOT:
                yield listing

    def find(self, name: str) -> Listing | None:
        """The listing of that name, letters in any case; None if there is none."""
        wanted = name.upper()
        return next((one for one in self if wire_symbol(one.symbol) == wanted), None)

    def listing(self, name: str) -> Listing:
        """The same in the venue's own letters; raises -1121 where there is none."""
        found = self.find(name)
        if found is None or wire_symbol(found.symbol) != name:
            raise BinanceError(-1121, "Invalid symbol.")
        return found

    def is_spot(self, symbol: str) -> bool:
        """Whether a unified symbol is one of these."""
        listing = self._floor.exchange.listings.get(symbol)
        return listing is not None and listing.kind is InstrumentKind.SPOT
