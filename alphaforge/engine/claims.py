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
    bust_of,
    fact_of,
    is_same,
    less,
    terms_of_fill,
    terms_of_status,
)
from alphaforge.engine.claim_news import news
from alphaforge.engine.claim_state import TOLD_AGAIN_NS, ClaimState, Orders
from alphaforge.engine.client_ids import client_order_id, owner_of, place_of
from alphaforge.engine.order_facts import ACCEPTED, executed
from alphaforge.engine.working import WorkingOrder
from alphaforge.model.claims import (
    BooksDiffer,
    BustReport,
    Claim,
    FillReport,
    OrderStatusReport,
    VenueState,
    VenueStateChanged,
    VenueStatus,
)
from alphaforge.model.commands import Approved, BeginEpoch, ModifyOrder, SubmitOrder
from alphaforge.model.events import OrderAdopted
from alphaforge.model.numbers import EXACT, ZERO
from alphaforge.model.orders import Order
from alphaforge.model.reports import (
    OrderFilled,
    OrderModified,
    StateUnknown,
)


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

    # Our own orders ---------------------------------------------------------------------------

    def begin(self, command: BeginEpoch) -> None:
        """A process takes the run up under a new lease: no venue is READY for it yet."""
        state = self.state
        state.epoch = command.epoch
        for venue in state.opened:
            state.venue_states.setdefault(venue, (VenueState.RECONCILING, "restart"))

    def name(self, order: Order) -> None:
        """Give an order its client id."""
        if not self._tag or order.client_order_id:
            return
        place = place_of(order.strategy, self.strategies)
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

    def is_past(self, working: WorkingOrder, others: Iterable[WorkingOrder]) -> bool:
        """Whether nothing about an ended order can be told again.

        Trades are asked for from the cursor on, and from the time of an order that nobody knows
        whether it arrived; one that was forgotten and is told again would be booked again.
        """
        told_until = working.life.order.ts_last + TOLD_AGAIN_NS
        if told_until >= self.state.cursors.get(working.instrument.venue, 0):
            return False  # mostly; the others need not be looked at then
        for other in others:
            facts = other.life.facts
            # What never left is not asked about.
            if facts and not facts & ACCEPTED and told_until >= other.life.order.ts:
                return False
        return True

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

    def _venue_changed(self, event: VenueStateChanged) -> None:
        """New orders for a venue leave only while it is READY."""
        state, venue = self.state, event.venue
        if event.state is VenueState.READY:
            state.venue_states.pop(venue, None)
            if venue not in state.opened:
                state.opened.append(venue)
        else:
            state.venue_states[venue] = (event.state, event.reason)
        if event.cursor:
            state.cursors[venue] = event.cursor
            state.since.setdefault(venue, event.cursor)
        self._orders.send_waiting()

    def differ(self, event: BooksDiffer) -> None:
        """Say that our books and a venue's are not the same."""
        message = (
            f"{event.kind} of {event.subject} at {event.venue}: ours {event.ours}, "
            f"theirs {event.theirs} ({event.cause})"
        )
        self._orders.alert("books-differ", message)

    def why_not(self, symbol: str) -> str:
        """Why nothing new may leave for a symbol's venue; empty if it may."""
        if not self.state.venue_states:
            return ""
        venue = self._orders.venue_of(symbol)
        held = self.state.venue_states.get(venue)
        return f"{venue} is {held[0]}: {held[1]}" if held is not None else ""

    def why_not_modify(self, order: Order) -> str:
        """Why an order's terms may not be changed now; empty if they may."""
        if order.in_doubt:
            return "the order is in doubt: what it is at the venue is not known"
        return self.why_not(order.symbol)

    # Claims -----------------------------------------------------------------------------------

    def take(self, claim: Claim | VenueStateChanged) -> None:
        """Take one claim to its end."""
        if isinstance(claim, VenueStateChanged):
            self._venue_changed(claim)
            return
        if claim.account and claim.account != self._account:
            message = f"the venue told of account `{claim.account}`, not ours: not booked"
            self._alert_once("foreign-account", claim.account, message)
            return
        if isinstance(claim, BustReport):
            self._busted(claim)
        elif isinstance(claim, FillReport):
            self._filled(claim)
        else:
            self._stands(claim)
        self.settle()

    def settle(self) -> None:
        """Look at what waits: for its order to become known, or for leave to go."""
        waiting = self.state.waiting
        if waiting:
            self.state.waiting = []
        for claim in waiting:
            if isinstance(claim, FillReport):
                self._filled(claim)
            else:
                self._stands(claim)
        self._orders.send_waiting()

    def order_of(self, claim: OrderStatusReport | FillReport) -> str | None:
        """The order a claim speaks of, by our own id; None for one nobody here knows."""
        state = self.state
        found = state.client_ids.get(claim.client_order_id) if claim.client_order_id else None
        if found is None and claim.venue_order_id:
            found = state.venue_ids.get((claim.symbol, claim.venue_order_id))
        return found

    def _learn(
        self, claim: OrderStatusReport | FillReport, order_id: str | None
    ) -> WorkingOrder | None:
        """The order's row, which is now also known by the claim's venue id."""
        if order_id is not None and claim.venue_order_id:
            self.state.venue_ids[claim.symbol, claim.venue_order_id] = order_id
        return self._row(order_id)

    def _may_be_ours(self, claim: OrderStatusReport | FillReport) -> bool:
        """Whether it may speak of an order of ours whose venue id we have not been told."""
        if claim.client_order_id or (isinstance(claim, OrderStatusReport) and claim.asked_at):
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
                self._let_go(claim)  # over before anybody knew it, and it moved nothing
                return
            order_id = self._adopt_standing(claim)
        working = self._learn(claim, order_id)
        if working is None:
            return
        claim = less(claim, self._prior(working, claim))
        for fact in news(self.state, working, claim, self._orders.now):
            self._orders.apply(fact)

    def _let_go(self, claim: OrderStatusReport) -> None:
        """Nobody here waits any longer for what was said of this order (a trade since busted)."""
        told, state = (claim.symbol, claim.venue_order_id), self.state
        state.waiting = [
            each for each in state.waiting if (each.symbol, each.venue_order_id) != told
        ]

    def _prior(self, working: WorkingOrder, claim: OrderStatusReport) -> Decimal:
        """What had been filled of an order before the run began, and is no part of it.

        One that was adopted by a trade since then is asked about for the first time here.
        """
        order_id, state = working.life.order.order_id, self.state
        began = self._orders.venue_of(claim.symbol) in state.opened
        if order_id.startswith(ADOPTED) and not began and order_id not in state.prior:
            before = EXACT.subtract(claim.filled or ZERO, executed(working.life))
            state.prior[order_id] = max(before, ZERO)
        return state.prior.get(order_id, ZERO)

    # Fills ------------------------------------------------------------------------------------

    def _filled(self, claim: FillReport) -> None:
        key = (claim.symbol, claim.trade_id, claim.side)
        known = self.state.traded.get(key)
        if claim.ts < self._since(claim.symbol):
            return
        order_id = known or self.order_of(claim)
        if order_id is None:
            if self._may_be_ours(claim):
                self.state.waiting.append(claim)
                return
            order_id = self._adopt(claim, terms_of_fill(claim))
        working = self._learn(claim, order_id)
        if working is None:
            return
        life = working.life
        fact = fact_of(claim, life.order, self._orders.now)
        if self.is_booked(claim):
            return
        self.state.traded[key] = life.order.order_id
        if life.order.order_id.startswith(ADOPTED):
            self._grow(working, fact)
        self._orders.apply(fact)
        if key in self.state.busted:
            self.state.busted.remove(key)
            self._orders.apply(bust_of(claim, life.order.order_id, self._orders.now))

    def is_booked(self, claim: FillReport) -> bool:
        """Whether this very trade is in the books, with these very numbers."""
        order_id = self.state.traded.get((claim.symbol, claim.trade_id, claim.side))
        working = self._row(order_id)
        if working is None:
            return False
        known = (working.life.executions or {}).get(claim.trade_id)
        return is_same(fact_of(claim, working.life.order, 0), known)

    def _row(self, order_id: str | None) -> WorkingOrder | None:
        if order_id is None:
            return None
        return self._orders.orders.get(order_id) or self._orders.closed.get(order_id)

    def _since(self, symbol: str) -> int:
        return self.state.since.get(self._orders.venue_of(symbol), 0)

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
        working = self._row(order_id)
        if working is not None and claim.trade_id not in working.life.busted:
            self._orders.apply(bust_of(claim, order_id, self._orders.now))

    # Adoption ---------------------------------------------------------------------------------

    def _adopt_standing(self, claim: OrderStatusReport) -> str | None:
        """Adopt an order as it stands; what filled before the run began is no part of it."""
        began = self._orders.venue_of(claim.symbol) in self.state.opened
        prior = ZERO if began else claim.filled or ZERO
        order_id = self._adopt(claim, terms_of_status(less(claim, prior)))
        if order_id is not None and not began:
            self.state.prior[order_id] = prior
        return order_id

    def _adopt(self, claim: OrderStatusReport | FillReport, terms: SubmitOrder) -> str | None:
        """Take an order up that nobody knew; None for a symbol that is not traded here."""
        state = self.state
        order_id = f"{ADOPTED}{state.adopted + 1:06d}"
        owner = owner_of(claim.client_order_id, self._tag, self.strategies) or EXTERNAL
        terms = replace(terms, order_id=order_id, strategy=owner)
        event = OrderAdopted(terms, claim.venue_order_id, self._orders.now)
        if not self._orders.adopt(event):
            message = f"the venue told of an order of {claim.symbol}, not traded here: not booked"
            self._alert_once("unknown-symbol", claim.symbol, message)
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

    def _alert_once(self, code: str, subject: str, message: str) -> None:
        if (code, subject) not in self.state.told:
            self.state.told.append((code, subject))
            self._orders.alert(code, message)
