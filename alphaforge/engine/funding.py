"""Funding of perpetuals: longs pay the rate on their position's value, shorts receive it."""

from alphaforge.engine.execution import ExecutionEngine
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.events import FundingPaid
from alphaforge.model.market import FundingRate
from alphaforge.model.numbers import CURRENCY_STEP, EXACT


def pay_funding(execution: ExecutionEngine, event: FundingRate) -> None:
    """Book a funding event on every open position in its symbol, half-even to 8 decimals each."""
    state = execution.markets.find(event.symbol)
    mark = state.mark() if state is not None else None
    if state is None or mark is None or state.instrument.kind is InstrumentKind.SPOT:
        return
    for position in execution.portfolio.positions.values():
        if position.symbol != event.symbol or not position.quantity:
            continue
        value = state.instrument.notional(position.quantity, mark)
        paid = EXACT.multiply(value, event.rate).quantize(CURRENCY_STEP, context=EXACT)
        amount = EXACT.minus(paid)
        execution.portfolio.pay_funding(position, amount)
        execution.leave(
            FundingPaid(
                event.symbol, position.strategy, amount, state.instrument.settle, execution.now
            )
        )
