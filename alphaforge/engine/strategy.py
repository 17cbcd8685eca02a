"""What a person writes: a subclass of `Strategy`, in one file, the same in all four modes.

Verbs never act inside a callback: they describe, and the engine acts after the callback returned.
A strategy never learns which mode it runs in, and never needs a clock, a thread or `async`.
"""

from decimal import Decimal
from typing import Any, ClassVar

from alphaforge.engine.desk import Desk
from alphaforge.engine.portfolio import Position
from alphaforge.model.enums import OrderSide
from alphaforge.model.events import Signal
from alphaforge.model.market import Bar, BookDelta, BookSnapshot, Quote, Trade
from alphaforge.model.numbers import Number
from alphaforge.model.orders import Fill, Order

_BUY, _SELL = OrderSide.BUY, OrderSide.SELL


class Strategy:
    """Base of every strategy. Annotated attributes with a default are its parameters.

    All callbacks are optional and plain functions. Per fill: `on_fill`, `on_order`, `on_position`.
    """

    CALLBACKS: ClassVar[tuple[str, ...]] = (
        "on_start",
        "on_trade",
        "on_quote",
        "on_book",
        "on_bar",
        "on_order",
        "on_fill",
        "on_position",
        "on_timer",
        "on_stop",
        "on_save",
        "on_load",
    )

    _desk: Desk

    def join(self, desk: Desk) -> None:
        """Give the strategy its desk; the engine's business, before `on_start`."""
        self._desk = desk

    # Callbacks --------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Called once before the first event: make indicators, subscribe."""

    def on_trade(self, trade: Trade) -> None:
        """Take a public trade of a symbol subscribed with `subscribe_trades`."""

    def on_quote(self, quote: Quote) -> None:
        """Take a new best bid or ask of a symbol subscribed with `subscribe_quotes`."""

    def on_book(self, book: BookSnapshot | BookDelta) -> None:
        """Take a book message of a symbol subscribed with `subscribe_book`."""

    def on_bar(self, bar: Bar) -> None:
        """Take a finished bar; orders are denied while `bar.historical`."""

    def on_order(self, order: Order) -> None:
        """Look at an own order that changed: also denials, with `order.reason`."""

    def on_fill(self, fill: Fill) -> None:
        """Take an own fill, already booked."""

    def on_position(self, position: Position) -> None:
        """Look at the own position after a fill."""

    def on_timer(self, name: str) -> None:
        """Take a timer set with `timer`."""

    def on_stop(self) -> None:
        """Called last; orders asked for here are still processed."""

    def on_save(self) -> dict[str, Any]:
        """Give back what `on_load` needs after a restart: JSON values only.

        Called between events while orders go over a wire; asking for anything here is refused.
        """
        return {}

    def on_load(self, state: dict[str, Any]) -> None:
        """Take back what `on_save` gave, on a new object whose `on_start` is not called.

        Parameters are set, subscriptions, timers and orders are as they were; make indicators here.
        """

    # Data -------------------------------------------------------------------------------------

    def subscribe_trades(self, symbol: str) -> None:
        """Have every trade of a symbol go to `on_trade`."""
        self._desk.subscribe_trades(symbol)

    def subscribe_quotes(self, symbol: str) -> None:
        """Have every change of best bid and ask go to `on_quote`."""
        self._desk.subscribe_quotes(symbol)

    def subscribe_book(self, symbol: str) -> None:
        """Have every book message go to `on_book`."""
        self._desk.subscribe_book(symbol)

    def subscribe_bars(self, symbol: str, kind: str, history: int = 0) -> None:
        """Have bars (`1s` `1m` `1h` `1d`, `100-tick`, `10-volume`, …) go to `on_bar`.

        `history` asks for that many bars from before the run, marked `historical`, where there
        are any.
        """
        self._desk.subscribe_bars(symbol, kind, history)

    # Orders -----------------------------------------------------------------------------------

    def buy(  # noqa: PLR0913 - the order's terms; names and shape are the public contract
        self,
        symbol: str,
        quantity: Number,
        *,
        limit: Number | None = None,
        stop: Number | None = None,
        trail: Number | None = None,
        tif: str = "GTC",
        expires: int | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        take_profit: Number | None = None,
        stop_loss: Number | None = None,
        tag: str = "",
    ) -> Order:
        """Buy, at the best price or on the terms given.

        `limit` alone is a LIMIT order, `stop` alone a STOP_MARKET, both a STOP_LIMIT, `trail`
        (an amount, or text like `"1%"`) a TRAILING_STOP, none of them MARKET. `take_profit` and
        `stop_loss` make a bracket. `expires` is engine time in ns. A denial never raises: it
        arrives as `on_order` with DENIED and the reason.
        """
        return self._desk.order(
            _BUY,
            symbol,
            quantity,
            limit,
            stop,
            trail,
            tif,
            expires,
            post_only,
            reduce_only,
            take_profit,
            stop_loss,
            tag,
        )

    def sell(  # noqa: PLR0913 - the order's terms; names and shape are the public contract
        self,
        symbol: str,
        quantity: Number,
        *,
        limit: Number | None = None,
        stop: Number | None = None,
        trail: Number | None = None,
        tif: str = "GTC",
        expires: int | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        take_profit: Number | None = None,
        stop_loss: Number | None = None,
        tag: str = "",
    ) -> Order:
        """Sell; see `buy`."""
        return self._desk.order(
            _SELL,
            symbol,
            quantity,
            limit,
            stop,
            trail,
            tif,
            expires,
            post_only,
            reduce_only,
            take_profit,
            stop_loss,
            tag,
        )

    def modify(
        self,
        order: Order,
        *,
        quantity: Number | None = None,
        limit: Number | None = None,
        stop: Number | None = None,
    ) -> None:
        """Ask for new terms of a working order; `quantity` is the new total, filled included."""
        self._desk.modify(order, quantity, limit, stop)

    def cancel(self, order: Order) -> None:
        """Ask for a working order's end."""
        self._desk.cancel(order)

    def cancel_all(self, symbol: str | None = None) -> None:
        """Cancel the own working orders, of one symbol or of all."""
        self._desk.cancel_all(symbol)

    def close(self, symbol: str) -> Order | None:
        """Go flat by a reduce-only market order; the one already on its way if there is one.

        None when flat.
        """
        return self._desk.close(symbol)

    def signal(
        self,
        symbol: str,
        direction: str,
        confidence: float,
        reason: str = "",
        size: str = "none",
    ) -> Signal:
        """State an opinion: direction LONG, SHORT or FLAT, confidence 0 to 1.

        `size="auto"` also orders, sized by `[risk.sizing]`, and links the order.
        """
        return self._desk.signal(symbol, direction, confidence, reason, size)

    # Looking ----------------------------------------------------------------------------------

    def position(self, symbol: str) -> Position:
        """The own position: `.quantity` is signed."""
        return self._desk.position(symbol)

    def orders(self, symbol: str | None = None) -> list[Order]:
        """The own working orders, those just asked for included."""
        return self._desk.orders(symbol)

    def last(self, symbol: str) -> float | None:
        """The last price; None before the first."""
        return self._desk.last(symbol)

    def cash(self, currency: str) -> Decimal:
        """The account's balance of a currency."""
        return self._desk.cash(currency)

    @property
    def equity(self) -> Decimal:
        """The account's worth in its reporting currency, marked at last."""
        return self._desk.equity

    @property
    def now(self) -> int:
        """Engine time, ns UTC."""
        return self._desk.now

    def timer(self, name: str, every_seconds: float) -> None:
        """Have `on_timer(name)` called every so many seconds of engine time."""
        self._desk.timer(name, every_seconds)

    def log(self, message: object) -> None:
        """Say something to the run's log."""
        self._desk.log(str(message))
