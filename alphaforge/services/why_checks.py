"""The risk checks of an order of the past with their numbers, from what was booked until then.

The engine's own rules are asked about the case as the journal shows it. A number that nobody wrote
down (the last price of a symbol that the order's cause did not name) is said not to be known.
Must never say that a check failed which the engine let pass.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, TypeAlias

import msgspec

from alphaforge.engine.risk.rules import Case, worst_position
from alphaforge.model import market
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import OrderSide
from alphaforge.model.events import OrderDenied, OrderHeld, OrderSubmitted
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import EXACT, ZERO, plain
from alphaforge.model.settings import EngineSettings, RiskSettings
from alphaforge.store.journal import InputEvent
from alphaforge.store.order_reads import OrderReader
from alphaforge.store.records import FillRow, RunRecord
from alphaforge.store.views import refold

_HUNDRED = Decimal(100)

Decision: TypeAlias = OrderSubmitted | OrderDenied | OrderHeld


class Exposure(NamedTuple):
    """What was held and what worked when an order was decided.

    Attributes:
        reference: The price its cause named; None for none.
    """

    net: Decimal
    buying: Decimal
    selling: Decimal
    open_orders: int
    reference: Decimal | None


async def fold_case(
    reader: OrderReader,
    sequence: int,
    event: Decision,
    before: Sequence[FillRow],
    cause: InputEvent | market.MarketEvent | None,
) -> Exposure:
    """The account's exposure before event `sequence`, an order's first, folded from the store."""
    terms = event.terms
    net = ZERO
    for fill in before:
        signed = fill.quantity if fill.side is OrderSide.BUY else EXACT.minus(fill.quantity)
        net = EXACT.add(net, signed)
    sides, count = {OrderSide.BUY: ZERO, OrderSide.SELL: ZERO}, 0
    for row, events in await reader.working_at(sequence, event.ts_local):
        life = refold(events)
        if life is None or not life.order.is_open or row.order_id == terms.order_id:
            continue
        count += 1
        if row.symbol == terms.symbol:
            sides[row.side] = EXACT.add(sides[row.side], life.order.leaves)
    reference = _price_in(cause, terms.symbol)
    return Exposure(net, sides[OrderSide.BUY], sides[OrderSide.SELL], count, reference)


def _price_in(cause: object, symbol: str) -> Decimal | None:
    if isinstance(cause, market.Trade) and cause.symbol == symbol:
        return Decimal(repr(cause.price))
    if isinstance(cause, market.Quote) and cause.symbol == symbol:
        return Decimal(repr(cause.mid))
    if isinstance(cause, market.Bar) and cause.symbol == symbol:
        return Decimal(repr(cause.close))
    return None


def check_lines(run: RunRecord, event: Decision, exposure: Exposure) -> list[str]:
    """One line for each limit, used before and after; the reasons too where it was denied."""
    settings = msgspec.convert(run.settings.get("engine", {}), EngineSettings)
    limits, currency = settings.risk, settings.account.reporting_currency
    terms = event.terms
    instrument = next((each for each in run.instruments if each.symbol == terms.symbol), None)
    held = plain(exposure.net)
    account = (
        f"account held {held} {terms.symbol}, {exposure.open_orders} orders worked "
        f"({plain(exposure.buying)} to buy, {plain(exposure.selling)} to sell there)"
    )
    case = _case(instrument, terms, exposure, currency) if instrument is not None else None
    return [account, *_limit_lines(limits, terms, case, exposure, currency)]


def _case(
    instrument: Instrument, terms: SubmitOrder, exposure: Exposure, currency: str
) -> Case | None:
    prices = tuple(each for each in (terms.limit_price, terms.trigger_price) if each is not None)
    price = prices[0] if prices else exposure.reference
    numbers = (terms.quantity, *prices)
    if price is None or not all(each.is_finite() and each > 0 for each in numbers):
        return None
    return Case(
        instrument,
        terms.side,
        terms.quantity,
        terms.quantity,
        price,
        prices,
        exposure.reference,
        exposure.net,
        exposure.buying,
        exposure.selling,
        exposure.open_orders,
        Decimal(1) if instrument.settle == currency else None,
    )


def _limit_lines(
    limits: RiskSettings,
    terms: SubmitOrder,
    case: Case | None,
    exposure: Exposure,
    currency: str,
) -> list[str]:
    lines = [
        _line("max_order_quantity", _shown(terms.quantity), limits.max_order_quantity, ""),
        _line("max_order_value", _worth(case, terms.quantity), limits.max_order_value, currency),
        _line(
            "max_position_value",
            _worth(case, worst_position(case) if case is not None else ZERO),
            limits.max_position_value,
            currency,
        ),
        _line(
            "max_open_orders",
            str(exposure.open_orders + 1),
            Decimal(limits.max_open_orders),
            "orders",
        ),
        _line("price_collar_pct", _apart(case), limits.price_collar_pct, "% of the last price"),
    ]
    return [line for line in lines if line]


def _line(name: str, used: str | None, limit: Decimal, unit: str) -> str:
    """One limit; one that is off is left out."""
    if not limit:
        return ""
    value = used if used is not None else "a price nobody wrote down"
    return f"{name}: {value} of {plain(limit)} {unit}".rstrip()


def _shown(number: Decimal) -> str:
    return plain(number) if number.is_finite() else "no number"


def _worth(case: Case | None, quantity: Decimal) -> str | None:
    if case is None or case.rate is None:
        return None
    return plain(EXACT.abs(case.instrument.notional(quantity, case.price)))


def _apart(case: Case | None) -> str | None:
    if case is None or case.reference is None or not case.checked:
        return None
    reference = case.reference
    distances = (
        EXACT.divide(
            EXACT.multiply(EXACT.abs(EXACT.subtract(price, reference)), _HUNDRED), reference
        )
        for price in case.checked
    )
    return f"{max(distances):.2f}"
