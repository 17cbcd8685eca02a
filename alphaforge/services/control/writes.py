"""An operator's orders: each becomes a command, goes through the engine's one door, is answered.

The command says who asked and which way they came, and it is journaled like any input. A client id
that comes again gives the order it gave before, never a second one. Must judge nothing: the gate
does.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from alphaforge.client.records import OrderRow
from alphaforge.client.requests import (
    Accepted,
    CancelAllRequest,
    FlattenRequest,
    ModifyRequest,
    OrderRequest,
)
from alphaforge.engine.core import Engine
from alphaforge.errors import InternalError, NoEngineError, RiskRefusedError, UsageError
from alphaforge.model.commands import (
    CancelAll,
    Flatten,
    OperatorCancel,
    OperatorCommand,
    OperatorModify,
    PlaceOrder,
    SubmitOrder,
)
from alphaforge.model.enums import PendingRequest
from alphaforge.model.events import (
    CancelRequested,
    HeldModified,
    ModifyRequested,
    OrderDenied,
    OrderHeld,
    OrderSubmitted,
    RequestDenied,
)
from alphaforge.model.orders import Order
from alphaforge.model.step import Step
from alphaforge.services.control.asked import (
    holder_of,
    no_order,
    note_of,
    order_id_of,
    order_of,
    price_of,
    symbol_of,
)
from alphaforge.services.control.host import Host
from alphaforge.services.control.refusal import RefusalError

REMEMBERED: Final = 10_000
"""Client ids, the newest ones."""

_CONFLICT: Final = 409

_MARK: Final = "client:"
"""Before a client id in the order's tag."""

OrderRowOf = Callable[[str], OrderRow | None]
"""An order as it stands now; None for one that is not at hand."""


class _Placed(NamedTuple):
    """What became of a client id.

    Attributes:
        asked: The request without who sent it: a repetition must ask for the same. Empty for an
            order from before this process.
        reasons: Why it was denied; empty if it was not.
    """

    order_id: str
    asked: bytes
    reasons: tuple[str, ...] = ()


