"""The risk gate: the only maker of `Approved`.

It puts an order on the instrument's grid, asks every rule, and answers with what may leave or
with every reason why not. It must never send, book or remember anything.
"""

from decimal import Decimal

import msgspec

from alphaforge.engine.fill_prices import market_price
from alphaforge.engine.held_terms import is_emulated
from alphaforge.engine.markets import Markets, SymbolState
from alphaforge.engine.portfolio import Portfolio
from alphaforge.engine.risk.exposure import Exposure, cost
from alphaforge.engine.risk.plain_orders import PlainOrders
from alphaforge.engine.risk.rules import HALTED, RULES, Case, limited, shown, state_rule
from alphaforge.engine.risk.terms import check_offered, check_terms, price_ok
from alphaforge.engine.valuation import Valuation, rounded
from alphaforge.model.commands import Approved, CancelOrder, ModifyOrder, Refused, SubmitOrder
from alphaforge.model.enums import (
    AccountType,
    InstrumentKind,
    OrderSide,
    OrderType,
    RiskState,
    TimeInForce,
)
from alphaforge.model.instrument import Instrument
from alphaforge.model.numbers import EXACT, TOO_LARGE, ZERO, plain
from alphaforge.model.orders import Order
from alphaforge.model.settings import AccountSettings, RiskSettings

# Enum members as module names: looking one up on its class costs ten times as much.
_BUY = OrderSide.BUY
_MARKET = OrderType.MARKET
_ACTIVE = RiskState.ACTIVE
_SPOT = InstrumentKind.SPOT
_MARGIN = AccountType.MARGIN
_GTC = TimeInForce.GTC


class Judged(msgspec.Struct, gc=False):
    """The gate's verdict and the price it was reached at (what funds are reserved at)."""

    verdict: Approved | Refused
    price: Decimal


