"""How Bybit writes what the exchange calls otherwise: markets, order ids, execution ids, times.

Pure and reversible, so that nothing has to be remembered across a restart. Must hold no rule of
trading.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.model.numbers import EXACT, ZERO, plain
from alphaforge.sandbox.dialects.bybit_errors import PARAMS, UNKNOWN_SYMBOL_WORDS, BybitError
from alphaforge.sandbox.terms import Level, Listing

CATEGORIES = {
    InstrumentKind.SPOT: "spot",
    InstrumentKind.LINEAR: "linear",
    InstrumentKind.INVERSE: "inverse",
}
EMPTY_CATEGORIES = frozenset({"option"})
"""Asked for by every client that loads markets; this exchange lists nothing there."""

SIDES = {OrderSide.BUY: "Buy", OrderSide.SELL: "Sell"}

_MS = 1_000_000
_SPOT_ORDERS = 1_900_000_000_000_000_000
_SPOT_TRADES = 2_290_000_000_000_000_000
_TRADES_PER_MARKET = 1_000_000_000_000
_CONTRACT_ORDERS = "6b1f3a52-4c0e-4d7a-9e21-"
_CONTRACT_TRADES = "-7d31-5c4e-8a21-"
_AVERAGE_STEP = Decimal("1e-12")


def milliseconds(ns: int) -> int:
    """Ns to ms, down."""
    return ns // _MS


def ms_text(ns: int) -> str:
    """A time as Bybit writes it in a field: ms, as text."""
    return str(ns // _MS)


def optional(number: Decimal | None) -> str:
    """A number, or empty text where there is none."""
    return "" if number is None else plain(number)


def average(value: Decimal, quantity: Decimal) -> str:
    """Value by quantity to 12 places; empty where nothing traded."""
    if not quantity:
        return ""
    return plain(EXACT.divide(value, quantity).quantize(_AVERAGE_STEP))


def levels(side: Iterable[Level]) -> list[list[str]]:
    """Price and size of each level, as text."""
    return [[plain(price), plain(size)] for price, size in side]


def total(numbers: Iterable[Decimal]) -> Decimal:
    """Their exact sum."""
    found = ZERO
    for number in numbers:
        found = EXACT.add(found, number)
    return found


def category_of(listing: Listing) -> str:
    """`spot`, `linear` or `inverse`."""
    return CATEGORIES[listing.kind]


def market_id(listing: Listing) -> str:
    """`BTCUSDT`: the same text for the spot market and the perpetual."""
    return f"{listing.base}{listing.quote}"


def check_category(category: str) -> None:
    """Raises 10001 for what is no category."""
    if category not in CATEGORIES.values() and category not in EMPTY_CATEGORIES:
        raise BybitError(PARAMS, "params error: category invalid")


def find_listing(listings: Mapping[str, Listing], category: str, market: str) -> Listing:
    """The listing of that category and id; raises 10001 if there is none."""
    for listing in listings.values():
        if category_of(listing) == category and market_id(listing) == market:
            return listing
    raise BybitError(PARAMS, UNKNOWN_SYMBOL_WORDS)


def order_text(order_id: int, listing: Listing) -> str:
    """A spot order's id is a number of 19 digits, a contract's a UUID."""
    if listing.kind is InstrumentKind.SPOT:
        return str(_SPOT_ORDERS + order_id)
    return f"{_CONTRACT_ORDERS}{order_id:012x}"


def link_id(order_id: int, client_order_id: str) -> str:
    """The client's own id; empty where the exchange made one because the client gave none."""
    return "" if client_order_id.rstrip("-") == f"x-{order_id}" else client_order_id


def order_number(text: str) -> int:
    """The exchange's id of an id written by `order_text`; 0, which no order has, for any other."""
    if text.startswith(_CONTRACT_ORDERS):
        tail = text.removeprefix(_CONTRACT_ORDERS)
        return int(tail, 16) if all(each in "0123456789abcdef" for each in tail) and tail else 0
    if text.isascii() and text.isdigit() and len(text) <= len(str(_SPOT_ORDERS)):
        return max(0, int(text) - _SPOT_ORDERS)
    return 0


def execution_text(listings: Mapping[str, Listing], symbol: str, trade_id: int) -> str:
    """A trade's id, unique over all markets: the same on the tape and for both its sides."""
    place = list(listings).index(symbol)
    if listings[symbol].kind is InstrumentKind.SPOT:
        return str(_SPOT_TRADES + place * _TRADES_PER_MARKET + trade_id)
    return f"{place:08x}{_CONTRACT_TRADES}{trade_id:012x}"
