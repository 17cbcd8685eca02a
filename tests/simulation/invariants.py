"""What must be true at every instant, whatever strikes: checked after every Step and every request.

The simulator sees both sides, the engine's and the exchange's, and the bytes on the disk. Numbers
are those of the invariants in docs/reliability.md. A breach is kept and raised at once. It must
never help the engine, nor believe it: what can be counted afresh is.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, ClassVar, Final

import msgspec

from alphaforge.engine.claim_facts import ADOPTED
from alphaforge.engine.core import Engine
from alphaforge.engine.lifecycle import OrderLife
from alphaforge.model.claims import VenueStatus
from alphaforge.model.commands import CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import OrderSide, OrderStatus, RiskState
from alphaforge.model.events import OrderReleased, OrderSubmitted
from alphaforge.model.orders import Fill
from alphaforge.model.step import Step
from tests.fake_venue.account import Order as VenueOrder
from tests.simulation.disk import Disk
from tests.simulation.network import Network

ZERO: Final = Decimal(0)
OURS: Final = "af"
DEAD: Final = (
    OrderStatus.ABSENT,
    OrderStatus.REJECTED,
    OrderStatus.CANCELED,
    OrderStatus.EXPIRED,
    OrderStatus.DENIED,
)

_step_decoder = msgspec.msgpack.Decoder(Step)


class Violation(BaseException):
    """An invariant does not hold; a BaseException, so that nothing on the way takes it.

    Attributes:
        raised: All of this life: one that is lost beside another error counts all the same.
    """

    raised: ClassVar[list["Violation"]] = []

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.raised.append(self)


class Committed:
    """What the database file holds, read as another process would read it, row by row."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self.run_id = ""
        self.last = 0
        self.intents: dict[str, SubmitOrder] = {}
        self.requests: set[tuple[str, int]] = set()
        self.fills: list[Fill] = []
        self.sequences: list[int] = []

    def restart(self, run_id: str | None = None) -> None:
        """The file was rewritten, or another run begins: nothing is known of it."""
        self.run_id = self.run_id if run_id is None else run_id
        self.last = 0
        self.intents.clear()
        self.requests.clear()
        self.fills.clear()
        self.sequences.clear()

    def read_on(self) -> list[Step]:
        """Take in what was committed since."""
        query = (
            "SELECT sequence, payload FROM decisions WHERE run_id = ? AND sequence > ? "
            "ORDER BY sequence"
        )
        steps: list[Step] = []
        for sequence, payload in self._disk.reader.execute(query, (self.run_id, self.last)):
            step = _step_decoder.decode(payload)
            self.last = sequence
            self.sequences.append(sequence)
            self.fills += step.fills
            steps.append(step)
            for event in step.events:
                if isinstance(event, OrderSubmitted | OrderReleased):
                    self.intents[event.terms.client_order_id] = event.terms
            for approved in step.outgoing:
                if not isinstance(approved.command, SubmitOrder):
                    self.requests.add(_request_key(approved.command))
        return steps


def _request_key(command: ModifyOrder | CancelOrder) -> tuple[str, int]:
    """The order and the version of a modification; a cancel has version 0."""
    return command.order_id, command.version if isinstance(command, ModifyOrder) else 0


STEP = Decimal("0.0001")
"""Quantity step of everything the fake exchange lists: less than this cannot be sold."""


class Books:
    """Positions and cash counted afresh from fills, by schoolbook arithmetic.

    A fee in the coins that were bought is no part of the position.
    """

    def __init__(self, start: dict[str, Decimal], currencies: dict[str, tuple[str, str]]) -> None:
        self._currencies = currencies
        self.cash = dict(start)
        self.positions: dict[tuple[str, str], Decimal] = {}
        self.trades: dict[tuple[str, str, str], Fill] = {}

    def book(self, fills: Iterable[Fill]) -> None:
        """Add fills; a busted one comes as its opposite."""
        for fill in fills:
            key = (fill.symbol, fill.trade_id, _first_side(fill))
            if key in self.trades:
                raise Violation(f"I11: trade {fill.trade_id} of {fill.symbol} was booked twice")
            self.trades[key] = fill
            signed = fill.quantity if fill.side is OrderSide.BUY else -fill.quantity
            base, quote = self._currencies[fill.symbol]
            place = (fill.strategy, fill.symbol)
            arrived = signed - (fill.fee if fill.fee_currency == base else ZERO)
            before = self.positions.get(place, ZERO)
            rest = before + arrived
            self.positions[place] = ZERO if before and abs(rest) < STEP else rest
            self.cash[base] = self.cash.get(base, ZERO) + signed
            self.cash[quote] = self.cash.get(quote, ZERO) - signed * fill.price
            currency = fill.fee_currency
            self.cash[currency] = self.cash.get(currency, ZERO) - fill.fee

    def standing(self) -> dict[tuple[str, str, str], Fill]:
        """Trades that were not taken back."""
        busted = {
            (symbol, trade.removeprefix("bust-"), side)
            for symbol, trade, side in self.trades
            if trade.startswith("bust-")
        }
        return {
            key: fill
            for key, fill in self.trades.items()
            if key not in busted and not key[1].startswith("bust-")
        }

    def differs(self, engine: Engine) -> str:
        """Where the engine's portfolio says something else; empty where nowhere."""
        portfolio = engine.portfolio
        for (strategy, symbol), quantity in self.positions.items():
            held = portfolio.positions.get((strategy, symbol))
            theirs = held.quantity if held is not None else ZERO
            if theirs != quantity:
                return f"I3: position of {strategy} in {symbol}: {theirs}, its fills say {quantity}"
        for currency, amount in self.cash.items():
            if portfolio.balance(currency) != amount:
                return f"I4: cash {currency}: {portfolio.balance(currency)}, fills say {amount}"
        return ""


