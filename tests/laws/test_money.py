"""The laws of money through the whole engine: any market, any orders, spot and linear.

The engine runs under a decimal context that raises when a number would be rounded silently: what
is rounded on purpose is rounded in a context of its own.
"""

import decimal
from collections.abc import Iterator, Sequence
from decimal import Decimal, Inexact, localcontext
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge import Trade
from alphaforge.model.enums import AccountType, InstrumentKind, OrderSide
from alphaforge.model.instrument import Instrument
from alphaforge.model.market import FundingRate, Quote
from alphaforge.model.orders import Fill
from alphaforge.model.settings import AccountSettings, EngineSettings, SimulationSettings
from tests.engine.driving import SECOND, SYMBOL, Market, Puppet

ZERO = Decimal(0)
CASH = Decimal("1000000.123456789")
COINS = Decimal(1000)
EXACTLY = decimal.Context(
    prec=80, traps=[Inexact, decimal.InvalidOperation, decimal.DivisionByZero]
)

KINDS = [InstrumentKind.SPOT, InstrumentKind.LINEAR]


def instrument(kind: InstrumentKind) -> Instrument:
    return Instrument(
        symbol=SYMBOL,
        kind=kind,
        base="BTC",
        quote="USDT",
        settle="USDT",
        price_step=Decimal("0.01"),
        quantity_step=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        multiplier=Decimal(1) if kind is InstrumentKind.SPOT else Decimal("0.01"),
        maker_fee=Decimal("-0.00013"),
        taker_fee=Decimal("0.00057"),
    )


def account(kind: InstrumentKind, slippage: str = "0") -> EngineSettings:
    """Balances of the quote, and for spot of the base, which is then an open position too."""
    base = {"BTC": COINS} if kind is InstrumentKind.SPOT else {}
    return EngineSettings(
        account=AccountSettings(
            cash={"USDT": CASH} | base,
            reporting_currency="USDT",
            account_type=AccountType.MARGIN,
            leverage=Decimal(100),
        ),
        simulation=SimulationSettings(slippage_bps=Decimal(slippage)),
    )


class Ask(NamedTuple):
    """What a strategy does at one tick; offsets are cents from the price."""

    who: str
    verb: str
    thousandths: int
    offset: int = 0


PRICES = st.lists(st.integers(5_000, 15_000), min_size=3, max_size=25)
ASKS = st.builds(
    Ask,
    st.sampled_from(["one", "two"]),
    st.sampled_from(["market", "limit", "stop", "stop_limit", "bracket", "close", "cancel_all"]),
    st.integers(-5_000, 5_000).filter(bool),
    st.integers(-300, 300),
)
PLANS = st.lists(st.lists(ASKS, max_size=3), min_size=25, max_size=25)


def carry_out(ask: Ask, price: int, strategy: Any, mirror: int | None) -> None:
    """Do what is asked; in the mirrored market, the mirrored thing."""
    signed, offset = ask.thousandths, ask.offset
    if mirror is not None:
        signed, offset = -signed, -offset
    verb = strategy.buy if signed > 0 else strategy.sell
    quantity = f"{abs(signed) / 1000:.3f}"
    at = f"{(price + offset) / 100:.2f}"
    if ask.verb == "market":
        verb(SYMBOL, quantity)
    elif ask.verb == "limit":
        verb(SYMBOL, quantity, limit=at)
    elif ask.verb == "stop":
        verb(SYMBOL, quantity, stop=at)
    elif ask.verb == "stop_limit":
        verb(SYMBOL, quantity, stop=at, limit=at)
    elif ask.verb == "bracket":
        away = 150 if signed > 0 else -150
        legs = {"take_profit": f"{(price + away) / 100}", "stop_loss": f"{(price - away) / 100}"}
        verb(SYMBOL, quantity, **legs)
    elif ask.verb == "close":
        strategy.close(SYMBOL)
    else:
        strategy.cancel_all()


