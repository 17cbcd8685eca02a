"""The tradable thing: its currencies, grid, minimums, fees and how its value is counted.

The one place that rounds prices and quantities onto the grid.
"""

from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

import msgspec
from msgspec.structs import force_setattr

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.model.numbers import (
    CURRENCY_STEP,
    EXACT,
    ONE,
    ZERO,
    ceil_to,
    decimal_step,
    floor_to,
    nearest_to,
)

# Enum members as module names: looking one up on its class costs ten times as much.
_INVERSE = InstrumentKind.INVERSE
_BUY = OrderSide.BUY

_multiply = EXACT.multiply


class Instrument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Rules of one instrument at one venue.

    Attributes:
        symbol: As the strategy or `--symbol` spells it; the key of everything.
        venue: `binanceusdm`, `sim` where no venue is known.
        kind: Spot, linear or inverse.
        base: Currency bought and sold.
        quote: Currency prices are written in.
        settle: Currency profit and fees are paid in (quote for spot and linear, base for inverse).
        price_step: Smallest price increment, in quote.
        quantity_step: Smallest quantity increment, in base units or contracts.
        min_quantity: Smallest order quantity; never below one step.
        min_value: Smallest order value in quote; 0 where the venue has none.
        multiplier: Base units (linear, spot) or quote units (inverse) per contract.
        maker_fee: Rate paid on resting fills, as a fraction (0.001 = 10 bps); negative = rebate.
        taker_fee: Rate paid on taking fills, as a fraction.
        decimal_steps: Derived: both steps are powers of ten, so that rounding is a `quantize`.
        cost_factor: Derived: 1 + the larger of the two fee rates, at least 1.
        account: Whose it is, where a run trades several; empty = the run's own.
        unsupported: What its venue cannot do, by the names of `OrderType` and `TimeInForce`, or
            `POST_ONLY`, `REDUCE_ONLY`, `MODIFY`, `BRACKET` (take-profit and stop-loss together):
            asked for, it is denied and never changed, unless it is in `emulated`.
        emulated: Which of these the engine does in its venue's place, by the same names.
        source: Where the rules came from: `venue`, `config`, `data` or `default`.
    """

    symbol: str
    venue: str = "sim"
    kind: InstrumentKind = InstrumentKind.SPOT
    base: str = ""
    quote: str = ""
    settle: str = ""
    price_step: Decimal = CURRENCY_STEP
    quantity_step: Decimal = CURRENCY_STEP
    min_quantity: Decimal = ZERO
    min_value: Decimal = ZERO
    multiplier: Decimal = ONE
    maker_fee: Decimal = ZERO
    taker_fee: Decimal = Decimal("0.001")
    account: str = ""
    unsupported: tuple[str, ...] = ()
    emulated: tuple[str, ...] = ()
    source: str = "default"
    decimal_steps: bool = True
    cost_factor: Decimal = ONE

    def __post_init__(self) -> None:
        price, quantity = decimal_step(self.price_step), decimal_step(self.quantity_step)
        force_setattr(self, "price_step", price or self.price_step)
        force_setattr(self, "quantity_step", quantity or self.quantity_step)
        force_setattr(self, "decimal_steps", price is not None and quantity is not None)
        dearest = max(self.maker_fee, self.taker_fee, ZERO)
        force_setattr(self, "cost_factor", EXACT.add(ONE, dearest))
        if self.multiplier == 1:
            force_setattr(self, "multiplier", ONE)

    def quantity_floor(self, quantity: Decimal) -> Decimal:
        """Floor a quantity onto the grid (an order never grows by rounding)."""
        if self.decimal_steps:
            return quantity.quantize(self.quantity_step, ROUND_FLOOR, EXACT)
        return floor_to(quantity, self.quantity_step)

    def limit_on_grid(self, price: Decimal, side: OrderSide) -> Decimal:
        """Round a limit price in the order's favour: a buy down, a sell up."""
        if side is _BUY:
            return floor_to(price, self.price_step)
        return ceil_to(price, self.price_step)

    def trigger_on_grid(self, price: Decimal) -> Decimal:
        """Round a trigger to the nearest grid price."""
        return nearest_to(price, self.price_step)

    def price_of(self, price: float) -> Decimal:
        """Book a market price: its shortest text, on the grid, half-even."""
        if self.decimal_steps:
            return Decimal(repr(float(price))).quantize(self.price_step, ROUND_HALF_EVEN, EXACT)
        return nearest_to(Decimal(repr(float(price))), self.price_step)

    def notional(self, quantity: Decimal, price: Decimal) -> Decimal:
        """Value in the settle currency (spot: the quote), signed like `quantity`.

        Spot and linear: quantity × price × multiplier, exact. Inverse: quantity × multiplier ÷
        price, rounded half-even to 8 decimals, once.
        """
        if self.kind is _INVERSE:
            face = EXACT.multiply(quantity, self.multiplier)
            return EXACT.divide(face, price).quantize(CURRENCY_STEP, context=EXACT)
        value = _multiply(quantity, price)
        return value if self.multiplier is ONE else _multiply(value, self.multiplier)

    def fee(self, value: Decimal, rate: Decimal) -> Decimal:
        """Fee on a value at a rate: rounded half-even to 8 decimals, once, at booking."""
        if not rate:
            return ZERO
        return _multiply(EXACT.abs(value), rate).quantize(CURRENCY_STEP, ROUND_HALF_EVEN, EXACT)


def default_instrument(symbol: str, venue: str = "sim") -> Instrument:
    """Rules for a symbol nobody described: spot, steps of 1e-8, default fees.

    Base and quote are the parts around `/` (a `:SETTLE` and an `@venue` are dropped); a symbol
    without a slash is its own base, quoted in USD.
    """
    name = symbol.split("@", maxsplit=1)[0].split(":", maxsplit=1)[0]
    base, slash, quote = name.partition("/")
    quote = quote if slash else "USD"
    return Instrument(
        symbol=symbol,
        venue=venue,
        base=base,
        quote=quote,
        settle=quote,
        min_quantity=CURRENCY_STEP,
    )
