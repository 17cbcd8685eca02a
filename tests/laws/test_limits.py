"""What the gate let by cannot break a limit, whatever the venue then does with it.

The venue here is a hostile one, over a wire: it takes modifications before it says so, fills in
any parts at any price, forgets to answer, answers late and twice, cancels and rejects as it likes;
it only never fills more than it was asked for.
"""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from alphaforge.model.commands import CancelOrder, ModifyOrder, SetRiskState, SubmitOrder
from alphaforge.model.enums import Liquidity, OrderSide, RiskState
from alphaforge.model.reports import (
    CancelRejected,
    DoubtResolved,
    ModifyRejected,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderModified,
    OrderRejected,
    OutcomeUnknown,
)
from tests.engine.driving import SYMBOL, Market, limited

PRICE = 100
MOST_QUANTITY = 6
MOST_POSITION = 10
MOST_ORDERS = 3

ZERO = Decimal(0)


class Hostile:
    """A venue's own books, and the engine it reports to."""

    def __init__(self, **limits: Any) -> None:
        self.market = Market(limited(**limits), wire=True)
        self.market.tick(PRICE)
        self.orders: dict[str, SubmitOrder] = {}
        self.quantity: dict[str, Decimal] = {}
        self.filled: dict[str, Decimal] = {}
        self.ended: set[str] = set()
        self.handles: dict[str, Any] = {}
        self.held: list[Any] = []
        self.trades = 0

    @property
    def engine(self) -> Any:
        return self.market.engine

    @property
    def now(self) -> int:
        self.market.now += 1
        return self.market.now

    def ask(self, verb: Any) -> Any:
        answer = self.market.ask(verb, PRICE)
        for approved in self.market.step.outgoing:
            self.take(approved.command)
        return answer

    def take(self, command: SubmitOrder | ModifyOrder | CancelOrder) -> None:
        """The venue acts at once; what it says about it waits in `held`."""
        order_id, now = command.order_id, self.now
        if isinstance(command, SubmitOrder):
            self.orders[order_id] = command
            self.quantity[order_id], self.filled[order_id] = command.quantity, ZERO
            self.held.append(OrderAccepted(order_id, f"x-{order_id}", now, now))
        elif order_id in self.ended:
            self.held.append(CancelRejected(order_id, "gone", now, now))
        elif isinstance(command, CancelOrder):
            self.ended.add(order_id)
            self.held.append(OrderCanceled(order_id, "", now, now))
        elif command.version % 3 == 0:
            self.held.append(ModifyRejected(order_id, command.version, "no", now, now))
        else:
            asked = command.quantity if command.quantity is not None else self.quantity[order_id]
            self.quantity[order_id] = max(asked, self.filled[order_id])
            report = OrderModified(
                order_id, command.version, command.quantity, None, None, now, now
            )
            self.held.append(report)

    def fill(self, order_id: str, part: Decimal, price: int) -> None:
        leaves = self.quantity[order_id] - self.filled[order_id]
        quantity = min(part, leaves)
        if order_id in self.ended or quantity <= 0:
            return
        self.filled[order_id] += quantity
        self.trades += 1
        now = self.now
        self.market.process(
            OrderFilled(
                order_id,
                f"x-{order_id}",
                f"x-{self.trades}",
                quantity,
                Decimal(price),
                ZERO,
                "USDT",
                Liquidity.TAKER,
                now,
                now,
            )
        )

    def worst(self, side: OrderSide) -> Decimal:
        """The position if the venue fills all it still works on a side."""
        net = self.engine.portfolio.net(SYMBOL)
        rest = sum(
            (
                self.quantity[order_id] - self.filled[order_id]
                for order_id, terms in self.orders.items()
                if terms.side is side and order_id not in self.ended
            ),
            ZERO,
        )
        return net + rest if side is OrderSide.BUY else net - rest


WORDS = [
    *("buy", "sell", "reduce", "modify", "cancel"),
    *("fill", "fill", "say", "say_last", "say_twice"),
    *("time_out", "reject", "found", "cancel_by_venue"),
]

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(WORDS), st.integers(0, 7), st.integers(1, 8), st.integers(1, 100_000)
    ),
    max_size=60,
)


def act(venue: Hostile, action: str, which: int, quantity: int, price: int) -> None:
    """One thing happens: our strategy asks, or the venue does or says something."""
    known = list(venue.orders)
    order_id = known[which % len(known)] if known else ""
    handle = find(venue, order_id)
    if action == "buy":
        remember(venue, venue.ask(lambda s: s.buy(SYMBOL, quantity, limit=PRICE)))
    elif action == "sell":
        remember(venue, venue.ask(lambda s: s.sell(SYMBOL, quantity, limit=PRICE)))
    elif action == "reduce":
        remember(venue, venue.ask(lambda s: s.close(SYMBOL)))
    elif handle is not None:
        about(venue, action, handle, quantity, price)


