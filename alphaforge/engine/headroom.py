"""Every limit of the account for one order that is looked at: used before, used after, allowed.

Whether a check passed is what the gate said, never a second opinion. Pure; must judge nothing.
"""

from decimal import Decimal
from typing import Final, NamedTuple

from alphaforge.engine.execution import ExecutionEngine
from alphaforge.engine.markets import SymbolState
from alphaforge.engine.risk.exposure import cost
from alphaforge.engine.risk.rules import Case, worst_position
from alphaforge.engine.valuation import rounded
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import AccountType, InstrumentKind, OrderSide
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import EXACT, ONE, TOO_LARGE, ZERO
from alphaforge.model.orders import Order

_BUY = OrderSide.BUY
_HUNDRED = Decimal(100)
_FINE = Decimal("0.0001")

_LIMIT_NAMES: Final = (
    "max_order_quantity",
    "max_order_value",
    "max_position_value",
    "max_open_orders",
    "price_collar_pct",
)
_STATE_REASONS: Final = ("trading is ",)
_FUNDS_REASONS: Final = ("needs ", "no price turns ")


class Check(NamedTuple):
    """One check: see `alphaforge.client.requests.CheckRow`."""

    name: str
    passed: bool
    before: Decimal | None
    after: Decimal | None
    limit: Decimal | None
    unit: str
    message: str


def checks_of(
    execution: ExecutionEngine,
    state: SymbolState,
    order: Order,
    terms: SubmitOrder | None,
    reasons: tuple[str, ...],
) -> tuple[Check, ...]:
    """Terms, trading state, every limit and the funds, in the order the gate asks.

    `terms` are those it would approve and `reasons` why it would not; of an order whose terms it
    cannot read there are no numbers after it.
    """
    sorted_out = _by_check(reasons)
    gate_state = execution.gate.state
    case = _case(execution, state, order, terms)
    checks = [_plain("terms", sorted_out), _plain("state", sorted_out, f"trading is {gate_state}")]
    if case is not None:
        checks += _limits(execution, case, sorted_out)
        funds = _funds(execution, case, order, sorted_out)
        checks += [funds] if funds is not None else []
    return tuple(checks)


def _by_check(reasons: tuple[str, ...]) -> dict[str, str]:
    """Check → why it failed. A reason of a limit names it; what names nothing is of the terms."""
    found: dict[str, list[str]] = {}
    for reason in reasons:
        name = next((each for each in _LIMIT_NAMES if each in reason), "")
        if not name and reason.startswith(_STATE_REASONS):
            name = "state"
        if not name and reason.startswith(_FUNDS_REASONS):
            name = "funds"
        found.setdefault(name or "terms", []).append(reason)
    return {name: "; ".join(each) for name, each in found.items()}


def _plain(name: str, failed: dict[str, str], fine: str = "") -> Check:
    return Check(name, name not in failed, None, None, None, "", failed.get(name, fine))


def _case(
    execution: ExecutionEngine, state: SymbolState, order: Order, terms: SubmitOrder | None
) -> Case | None:
    """The order as the rules see it; None where it has no sane quantity or price."""
    instrument = state.instrument
    asked = terms.quantity if terms is not None else order.quantity
    limit = terms.limit_price if terms is not None else order.limit_price
    trigger = terms.trigger_price if terms is not None else order.trigger_price
    prices = tuple(each for each in (limit, trigger) if each is not None)
    price = prices[0] if prices else state.mark()
    numbers = (asked, *prices)
    if price is None or not all(_is_sane(each) for each in numbers):
        return None
    return Case(
        instrument,
        order.side,
        instrument.quantity_floor(asked),
        asked,
        price,
        prices,
        state.mark(),
        execution.portfolio.net(state.symbol),
        execution.exposure.buying(state.symbol),
        execution.exposure.selling(state.symbol),
        execution.exposure.open_orders,
        execution.valuation.rate(instrument.settle),
    )


def _is_sane(number: Decimal) -> bool:
    return number.is_finite() and ZERO < number < TOO_LARGE


