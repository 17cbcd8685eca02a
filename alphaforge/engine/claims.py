"""From a venue's words to facts about orders: whose order is meant, and what is new in it.

A claim names an order by our client id or by the venue's id. One that names an order of ours
becomes facts (`model/reports.py`), and only those that are news; one that names an order nobody
knew adopts it. A claim by venue id alone waits while an order of ours is out whose venue id is not
known yet: it may be that one's. Must never drop a fill, and must never conclude anything from what
a venue does not say.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec.structs import force_setattr, replace

from alphaforge.engine.claim_facts import (
    ADOPTED,
    EXTERNAL,
    NO_TERMS,
    bust_of,
    differs,
    fact_of,
    is_same,
    modified,
    shows,
    terms_of_fill,
    terms_of_status,
)
from alphaforge.engine.claim_state import ClaimState, Orders
from alphaforge.engine.client_ids import client_order_id, read_client_order_id
from alphaforge.engine.order_facts import ACCEPTED, CANCELED, EXPIRED, REJECTED, TRIGGERED, executed
from alphaforge.engine.working import WorkingOrder
from alphaforge.model.claims import (
    BustReport,
    Claim,
    FillReport,
    OrderStatusReport,
    VenueState,
    VenueStateChanged,
    VenueStatus,
)
from alphaforge.model.commands import Approved, BeginEpoch, ModifyOrder, SubmitOrder
from alphaforge.model.enums import PendingRequest
from alphaforge.model.events import OrderAdopted, OrderEvent
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.model.orders import Order
from alphaforge.model.reports import (
    CancelRejected,
    DoubtResolved,
    ModifyRejected,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderModified,
    OrderRejected,
    OrderTriggered,
    QuantityFilled,
    StateUnknown,
)

NEVER_TOOK_EFFECT = "the venue, asked after it could still have taken effect, shows no change"

KEEP_CLOSED = 20_000
"""Ended orders kept for late claims; one about an older order is booked as external."""


class ClaimBook:
    """Knows the orders of one account by every name a venue gives them.

    Attributes:
        state: All it remembers.
        strategies: Their names, in command-line order.
    """

    def __init__(self, orders: Orders, tag: str, account: str) -> None:
        """`tag` is the run's, 14 hexadecimal digits; empty: orders get no client ids."""
        self.state = ClaimState()
        self.strategies: list[str] = []
        self._orders = orders
        self._tag = tag
        self._account = account
        self._told: set[str] = set()

    # Our own orders ---------------------------------------------------------------------------

    def begin(self, command: BeginEpoch) -> None:
        """A process takes the run up under a new lease."""
        self.state.epoch = command.epoch

    def name(self, order: Order) -> None:
        """Give an order its client id."""
        if not self._tag or order.client_order_id:
            return
        names, strategy = self.strategies, order.strategy
        place = names.index(strategy) + 1 if strategy in names else 0
        made = client_order_id(self._tag, self.state.epoch, place, order.order_id)
        force_setattr(order, "client_order_id", made)

    def sent(self, approved: Approved) -> None:
        """Remember what leaves, to know the venue's words about it."""
        command = approved.command
        if isinstance(command, SubmitOrder):
            if command.client_order_id:
                self.state.client_ids[command.client_order_id] = command.order_id
        elif isinstance(command, ModifyOrder):
            asked = self.state.modifications
            asked[command.order_id] = (*asked.get(command.order_id, ()), command)

    def forget(self, working: WorkingOrder) -> None:
        """Let go of an order that ended long ago."""
        state, order = self.state, working.life.order
        state.client_ids.pop(order.client_order_id, None)
        state.modifications.pop(order.order_id, None)
        state.terms_ts.pop(order.order_id, None)
        state.venue_ids.pop((order.symbol, order.venue_order_id), None)
        for trade_id in working.life.executions or ():
            state.traded.pop((order.symbol, trade_id, order.side), None)

    # Venues -----------------------------------------------------------------------------------

    def venue_changed(self, event: VenueStateChanged) -> None:
        """New orders for a venue leave only while it is READY."""
        states = self.state.venue_states
        if event.state is VenueState.READY:
            states.pop(event.venue, None)
        else:
            states[event.venue] = (event.state, event.reason)
        if event.cursor:
            self.state.cursors[event.venue] = event.cursor

    def why_not(self, venue: str) -> str:
        """Why nothing new may leave for a venue; empty if it may."""
        held = self.state.venue_states.get(venue)
        return f"{venue} is {held[0]}: {held[1]}" if held is not None else ""

    # Claims -----------------------------------------------------------------------------------

    def take(self, claim: Claim) -> None:
        """Take one claim to its end."""
        if claim.account and claim.account != self._account:
            self._alert_once(
                f"account|{claim.account}",
                "foreign-account",
                f"the venue told of account `{claim.account}`; this run trades "
                f"`{self._account}`: not booked",
            )
            return
        if isinstance(claim, BustReport):
            self._busted(claim)
        elif isinstance(claim, FillReport):
            self._filled(claim)
        else:
            self._stands(claim)
        self.settle()

    def settle(self) -> None:
        """Look at the claims that wait: their order may have become known, or be nobody's."""
        if not self.state.waiting:
            return
        waiting, self.state.waiting = self.state.waiting, []
        for claim in waiting:
            if isinstance(claim, FillReport):
                self._filled(claim)
            else:
                self._stands(claim)

    def order_of(self, claim: OrderStatusReport | FillReport) -> str | None:
        """The order a claim speaks of, by our own id; None for one nobody here knows."""
        state = self.state
        found = state.client_ids.get(claim.client_order_id) if claim.client_order_id else None
        if found is None and claim.venue_order_id:
            found = state.venue_ids.get((claim.symbol, claim.venue_order_id))
        return found

    def _learn(self, claim: OrderStatusReport | FillReport, order_id: str) -> WorkingOrder | None:
        """The order's row, which is now also known by the claim's venue id."""
        if claim.venue_order_id:
            self.state.venue_ids[claim.symbol, claim.venue_order_id] = order_id
        return self._orders.orders.get(order_id) or self._orders.closed.get(order_id)

    def _may_be_ours(self, claim: OrderStatusReport | FillReport) -> bool:
        """Whether it may speak of an order of ours whose venue id we have not been told."""
        if claim.client_order_id:
            return False
        rows = (each.life.order for each in self._orders.orders.values())
        return any(
            not order.venue_order_id
            and order.symbol == claim.symbol
            and order.side is claim.side
            and order.strategy != EXTERNAL
            for order in rows
        )

    # Orders -----------------------------------------------------------------------------------

    def _stands(self, claim: OrderStatusReport) -> None:
        order_id = self.order_of(claim)
        if order_id is None:
            if self._may_be_ours(claim):
                self.state.waiting.append(claim)
                return
            if claim.status is not VenueStatus.OPEN and not claim.filled:
                return  # over before anybody knew it, and it moved nothing
            order_id = self._adopt(claim, terms_of_status(claim))
        working = self._learn(claim, order_id) if order_id is not None else None
        if working is None:
            return
        for fact in self._news(working, claim):
            self._orders.apply(fact)

    def _news(self, working: WorkingOrder, claim: OrderStatusReport) -> Iterable[OrderEvent]:
        """The facts in a claim that are not known yet, in the order they happened.

        Each is made only when the one before it has been taken: a generator on purpose.
        """
        life = working.life
        order, now = life.order, self._orders.now
        order_id, ts, status = order.order_id, claim.ts, claim.status
        rejected = status is VenueStatus.REJECTED
        unnamed = claim.venue_order_id and claim.venue_order_id != order.venue_order_id
        if not rejected and (unnamed or not life.facts & ACCEPTED):
            yield OrderAccepted(order_id, claim.venue_order_id, ts, now)
        if claim.triggered and not life.facts & TRIGGERED:
            yield OrderTriggered(order_id, ts, now)
        yield from self._terms(working, claim)
        filled = claim.filled
        if filled is None and status is VenueStatus.FILLED:
            filled = claim.quantity if claim.quantity is not None else order.quantity
        if filled and filled > life.venue_filled and filled > executed(life):
            yield QuantityFilled(order_id, filled, ts, now)
        if status is VenueStatus.CANCELED and not life.facts & CANCELED:
            yield OrderCanceled(order_id, claim.reason, ts, now)
        elif status is VenueStatus.EXPIRED and not life.facts & EXPIRED:
            yield OrderExpired(order_id, ts, now)
        elif rejected and not life.facts & REJECTED:
            yield OrderRejected(order_id, claim.reason, ts, now)
        if claim.asked_at:
            yield from self._conclude(working, claim, filled or ZERO)

    def _terms(self, working: WorkingOrder, claim: OrderStatusReport) -> Iterable[OrderEvent]:
        """New terms that the venue shows: those we asked for, or somebody else's."""
        life, ended = working.life, claim.status in NO_TERMS
        if claim.quantity is None or ended:
            return
        order_id, told = life.order.order_id, self.state.terms_ts
        if claim.ts <= told.get(order_id, 0):
            return
        asked = self.state.modifications.get(order_id, ())
        for request in reversed(asked):
            if request.version in life.modifications and shows(claim, request):
                told[order_id] = claim.ts
                yield modified(request, claim, self._orders.now)
                self._answered(order_id, request.version)
                return
        if claim.asked_at and differs(life.order, claim):
            told[order_id] = claim.ts
            version = max(life.version, life.requested_version) + 1
            yield OrderModified(
                order_id,
                version,
                claim.quantity,
                claim.limit_price,
                claim.trigger_price,
                claim.ts,
                self._orders.now,
            )

    def _answered(self, order_id: str, version: int) -> None:
        asked = self.state.modifications
        left = tuple(each for each in asked.get(order_id, ()) if each.version != version)
        if left:
            asked[order_id] = left
        else:
            asked.pop(order_id, None)

    def _conclude(
        self, working: WorkingOrder, claim: OrderStatusReport, filled: Decimal
    ) -> Iterable[OrderEvent]:
        """The venue was asked after everything we asked for could have taken effect."""
        life = working.life
        order, now, ts = life.order, self._orders.now, claim.ts
        for version in life.modifications:
            yield ModifyRejected(order.order_id, version, NEVER_TOOK_EFFECT, ts, now)
        self.state.modifications.pop(order.order_id, None)
        if order.pending is PendingRequest.CANCEL and claim.status is VenueStatus.OPEN:
            yield CancelRejected(order.order_id, NEVER_TOOK_EFFECT, ts, now)
        if order.in_doubt:
            yield DoubtResolved(order.order_id, filled, ts, now)

    # Fills ------------------------------------------------------------------------------------

    def _filled(self, claim: FillReport) -> None:
        key = (claim.symbol, claim.trade_id, claim.side)
        known = self.state.traded.get(key)
        order_id = known or self.order_of(claim)
        if order_id is None:
            if self._may_be_ours(claim):
                self.state.waiting.append(claim)
                return
            order_id = self._adopt(claim, terms_of_fill(claim))
        working = self._learn(claim, order_id) if order_id is not None else None
        if working is None:
            return
        life = working.life
        fact = fact_of(claim, life.order, self._orders.now)
        if known is not None and is_same(fact, (life.executions or {}).get(claim.trade_id)):
            return
        self.state.traded[key] = life.order.order_id
        if life.order.order_id.startswith(ADOPTED):
            self._grow(working, fact)
        self._orders.apply(fact)
        if key in self.state.busted:
            self.state.busted.remove(key)
            self._orders.apply(bust_of(claim, life.order.order_id, self._orders.now))

    def _grow(self, working: WorkingOrder, fact: OrderFilled) -> None:
        """An adopted order is at least as large as what was filled of it."""
        life = working.life
        total = EXACT.add(executed(life), fact.quantity)
        if fact.trade_id in (life.executions or {}) or total <= life.order.quantity:
            return
        version = max(life.version, life.requested_version) + 1
        self._orders.apply(
            OrderModified(life.order.order_id, version, total, None, None, fact.ts, fact.ts_local)
        )

    def _busted(self, claim: BustReport) -> None:
        key = (claim.symbol, claim.trade_id, claim.side)
        order_id = self.state.traded.get(key)
        if order_id is None:
            if key not in self.state.busted:
                self.state.busted.append(key)
            return
        working = self._orders.orders.get(order_id) or self._orders.closed.get(order_id)
        if working is not None and claim.trade_id not in working.life.busted:
            self._orders.apply(bust_of(claim, order_id, self._orders.now))

    # Adoption ---------------------------------------------------------------------------------

    def _adopt(self, claim: OrderStatusReport | FillReport, terms: SubmitOrder) -> str | None:
        """Take an order up that nobody knew; None for a symbol that is not traded here."""
        state = self.state
        terms = replace(
            terms, order_id=f"{ADOPTED}{state.adopted + 1:06d}", strategy=self._owner(claim)
        )
        event = OrderAdopted(terms, claim.venue_order_id, self._orders.now)
        if not self._orders.adopt(event):
            self._alert_once(
                f"symbol|{claim.symbol}",
                "unknown-symbol",
                f"the venue told of an order of {claim.symbol}, which this run does not trade: "
                f"not booked",
            )
            return None
        state.adopted += 1
        if claim.client_order_id:
            state.client_ids[claim.client_order_id] = terms.order_id
        self._orders.alert(
            "adopted",
            f"an unknown {terms.side} order of {terms.symbol} at the venue "
            f"({claim.client_order_id or claim.venue_order_id}) is now {terms.order_id} of "
            f"{terms.strategy}",
            terms.strategy,
            terms.symbol,
        )
        if isinstance(claim, FillReport):
            reason = "known by a trade only: its terms are to be asked for"
            self._orders.apply(StateUnknown(terms.order_id, reason, claim.ts, self._orders.now))
        return terms.order_id

    def _owner(self, claim: OrderStatusReport | FillReport) -> str:
        """Whose order it is: our own client ids say so, whatever became of the intent."""
        made = read_client_order_id(claim.client_order_id)
        if made is None or made.tag != self._tag or not 0 < made.strategy <= len(self.strategies):
            return EXTERNAL
        return self.strategies[made.strategy - 1]

    def _alert_once(self, key: str, code: str, message: str) -> None:
        if key not in self._told:
            self._told.add(key)
            self._orders.alert(code, message)