def about(venue: Hostile, action: str, handle: Any, quantity: int, price: int) -> None:
    """Something happens to one order."""
    order_id, now = handle.order_id, venue.now
    if action == "modify":
        venue.ask(lambda s: s.modify(handle, quantity=quantity))
    elif action == "cancel":
        venue.ask(lambda s: s.cancel(handle))
    elif action == "fill":
        venue.fill(order_id, Decimal(quantity), price)
    elif action.startswith("say"):
        say(venue, action)
    elif action == "time_out":
        venue.market.process(OutcomeUnknown(order_id, "timed out", now, now))
    elif action == "found":
        venue.market.process(DoubtResolved(order_id, venue.filled[order_id], now, now))
    else:
        end(venue, action, order_id)


def say(venue: Hostile, action: str) -> None:
    """The venue says something it had held back."""
    if venue.held:
        report = venue.held.pop(-1 if action == "say_last" else 0)
        venue.market.process(report)
        if action == "say_twice":
            venue.market.process(report)


def end(venue: Hostile, action: str, order_id: str) -> None:
    """The venue ends an order by itself."""
    if action == "cancel_by_venue":
        venue.ended.add(order_id)
        venue.market.process(OrderCanceled(order_id, "", venue.now, venue.now))
    elif not venue.filled[order_id] and order_id not in venue.ended:
        venue.ended.add(order_id)
        venue.market.process(OrderRejected(order_id, "no", venue.now, venue.now))


def remember(venue: Hostile, handle: Any) -> None:
    if handle is not None:
        venue.handles[handle.order_id] = handle


def find(venue: Hostile, order_id: str) -> Any:
    return venue.handles.get(order_id)


@given(ACTIONS)
def test_no_mix_of_fills_breaks_a_quantity_a_count_or_a_position_limit(
    actions: list[tuple[str, int, int, int]],
) -> None:
    venue = Hostile(
        max_order_quantity=str(MOST_QUANTITY),
        max_position_value=str(MOST_POSITION * PRICE),
        max_open_orders=MOST_ORDERS,
    )
    for action in actions:
        act(venue, *action)
        assert all(each <= MOST_QUANTITY for each in venue.quantity.values())
        assert venue.worst(OrderSide.BUY) <= MOST_POSITION
        assert venue.worst(OrderSide.SELL) >= -MOST_POSITION
        working = [order_id for order_id in venue.orders if alive(venue, order_id)]
        assert len(working) <= MOST_ORDERS
    assert sum_of_fills(venue) == venue.engine.portfolio.net(SYMBOL)


def alive(venue: Hostile, order_id: str) -> bool:
    return order_id not in venue.ended and venue.filled[order_id] < venue.quantity[order_id]


def sum_of_fills(venue: Hostile) -> Decimal:
    total = ZERO
    for order_id, terms in venue.orders.items():
        filled = venue.filled[order_id]
        total += filled if terms.side is OrderSide.BUY else -filled
    return total


@given(ACTIONS)
def test_no_approved_order_is_worth_more_than_its_limit_at_the_price_of_its_check(
    actions: list[tuple[str, int, int, int]],
) -> None:
    venue = Hostile(max_order_value=str(5 * PRICE))
    for action in actions:
        act(venue, *action)
        assert all(each * PRICE <= 5 * PRICE for each in venue.quantity.values())


@given(ACTIONS, ACTIONS)
def test_while_reducing_nothing_new_takes_the_position_further_or_turns_it(
    before: list[tuple[str, int, int, int]], after: list[tuple[str, int, int, int]]
) -> None:
    venue = Hostile()
    for action in before:
        act(venue, *action)
    venue.market.process(SetRiskState(RiskState.REDUCING, venue.now))
    highest = max(venue.worst(OrderSide.BUY), ZERO)
    lowest = min(venue.worst(OrderSide.SELL), ZERO)
    for action in after:
        act(venue, *action)
        assert venue.worst(OrderSide.BUY) <= highest
        assert venue.worst(OrderSide.SELL) >= lowest


@given(ACTIONS, ACTIONS)
def test_while_halted_no_new_order_leaves(
    before: list[tuple[str, int, int, int]], after: list[tuple[str, int, int, int]]
) -> None:
    venue = Hostile()
    for action in before:
        act(venue, *action)
    venue.market.process(SetRiskState(RiskState.HALTED, venue.now))
    known = len(venue.orders)
    for action in after:
        act(venue, *action)
    assert len(venue.orders) == known


@given(ACTIONS)
def test_what_is_held_back_is_what_may_still_fill(
    actions: list[tuple[str, int, int, int]],
) -> None:
    venue = Hostile()
    for action in actions:
        act(venue, *action)
        oms = venue.engine.execution
        hot = [working for working in oms.orders.values() if working.reservation is not None]
        assert oms.exposure.open_orders == len(hot)
        for side, total in (
            (OrderSide.BUY, oms.exposure.buying(SYMBOL)),
            (OrderSide.SELL, oms.exposure.selling(SYMBOL)),
        ):
            mine = [each.worst for each in hot if each.life.order.side is side]
            assert total == sum(mine, ZERO)