class Door:
    """The one way in for everything an operator changes.

    Attributes:
        is_closed: The engine stops: nothing is taken any more.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.is_closed = False

    def put(self, command: OperatorCommand) -> Step:
        """Have the engine carry a command out; raises `NoEngineError` when it stops."""
        self.check()
        return self.host.put(command)

    def check(self) -> None:
        """Raise `NoEngineError` when nothing is taken any more."""
        if self.is_closed or self.host.state == "STOPPING":
            raise NoEngineError(
                f"run {self.host.run.run_id} is stopping and takes nothing new",
                remedy="see how it ended: alphaforge runs show",
            )
        if self.host.state == "STARTING":
            raise NoEngineError(
                f"run {self.host.run.run_id} is only starting: nothing could be carried out yet",
                remedy="try again in a second",
            )


class OrderDesk:
    """Places, changes and cancels orders for whoever asks."""

    def __init__(self, door: Door, row: OrderRowOf) -> None:
        self._door = door
        self._host = door.host
        self._engine = door.host.engine
        self._row = row
        self._placed = _placed_before(self._engine)

    def place(self, request: OrderRequest, way: str) -> Accepted:
        """Send an order; raises `RiskRefusedError` with every reason if the gate denies it."""
        client_id = _client_id(request)
        asked = msgspec.json.encode(replace(request, who=""))
        known = self._placed.get(client_id) if client_id else None
        if known is not None:
            return self._again(client_id, known, request)
        order = order_of(self._engine, request)
        if client_id:
            # The order carries it, so that it is known again after a crash.
            order = replace(order, tag=f"{order.tag} {_MARK}{client_id}".strip())
        command = PlaceOrder(order, self._host.now(), who_is(way, request.who))
        placed = _placed_in(self._door.put(command), command, asked)
        if client_id:
            self._remember(client_id, placed)
        return self._answer(placed)

    def _again(self, client_id: str, known: _Placed, request: OrderRequest) -> Accepted:
        if known.asked:
            is_same = known.asked == msgspec.json.encode(replace(request, who=""))
        else:
            is_same = self._is_like(known.order_id, order_of(self._engine, request))
        if not is_same:
            raise RefusalError(
                _CONFLICT,
                UsageError(
                    f"client_id {client_id} was used for another order, {known.order_id}",
                    remedy="take a new client_id for every new order",
                ),
            )
        return self._answer(known)

    def _is_like(self, order_id: str, asked: Order) -> bool:
        """Whether an order from before this process may be what is asked for.

        Its quantity and prices may have been modified since.
        """
        execution = self._engine.execution
        working = execution.orders.get(order_id) or execution.closed.get(order_id)
        if working is None:
            return True
        order = working.life.order
        return (order.symbol, order.side, order.order_type, order.strategy) == (
            asked.symbol,
            asked.side,
            asked.order_type,
            asked.strategy,
        )

    def _remember(self, client_id: str, placed: _Placed) -> None:
        self._placed[client_id] = placed
        if len(self._placed) > REMEMBERED:
            del self._placed[next(iter(self._placed))]

    def _answer(self, placed: _Placed) -> Accepted:
        if placed.reasons:
            raise RiskRefusedError(
                f"{placed.order_id} was denied: {'; '.join(placed.reasons)}",
                remedy="change the order, or see the limits: alphaforge risk show",
            )
        rows = self._rows([placed.order_id])
        return Accepted(message=_told(rows, placed.order_id), orders=rows)

    def cancel(self, given: str, who: str) -> Accepted:
        """Take one order out of the market."""
        order = self._working(given, "cancel")
        was_asked = order.pending is PendingRequest.CANCEL and not order.in_doubt
        step = self._door.put(OperatorCancel(order.order_id, self._host.now(), who))
        _raise_denied(step, order.order_id)
        rows = self._rows([order.order_id])
        message = "is canceled already, its venue has not answered" if was_asked else ""
        return Accepted(
            message=f"{order.order_id} {message}" if message else _told(rows, order.order_id),
            orders=rows,
        )

    def modify(self, given: str, request: ModifyRequest, who: str) -> Accepted:
        """Give one order new terms."""
        quantity = price_of("quantity", request.quantity)
        limit, stop = price_of("limit", request.limit), price_of("stop", request.stop)
        if quantity is None and limit is None and stop is None:
            raise UsageError("nothing to change was given", remedy="give quantity, limit or stop")
        order = self._working(given, "modify")
        command = OperatorModify(order.order_id, self._host.now(), quantity, limit, stop, who)
        step = self._door.put(command)
        _raise_denied(step, order.order_id)
        rows = self._rows([order.order_id])
        asked = any(
            isinstance(event, ModifyRequested | HeldModified) and event.order_id == order.order_id
            for event in step.events
        )
        message = _told(rows, order.order_id) if asked else f"{order.order_id} stays as it is"
        return Accepted(message=message, orders=rows)

    def cancel_all(self, request: CancelAllRequest, way: str) -> Accepted:
        """Cancel every working order of a symbol and a strategy."""
        symbol = symbol_of(self._engine, request.symbol) if request.symbol else ""
        strategy = holder_of(self._engine, request.strategy)
        who = who_is(way, request.who)
        step = self._door.put(CancelAll(self._host.now(), strategy, symbol, who))
        asked = [each.order_id for each in step.events if isinstance(each, CancelRequested)]
        rows = self._rows(asked)
        what = "no order works there" if not asked else f"{_counted(len(asked), 'order')} canceled"
        return Accepted(message=what, orders=rows)

    def flatten(self, request: FlattenRequest, way: str) -> Accepted:
        """Close positions by reduce-only market orders.

        Raises `RiskRefusedError` if every one of them was denied.
        """
        symbol = symbol_of(self._engine, request.symbol) if request.symbol else ""
        strategy = holder_of(self._engine, request.strategy)
        who = who_is(way, request.who)
        step = self._door.put(Flatten(self._host.now(), strategy, symbol, who))
        sent = [each.order_id for each in step.events if isinstance(each, OrderSubmitted)]
        denied = [each for each in step.events if isinstance(each, OrderDenied)]
        why = "; ".join(
            f"{each.terms.symbol} of {each.terms.strategy}: {', '.join(each.reasons)}"
            for each in denied
        )
        if denied and not sent:
            raise RiskRefusedError(f"no position was closed: {why}")
        told = f"{_counted(len(sent), 'closing order')} sent" if sent else "nothing to close"
        return Accepted(
            message=f"{told}; denied: {why}" if denied else told, orders=self._rows(sent)
        )

    def row(self, given: str) -> OrderRow:
        """One order as it stands; raises `NotFoundError`."""
        order_id = order_id_of(given)
        found = self._row(order_id) or self._row(self._id_of(given))
        if found is None:
            raise no_order(given, self._engine.execution.orders)
        return found

    def _working(self, given: str, verb: str) -> Order:
        """An order that can still be changed, by our id, our client id or the venue's."""
        self._door.check()
        orders = self._engine.execution.orders
        working = orders.get(order_id_of(given)) or orders.get(self._id_of(given))
        if working is not None and working.life.order.is_open:
            return working.life.order
        ended = self.row(given)
        raise RefusalError(
            _CONFLICT,
            RiskRefusedError(
                f"{ended.order_id} is {ended.status}: there is nothing left to {verb}",
                remedy=f"see its life: alphaforge why {ended.order_id}",
            ),
        )

    def _id_of(self, given: str) -> str:
        """Our id of a working order that was named by another of its ids."""
        if not given:
            return ""
        for order_id, working in self._engine.execution.orders.items():
            order = working.life.order
            if given in {order.client_order_id, order.venue_order_id}:
                return order_id
        return ""

    def _rows(self, order_ids: Iterable[str]) -> tuple[OrderRow, ...]:
        rows = (self._row(order_id) for order_id in order_ids)
        return tuple(row for row in rows if row is not None)


