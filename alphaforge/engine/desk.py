"""One strategy's desk: what its verbs do, and the one way it reaches the engine.

Verbs describe and queue; the engine carries the queue out after the callback returned. A desk must
never act on the market by itself.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Protocol

import msgspec
from msgspec.structs import force_setattr

from alphaforge.engine.bars import parse_kind
from alphaforge.engine.data import DataEngine
from alphaforge.engine.execution import ExecutionEngine
from alphaforge.engine.markets import SymbolState
from alphaforge.engine.portfolio import Position
from alphaforge.errors import UsageError
from alphaforge.model.enums import AlertLevel, OrderSide, OrderType, TimeInForce
from alphaforge.model.events import Alert, Signal
from alphaforge.model.numbers import EXACT, NAN, Number, decimal_of
from alphaforge.model.orders import Order

Request = tuple[Callable[..., object], tuple[Any, ...]]
"""A verb waiting for its callback to return: what to call, with what."""

NS_PER_SECOND = 1_000_000_000


class Owner(Protocol):
    """Whose desk it is: the strategy's runner."""

    name: str

    def listen(
        self, listeners: tuple[Callable[..., object], ...], callback: str
    ) -> tuple[Callable[..., object], ...]:
        """Add the strategy's callback to a symbol's listeners, once."""
        ...

    def start_timer(self, name: str, every: int, now: int) -> None:
        """Start a repeating timer of so many ns."""
        ...


class HistoryRequest(msgspec.Struct, frozen=True):
    """A strategy asked for bars from before the run."""

    symbol: str
    kind: str
    count: int


class Shared(msgspec.Struct, eq=False):
    """What all desks of an engine share.

    Attributes:
        requests: Verbs waiting to be carried out, in call order.
        history: Bars from before the run that somebody asked for.
    """

    data: DataEngine
    execution: ExecutionEngine
    requests: list[Request] = []
    history: list[HistoryRequest] = []
    signals_made: int = 0


