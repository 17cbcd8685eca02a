"""Positions, cash and equity, exact to the last digit.

A position is (signed quantity, signed cost); its average price is a view. A partial close takes
its share of the cost rounded half-even to 8 decimals, once, and the remainder stays; flat means
cost 0. Cash follows the two laws of `docs/adr/0004-money.md`: spot moves both currencies, a
derivative moves only its settle currency. Must never see a float, a clock or an order's status.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from alphaforge.engine.base_fees import in_settle, moved
from alphaforge.errors import InternalError
from alphaforge.model.enums import InstrumentKind, OrderSide, PositionSide
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import CURRENCY_STEP, EXACT, ONE, ZERO
from alphaforge.model.orders import Fill
from alphaforge.model.reports import OrderFilled

_add = EXACT.add
_subtract = EXACT.subtract
_multiply = EXACT.multiply
_minus = EXACT.minus  # the operators `-x` and `abs(x)` would round to the thread's 28 digits
_abs = EXACT.abs

# Enum members as module names: looking one up on its class costs ten times as much.
_INVERSE = InstrumentKind.INVERSE
_SPOT = InstrumentKind.SPOT
_BUY = OrderSide.BUY
_LONG = PositionSide.LONG
_SHORT = PositionSide.SHORT
_FLAT = PositionSide.FLAT

MarkOf = Callable[[str], Decimal | None]
"""The last price of a symbol as booked, or None before the first."""


class Position(msgspec.Struct, gc=False, eq=False):
    """What one strategy holds of one symbol; read-only to everyone but the portfolio.

    Attributes:
        quantity: Signed: more than zero long, less than zero short.
        cost: Signed notional paid for the open quantity, in settle (spot: quote).
        realized_pnl: By average cost, gross of fees, since the start.
        fees: Paid on its fills, in the settle (spot: quote) currency; see `base_fees.in_settle`.
        funding: Received (positive) or paid, in settle.
        fills: Executions so far.
        turnover: Σ value of its fills, in settle (spot: quote).
        ts_open: Engine time at which it last left flat; 0 before the first.
        trip: The round trip it is in; None when flat.
    """

    instrument: Instrument
    strategy: str
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    fills: int = 0
    ts_open: int = 0
    trip: "RoundTrip | None" = None
    turnover: Decimal = ZERO

    @property
    def symbol(self) -> str:
        """The instrument's symbol."""
        return self.instrument.symbol

    @property
    def side(self) -> PositionSide:
        """LONG, SHORT or FLAT."""
        if not self.quantity:
            return _FLAT
        return _LONG if self.quantity > 0 else _SHORT

    @property
    def average_price(self) -> Decimal | None:
        """Average entry price of the open quantity. A view, rounded for reading.

        None when flat, and where an inverse cost is zero: too small to be counted, or the sum of
        strategies that hold opposite sides.
        """
        inverse = self.instrument.kind is _INVERSE
        if not self.quantity or (inverse and not self.cost):
            return None
        if inverse:
            face = _multiply(self.quantity, self.instrument.multiplier)
            return EXACT.divide(face, self.cost).quantize(CURRENCY_STEP, context=EXACT)
        units = _multiply(self.quantity, self.instrument.multiplier)
        return EXACT.divide(self.cost, units).quantize(CURRENCY_STEP, context=EXACT)

    def unrealized_pnl(self, mark: Decimal) -> Decimal:
        """Profit of the open quantity if it were closed at `mark`, in settle, exact."""
        if not self.quantity:
            return ZERO
        value = self.instrument.notional(self.quantity, mark)
        if self.instrument.kind is _INVERSE:
            return _subtract(self.cost, value)
        return _subtract(value, self.cost)


class ClosedPosition(msgspec.Struct, frozen=True, gc=False):
    """A round trip: flat to flat, or up to a reversal; a `trade` in reports.

    Attributes:
        quantity: Largest |quantity| held.
        realized_pnl: Gross of fees, settle currency.
        fees: Of all its fills; a reversing fill's fee is split by quantity.
    """

    symbol: str
    strategy: str
    side: PositionSide
    quantity: Decimal
    realized_pnl: Decimal
    fees: Decimal
    ts_open: int
    ts_close: int

    @property
    def net_pnl(self) -> Decimal:
        """Profit after fees; a win is more than zero."""
        return _subtract(self.realized_pnl, self.fees)


class RoundTrip(msgspec.Struct, gc=False):
    """The round trip a position is in."""

    side: PositionSide
    ts_open: int
    quantity: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO


