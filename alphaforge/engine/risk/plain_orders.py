"""The usual order, a market order within every limit, judged at once.

A short cut of the gate: it says yes exactly where the gate's rules would find no reason not to
(a property test holds this), and otherwise says nothing and leaves the judging to them. It must
never refuse an order, nor pass one that a rule would refuse.
"""

from decimal import Decimal

from alphaforge.engine.fill_prices import market_price
from alphaforge.engine.markets import SymbolState
from alphaforge.engine.portfolio import Portfolio
from alphaforge.engine.risk.exposure import Exposure, cost
from alphaforge.engine.risk.rules import limited
from alphaforge.engine.valuation import Valuation
from alphaforge.model.commands import SubmitOrder
from alphaforge.model.enums import AccountType, InstrumentKind, OrderSide, OrderType, TimeInForce
from alphaforge.model.numbers import EXACT, ONE, TOO_LARGE, ZERO
from alphaforge.model.orders import Order
from alphaforge.model.settings import AccountSettings, RiskSettings

_BUY = OrderSide.BUY
_MARKET = OrderType.MARKET
_GTC = TimeInForce.GTC
_SPOT = InstrumentKind.SPOT

_add = EXACT.add
_subtract = EXACT.subtract


class PlainOrders:
    """Recognises plain orders of one account."""

    __slots__ = (
        "_exposure",
        "_limited",
        "_limits",
        "_pays",
        "_portfolio",
        "_unlimited",
        "_valuation",
    )

    def __init__(
        self,
        portfolio: Portfolio,
        valuation: Valuation,
        exposure: Exposure,
        risk: RiskSettings,
        account: AccountSettings,
    ) -> None:
        self._portfolio = portfolio
        self._valuation = valuation
        self._exposure = exposure
        self._limits = risk
        self._limited = limited(risk)
        self._unlimited = account.cash is None
        self._pays = account.account_type is not AccountType.MARGIN

    def recognise(self, order: Order, state: SymbolState) -> tuple[SubmitOrder, Decimal] | None:
        """The terms on the grid and the price they were judged at; None: ask the rules.

        The caller has seen that trading is ACTIVE.
        """
        bracket = order.take_profit is not None or order.stop_loss is not None
        special = order.expires or order.post_only or order.reduce_only or bracket
        special = special or order.client_order_id
        if order.order_type is not _MARKET or order.tif is not _GTC or special:
            return None
        instrument, asked = state.instrument, order.quantity
        market = market_price(state, order.side)
        price = state.mark() if market == state.last else instrument.price_of(market)
        sane = asked.is_finite() and ZERO < asked < TOO_LARGE
        if price is None or instrument.min_value or not sane:
            return None
        quantity = instrument.quantity_floor(asked)
        if not quantity or quantity < instrument.min_quantity:
            return None
        if self._limited and not self._within(order.side, quantity, price, state):
            return None
        if not self._unlimited and not self._funded(order.side, quantity, price, state):
            return None
        terms = SubmitOrder(
            order.order_id, order.symbol, order.strategy, order.side, _MARKET, quantity
        )
        return terms, price

    def _within(
        self, side: OrderSide, quantity: Decimal, price: Decimal, state: SymbolState
    ) -> bool:
        """Whether every limit that is on is kept."""
        limits, instrument, symbol = self._limits, state.instrument, state.symbol
        if limits.max_open_orders and self._exposure.open_orders >= limits.max_open_orders:
            return False
        if limits.max_order_quantity and quantity > limits.max_order_quantity:
            return False
        rate = self._valuation.rate(instrument.settle)
        if rate is not ONE:
            return False
        most = limits.max_order_value
        if most and instrument.notional(quantity, price).copy_abs() > most:
            return False
        most = limits.max_position_value
        if not most:
            return True
        net = self._portfolio.net(symbol)
        if side is _BUY:
            worst = _add(_add(net, self._exposure.buying(symbol)), quantity)
        else:
            worst = _subtract(_subtract(net, self._exposure.selling(symbol)), quantity)
        return instrument.notional(worst, price).copy_abs() <= most

    def _funded(
        self, side: OrderSide, quantity: Decimal, price: Decimal, state: SymbolState
    ) -> bool:
        """Whether a cash account has what it takes; margin is the rules' business."""
        instrument = state.instrument
        if instrument.kind is not _SPOT or not self._pays:
            return False
        if side is _BUY:
            currency, needed = instrument.quote, cost(instrument, quantity, price)
        else:
            currency, needed = instrument.base, EXACT.multiply(quantity, instrument.multiplier)
        reserved = self._exposure.funds.get(currency)
        balance = self._portfolio.cash.get(currency, ZERO)
        return needed <= (_subtract(balance, reserved) if reserved else balance)
