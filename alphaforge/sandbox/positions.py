"""A perpetual's position in one-way mode: average cost, realized profit, the margin it needs.

Linear contracts are worth quantity × multiplier × price in the quote; inverse ones quantity ×
multiplier ÷ price in the base. The cost of an open position is kept, not its average price, so
that profit is exact: a partial close takes its share of the cost, rounded half-even to 8 decimals
once. Must never move money: it says how much.
"""

from decimal import ROUND_CEILING, ROUND_HALF_EVEN, Decimal

import msgspec

from alphaforge.model.enums import InstrumentKind, OrderSide
from alphaforge.model.numbers import CURRENCY_STEP, EXACT, ONE, ZERO
from alphaforge.sandbox.terms import Listing, PositionView

_BUY = OrderSide.BUY
_INVERSE = InstrumentKind.INVERSE
_SPOT = InstrumentKind.SPOT


def value_of(listing: Listing, quantity: Decimal, price: Decimal) -> Decimal:
    """Value in the settle currency, unsigned quantity.

    Spot and linear: quantity × price × multiplier, exact. Inverse: quantity × multiplier ÷ price,
    half-even to 8 decimals.
    """
    if listing.kind is _INVERSE:
        face = EXACT.multiply(quantity, listing.multiplier)
        return EXACT.divide(face, price).quantize(CURRENCY_STEP, ROUND_HALF_EVEN, EXACT)
    value = EXACT.multiply(quantity, price)
    if listing.kind is _SPOT or listing.multiplier == 1:
        return value
    return EXACT.multiply(value, listing.multiplier)


def fee_cover(value: Decimal, listing: Listing) -> Decimal:
    """The fee to keep ready for a value: at the dearer rate, rounded up; 0 for a rebate."""
    rate = max(listing.maker_fee, listing.taker_fee, ZERO)
    return EXACT.multiply(value, rate).quantize(CURRENCY_STEP, ROUND_CEILING, EXACT)


class Position(msgspec.Struct):
    """What an account holds of a perpetual.

    Attributes:
        quantity: Signed contracts.
        cost: Value of them when they were bought or sold, unsigned, in settle.
        realized: Profit since the account was opened, before fees.
        leverage: Position value per unit of margin.
    """

    leverage: Decimal
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO

    def trade(
        self, listing: Listing, side: OrderSide, quantity: Decimal, price: Decimal
    ) -> Decimal:
        """Book an execution; returns the profit it realized, 0 while the position only grows.

        A trade through zero closes what there was and opens the rest at its price.
        """
        is_buy = side is _BUY
        closing = ZERO
        if self.quantity and (self.quantity > 0) is not is_buy:
            closing = min(quantity, self.quantity.copy_abs())
        profit = self._close(listing, closing, price) if closing else ZERO
        opening = EXACT.subtract(quantity, closing)
        if opening:
            self.cost = EXACT.add(self.cost, value_of(listing, opening, price))
            self.quantity = EXACT.add(self.quantity, opening if is_buy else opening.copy_negate())
        return profit

    def _close(self, listing: Listing, quantity: Decimal, price: Decimal) -> Decimal:
        held = self.quantity.copy_abs()
        share = self.cost
        if quantity != held:
            part = EXACT.multiply(self.cost, quantity)
            share = EXACT.divide(part, held).quantize(CURRENCY_STEP, ROUND_HALF_EVEN, EXACT)
        gain = EXACT.subtract(value_of(listing, quantity, price), share)
        # Coins per contract fall as the price rises, so an inverse long gains when the value falls.
        if (self.quantity < 0) is not (listing.kind is _INVERSE):
            gain = gain.copy_negate()
        self.cost = EXACT.subtract(self.cost, share)
        sign = ONE.copy_sign(self.quantity)
        self.quantity = EXACT.fma(sign.copy_negate(), quantity, self.quantity)
        self.realized = EXACT.add(self.realized, gain)
        return gain

    def closable(self, side: OrderSide) -> Decimal:
        """Contracts that an order of this side could close."""
        if self.quantity and (self.quantity > 0) is not (side is _BUY):
            return self.quantity.copy_abs()
        return ZERO

    def margin(self, listing: Listing, buys: Decimal, sells: Decimal) -> Decimal:
        """What position and open orders (their values) need at worst, fees of growth included.

        The dearest of: the position as it is, with every buy filled, with every sell filled
        (Binance's rule for one-way mode); divided by the leverage, rounded up to 8 decimals.
        What only closes needs nothing: its fee comes out of the margin it releases.
        """
        held = self.cost if self.quantity >= 0 else self.cost.copy_negate()
        worst = max(self.cost, EXACT.add(held, buys), EXACT.subtract(sells, held))
        margin = EXACT.divide(worst, self.leverage).quantize(CURRENCY_STEP, ROUND_CEILING, EXACT)
        return EXACT.add(margin, fee_cover(EXACT.subtract(worst, self.cost), listing))

    def view(self, listing: Listing, mark: Decimal) -> PositionView:
        """As it is told, with the profit it would realize at `mark`."""
        entry = unrealized = ZERO
        if self.quantity:
            held = self.quantity.copy_abs()
            entry = self._entry(listing, held)
            unrealized = EXACT.subtract(value_of(listing, held, mark), self.cost)
            if (self.quantity < 0) is not (listing.kind is _INVERSE):
                unrealized = unrealized.copy_negate()
        return PositionView(
            symbol=listing.symbol,
            quantity=self.quantity,
            entry_price=entry,
            mark_price=mark,
            unrealized_pnl=unrealized,
            realized_pnl=self.realized,
            leverage=self.leverage,
        )

    def _entry(self, listing: Listing, held: Decimal) -> Decimal:
        """Average price, half-even to 8 decimals beyond the price step's own."""
        face = EXACT.multiply(held, listing.multiplier)
        if listing.kind is _INVERSE:
            price = EXACT.divide(face, self.cost)
        else:
            price = EXACT.divide(self.cost, face)
        return price.quantize(CURRENCY_STEP, ROUND_HALF_EVEN, EXACT)