class PortfolioState(msgspec.Struct):
    """What a snapshot keeps of a portfolio; its parts are the live ones, not copies."""

    cash: dict[str, Decimal]
    positions: list[Position]
    closed_positions: list[ClosedPosition]
    fees_by_currency: dict[str, Decimal]
    net: dict[str, Decimal]


class Portfolio:
    """Books fills into positions and cash, and marks them.

    `cash` starts from `start_cash`; `None` means nobody counts it (a script's own engine): it then
    starts at zero and may go below. Positions are per (strategy, symbol); `net(symbol)` is the
    account's.
    """

    def __init__(
        self,
        start_cash: dict[str, Decimal] | None = None,
        *,
        reporting_currency: str = "",
        account: str = "paper",
    ) -> None:
        self.account = account
        self.start_cash = dict(start_cash or {})
        self.cash: dict[str, Decimal] = dict(self.start_cash)
        self.reporting_currency = reporting_currency
        self.positions: dict[tuple[str, str], Position] = {}
        self.closed_positions: list[ClosedPosition] = []
        self.fees_by_currency: dict[str, Decimal] = {}
        self._net: dict[str, Decimal] = {}

    def position(self, strategy: str, instrument: Instrument) -> Position:
        """The position of a strategy in an instrument, flat if there never was one."""
        key = (strategy, instrument.symbol)
        found = self.positions.get(key)
        if found is None:
            found = self.positions[key] = Position(instrument, strategy)
        return found

    def account_position(self, instrument: Instrument) -> Position:
        """The account's position over all strategies: the one there is, or their sum as a copy."""
        symbol = instrument.symbol
        parts = [each for each in self.positions.values() if each.symbol == symbol]
        if len(parts) == 1:
            return parts[0]
        total = Position(instrument, "")
        for part in parts:
            total.quantity = _add(total.quantity, part.quantity)
            total.cost = _add(total.cost, part.cost)
            total.realized_pnl = _add(total.realized_pnl, part.realized_pnl)
            total.fees = _add(total.fees, part.fees)
            total.funding = _add(total.funding, part.funding)
            total.fills += part.fills
            total.turnover = _add(total.turnover, part.turnover)
        return total

    def net(self, symbol: str) -> Decimal:
        """The account's signed quantity of a symbol: the sum over strategies."""
        return self._net.get(symbol, ZERO)

    def balance(self, currency: str) -> Decimal:
        """Cash of a currency; 0 for one never seen.

        Where wallets are apart (`USDT@a`), the plain name means all of them together.
        """
        amount = self.cash.get(currency)
        if amount is not None:
            return amount
        total, wallets = ZERO, f"{currency}@"
        for name, part in self.cash.items():
            if name.startswith(wallets):
                total = _add(total, part)
        return total

    def book(
        self, strategy: str, instrument: Instrument, side: OrderSide, report: OrderFilled
    ) -> Fill:
        """Book one execution; the caller has made sure that it is new. Returns the fill's row."""
        return self.book_into(self.position(strategy, instrument), side, report)

    def book_into(self, position: Position, side: OrderSide, report: OrderFilled) -> Fill:
        """The same, where the position is at hand."""
        instrument = position.instrument
        quantity, fee, currency = report.quantity, report.fee, report.fee_currency
        signed = quantity if side is _BUY else quantity.copy_negate()
        notional = instrument.notional(signed, report.price)
        value = notional.copy_abs()
        before = position.quantity
        part = moved(instrument, before, signed, fee, currency)
        worth = notional if part is signed else instrument.notional(part, report.price)
        realized = self._turn(position, part, worth, report)
        position.turnover = _add(position.turnover, value)
        symbol, cash = instrument.symbol, self.cash
        self._net[symbol] = _add(self._net.get(symbol, ZERO), part)
        paid, settle = notional, instrument.settle
        if fee:
            self.fees_by_currency[currency] = _add(self.fees_by_currency.get(currency, ZERO), fee)
        if instrument.kind is _SPOT:
            multiplier, base = instrument.multiplier, instrument.base
            units = signed if multiplier is ONE else _multiply(signed, multiplier)
            cash[base] = _add(cash.get(base, ZERO), units)
            settle = instrument.quote
        else:
            paid = realized.copy_negate()
        if fee and currency == settle:
            paid = _add(paid, fee)
        elif fee:
            cash[currency] = _subtract(cash.get(currency, ZERO), fee)
        if paid:
            cash[settle] = _subtract(cash.get(settle, ZERO), paid)
        return Fill(
            report.ts_local,
            instrument.venue,
            instrument.account or self.account,
            symbol,
            position.strategy,
            report.order_id,
            report.venue_order_id,
            report.trade_id,
            side,
            quantity,
            report.price,
            value,
            fee,
            currency,
            report.liquidity,
            realized,
        )

    def save(self) -> PortfolioState:
        """All that was booked, to be written at once: it goes on changing."""
        positions = list(self.positions.values())
        return PortfolioState(
            self.cash, positions, self.closed_positions, self.fees_by_currency, self._net
        )

    def load(self, state: PortfolioState, instruments: Callable[[str], Instrument]) -> None:
        """Take back what `save` gave; `instruments` finds the rules of a symbol."""
        self.cash = state.cash
        self.closed_positions = state.closed_positions
        self.fees_by_currency = state.fees_by_currency
        self._net = state.net
        self.positions = {(each.strategy, each.symbol): each for each in state.positions}
        for each in state.positions:
            each.instrument = instruments(each.symbol)

    def turnover(self) -> dict[str, Decimal]:
        """Σ value of all fills, by settle currency."""
        totals: dict[str, Decimal] = {}
        for position in self.positions.values():
            currency = position.instrument.settle
            totals[currency] = _add(totals.get(currency, ZERO), position.turnover)
        return totals

    def _turn(
        self, position: Position, signed: Decimal, notional: Decimal, report: OrderFilled
    ) -> Decimal:
        """Move a position by one execution; returns the realized profit, gross of fees."""
        before = position.quantity
        fee = in_settle(position.instrument, report.fee, report.fee_currency, report.price)
        position.fills += 1
        position.fees = _add(position.fees, fee)
        if not before:
            self._open(position, signed, notional, report, fee)
            return ZERO
        trip = _trip_of(position)
        if before.is_signed() is signed.is_signed():
            position.quantity = _add(before, signed)
            position.cost = _add(position.cost, notional)
            trip.fees = _add(trip.fees, fee)
            trip.quantity = max(trip.quantity, _abs(position.quantity))
            return ZERO
        return self._reduce(position, signed, notional, report, fee)

    def _open(
        self,
        position: Position,
        signed: Decimal,
        notional: Decimal,
        report: OrderFilled,
        fee: Decimal,
    ) -> None:
        position.quantity = signed
        position.cost = notional
        position.ts_open = report.ts_local
        side = _SHORT if signed.is_signed() else _LONG
        position.trip = RoundTrip(side, report.ts_local, _abs(signed), ZERO, fee)

    def _reduce(
        self,
        position: Position,
        signed: Decimal,
        notional: Decimal,
        report: OrderFilled,
        paid: Decimal,
    ) -> Decimal:
        """Close part, all, or all and turn: the closed part takes its share of the cost."""
        before = position.quantity
        trip = _trip_of(position)
        after = _add(before, signed)
        turns = bool(after) and after.is_signed() is not before.is_signed()
        if turns or not after:
            closing = _minus(before)
            part = notional if not turns else position.instrument.notional(closing, report.price)
            share = position.cost
            fee = paid if not turns else _share(paid, before, signed)
        else:
            part, fee = notional, paid
            share = _share(position.cost, signed, before)
        gain = _add(part, share)
        realized = gain if position.instrument.kind is _INVERSE else _minus(gain)
        position.realized_pnl = _add(position.realized_pnl, realized)
        trip.realized_pnl = _add(trip.realized_pnl, realized)
        trip.fees = _add(trip.fees, fee)
        position.quantity = after
        position.cost = _subtract(position.cost, share)
        if turns or not after:
            self._close(position, trip, report.ts_local)
        if turns:
            rest = _subtract(notional, part)
            self._open(position, after, rest, report, _subtract(paid, fee))
        return realized

    def _close(self, position: Position, trip: RoundTrip, ts: int) -> None:
        position.trip = None
        self.closed_positions.append(
            ClosedPosition(
                position.symbol,
                position.strategy,
                trip.side,
                trip.quantity,
                trip.realized_pnl,
                trip.fees,
                trip.ts_open,
                ts,
            )
        )

    def pay_funding(self, position: Position, amount: Decimal) -> None:
        """Book a funding payment on a position: positive = received."""
        currency = position.instrument.settle
        position.funding = _add(position.funding, amount)
        self.cash[currency] = _add(self.cash.get(currency, ZERO), amount)


def _trip_of(position: Position) -> RoundTrip:
    """The round trip of a position that is not flat."""
    if position.trip is None:
        raise InternalError(f"position {position.strategy} {position.symbol} has no round trip")
    return position.trip


def _share(total: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """The part's share of a total, by |part| / |whole|, half-even to 8 decimals."""
    ratio = _multiply(total, _abs(part))
    return EXACT.divide(ratio, _abs(whole)).quantize(CURRENCY_STEP, context=EXACT)
