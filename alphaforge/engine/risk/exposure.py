"""What the working orders could still do: quantities per side, reserved funds, how many there are.

Worst case throughout: every working order on a side may fill whole. Kept up to date order by
order, so that asking costs the same however many rest.
"""

from decimal import Decimal

import msgspec

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import EXACT, ZERO

# Enum members as module names: looking one up on its class costs ten times as much.
_SPOT = InstrumentKind.SPOT
_BUY = OrderSide.BUY


class Reservation(msgspec.Struct, gc=False):
    """What one working order holds back.

    Attributes:
        price: Price its funds are reserved at.
        quantity: Leaves counted into the exposure of its side.
        funds: Quote (buys) or base (sells) held back on a cash account; 0 for reduce-only.
    """

    instrument: Instrument
    side: OrderSide
    price: Decimal
    reduce_only: bool
    quantity: Decimal = ZERO
    funds: Decimal = ZERO


class Exposure:
    """Sums over the working orders of an account.

    Attributes:
        open_orders: How many there are.
        funds: Held back by them, by currency; only what is not 0.
    """

    def __init__(self) -> None:
        self.open_orders = 0
        self._buying: dict[str, Decimal] = {}
        self._selling: dict[str, Decimal] = {}
        self.funds: dict[str, Decimal] = {}

    def buying(self, symbol: str) -> Decimal:
        """Quantity that working buy orders may still add."""
        return self._buying.get(symbol, ZERO)

    def selling(self, symbol: str) -> Decimal:
        """Quantity that working sell orders may still take off."""
        return self._selling.get(symbol, ZERO)

    def reserved(self, currency: str) -> Decimal:
        """Funds of a currency held back by working orders."""
        return self.funds.get(currency, ZERO)

    def symbols(self) -> set[str]:
        """Symbols with working orders; unordered, for sums only."""
        return self._buying.keys() | self._selling.keys()

    def open(self, reservation: Reservation, quantity: Decimal) -> None:
        """Count a new working order."""
        self.open_orders += 1
        self.change(reservation, quantity)

    def close(self, reservation: Reservation) -> None:
        """Count a working order out."""
        self.open_orders -= 1
        self.change(reservation, ZERO)

    def change(self, reservation: Reservation, quantity: Decimal) -> None:
        """Bring an order's part up to the quantity that may still fill."""
        before = reservation.quantity
        if quantity == before:
            return
        instrument = reservation.instrument
        symbol = instrument.symbol
        side = self._buying if reservation.side is _BUY else self._selling
        total = EXACT.add(side.get(symbol, ZERO), EXACT.subtract(quantity, before))
        if total:
            side[symbol] = total
        else:
            side.pop(symbol, None)
        reservation.quantity = quantity
        if instrument.kind is _SPOT and not reservation.reduce_only:
            self._reserve(reservation, quantity)

    def _reserve(self, reservation: Reservation, quantity: Decimal) -> None:
        instrument = reservation.instrument
        if reservation.side is _BUY:
            currency = instrument.quote
            funds = cost(instrument, quantity, reservation.price)
        else:
            currency = instrument.base
            funds = EXACT.multiply(quantity, instrument.multiplier)
        change = EXACT.subtract(funds, reservation.funds)
        held = EXACT.add(self.funds.get(currency, ZERO), change)
        if held:
            self.funds[currency] = held
        else:
            self.funds.pop(currency, None)
        reservation.funds = funds


def cost(instrument: Instrument, quantity: Decimal, price: Decimal) -> Decimal:
    """Quote needed to buy on a cash account: value and the larger of the two fees."""
    if not quantity:
        return ZERO
    return EXACT.multiply(instrument.notional(quantity, price), instrument.cost_factor)