def _limits(execution: ExecutionEngine, case: Case, failed: dict[str, str]) -> list[Check]:
    """The limits of `[risk]`; one that is 0 is off and has none."""
    limits, currency = execution.gate.settings, execution.valuation.reporting_currency
    unit = case.instrument.base if case.instrument.kind is InstrumentKind.SPOT else "contracts"
    without = EXACT.subtract(worst_position(case), _signed(case))
    collar = max(_distances(case), default=None)
    numbers: tuple[tuple[Decimal | None, Decimal | None, Decimal, str], ...] = (
        (ZERO, case.total, limits.max_order_quantity, unit),
        (ZERO, _worth(case, case.total), limits.max_order_value, currency),
        (
            _worth(case, without),
            _worth(case, worst_position(case)),
            limits.max_position_value,
            currency,
        ),
        (
            Decimal(case.open_orders),
            Decimal(case.open_orders + 1),
            Decimal(limits.max_open_orders),
            "orders",
        ),
        (None, collar, limits.price_collar_pct, "%"),
    )
    return [
        Check(name, name not in failed, before, after, limit or None, unit, failed.get(name, ""))
        for name, (before, after, limit, unit) in zip(_LIMIT_NAMES, numbers, strict=True)
    ]


def _signed(case: Case) -> Decimal:
    return case.quantity if case.side is _BUY else EXACT.minus(case.quantity)


def _worth(case: Case, quantity: Decimal) -> Decimal | None:
    """Unsigned value in the reporting currency, for reading; None where no price says."""
    if case.rate is None:
        return None
    worth = EXACT.multiply(case.instrument.notional(quantity, case.price), case.rate)
    return rounded(EXACT.abs(worth))


def _distances(case: Case) -> list[Decimal]:
    """How far its prices are from the last one, in percent of it, to 4 decimals."""
    last = case.reference
    if not last:
        return []
    apart = [EXACT.abs(EXACT.subtract(price, last)) for price in case.checked]
    return [
        EXACT.divide(EXACT.multiply(each, _HUNDRED), last).quantize(_FINE, context=EXACT)
        for each in apart
    ]


def _funds(
    execution: ExecutionEngine, case: Case, order: Order, failed: dict[str, str]
) -> Check | None:
    """Cash or margin: held back now, held back with this order, what there is."""
    account = execution.settings.account
    if account.cash is None:
        return None
    is_spot = case.instrument.kind is InstrumentKind.SPOT
    if is_spot and account.account_type is not AccountType.MARGIN:
        return _cash(execution, case, order, failed)
    return _margin(execution, case, failed)


def _cash(execution: ExecutionEngine, case: Case, order: Order, failed: dict[str, str]) -> Check:
    instrument = case.instrument
    if case.side is _BUY:
        currency, needed = instrument.quote, cost(instrument, case.quantity, case.price)
    else:
        currency = instrument.base
        needed = EXACT.multiply(case.quantity, instrument.multiplier)
    # Towards flat, what other orders hold back may be used.
    held = ZERO if order.reduce_only else execution.exposure.reserved(currency)
    there = execution.portfolio.balance(currency)
    passed, message = "funds" not in failed, failed.get("funds", "")
    return Check("funds", passed, held, EXACT.add(held, needed), there, currency, message)


def _margin(execution: ExecutionEngine, case: Case, failed: dict[str, str]) -> Check:
    """Worst-case position values ÷ leverage, against equity."""
    valuation, leverage = execution.valuation, execution.settings.account.leverage or ONE
    before = after = ZERO
    for symbol, state in execution.markets.states.items():
        net = execution.portfolio.net(symbol)
        long = EXACT.add(net, execution.exposure.buying(symbol))
        short = EXACT.subtract(execution.exposure.selling(symbol), net)
        own = symbol == case.instrument.symbol
        price = case.price if own else state.mark()
        rate = valuation.rate(state.instrument.settle)
        if price is None or rate is None:
            continue
        worst = then = max(long, short)
        if own:
            buys = case.side is _BUY
            then = max(worst, EXACT.add(long if buys else short, case.quantity))
        before = EXACT.add(before, _value(state.instrument, worst, price, rate))
        after = EXACT.add(after, _value(state.instrument, then, price, rate))
    passed, message = "funds" not in failed, failed.get("funds", "")
    return Check(
        "margin",
        passed,
        rounded(EXACT.divide(before, leverage)),
        rounded(EXACT.divide(after, leverage)),
        valuation.equity(),
        valuation.reporting_currency,
        message,
    )


def _value(instrument: Instrument, quantity: Decimal, price: Decimal, rate: Decimal) -> Decimal:
    return EXACT.multiply(EXACT.abs(instrument.notional(quantity, price)), rate)
