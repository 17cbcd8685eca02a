"""Our balances and positions beside a venue's. Must never decide what to do about a difference."""

from collections.abc import Sequence
from decimal import Decimal

from alphaforge.engine.core import Engine
from alphaforge.model.claims import BalanceReport, PositionReport
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.numbers import ZERO, plain
from alphaforge.store.records import Difference

_BALANCE_CAUSE = "a deposit, a withdrawal, or a fee or trade that the venue did not tell"
_POSITION_CAUSE = "a trade, liquidation or settlement that the venue did not tell"


def compare(
    engine: Engine,
    venue: str,
    balances: Sequence[BalanceReport],
    positions: Sequence[PositionReport],
) -> tuple[Difference, ...]:
    """What differs at a venue, in the currencies and symbols that this run trades there.

    A balance or position that the venue does not mention is zero there.
    """
    instruments = [
        state.instrument
        for state in engine.markets.states.values()
        if state.instrument.venue == venue
    ]
    currencies: dict[str, None] = {}
    for instrument in instruments:
        spot = instrument.kind is InstrumentKind.SPOT
        currencies |= dict.fromkeys((instrument.base, instrument.quote) if spot else ())
        currencies[instrument.settle] = None
    totals = {each.currency: each.total for each in balances}
    held = {each.symbol: each.quantity for each in positions}
    found = [
        _difference("balance", currency, ours, totals.get(currency, ZERO), _BALANCE_CAUSE)
        for currency in currencies
        if (ours := engine.portfolio.balance(currency)) != totals.get(currency, ZERO)
    ]
    found += [
        _difference("position", each.symbol, net, held.get(each.symbol, ZERO), _POSITION_CAUSE)
        for each in instruments
        if each.kind is not InstrumentKind.SPOT
        and (net := engine.portfolio.net(each.symbol)) != held.get(each.symbol, ZERO)
    ]
    return tuple(found)


def _difference(kind: str, subject: str, ours: Decimal, theirs: Decimal, cause: str) -> Difference:
    return Difference(kind, subject, plain(ours), plain(theirs), cause)