def who_is(way: str, name: str) -> str:
    """Who asks, for the journal: the way in and the name they give themselves."""
    return f"{way} {note_of('who', name)}".strip()


def _client_id(request: OrderRequest) -> str:
    given = note_of("client_id", request.client_id)
    if " " in given:
        raise UsageError("client_id has a space in it", remedy="use letters, figures and dashes")
    return given


def _placed_before(engine: Engine) -> dict[str, _Placed]:
    """Client ids of orders that a run brought with it when it was taken up again."""
    execution = engine.execution
    found: dict[str, _Placed] = {}
    for working in (*execution.closed.values(), *execution.orders.values()):
        order = working.life.order
        _, mark, client_id = order.tag.rpartition(_MARK)
        if mark and client_id:
            found[client_id] = _Placed(order.order_id, b"")
    return found


def _placed_in(step: Step, command: PlaceOrder, asked: bytes) -> _Placed:
    """What became of the order a command described.

    Strategies may have ordered within the same event: by a timer that was due before the
    command, at its own time, or in answer to it, later.
    """
    for event in step.events:
        if (
            isinstance(event, OrderSubmitted | OrderHeld | OrderDenied)
            and event.ts_local >= command.ts_local
            and _is_of(event.terms, command.order)
        ):
            reasons = event.reasons if isinstance(event, OrderDenied) else ()
            return _Placed(event.order_id, asked, reasons)
    raise InternalError(
        "the engine took the order in and decided nothing on it",
        remedy="look before sending it again: alphaforge orders --all",
    )


def _is_of(terms: SubmitOrder, order: Order) -> bool:
    return (
        terms.strategy == order.strategy
        and terms.symbol == order.symbol
        and terms.side is order.side
        and terms.order_type is order.order_type
    )


def _raise_denied(step: Step, order_id: str) -> None:
    for event in step.events:
        if isinstance(event, RequestDenied) and event.order_id == order_id:
            raise RiskRefusedError(f"{order_id} stays as it is: {'; '.join(event.reasons)}")


def _told(rows: tuple[OrderRow, ...], order_id: str) -> str:
    """One order in one line."""
    if not rows:
        return f"{order_id} was taken in"
    row = rows[0]
    prices = [
        f"{name} {price}" for name, price in (("limit", row.limit), ("stop", row.stop)) if price
    ]
    state = f"{row.status}, {row.pending} asked" if row.pending != "NONE" else row.status
    filled = f", {row.filled} filled" if row.filled != "0" else ""
    terms = " ".join([row.side, row.quantity, row.symbol, row.type, *prices])
    return f"{row.order_id} {terms}: {state}{filled}"


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"
