"""What a person may ask of a running engine, beside its strategies: orders, stops, limits.

A person's order goes through the same gate and the same books as a strategy's and counts to the
position of the strategy it names, or of `manual`. Every command is an input like any other, so a
replay repeats it. Must never do what a strategy could not do, but stop one.
"""

from collections.abc import Callable

from msgspec.structs import force_setattr, replace

from alphaforge.engine.client_ids import MANUAL
from alphaforge.engine.execution import ExecutionEngine
from alphaforge.engine.saved_strategies import remake
from alphaforge.engine.strategies import StrategyManager
from alphaforge.errors import AlphaForgeError
from alphaforge.model.commands import (
    CancelAll,
    Flatten,
    OperatorCancel,
    OperatorModify,
    PlaceOrder,
    RestartStrategy,
    SetRiskState,
    StartSession,
    StartStrategy,
    StopSession,
    StopStrategy,
)
from alphaforge.model.enums import OrderSide
from alphaforge.model.numbers import EXACT
from alphaforge.model.orders import Order


class OperatorDesk:
    """Carries an operator's commands out, one at a time, each to its end."""

    def __init__(
        self, execution: ExecutionEngine, strategies: StrategyManager, drain: Callable[[], None]
    ) -> None:
        """`drain` carries out what the strategies asked for meanwhile."""
        self._execution = execution
        self._strategies = strategies
        self._drain = drain
        self.handlers: dict[type, Callable[..., None]] = {
            StartSession: self._start_session,
            StopSession: self._stop_session,
            StartStrategy: self._start_strategy,
            StopStrategy: self._stop_strategy,
            RestartStrategy: self._restart_strategy,
            SetRiskState: self._set_risk_state,
            CancelAll: self._cancel_all,
            PlaceOrder: self._place,
            OperatorCancel: self._cancel,
            OperatorModify: self._modify,
            Flatten: self._flatten,
        }

    # Strategies -------------------------------------------------------------------------------

    def _start_session(self, command: StartSession) -> None:
        del command
        for name in self._strategies.runners:
            self._strategies.start(name)
            self._drain()

    def _stop_session(self, command: StopSession) -> None:
        del command
        for name in self._strategies.runners:
            self._strategies.stop(name)
            self._drain()

    def _knows(self, name: str) -> bool:
        """Whether a strategy of this name is registered; a command for another one is answered."""
        if name in self._strategies.runners:
            return True
        self._execution.alert("unknown-strategy", f"no strategy is named `{name}` here")
        return False

    def _start_strategy(self, command: StartStrategy) -> None:
        if self._knows(command.strategy):
            self._strategies.start(command.strategy)
            self._drain()

    def _stop_strategy(self, command: StopStrategy) -> None:
        if self._knows(command.strategy):
            self._end(command.strategy)

    def _end(self, name: str) -> None:
        """`on_stop`, then its working orders go."""
        self._strategies.stop(name)
        self._drain()
        self._execution.cancel_all(name)
        self._drain()

    def _restart_strategy(self, command: RestartStrategy) -> None:
        name = command.strategy
        if not self._knows(name):
            return
        self._end(name)
        try:
            remake(self._strategies, name, command.parameters, command.source)
        except AlphaForgeError as error:
            message = f"strategy {name} stays stopped: it cannot be made anew: {error.message}"
            self._execution.alert("strategy-not-made", message, name)
            return
        self._strategies.start(name)
        self._drain()

    # The account ------------------------------------------------------------------------------

    def _set_risk_state(self, command: SetRiskState) -> None:
        gate = self._execution.gate
        gate.state, gate.reason = command.state, command.reason
        self._execution.alert("risk-state", f"trading is {command.state}: {command.reason}")
        self._execution.send_waiting()
        self._drain()

    def _cancel_all(self, command: CancelAll) -> None:
        self._execution.cancel_all(command.strategy, command.symbol)
        self._drain()

    def _flatten(self, command: Flatten) -> None:
        for (strategy, symbol), position in tuple(self._execution.portfolio.positions.items()):
            if command.strategy not in ("", strategy) or command.symbol not in ("", symbol):
                continue
            instrument, held = position.instrument, position.quantity
            amount = EXACT.abs(held)
            if instrument.quantity_floor(amount) < max(
                instrument.min_quantity, instrument.quantity_step
            ):
                continue  # flat, or a rest that no order can be small enough for
            if self._execution.closing(strategy, symbol) is None:
                side = OrderSide.SELL if held > 0 else OrderSide.BUY
                closing = Order.market(symbol, side, amount, strategy=strategy)
                force_setattr(closing, "reduce_only", True)
                force_setattr(closing, "tag", "flatten")
                self._submit(closing)

    # Orders -----------------------------------------------------------------------------------

    def _place(self, command: PlaceOrder) -> None:
        # A copy: the journal keeps the command as it was asked, the handle goes on changing.
        self._submit(replace(command.order, order_id="", leaves=command.order.quantity))

    def _submit(self, order: Order) -> None:
        execution = self._execution
        force_setattr(order, "strategy", order.strategy or MANUAL)
        force_setattr(order, "order_id", execution.next_id(order.strategy))
        force_setattr(order, "ts", execution.now)
        runner = self._strategies.runners.get(order.strategy)
        if runner is not None:
            runner.desk.adopt(order)
        execution.submit(order)
        self._drain()

    def _cancel(self, command: OperatorCancel) -> None:
        order = self._find(command.order_id)
        if order is not None:
            self._execution.cancel(order)
            self._drain()

    def _modify(self, command: OperatorModify) -> None:
        order = self._find(command.order_id)
        if order is not None:
            terms = command.quantity, command.limit_price, command.trigger_price
            self._execution.modify(order, *terms)
            self._drain()

    def _find(self, order_id: str) -> Order | None:
        """A working order; a command for another one is answered."""
        working = self._execution.orders.get(order_id)
        if working is None:
            self._execution.alert("unknown-order", f"no order `{order_id}` works here")
            return None
        return working.life.order