class Desk:
    """The verbs of one strategy.

    Attributes:
        working: Its orders that work, just asked for included, by id.
        historical: Bars from before the run are being fed: orders are denied.
    """

    def __init__(self, shared: Shared, runner: Owner) -> None:
        self._shared = shared
        self._execution = shared.execution
        self._runner = runner
        self._name = runner.name
        self.working: dict[str, Order] = {}
        self.historical = False
        self.past: dict[tuple[str, str], int] = {}

    # Data -------------------------------------------------------------------------------------

    def _state(self, symbol: str) -> SymbolState:
        state = self._shared.data.markets.find(symbol)
        if state is None:
            known = ", ".join(self._shared.data.markets.states) or "none"
            raise UsageError(
                f"strategy {self._name} subscribed to `{symbol}`, which this run has no data for",
                remedy=f"symbols here: {known}; subscribe to one of them, or give data of {symbol}",
            )
        return state

    def subscribe_trades(self, symbol: str) -> None:
        """See `Strategy`."""
        state = self._state(symbol)
        self._warn_of_bars(state, "on_trade")
        state.trade_listeners = self._runner.listen(state.trade_listeners, "on_trade")

    def subscribe_quotes(self, symbol: str) -> None:
        """See `Strategy`."""
        state = self._state(symbol)
        self._warn_of_bars(state, "on_quote")
        state.quote_listeners = self._runner.listen(state.quote_listeners, "on_quote")

    def subscribe_book(self, symbol: str) -> None:
        """See `Strategy`."""
        state = self._state(symbol)
        self._warn_of_bars(state, "on_book")
        state.book_listeners = self._runner.listen(state.book_listeners, "on_book")

    def _warn_of_bars(self, state: SymbolState, callback: str) -> None:
        """Say that a callback will never be called: the data are bars."""
        if state.native_kind:
            message = (
                f"the data of {state.symbol} are {state.native_kind} bars: {callback} of "
                f"{self._name} is never called; use subscribe_bars"
            )
            self._execution.alert("no-such-stream", message, self._name, state.symbol)

    def subscribe_bars(self, symbol: str, kind: str, history: int) -> None:
        """See `Strategy`."""
        state = self._state(symbol)
        wanted = parse_kind(kind)
        if state.native_kind != kind:
            self._check_derived(state, kind)
            self._shared.data.build(state, wanted)
        listeners = state.bar_listeners.get(kind, ())
        state.bar_listeners[kind] = self._runner.listen(listeners, "on_bar")
        if history > 0:
            self.past[state.symbol, kind] = max(history, self.past.get((state.symbol, kind), 0))
            self._shared.history.append(HistoryRequest(state.symbol, kind, history))

    def _check_derived(self, state: SymbolState, kind: str) -> None:
        """Bars of bars must be whole multiples of them."""
        native = state.native_kind
        if not native:
            return
        wanted, given = parse_kind(kind), parse_kind(native)
        if not wanted.interval_ns or wanted.from_quotes or wanted.interval_ns % given.interval_ns:
            raise UsageError(
                f"strategy {self._name} wants {kind} bars of {state.symbol}, "
                f"but the data are {native} bars",
                remedy=f"use --timeframe {native} or a multiple of it, or data with trades",
            )

    # Orders -----------------------------------------------------------------------------------

    def order(  # noqa: PLR0913, PLR0917 - the order's terms, as in `Strategy.buy`; by place: fast
        self,
        side: OrderSide,
        symbol: str,
        quantity: Number,
        limit: Number | None,
        stop: Number | None,
        trail: Number | None,
        tif: str,
        expires: int | None,
        post_only: bool,
        reduce_only: bool,
        take_profit: Number | None,
        stop_loss: Number | None,
        tag: str,
    ) -> Order:
        """Describe an order and queue it; see `Strategy.buy`."""
        amount = decimal_of(quantity)
        order = Order(
            symbol,
            side,
            _type_of(limit, stop, trail),
            amount,
            None if limit is None else decimal_of(limit),
            None if stop is None else decimal_of(stop),
            None,
            None,
            _GTC if tif == "GTC" and not expires else _tif_of(tif, expires),
            expires or 0,
            post_only,
            reduce_only,
            None if take_profit is None else decimal_of(take_profit),
            None if stop_loss is None else decimal_of(stop_loss),
            tag,
            self._name,
            order_id=self._execution.next_id(self._name),
            leaves=amount,
            ts=self._execution.timers.now,
        )
        if trail is not None:
            _set_trail(order, trail)
        if amount is NAN:
            force_setattr(order, "reason", f"quantity must be a number above zero, got {quantity}")
        return self._queue(order)

    def _queue(self, order: Order) -> Order:
        execution = self._execution
        if not order.order_id:
            force_setattr(order, "order_id", execution.next_id(self._name))
            force_setattr(order, "ts", execution.timers.now)
        self.working[order.order_id] = order
        if self.historical:
            reason = "orders are denied during historical bars"
            self._shared.requests.append((execution.deny, (order, reason)))
        else:
            self._shared.requests.append((execution.submit, (order,)))
        return order

    def modify(
        self, order: Order, quantity: Number | None, limit: Number | None, stop: Number | None
    ) -> None:
        """See `Strategy`."""
        _must_be_order(order)
        self._shared.requests.append((self._execution.modify, (order, quantity, limit, stop)))

    def cancel(self, order: Order) -> None:
        """See `Strategy`."""
        _must_be_order(order)
        self._shared.requests.append((self._execution.cancel, (order,)))

    def cancel_all(self, symbol: str | None) -> None:
        """See `Strategy`."""
        for order in self.orders(symbol):
            self.cancel(order)

    def close(self, symbol: str) -> Order | None:
        """See `Strategy`."""
        held = self.position(symbol).quantity
        if not held:
            return None
        for order in self.orders(symbol):
            if order.reduce_only and order.order_type is OrderType.MARKET:
                return order
        order = Order(
            symbol=symbol,
            side=OrderSide.SELL if held > 0 else OrderSide.BUY,
            order_type=OrderType.MARKET,
            quantity=held.copy_abs(),
            leaves=held.copy_abs(),
            reduce_only=True,
            tag="close",
            strategy=self._name,
        )
        return self._queue(order)

    def signal(
        self, symbol: str, direction: str, confidence: float, reason: str, size: str
    ) -> Signal:
        """See `Strategy`."""
        if direction not in ("LONG", "SHORT", "FLAT"):
            raise ValueError(f"a signal's direction is LONG, SHORT or FLAT, not {direction!r}")
        if not 0.0 <= confidence <= 1.0:
            raise ValueError(f"a signal's confidence is 0 to 1, not {confidence!r}")
        if size not in ("none", "auto"):
            raise ValueError(f'a signal\'s size is "none" or "auto", not {size!r}')
        self._shared.signals_made += 1
        signal_id = f"s-{self._shared.signals_made:06d}"
        order = self._order_of(symbol, direction, confidence) if size == "auto" else None
        if order is not None:
            force_setattr(order, "signal_id", signal_id)
        signal = Signal(
            signal_id,
            self._name,
            symbol,
            direction,
            confidence,
            reason,
            order.order_id if order is not None else "",
            self.now,
        )
        self._execution.leave(signal)
        return signal

    def _order_of(self, symbol: str, direction: str, confidence: float) -> Order | None:
        """The order a signal stands for: `[risk.sizing] fraction` of equity × confidence."""
        if direction == "FLAT":
            return self.close(symbol)
        sizing = self._execution.settings.risk.sizing
        state = self._state(symbol)
        mark = state.mark()
        if mark is None:
            return None
        rate = self._execution.valuation.rate(state.instrument.settle)
        if rate is None:
            return None
        share = EXACT.multiply(sizing.fraction, decimal_of(confidence))
        value = EXACT.multiply(self.equity, share)
        if sizing.max_value:
            value = min(value, sizing.max_value)
        unit = EXACT.multiply(state.instrument.notional(Decimal(1), mark), rate)
        quantity = EXACT.divide(value, unit)
        side = OrderSide.BUY if direction == "LONG" else OrderSide.SELL
        return self._queue(Order.market(symbol, side, quantity, strategy=self._name))

    # Looking ----------------------------------------------------------------------------------

    def position(self, symbol: str) -> Position:
        """See `Strategy`."""
        return self._execution.portfolio.position(self._name, self._state(symbol).instrument)

    def orders(self, symbol: str | None) -> list[Order]:
        """See `Strategy`."""
        if not self.working:
            return []
        return [
            order for order in self.working.values() if symbol is None or order.symbol == symbol
        ]

    def ended(self, order: Order) -> None:
        """Forget an order that works no longer."""
        self.working.pop(order.order_id, None)

    def adopt(self, order: Order) -> None:
        """Count in an order made for this strategy (a bracket's leg)."""
        self.working[order.order_id] = order

    def last(self, symbol: str) -> float | None:
        """See `Strategy`."""
        return self._shared.data.last(symbol)

    def cash(self, currency: str) -> Decimal:
        """See `Strategy`."""
        return self._execution.portfolio.balance(currency)

    @property
    def equity(self) -> Decimal:
        """See `Strategy`."""
        return self._execution.valuation.equity()

    @property
    def now(self) -> int:
        """See `Strategy`."""
        return self._execution.now

    def timer(self, name: str, every_seconds: float) -> None:
        """See `Strategy`."""
        every = round(every_seconds * NS_PER_SECOND)
        if every <= 0:
            raise ValueError(f"a timer needs a time above zero, not {every_seconds!r} s")
        self._runner.start_timer(name, every, self.now)

    def log(self, message: str) -> None:
        """See `Strategy`."""
        self._execution.leave(
            Alert(AlertLevel.INFO, "strategy-log", message, self.now, strategy=self._name)
        )


