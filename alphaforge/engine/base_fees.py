"""What an execution moves in a position where its fee is not paid in the settle currency.

Many spot venues take the fee out of the coins that were bought: of 1 BTC, 0.999 arrive. The
position is what arrived, else it could never be sold whole. Must never touch cash.
"""

from decimal import Decimal

from alphaforge.model.enums import InstrumentKind
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import EXACT, ZERO

# Enum members as module names: looking one up on its class costs ten times as much.
_SPOT = InstrumentKind.SPOT


def moved(
    instrument: Instrument, before: Decimal, signed: Decimal, fee: Decimal, currency: str
) -> Decimal:
    """The signed quantity by which a position of `before` moves.

    Of spot, a fee in the base is taken off; what would be left below one quantity step, which
    nobody can sell, counts as closed with the rest and stays in the balance.
    """
    if instrument.kind is not _SPOT:
        return signed
    quantity = EXACT.subtract(signed, fee) if fee and currency == instrument.base else signed
    if not before:
        return quantity
    rest = EXACT.add(before, quantity)
    if rest and rest.copy_abs() < instrument.quantity_step:
        return before.copy_negate()
    return quantity


def in_settle(instrument: Instrument, fee: Decimal, currency: str, price: Decimal) -> Decimal:
    """A fee in the settle (spot: quote) currency.

    One in the base at the execution's price; one in a third currency is no part of it (0): the
    account counts it by its own name.
    """
    if not fee or currency == instrument.settle:
        return fee
    is_base = instrument.kind is _SPOT and currency == instrument.base
    return EXACT.multiply(fee, price) if is_base else ZERO