class Run:
    """A market with two strategies that follow a plan."""

    def __init__(
        self,
        kind: InstrumentKind,
        prices: Sequence[int],
        plan: Sequence[Sequence[Ask]],
        *,
        mirror: int | None = None,
        strategy: type[Puppet] = Puppet,
        slippage: str = "0",
        start: EngineSettings | None = None,
    ) -> None:
        self.market = Market(
            start or account(kind, slippage),
            [instrument(kind)],
            strategies={"one": strategy, "two": strategy},
        )
        self.kind = kind
        for price, asks in zip(prices, plan, strict=False):
            at = price if mirror is None else mirror - price
            for name in ("one", "two"):
                mine = [ask for ask in asks if ask.who == name]
                self.market.strategy(name).do = lambda s, mine=mine, at=at: [
                    carry_out(ask, at, s, mirror) for ask in mine
                ]
            self.market.tick(at / 100)

    @property
    def fills(self) -> list[Fill]:
        return [fill for step in self.market.steps for fill in step.fills]

    @property
    def portfolio(self) -> Any:
        return self.market.engine.portfolio

    def account(self) -> Any:
        return self.market.engine.valuation.account()


@pytest.fixture(autouse=True)
def _nothing_is_rounded_silently() -> Iterator[None]:
    with localcontext(EXACTLY):
        yield


def signed(fill: Fill) -> Decimal:
    return fill.quantity if fill.side is OrderSide.BUY else fill.quantity.copy_negate()


@pytest.mark.parametrize("kind", KINDS)
@given(prices=PRICES, plan=PLANS)
def test_the_fills_add_up_to_the_positions(
    kind: InstrumentKind, prices: list[int], plan: list[list[Ask]]
) -> None:
    run = Run(kind, prices, plan)
    for name in ("one", "two"):
        mine = [signed(fill) for fill in run.fills if fill.strategy == name]
        held = run.market.engine.execution.position(SYMBOL, name).quantity
        assert held == sum(mine, ZERO)
    assert run.portfolio.net(SYMBOL) == sum(map(signed, run.fills), ZERO)


@pytest.mark.parametrize("kind", KINDS)
@given(prices=PRICES, plan=PLANS)
def test_the_orders_add_up_to_the_fills(
    kind: InstrumentKind, prices: list[int], plan: list[list[Ask]]
) -> None:
    run = Run(kind, prices, plan)
    counts = run.market.engine.execution.statistics()
    ends = ("filled", "canceled", "expired", "rejected", "absent", "open")
    assert counts["orders_submitted"] == sum(counts[f"orders_{end}"] for end in ends)
    assert counts["fills"] == len(run.fills)
    fees = sum((fill.fee for fill in run.fills), ZERO)
    assert sum(counts["fees"].values(), ZERO) == fees == run.account().fees


@pytest.mark.parametrize("kind", KINDS)
@given(prices=PRICES, plan=PLANS)
def test_cash_is_start_less_what_was_paid(
    kind: InstrumentKind, prices: list[int], plan: list[list[Ask]]
) -> None:
    run = Run(kind, prices, plan, slippage="3.7")
    quote, base = CASH, COINS if kind is InstrumentKind.SPOT else ZERO
    multiplier = instrument(kind).multiplier
    for fill in run.fills:
        notional = signed(fill) * fill.price * multiplier
        assert fill.value == abs(notional)
        quote -= fill.fee
        if kind is InstrumentKind.SPOT:
            quote -= notional
            base += signed(fill)
        else:
            quote += fill.realized_pnl
    assert (run.portfolio.balance("USDT"), run.portfolio.balance("BTC")) == (quote, base)


@pytest.mark.parametrize("kind", KINDS)
@given(prices=PRICES, plan=PLANS)
def test_equity_is_start_and_profits_less_fees_and_cash_and_positions(
    kind: InstrumentKind, prices: list[int], plan: list[list[Ask]]
) -> None:
    run = Run(kind, prices, plan)
    seen = run.account()
    assert seen.equity == seen.start_equity + seen.realized_pnl + seen.unrealized_pnl - seen.fees
    mark = Decimal(prices[-1]) / 100
    cash = run.portfolio.balance("USDT")
    if kind is InstrumentKind.SPOT:
        assert seen.equity == cash + run.portfolio.balance("BTC") * mark
        first = Decimal(prices[0]) / 100
        assert seen.start_equity == CASH + COINS * first
    else:
        positions = run.portfolio.positions.values()
        open_profit = sum((each.unrealized_pnl(mark) for each in positions), ZERO)
        assert seen.unrealized_pnl == open_profit
        assert seen.equity == cash + open_profit


