"""The laws of booking, on any sequence of fills, in exact fractions.

Everything is booked under a context that raises when a Decimal would be rounded silently: what
the portfolio rounds, it rounds on purpose, in its own context.
"""

from collections.abc import Iterator, Sequence
from decimal import Context, Decimal, Inexact, localcontext
from fractions import Fraction
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.engine.portfolio import ClosedPosition, Portfolio, Position
from alphaforge.model.enums import InstrumentKind, Liquidity, OrderSide, PositionSide
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import EXACT
from alphaforge.model.orders import Fill
from alphaforge.model.reports import OrderFilled

BUY, SELL = OrderSide.BUY, OrderSide.SELL
TINY = Fraction(1, 10**8)

SPOT = Instrument(symbol="BTC/USDT", base="BTC", quote="USDT", settle="USDT")
LINEAR = Instrument(
    symbol="BTC/USDT:USDT",
    kind=InstrumentKind.LINEAR,
    base="BTC",
    quote="USDT",
    settle="USDT",
    multiplier=Decimal("0.001"),
)
INVERSE = Instrument(
    symbol="BTC/USD:BTC",
    kind=InstrumentKind.INVERSE,
    base="BTC",
    quote="USD",
    settle="BTC",
    multiplier=Decimal(100),
)


class Execution(msgspec.Struct, frozen=True):
    """A fill to come: signed quantity, price, fee in the settle currency."""

    signed: Decimal
    price: Decimal
    fee: Decimal = Decimal(0)

    @property
    def side(self) -> OrderSide:
        return BUY if self.signed > 0 else SELL

    @property
    def mirrored(self) -> "Execution":
        return Execution(self.signed.copy_negate(), self.price, self.fee)