_TIFS = {each.value: each for each in TimeInForce}
_GTC = TimeInForce.GTC
_MARKET, _LIMIT = OrderType.MARKET, OrderType.LIMIT


def _must_be_order(order: object) -> None:
    """Raise in the callback that made the mistake: outside of it the whole engine would stop."""
    if not isinstance(order, Order):
        raise TypeError(f"an order is needed here, not {order!r}")


def _type_of(limit: Number | None, stop: Number | None, trail: Number | None) -> OrderType:
    if trail is not None:
        if limit is not None or stop is not None:
            raise ValueError("a trailing stop takes `trail` alone, without `limit` or `stop`")
        return OrderType.TRAILING_STOP
    if stop is not None:
        return OrderType.STOP_MARKET if limit is None else OrderType.STOP_LIMIT
    return _MARKET if limit is None else _LIMIT


def _tif_of(tif: str, expires: object) -> TimeInForce:
    """Read a time in force; an expiry makes GTC a GTD."""
    if expires is not None and not isinstance(expires, int):
        raise TypeError(f"`expires` is engine time in ns, an int, not {expires!r}")
    try:
        named = _TIFS[tif]
    except KeyError:
        known = ", ".join(TimeInForce)
        raise ValueError(f"no time in force {tif!r}; there are {known}") from None
    return TimeInForce.GTD if expires and named is TimeInForce.GTC else named


def _set_trail(order: Order, trail: Number) -> None:
    if isinstance(trail, str) and trail.endswith("%"):
        force_setattr(order, "trail_pct", decimal_of(trail[:-1]))
    else:
        force_setattr(order, "trail", decimal_of(trail))