@pytest.mark.parametrize("kind", KINDS)
@given(prices=PRICES, plan=PLANS)
def test_a_mirrored_market_gives_the_mirrored_profit(
    kind: InstrumentKind, prices: list[int], plan: list[list[Ask]]
) -> None:
    plain = Run(kind, prices, plan, start=unlimited())
    mirrored = Run(kind, prices, plan, mirror=20_000, start=unlimited())
    assert [signed(fill) for fill in mirrored.fills] == [-signed(fill) for fill in plain.fills]
    assert [200 - fill.price for fill in mirrored.fills] == [fill.price for fill in plain.fills]
    one, other = gross(plain, prices[-1]), gross(mirrored, 20_000 - prices[-1])
    assert one == other


def gross(run: Run, last: int) -> Decimal:
    """Profit before fees, realized and open."""
    mark = Decimal(last) / 100
    positions = run.portfolio.positions.values()
    return sum((each.realized_pnl + each.unrealized_pnl(mark) for each in positions), ZERO)


def unlimited() -> EngineSettings:
    """An account that judges nothing by funds: the mirror has other prices, so other needs."""
    return EngineSettings(
        account=AccountSettings(reporting_currency="USDT", account_type=AccountType.MARGIN)
    )


@given(prices=PRICES, plan=PLANS, rates=st.lists(st.integers(-50, 50), max_size=5))
def test_funding_is_in_the_identity(
    prices: list[int], plan: list[list[Ask]], rates: list[int]
) -> None:
    run = Run(InstrumentKind.LINEAR, prices, plan)
    for rate in rates:
        run.market.now += SECOND
        run.market.process(FundingRate(SYMBOL, run.market.now, Decimal(rate).scaleb(-5)))
    paid = sum((each.amount for step in run.market.steps for each in step.funding), ZERO)
    realized = sum((fill.realized_pnl for fill in run.fills), ZERO)
    seen = run.account()
    assert seen.realized_pnl == realized + paid
    assert run.portfolio.balance("USDT") == CASH + realized + paid - seen.fees
    assert seen.equity == seen.start_equity + seen.realized_pnl + seen.unrealized_pnl - seen.fees


# A strategy's own decimal context -----------------------------------------------------------------


class Rounding(Puppet):
    """Works with three digits, as a user may."""

    def on_start(self) -> None:
        super().on_start()
        decimal.getcontext().prec = 3
        decimal.getcontext().traps[Inexact] = False

    def on_trade(self, trade: Trade) -> None:
        decimal.getcontext().prec = 3
        super().on_trade(trade)


def booked(run: Run) -> tuple[Any, ...]:
    """Everything a run booked, as text: equal numbers of other length differ."""
    steps = [(step.events, step.fills, step.funding) for step in run.market.steps]
    with localcontext(EXACTLY):
        return (
            repr(steps),
            run.portfolio.cash,
            run.account(),
            [(each.quantity, each.cost) for each in run.portfolio.positions.values()],
            run.market.engine.execution.statistics()["volume"],
        )


@pytest.mark.parametrize("kind", KINDS)
@given(prices=PRICES, plan=PLANS)
def test_a_strategys_decimal_context_changes_no_booked_number(
    kind: InstrumentKind, prices: list[int], plan: list[list[Ask]]
) -> None:
    with localcontext(EXACTLY):
        plain = Run(kind, prices, plan)
    with localcontext(EXACTLY):
        rounding = Run(kind, prices, plan, strategy=Rounding)
        decimal.getcontext().prec = 3
        rounding.market.process(FundingRate(SYMBOL, rounding.market.now, Decimal("0.00017")))
        rounding.market.process(Quote(SYMBOL, rounding.market.now, 1.0, 2.0))
        seen = rounding.account()
    with localcontext(EXACTLY):
        plain.market.process(FundingRate(SYMBOL, plain.market.now, Decimal("0.00017")))
        plain.market.process(Quote(SYMBOL, plain.market.now, 1.0, 2.0))
    assert booked(rounding) == booked(plain)
    assert seen == plain.account()
