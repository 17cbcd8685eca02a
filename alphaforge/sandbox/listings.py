"""What the built-in exchange lists when nobody says otherwise, and rules for any other name.

Grids and fees look like those of the large venues; prices are round numbers of no particular day.
A listing depends on its symbol alone, so that two exchanges that list the same trade by the same
rules. Must never look at a market.
"""

from collections.abc import Sequence
from decimal import Decimal
from zlib import crc32

from alphaforge.errors import UsageError
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.numbers import ONE, nearest_to
from alphaforge.sandbox.terms import Listing

DEFAULT_SYMBOLS = (
    "BTC/USDT",
    "ETH/USDT",
    "SOL/USDT",
    "XRP/USDT",
    "BNB/USDT",
    "ETH/BTC",
    "BTC/USDT:USDT",
    "ETH/USDT:USDT",
)

_PRICES = {
    "BTC": "60000", "ETH": "3000", "SOL": "150", "XRP": "0.6", "BNB": "550", "LTC": "80",
    "ADA": "0.4", "DOGE": "0.12", "AVAX": "30", "LINK": "14", "DOT": "6", "TRX": "0.15",
    "USDT": "1", "USDC": "1", "USD": "1", "FDUSD": "1", "EUR": "1.08",
}  # fmt: skip
"""In dollars."""

_GRIDS = {
    "BTC/USDT": ("0.01", "0.00001"),
    "ETH/USDT": ("0.01", "0.0001"),
    "SOL/USDT": ("0.01", "0.001"),
    "XRP/USDT": ("0.0001", "0.1"),
    "BNB/USDT": ("0.01", "0.001"),
    "ETH/BTC": ("0.00001", "0.0001"),
    "BTC/USDT:USDT": ("0.1", "0.001"),
    "ETH/USDT:USDT": ("0.01", "0.01"),
}
"""Price step and quantity step."""

_PRICE_DIGITS = 6
_LARGEST_ORDER = Decimal(50_000_000)
"""In dollars."""
_SMALLEST_VALUE = Decimal(5)
"""In dollars."""


def default_listings(symbols: Sequence[str] = DEFAULT_SYMBOLS) -> tuple[Listing, ...]:
    """The listings of some symbols, in their order.

    `BASE/QUOTE` is a spot market, `BASE/QUOTE:QUOTE` a linear perpetual with contracts of one base
    unit. A base nobody knows is given a price from its name.

    Raises:
        UsageError: A symbol is spelled otherwise, or is listed twice.
    """
    if len(set(symbols)) < len(symbols):
        twice = next(symbol for symbol in symbols if symbols.count(symbol) > 1)
        raise UsageError(f"{twice} is listed twice", remedy="name each symbol once")
    return tuple(_listing(symbol) for symbol in symbols)


def made_up(symbols: Sequence[str]) -> tuple[str, ...]:
    """Currencies of these symbols that nobody knows, in their order: their price is invented."""
    named = [part for symbol in symbols for part in symbol.partition(":")[0].split("/")]
    return tuple(dict.fromkeys(each for each in named if each not in _PRICES))


def quote_per_dollar(listing: Listing) -> float:
    """What a dollar is in a listing's quote: the smallest order is worth five; 1 without a limit.

    Sizes of made-up orders and volumes come from this, so that a cross is as lively as the rest.
    """
    return float(listing.min_value / _SMALLEST_VALUE) or 1.0


def _listing(symbol: str) -> Listing:
    pair, _, settle = symbol.partition(":")
    base, _, quote = pair.partition("/")
    if not base or not quote or settle not in {"", quote} or symbol != symbol.upper():
        raise UsageError(
            f"the built-in exchange cannot list {symbol!r}",
            remedy="spot is BTC/USDT, a linear perpetual BTC/USDT:USDT",
        )
    price = _price(base) / _price(quote)
    price_step, quantity_step = _grid(symbol, price, _price(base))
    is_spot = not settle
    return Listing(
        symbol=symbol,
        kind=InstrumentKind.SPOT if is_spot else InstrumentKind.LINEAR,
        base=base,
        quote=quote,
        settle=settle or quote,
        price_step=price_step,
        quantity_step=quantity_step,
        min_quantity=quantity_step,
        max_quantity=_power_of_ten(_LARGEST_ORDER / _price(base)),
        min_value=nearest_to(_SMALLEST_VALUE / _price(quote), Decimal("0.00001")),
        maker_fee=Decimal("0.001") if is_spot else Decimal("0.0002"),
        taker_fee=Decimal("0.001") if is_spot else Decimal("0.00055"),
        first_price=max(nearest_to(price, price_step), price_step),
    )


def _price(currency: str) -> Decimal:
    # crc32 and not hash(): the same in every process.
    known = _PRICES.get(currency)
    return Decimal(known) if known else Decimal(100 + crc32(currency.encode()) % 49_900) / 100


def _grid(symbol: str, price: Decimal, base_price: Decimal) -> tuple[Decimal, Decimal]:
    """Known grids; else six digits of price, and a quantity step of at most a cent's worth."""
    if symbol in _GRIDS:
        price_step, quantity_step = _GRIDS[symbol]
        return Decimal(price_step), Decimal(quantity_step)
    price_step = ONE.scaleb(min(0, price.adjusted() - _PRICE_DIGITS + 1))
    return max(price_step, ONE.scaleb(-8)), ONE.scaleb(min(0, -2 - base_price.adjusted()))


def _power_of_ten(number: Decimal) -> Decimal:
    """The largest one that is not above `number`."""
    return Decimal(10 ** max(0, number.adjusted()))