def _first_side(fill: Fill) -> str:
    """The side of the trade itself: a bust is booked on the other one."""
    if not fill.trade_id.startswith("bust-"):
        return str(fill.side)
    return str(OrderSide.SELL if fill.side is OrderSide.BUY else OrderSide.BUY)


class Watch:
    """Looks at everything the engine, the network and the exchange do.

    Attributes:
        engine: Of the process that lives now; None between two.
        lease_held: Whether the process that lives may send.
        checks: How many Steps were looked at.
        left: The orders that left a process, by client order id.
    """

    def __init__(
        self,
        network: Network,
        disk: Disk,
        currencies: dict[str, tuple[str, str]],
    ) -> None:
        self.engine: Engine | None = None
        self.lease_held = True
        self.checks = 0
        self.proved_absent: set[str] = set()
        self.committed = Committed(disk)
        self._network = network
        self._start: dict[str, Decimal] = {}
        self._currencies = currencies
        self.books = Books({}, currencies)
        self._sequence = 0
        self.left: dict[str, SubmitOrder] = {}
        self._pictures: dict[int, object] = {}
        self._modified: set[str] = set()
        self._forgotten: set[str] = set()
        self._busts_seen = 0
        self._busted_orders: set[str] = set()
        network.on_leave = self.leaves
        network.exchange.taken.append(self.taken)

    # Processes --------------------------------------------------------------------------------

    def rewritten(self, *, power: bool = False) -> None:
        """The process died; a power cut may have taken what it knew of its last modifications."""
        self.engine = None
        if power:
            self._forgotten |= self._modified
        self.committed.restart()

    def recovered(self, engine: Engine, run_id: str, cash: dict[str, Decimal]) -> None:
        """A new process has read the journal: it must be where the file says it is (I10)."""
        if run_id != self.committed.run_id:
            self._pictures.clear()
            self._start = cash
        self.committed.restart(run_id)
        self.committed.read_on()
        self.books = Books(self._start, self._currencies)
        self.books.book(self.committed.fills)
        wrong = self.books.differs(engine)
        if wrong:
            raise Violation(f"I10: after recovery, {wrong}")
        last = self.committed.last
        self._pictures = {at: seen for at, seen in self._pictures.items() if at <= last}
        then = self._pictures.get(last)
        if then is not None and then != picture(engine):
            raise Violation(f"I10: after recovery to {last}: {picture(engine)}, it was {then}")
        self.engine = engine
        self._sequence = engine.sequence

    def fresh_books(self) -> Books:
        """The books as the fills in the file make them."""
        books = Books(self._start, self._currencies)
        books.book(self.committed.fills)
        return books

    # Steps ------------------------------------------------------------------------------------

    def stepped(self, engine: Engine, event: object, step: Step) -> None:
        """Look at what one event led to."""
        if engine.sequence != self._sequence + 1:
            raise Violation(f"I13: event {engine.sequence} came after {self._sequence}")
        self._sequence = engine.sequence
        self.checks += 1
        if not step.sequence:
            return
        if step.sequence != engine.sequence:
            raise Violation(f"I13: Step {step.sequence} of event {engine.sequence}")
        self.books.book(step.fills)
        if step.fills:
            wrong = self.books.differs(engine)
            if wrong:
                raise Violation(f"{wrong} (after {event})")
        for order_id in dict.fromkeys(each.order_id for each in step.events):
            self._order(engine, order_id)
        self._exposure(engine)
        self._pictures[step.sequence] = picture(engine)

    def _order(self, engine: Engine, order_id: str) -> None:
        execution = engine.execution
        working = execution.orders.get(order_id) or execution.closed.get(order_id)
        if working is None:
            return
        life = working.life
        self._counted(life)
        order = life.order
        theirs = self._at_venue(order.client_order_id, order.venue_order_id)
        if order.status is OrderStatus.ABSENT and not order.in_doubt:
            self.proved_absent.add(order.client_order_id)
            if theirs is not None:
                raise Violation(f"I9: {order_id} is ABSENT here, {theirs.status} at the venue")
        if theirs is None or theirs.status is not VenueStatus.OPEN or order.in_doubt:
            return
        gone = order.status in DEAD
        gone |= order.status is OrderStatus.FILLED and not life.modifications
        if gone:
            raise Violation(
                f"I9: {order_id} ({order.client_order_id}) is {order.status} here and OPEN at the "
                f"venue, {theirs.filled} of {theirs.quantity} filled there, {order.filled} here"
            )

    def _counted(self, life: OrderLife) -> None:
        """I1 and I2 of one order."""
        order = life.order
        executions = life.executions or {}
        total = sum(
            (each.quantity for name, each in executions.items() if name not in life.busted), ZERO
        )
        if order.filled != total:
            raise Violation(f"I1: {order.order_id} shows {order.filled} filled, its fills {total}")
        if order.quantity < 0 or total < 0 or life.overfill != max(ZERO, total - order.quantity):
            raise Violation(f"I2: {order.order_id}: {total} of {order.quantity}: {life.overfill}")

    def _at_venue(self, client_id: str, venue_id: str) -> VenueOrder | None:
        owner = self._network.exchange.accounts[self._network.account]
        return owner.by_client.get(client_id) or owner.by_venue.get(venue_id)

    def _exposure(self, engine: Engine) -> None:
        """I8: of every order we know, what can still fill at the venue is held back here."""
        execution = engine.execution
        needed: dict[tuple[str, OrderSide], Decimal] = {}
        for working in execution.orders.values():
            order = working.life.order
            theirs = self._at_venue(order.client_order_id, order.venue_order_id)
            if theirs is None or theirs.status is not VenueStatus.OPEN:
                continue
            if working.life.busted or self._was_busted(theirs):
                continue
            if {order.client_order_id, theirs.venue_order_id} & self._forgotten:
                continue  # a power cut took the intent of new terms; the venue's word is awaited
            if order.in_doubt and order.order_id.startswith(ADOPTED):
                continue  # known by a trade only: how large it is has to be asked
            key = (order.symbol, order.side)
            needed[key] = needed.get(key, ZERO) + theirs.leaves
        for (symbol, side), quantity in needed.items():
            held = (
                execution.exposure.buying if side is OrderSide.BUY else (execution.exposure.selling)
            )
            if held(symbol) < quantity:
                raise Violation(
                    f"I8: {quantity} of {symbol} can still {side} at the venue, "
                    f"{held(symbol)} is held back here"
                )

    def _was_busted(self, order: VenueOrder) -> bool:
        owner = self._network.exchange.accounts[self._network.account]
        if len(owner.busted) != self._busts_seen:
            self._busts_seen = len(owner.busted)
            self._busted_orders = {
                trade.venue_order_id for trade in owner.trades if trade.trade_id in owner.busted
            }
        return order.venue_order_id in self._busted_orders

    # Requests ---------------------------------------------------------------------------------

    def leaves(self, kind: str, command: Any) -> None:
        """The first byte of a request leaves: I5, I6, I7."""
        if not self.lease_held:
            raise Violation(f"I7: a {kind} left without the lease: {command}")
        if kind != "submit":
            self._asked_for(kind, command)
            if kind == "modify":
                self._modified |= {command.client_order_id, command.venue_order_id} - {""}
            return
        engine = self.engine
        if engine is not None and engine.execution.gate.state is RiskState.HALTED:
            raise Violation(f"I7: an order left while trading is halted: {command}")
        rules = self._network.exchange.listings[command.symbol].instrument
        if command.order_type.value in rules.unsupported:
            raise Violation(f"I21: the venue has no such orders: {command}")
        client_id = command.client_order_id
        if client_id in self.left:
            raise Violation(f"I6: {client_id} left twice: {self.left[client_id]}, then {command}")
        self.left[client_id] = command
        if client_id not in self.committed.intents:
            self.committed.read_on()
        if self.committed.intents.get(client_id) != command:
            raise Violation(f"I5: {client_id} left before its intent was in the file: {command}")

    def _asked_for(self, kind: str, command: ModifyOrder | CancelOrder) -> None:
        """I5 for cancels and modifications: a restart must know what was asked."""
        key = _request_key(command)
        if key not in self.committed.requests:
            self.committed.read_on()
        if key not in self.committed.requests:
            raise Violation(f"I5: a {kind} left before it was in the file: {command}")

    def taken(self, account: str, report: Any) -> None:
        """The exchange takes an order: it must be one we sent, and not one we buried."""
        client_id = report.client_order_id
        if account != self._network.account or not client_id.startswith(OURS):
            return
        if client_id not in self.left:
            raise Violation(f"I5: the venue took {client_id}, which never left")
        if client_id in self.proved_absent:
            raise Violation(f"I9: the venue took {client_id} after it was proved absent here")


def picture(engine: Engine) -> object:
    """All that tells two states of the order books apart, in a value that can be compared."""
    execution = engine.execution
    return [
        (
            order.order_id,
            order.client_order_id,
            order.venue_order_id,
            order.status,
            order.quantity,
            order.filled,
            order.leaves,
            order.limit_price,
            order.trigger_price,
            order.pending,
            order.in_doubt,
        )
        for order in (working.life.order for working in execution.orders.values())
    ]