def numbers(low: str, high: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(low, high, places=places)


def executions(quantities: st.SearchStrategy[Decimal]) -> st.SearchStrategy[list[Execution]]:
    signed = quantities.filter(bool)
    fees = numbers("-1", "5", 8)
    # Ordinary prices, or ones whose product with a wide quantity has more than 28 digits.
    prices = numbers("0.01", "99999", 2) | numbers("0.00000001", "9999999", 8)
    return st.lists(st.builds(Execution, signed, prices, fees), min_size=1, max_size=10)


# Small whole numbers meet often at flat; wide ones need every digit.
SMALL = st.integers(-4, 4).map(Decimal)
ANY_RUN = executions(SMALL) | executions(numbers("-999999999999", "999999999999", 8))
CONTRACT_RUN = executions(SMALL) | executions(st.integers(-(10**9), 10**9).map(Decimal))
EXACT_KINDS = st.sampled_from([SPOT, LINEAR])


@pytest.fixture(autouse=True, scope="module")
def no_silent_rounding() -> Iterator[None]:
    with localcontext(Context(prec=28, traps=[Inexact])):
        yield


def filled(number: int, execution: Execution, currency: str) -> OrderFilled:
    return OrderFilled(
        "o-1",
        "v-1",
        f"t-{number}",
        execution.signed.copy_abs(),
        execution.price,
        execution.fee,
        currency,
        Liquidity.TAKER,
        number,
        number,
    )


def booked(
    instrument: Instrument,
    run: Sequence[Execution],
    portfolio: Portfolio | None = None,
    strategy: str = "s",
) -> tuple[Portfolio, Position, list[Fill]]:
    portfolio = portfolio or Portfolio()
    fills = [
        portfolio.book(strategy, instrument, each.side, filled(number, each, instrument.settle))
        for number, each in enumerate(run, start=1)
    ]
    return portfolio, portfolio.position(strategy, instrument), fills


def exact(numbers: Sequence[Decimal] | Iterator[Decimal]) -> Fraction:
    return sum((Fraction(number) for number in numbers), Fraction(0))


def notional(instrument: Instrument, execution: Execution) -> Fraction:
    """Signed value of an execution, by the definition, spot and linear."""
    value = Fraction(execution.signed) * Fraction(execution.price)
    return value * Fraction(instrument.multiplier)


def value_at(instrument: Instrument, position: Position, mark: Decimal) -> Fraction:
    return Fraction(position.quantity) * Fraction(mark) * Fraction(instrument.multiplier)


@given(st.sampled_from([SPOT, LINEAR, INVERSE]), CONTRACT_RUN)
def test_the_position_is_the_sum_of_its_fills(instrument: Instrument, run: list[Execution]) -> None:
    portfolio, position, fills = booked(instrument, run)
    assert Fraction(position.quantity) == exact([each.signed for each in run])
    assert portfolio.net(instrument.symbol) == position.quantity
    assert position.fills == len(run)
    assert Fraction(position.fees) == exact([each.fee for each in run])
    assert [fill.quantity for fill in fills] == [abs(each.signed) for each in run]


@given(ANY_RUN)
def test_spot_cash_is_the_start_less_what_was_bought_and_the_fees(run: list[Execution]) -> None:
    start = {"USDT": Decimal("10000.01"), "BTC": Decimal(3), "ETH": Decimal(7)}
    portfolio, _, _ = booked(SPOT, run, Portfolio(start))
    spent = sum((notional(SPOT, each) for each in run), Fraction(0))
    fees = exact([each.fee for each in run])
    assert Fraction(portfolio.balance("USDT")) == Fraction(start["USDT"]) - spent - fees
    assert Fraction(portfolio.balance("BTC")) == 3 + exact([each.signed for each in run])
    assert portfolio.balance("ETH") == 7
    assert portfolio.start_cash == start


@given(ANY_RUN)
def test_a_fee_in_another_currency_is_taken_from_that_currency(run: list[Execution]) -> None:
    portfolio = Portfolio({"BNB": Decimal(5)})
    for number, each in enumerate(run):
        portfolio.book("s", SPOT, each.side, filled(number, each, "BNB"))
    fees = exact([each.fee for each in run])
    assert Fraction(portfolio.balance("BNB")) == 5 - fees
    assert Fraction(portfolio.fees_by_currency.get("BNB", Decimal(0))) == fees
    spent = sum((notional(SPOT, each) for each in run), Fraction(0))
    assert Fraction(portfolio.balance("USDT")) == -spent


@given(st.sampled_from([LINEAR, INVERSE]), CONTRACT_RUN)
def test_derivative_cash_moves_by_what_was_realized_and_the_fees_in_one_currency(
    instrument: Instrument, run: list[Execution]
) -> None:
    portfolio, position, fills = booked(instrument, run, Portfolio({instrument.settle: Decimal(9)}))
    realized = exact([fill.realized_pnl for fill in fills])
    fees = exact([each.fee for each in run])
    assert Fraction(portfolio.balance(instrument.settle)) == 9 + realized - fees
    assert set(portfolio.cash) == {instrument.settle}
    assert Fraction(position.realized_pnl) == realized


@given(st.sampled_from([SPOT, LINEAR, INVERSE]), CONTRACT_RUN)
def test_a_flat_position_has_no_cost_and_no_profit_left_to_make(
    instrument: Instrument, run: list[Execution]
) -> None:
    portfolio, position, _ = booked(instrument, run)
    if position.quantity:
        booked(instrument, [Execution(position.quantity.copy_negate(), Decimal(77))], portfolio)
    assert position.quantity == 0
    assert position.cost == 0
    assert position.side is PositionSide.FLAT
    assert position.average_price is None
    assert position.unrealized_pnl(Decimal(123)) == 0


@given(EXACT_KINDS, ANY_RUN, numbers("0.01", "99999", 2))
def test_all_profit_is_the_marked_value_less_what_was_paid(
    instrument: Instrument, run: list[Execution], mark: Decimal
) -> None:
    _, position, _ = booked(instrument, run)
    paid = sum((notional(instrument, each) for each in run), Fraction(0))
    profit = Fraction(position.realized_pnl) + Fraction(position.unrealized_pnl(mark))
    assert profit == value_at(instrument, position, mark) - paid


@given(EXACT_KINDS, ANY_RUN)
def test_a_partial_close_takes_its_share_half_even_and_the_rest_of_the_cost_stays(
    instrument: Instrument, run: list[Execution]
) -> None:
    portfolio, position, _ = booked(instrument, [])
    for each in run:
        quantity, cost = Fraction(position.quantity), Fraction(position.cost)
        signed = Fraction(each.signed)
        booked(instrument, [each], portfolio)
        after = quantity + signed
        if quantity * signed >= 0:
            expected = cost + notional(instrument, each)
        elif quantity * after > 0:
            # round() of a Fraction is half-even.
            expected = cost - round(cost * abs(signed / quantity) / TINY) * TINY
        else:
            expected = after * Fraction(each.price) * Fraction(instrument.multiplier)
        assert Fraction(position.cost) == expected


@given(CONTRACT_RUN)
def test_an_inverse_fill_is_rounded_once_and_nothing_is_lost(run: list[Execution]) -> None:
    _, position, fills = booked(INVERSE, run)
    total = Fraction(0)
    for each, fill in zip(run, fills, strict=True):
        face = Fraction(each.signed) * 100 / Fraction(each.price)
        assert Fraction(fill.value) == abs(round(face / TINY) * TINY)
        total += round(face / TINY) * TINY
    # Cost is what was paid, plus what was handed out as profit with the opposite sign.
    assert Fraction(position.cost) == total - Fraction(position.realized_pnl)


@given(st.sampled_from([SPOT, LINEAR, INVERSE]), CONTRACT_RUN, numbers("0.01", "99999", 2))
def test_the_mirrored_market_has_the_mirrored_profit(
    instrument: Instrument, run: list[Execution], mark: Decimal
) -> None:
    _, position, fills = booked(instrument, run)
    _, mirrored, mirrored_fills = booked(instrument, [each.mirrored for each in run])
    assert mirrored.quantity == position.quantity.copy_negate()
    assert mirrored.cost == position.cost.copy_negate()
    assert mirrored.realized_pnl == position.realized_pnl.copy_negate()
    assert mirrored.unrealized_pnl(mark) == position.unrealized_pnl(mark).copy_negate()
    assert mirrored.average_price == position.average_price
    assert [fill.realized_pnl for fill in mirrored_fills] == [
        fill.realized_pnl.copy_negate() for fill in fills
    ]


PARTS = st.lists(numbers("0.00000001", "50", 8), min_size=1, max_size=12)


@given(PARTS, st.randoms(use_true_random=False), numbers("0.01", "99999", 2), st.booleans())
def test_partial_fills_of_one_price_may_come_in_any_order(
    parts: list[Decimal], shuffler: Random, price: Decimal, closing: bool
) -> None:
    """An order in parts, opening or closing a position: quantity and spot cash do not care."""
    before = [Execution(Decimal(600), Decimal("61.23"))] if closing else []
    run = [Execution(part.copy_negate(), price) for part in parts]
    shuffled = list(run)
    shuffler.shuffle(shuffled)
    one, first, _ = booked(SPOT, before + run)
    other, second, _ = booked(SPOT, before + shuffled)
    assert first.quantity == second.quantity
    assert one.cash == other.cash
    if not closing:
        assert first.cost == second.cost


@given(PARTS, st.randoms(use_true_random=False), numbers("0.01", "99999", 2))
def test_parts_that_close_a_derivative_realize_the_same_in_any_order(
    parts: list[Decimal], shuffler: Random, price: Decimal
) -> None:
    whole = Execution(sum_of(parts), Decimal("61.23"))
    run = [Execution(part.copy_negate(), price) for part in parts]
    shuffled = list(run)
    shuffler.shuffle(shuffled)
    one, first, _ = booked(LINEAR, [whole, *run])
    other, _, _ = booked(LINEAR, [whole, *shuffled])
    assert not first.quantity
    assert one.cash == other.cash


def sum_of(parts: list[Decimal]) -> Decimal:
    total = Decimal(0)
    for part in parts:
        total = EXACT.add(total, part)
    return total


@given(st.sampled_from([SPOT, LINEAR, INVERSE]), CONTRACT_RUN)
def test_round_trips_sum_to_the_position(instrument: Instrument, run: list[Execution]) -> None:
    """Closed from flat to flat or to a turn; flattened at the end, so that nothing is open."""
    portfolio, position, _ = booked(instrument, run)
    if position.quantity:
        booked(instrument, [Execution(position.quantity.copy_negate(), Decimal(77))], portfolio)
    trips = portfolio.closed_positions
    assert exact([trip.realized_pnl for trip in trips]) == Fraction(position.realized_pnl)
    assert exact([trip.fees for trip in trips]) == Fraction(position.fees)
    assert exact([trip.net_pnl for trip in trips]) == Fraction(position.realized_pnl) - Fraction(
        position.fees
    )
    assert len(trips) == crossings_of_flat(run, position)


def crossings_of_flat(run: list[Execution], position: Position) -> int:
    """How often the running sum reaches zero or passes it, the closing fill included."""
    held, count = Fraction(0), 0
    for each in run:
        after = held + Fraction(each.signed)
        count += bool(held) and held * after <= 0
        held = after
    return count + bool(held)


@given(CONTRACT_RUN, CONTRACT_RUN)
def test_strategies_hold_their_own_positions_and_the_account_the_sum(
    mine: list[Execution], theirs: list[Execution]
) -> None:
    portfolio, first, _ = booked(LINEAR, mine)
    _, second, _ = booked(LINEAR, theirs, portfolio, strategy="other")
    _, alone, _ = booked(LINEAR, mine)
    assert (first.quantity, first.cost) == (alone.quantity, alone.cost)
    account = portfolio.account_position(LINEAR)
    assert portfolio.net(LINEAR.symbol) == account.quantity
    assert Fraction(account.quantity) == exact([first.quantity, second.quantity])
    assert Fraction(account.cost) == exact([first.cost, second.cost])
    assert Fraction(account.realized_pnl) == exact([first.realized_pnl, second.realized_pnl])
    assert Fraction(account.fees) == exact([first.fees, second.fees])
    assert account.fills == len(mine) + len(theirs)


def test_a_fill_row_tells_what_was_booked() -> None:
    _, _, fills = booked(
        LINEAR,
        [
            Execution(Decimal(30), Decimal("61659.7"), Decimal("1.5")),
            Execution(Decimal(-10), Decimal(61660), Decimal("-0.5")),
        ],
    )
    opened, closed = fills
    assert (opened.value, opened.realized_pnl, opened.fee) == (
        Decimal("1849.791"),
        Decimal(0),
        Decimal("1.5"),
    )
    assert (closed.side, closed.quantity, closed.value) == (SELL, Decimal(10), Decimal("616.6"))
    assert (closed.realized_pnl, closed.fee, closed.fee_currency) == (
        Decimal("0.003"),
        Decimal("-0.5"),
        "USDT",
    )
    assert closed.ts == 2


def test_a_turn_closes_one_round_trip_and_opens_the_next_with_its_part_of_the_fee() -> None:
    portfolio, position, fills = booked(
        SPOT,
        [
            Execution(Decimal(1), Decimal(100), Decimal("0.1")),
            Execution(Decimal(1), Decimal(110), Decimal("0.2")),
            Execution(Decimal(-3), Decimal(120), Decimal("0.3")),
        ],
    )
    assert fills[2].realized_pnl == 30
    assert portfolio.closed_positions == [
        ClosedPosition(
            "BTC/USDT", "s", PositionSide.LONG, Decimal(2), Decimal(30), Decimal("0.5"), 1, 3
        )
    ]
    assert (position.quantity, position.cost, position.ts_open) == (-1, -120, 3)
    assert position.side is PositionSide.SHORT
    assert portfolio.account_position(SPOT) is position
    booked(SPOT, [Execution(Decimal(1), Decimal(121))], portfolio)
    last = portfolio.closed_positions[-1]
    assert (last.side, last.realized_pnl, last.fees) == (PositionSide.SHORT, -1, Decimal("0.1"))


def test_an_inverse_profit_is_counted_in_coins() -> None:
    portfolio, position, fills = booked(
        INVERSE, [Execution(Decimal(30), Decimal(30000)), Execution(Decimal(-30), Decimal(60000))]
    )
    # 3000 USD buy 0.1 BTC at 30000 and 0.05 at 60000: the long keeps the difference.
    assert fills[1].realized_pnl == Decimal("0.05")
    assert portfolio.cash == {"BTC": Decimal("0.05")}
    assert not position.cost


def test_the_average_price_is_read_off_the_cost() -> None:
    _, spot, _ = booked(
        SPOT, [Execution(Decimal(1), Decimal(10)), Execution(Decimal(2), Decimal(13))]
    )
    assert spot.average_price == 12
    _, linear, _ = booked(LINEAR, [Execution(Decimal(-7), Decimal(10))])
    assert linear.average_price == 10
    _, inverse, _ = booked(
        INVERSE, [Execution(Decimal(1), Decimal(20000)), Execution(Decimal(1), Decimal(10000))]
    )
    assert inverse.average_price == Decimal("13333.33333333")  # harmonic: 200 USD for 0.015 BTC


def test_an_inverse_position_whose_costs_cancel_has_no_average_price() -> None:
    portfolio, _, _ = booked(INVERSE, [Execution(Decimal(3), Decimal(30000))])
    booked(INVERSE, [Execution(Decimal(-2), Decimal(20000))], portfolio, strategy="other")
    account = portfolio.account_position(INVERSE)
    assert (account.quantity, account.cost) == (1, 0)
    assert account.average_price is None


def test_funding_moves_cash_and_no_profit() -> None:
    portfolio, position, _ = booked(LINEAR, [Execution(Decimal(1), Decimal(100))])
    portfolio.pay_funding(position, Decimal("-0.25"))
    assert portfolio.balance("USDT") == Decimal("-0.25")
    assert (position.funding, position.realized_pnl) == (Decimal("-0.25"), 0)