class RiskGate:
    """Judges orders and requests against the account and its limits.

    Attributes:
        state: ACTIVE, REDUCING or HALTED; operators change it.
        reason: What they said as they changed it last; empty before the first time.
    """

    def __init__(
        self,
        markets: Markets,
        portfolio: Portfolio,
        valuation: Valuation,
        exposure: Exposure,
        risk: RiskSettings,
        account: AccountSettings,
    ) -> None:
        self.state = risk.state
        self.reason = ""
        self.settings = risk
        self._markets = markets
        self._portfolio = portfolio
        self._valuation = valuation
        self._exposure = exposure
        self._limited = limited(risk)
        self._account = account
        self._plain = PlainOrders(portfolio, valuation, exposure, risk, account)

    def cancel(self, order: Order, now: int) -> Approved | None:
        """Cancels always pass: they only take risk away (None: `engine/journaled_gate.py`)."""
        return Approved(CancelOrder(order.order_id, *order.names), now)

    def holds(self, order: Order, instrument: Instrument) -> bool:
        """Whether an order that passed waits here for its trigger: its venue has no such orders."""
        return is_emulated(order, instrument)

    def release(self, terms: SubmitOrder, now: int) -> Approved | None:
        """Let out what a held order becomes: it was judged when it was held (None: see above)."""
        return self._let_out(terms, now)

    def _let_out(self, command: SubmitOrder | ModifyOrder, now: int) -> Approved:
        """What was judged before: when it was held, or in the run whose journal is read."""
        return Approved(command, now)

    def submit(self, order: Order, now: int) -> Judged:
        """Judge a new order, which has its `order_id` already."""
        state = self._markets.states.get(order.symbol) or self._markets.find(order.symbol)
        if state is None:
            return self._refuse(order.order_id, now, [f"no symbol `{order.symbol}` here"])
        plain = self._plain.recognise(order, state) if self.state is _ACTIVE else None
        if plain is not None:
            return Judged(Approved(plain[0], now), plain[1])
        reasons: list[str] = []
        terms = self._on_grid(order, state, now, reasons)
        price = None if reasons else self._price(terms, state)
        if price is None:
            if not reasons:
                reasons.append(f"no market price for {order.symbol} yet")
            if self.state is RiskState.HALTED:
                reasons.append(HALTED)
            return self._refuse(order.order_id, now, reasons)
        self._judge(terms, terms.quantity, price, state, reasons)
        if reasons:
            return self._refuse(order.order_id, now, reasons)
        return Judged(Approved(terms, now), price)

    def modify(self, order: Order, request: ModifyOrder, now: int) -> Judged:
        """Judge new terms of a working order; its own part of the exposure must be out of it."""
        state = self._markets.states[order.symbol]
        instrument = state.instrument
        reasons: list[str] = []
        if "MODIFY" in instrument.unsupported and not order.is_held:
            reasons.append(f"{instrument.venue} cannot modify orders: cancel it and send another")
        quantity, limit, trigger = request.quantity, request.limit_price, request.trigger_price
        if quantity is not None:
            quantity = self._quantity_on_grid(quantity, state, reasons)
        limit = None if limit is None else price_ok("limit", limit, reasons)
        trigger = None if trigger is None else price_ok("stop", trigger, reasons)
        if (limit is not None and order.limit_price is None) or (
            trigger is not None and order.trigger_price is None
        ):
            reasons.append(f"a {order.order_type} order has no such price")
        if quantity is not None and not reasons and quantity <= order.filled:
            reasons.append(f"{plain(order.filled)} is filled already")
        if reasons:
            return self._refuse(order.order_id, now, reasons)
        if limit is not None:
            limit = instrument.limit_on_grid(limit, order.side)
        if trigger is not None:
            trigger = instrument.trigger_on_grid(trigger)
        asked = ModifyOrder(order.order_id, request.version, quantity, limit, trigger, *order.names)
        limit = limit or order.limit_price
        trigger = trigger or order.trigger_price
        terms = SubmitOrder(
            order.order_id,
            order.symbol,
            order.strategy,
            order.side,
            order.order_type,
            quantity or order.quantity,
            limit,
            trigger,
            reduce_only=order.reduce_only,
        )
        price = self._price(terms, state) or ZERO
        leaves = EXACT.subtract(terms.quantity, order.filled)
        self._judge(terms, leaves, price, state, reasons)
        if reasons:
            return self._refuse(order.order_id, now, reasons)
        return Judged(Approved(asked, now), price)

    def affordable(self, terms: SubmitOrder, quantity: Decimal, price: Decimal) -> bool:
        """Whether the account can pay for, or deliver, a fill right now (its own funds only)."""
        state = self._markets.states[terms.symbol]
        instrument = state.instrument
        if not self._counts_cash(instrument.kind):
            return True
        balance = self._portfolio.balance
        if terms.side is _BUY:
            return cost(instrument, quantity, price) <= balance(instrument.quote)
        return EXACT.multiply(quantity, instrument.multiplier) <= balance(instrument.base)

    def _refuse(self, order_id: str, now: int, reasons: list[str]) -> Judged:
        return Judged(Refused(order_id, tuple(reasons), now), ZERO)

    # The grid ---------------------------------------------------------------------------------

    def _on_grid(
        self, order: Order, state: SymbolState, now: int, reasons: list[str]
    ) -> SubmitOrder:
        instrument = state.instrument
        quantity = self._quantity_on_grid(order.quantity, state, reasons, order.reason)
        if order.reduce_only and not reasons:
            quantity = self._cut(order, quantity, state, reasons)
        limit, trigger = order.limit_price, order.trigger_price
        if limit is not None and price_ok("limit", limit, reasons) is not None:
            limit = instrument.limit_on_grid(limit, order.side)
            price_ok("limit", limit, reasons)
        if trigger is not None and price_ok("stop", trigger, reasons) is not None:
            trigger = instrument.trigger_on_grid(trigger)
            price_ok("stop", trigger, reasons)
        if order.order_type is not _MARKET or order.tif is not _GTC or order.post_only:
            check_terms(order, now, reasons)
        if instrument.unsupported:
            check_offered(order, instrument, reasons)
        if order.take_profit is not None:
            price_ok("take-profit", order.take_profit, reasons)
        if order.stop_loss is not None:
            price_ok("stop-loss", order.stop_loss, reasons)
        return SubmitOrder(
            order.order_id,
            order.symbol,
            order.strategy,
            order.side,
            order.order_type,
            quantity,
            limit,
            trigger,
            order.trail,
            order.trail_pct,
            order.tif,
            order.expires,
            order.post_only,
            order.reduce_only,
            order.client_order_id,
        )

    def _quantity_on_grid(
        self, asked: Decimal, state: SymbolState, reasons: list[str], why: str = ""
    ) -> Decimal:
        if not asked.is_finite() or not 0 < asked < TOO_LARGE:
            reasons.append(why or f"quantity must be above zero, got {shown(asked)}")
            return ZERO
        instrument = state.instrument
        quantity = instrument.quantity_floor(asked)
        if quantity < instrument.min_quantity or not quantity:
            reasons.append(
                f"quantity {plain(asked)} is below the minimum {plain(instrument.min_quantity)} "
                f"of {state.symbol} (step {plain(instrument.quantity_step)})"
            )
        return quantity

    def _cut(
        self, order: Order, quantity: Decimal, state: SymbolState, reasons: list[str]
    ) -> Decimal:
        """A reduce-only order is cut to the strategy's position."""
        held = self._portfolio.position(order.strategy, state.instrument).quantity
        reducible = EXACT.minus(held) if order.side is _BUY else held
        if reducible <= 0:
            reasons.append(f"reduce-only, but there is no {state.symbol} position to reduce")
            return quantity
        return min(quantity, reducible)

    # The rules --------------------------------------------------------------------------------

    def _price(self, terms: SubmitOrder, state: SymbolState) -> Decimal | None:
        """What it is judged at: its limit, else its trigger, else the market it would meet."""
        if terms.limit_price is not None:
            return terms.limit_price
        if terms.trigger_price is not None:
            return terms.trigger_price
        price = market_price(state, terms.side)
        if not price:
            return None
        return state.mark() if price == state.last else state.instrument.price_of(price)

    def _judge(
        self,
        terms: SubmitOrder,
        quantity: Decimal,
        price: Decimal,
        state: SymbolState,
        reasons: list[str],
    ) -> None:
        instrument = state.instrument
        if instrument.min_value and not terms.reduce_only:
            value = EXACT.abs(instrument.notional(quantity, price))
            if value < instrument.min_value:
                reasons.append(
                    f"value {plain(value)} is below the minimum {plain(instrument.min_value)} "
                    f"of {state.symbol}"
                )
        if self._limited or self.state is not _ACTIVE:
            self._ask_rules(terms, quantity, price, state, reasons)
        if self._account.cash is not None:
            self._ask_funds(terms, quantity, price, state, reasons)

    def _ask_rules(
        self,
        terms: SubmitOrder,
        quantity: Decimal,
        price: Decimal,
        state: SymbolState,
        reasons: list[str],
    ) -> None:
        symbol = state.symbol
        prices = (terms.limit_price, terms.trigger_price)
        case = Case(
            state.instrument,
            terms.side,
            quantity,
            terms.quantity,
            price,
            tuple(each for each in prices if each is not None),
            state.mark(),
            self._portfolio.net(symbol),
            self._exposure.buying(symbol),
            self._exposure.selling(symbol),
            self._exposure.open_orders,
            self._valuation.rate(state.instrument.settle),
        )
        for rule in RULES:
            reason = rule(case, self.settings)
            if reason is not None:
                reasons.append(reason)
        reason = state_rule(case, self.state)
        if reason is not None:
            reasons.append(reason)

    def _counts_cash(self, kind: InstrumentKind) -> bool:
        """Whether this instrument is paid for in full: spot, unless on a margin account."""
        account = self._account
        if account.cash is None or kind is not _SPOT:
            return False
        return account.account_type is not _MARGIN

    def _ask_funds(
        self,
        terms: SubmitOrder,
        quantity: Decimal,
        price: Decimal,
        state: SymbolState,
        reasons: list[str],
    ) -> None:
        instrument = state.instrument
        if not self._counts_cash(instrument.kind):
            if not terms.reduce_only:
                self._ask_margin(terms, quantity, price, state, reasons)
            return
        if terms.side is _BUY:
            currency, needed = instrument.quote, cost(instrument, quantity, price)
        else:
            currency = instrument.base
            needed = EXACT.multiply(quantity, instrument.multiplier)
        free = self._portfolio.balance(currency)
        if not terms.reduce_only:  # towards flat, what other orders hold back may be used
            free = EXACT.subtract(free, self._exposure.reserved(currency))
        if needed > free:
            reasons.append(f"needs {plain(needed)} {currency}, {plain(free)} is free")

    def _ask_margin(
        self,
        terms: SubmitOrder,
        quantity: Decimal,
        price: Decimal,
        state: SymbolState,
        reasons: list[str],
    ) -> None:
        """Worst-case position values of all symbols ÷ leverage must be within equity."""
        net, symbol = self._portfolio.net(state.symbol), state.symbol
        long = EXACT.add(net, self._exposure.buying(symbol))
        short = EXACT.subtract(self._exposure.selling(symbol), net)
        buys = terms.side is _BUY
        worst = EXACT.add(long if buys else short, quantity)
        if worst <= max(long, short):
            return
        after = max(worst, short if buys else long)
        rate = self._valuation.rate(state.instrument.settle)
        if rate is None:
            reasons.append(f"no price turns {state.instrument.settle} into the account's currency")
            return
        instrument = state.instrument
        value = _worth(instrument, after, price, rate)
        fee = EXACT.multiply(_worth(instrument, quantity, price, rate), instrument.taker_fee)
        total = EXACT.add(value, self._other_positions(symbol))
        needed = EXACT.add(EXACT.divide(total, self._account.leverage), fee)
        equity = self._valuation.equity()
        if needed > equity:
            reasons.append(
                f"needs {plain(rounded(needed))} {self._valuation.reporting_currency} of margin "
                f"(leverage {plain(self._account.leverage)}), equity is {plain(equity)}"
            )

    def _other_positions(self, symbol: str) -> Decimal:
        """Worst-case value of every other symbol's position and working orders."""
        total = ZERO
        for other, state in self._markets.states.items():
            if other == symbol:
                continue
            net = self._portfolio.net(other)
            worst = max(
                EXACT.add(net, self._exposure.buying(other)),
                EXACT.subtract(self._exposure.selling(other), net),
            )
            mark = state.mark()
            rate = self._valuation.rate(state.instrument.settle) if worst > 0 else None
            if mark is not None and rate is not None:
                total = EXACT.add(total, _worth(state.instrument, worst, mark, rate))
        return total


def _worth(instrument: Instrument, quantity: Decimal, price: Decimal, rate: Decimal) -> Decimal:
    """Unsigned value in the reporting currency."""
    return EXACT.multiply(EXACT.abs(instrument.notional(quantity, price)), rate)
