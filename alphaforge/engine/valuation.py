"""What the account is worth in its reporting currency, and how it came to be worth that.

`equity = start_equity + realized_pnl + unrealized_pnl − fees`, exactly: equity is cash and
positions marked at last; realized, fees and start are booked; unrealized is what is left, which
for one quote currency is exactly the sum of the open positions' profit (a property test).
"""

from decimal import Context, Decimal

import msgspec

from alphaforge.engine.markets import Markets
from alphaforge.engine.portfolio import Portfolio
from alphaforge.model.enums import InstrumentKind
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import CURRENCY_STEP, EXACT, ONE, ZERO

_RATE = Context(prec=28)


class Account(msgspec.Struct, frozen=True, gc=False):
    """The account at one moment, in the reporting currency.

    Attributes:
        realized_pnl: By average cost, gross of fees, funding included.
        unpriced: Currencies held for which no price is known: they are not in `equity`.
    """

    start_equity: Decimal
    equity: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    fees: Decimal
    unpriced: tuple[str, ...] = ()


class Valuation:
    """Marks a portfolio to a market."""

    def __init__(self, portfolio: Portfolio, markets: Markets) -> None:
        self._portfolio = portfolio
        self._markets = markets
        self._start_rates: dict[str, Decimal] = {}

    @property
    def reporting_currency(self) -> str:
        """What everything here is stated in; the first symbol's settle currency if not given."""
        portfolio = self._portfolio
        if not portfolio.reporting_currency:
            first = next(iter(self._markets.states.values()), None)
            if first is not None:
                portfolio.reporting_currency = plain_currency(first.instrument.settle)
        return portfolio.reporting_currency

    def rate(self, currency: str) -> Decimal | None:
        """Reporting currency per unit of a currency now; None where no market says.

        The first spot or linear market between the two, in the order the engine got them; an
        inverted price is rounded half-even to 28 digits.
        """
        target = self.reporting_currency
        if currency == target:
            return ONE
        currency, target = plain_currency(currency), plain_currency(target)
        if currency == target:
            return ONE
        for state in self._markets.states.values():
            pair = _pair_of(state.instrument)
            if pair == (currency, target):
                mark = state.mark()
                if mark is not None:
                    return mark
            if pair == (target, currency):
                mark = state.mark()
                if mark:
                    return _RATE.divide(ONE, mark)
        return None

    def start_equity(self) -> Decimal:
        """Start balances, each at the first price ever seen for it."""
        total = ZERO
        for currency, amount in self._portfolio.start_cash.items():
            rate = self._start_rates.get(currency)
            if rate is None:
                rate = self._first_rate(currency)
                if rate is None:
                    continue
                self._start_rates[currency] = rate
            total = EXACT.add(total, EXACT.multiply(amount, rate))
        return total

    def _first_rate(self, currency: str) -> Decimal | None:
        currency, target = plain_currency(currency), plain_currency(self.reporting_currency)
        if currency == target:
            return ONE
        for state in self._markets.states.values():
            instrument = state.instrument
            if not state.first:
                continue
            pair = _pair_of(instrument)
            if pair == (currency, target):
                return instrument.price_of(state.first)
            if pair == (target, currency):
                return _RATE.divide(ONE, instrument.price_of(state.first))
        return None

    def equity(self) -> Decimal:
        """Cash and open derivative positions, marked at last."""
        return self._equity()[0]

    def account(self) -> Account:
        """The account now."""
        equity, unpriced = self._equity()
        start = self.start_equity()
        realized = fees = ZERO
        for position in self._portfolio.positions.values():
            rate = self.rate(position.instrument.settle)
            if rate is not None:
                gain = EXACT.add(position.realized_pnl, position.funding)
                realized = EXACT.add(realized, EXACT.multiply(gain, rate))
        for currency, fee in self._portfolio.fees_by_currency.items():
            rate = self.rate(currency)
            if rate is not None:
                fees = EXACT.add(fees, EXACT.multiply(fee, rate))
        unrealized = EXACT.add(EXACT.subtract(EXACT.subtract(equity, start), realized), fees)
        return Account(start, equity, realized, unrealized, fees, unpriced)

    def _equity(self) -> tuple[Decimal, tuple[str, ...]]:
        total = ZERO
        unpriced: tuple[str, ...] = ()
        for currency, amount in self._portfolio.cash.items():
            if not amount:
                continue
            rate = self.rate(currency)
            if rate is None:
                unpriced = (*unpriced, currency)
            else:
                total = EXACT.add(total, amount if rate is ONE else EXACT.multiply(amount, rate))
        for position in self._portfolio.positions.values():
            if position.quantity and position.instrument.kind is not InstrumentKind.SPOT:
                mark = self._markets.mark(position.symbol)
                rate = self.rate(position.instrument.settle)
                if mark is not None and rate is not None:
                    gain = position.unrealized_pnl(mark)
                    total = EXACT.add(total, EXACT.multiply(gain, rate))
        return total, unpriced

    def cash_value(self) -> Decimal:
        """Equity without what open positions would bring: the `cash` column of equity samples.

        The reporting currency's own balance; other currencies are positions of a kind.
        """
        return self._portfolio.balance(self.reporting_currency)


def plain_currency(name: str) -> str:
    """The currency of a wallet: `USDT@a` is USDT."""
    return name.partition("@")[0]


def _pair_of(instrument: Instrument) -> tuple[str, str]:
    return plain_currency(instrument.base), plain_currency(instrument.quote)


def rounded(value: Decimal) -> Decimal:
    """A value for reading, half-even to 8 decimals; never used for booking."""
    return value.quantize(CURRENCY_STEP, context=EXACT)
