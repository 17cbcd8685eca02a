"""Asks a venue, and knows what its answers prove.

An answer found is a claim like any other. "No such order" proves absence only if it was asked
after everything we sent could have arrived, if nothing ever proved that the venue had the order,
and if no trade speaks of it; else the order stays in doubt. Orders are looked up several at a time,
and what was asked is not asked again at once (`services/agenda.py`): hundreds of doubts must not
keep the venue, or us, from everything else. Must never take silence, an empty list or an error for
an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from alphaforge.engine.claim_state import TOLD_AGAIN_NS
from alphaforge.engine.core import Engine
from alphaforge.engine.working import WorkingOrder
from alphaforge.errors import OutcomeUnknownError, VenueError
from alphaforge.model.claims import (
    BooksDiffer,
    BustReport,
    Claim,
    FillReport,
    OrderStatusReport,
    VenueStatus,
)
from alphaforge.model.reports import AbsenceProved, StateUnknown
from alphaforge.services.agenda import Agenda
from alphaforge.services.door import Door
from alphaforge.services.doubts import (
    Doubt,
    doubts,
    is_known_there,
    is_open_question,
    is_under_way,
    proof_at,
    working_at,
)
from alphaforge.services.several import ask_each, never
from alphaforge.venues.base import ReplyError, Venue

OVERLAP_NS = 1_000_000_000
"""Trades are asked for from so much before the cursor."""

FAILURES_UNTIL_HELD = 3
"""Questions in a row without an answer until the venue counts as out of reach."""

TRIES_PER_ORDER = 3
"""An order that cannot be asked about stays in doubt and is asked about again later."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.2, 5.0
_NS = 1_000_000_000

Answer = TypeVar("Answer")


class _Missing(NamedTuple):
    """An order that the venue, asked late enough, says it does not know, and in which words."""

    working: WorkingOrder
    answer: str


class Inquiry:
    """All questions of one engine to one venue.

    Attributes:
        orders_checked, trades_seen: Since `start_counting`.
    """

    def __init__(
        self, venue: Venue, engine: Engine, door: Door, unreachable: Callable[[str], None]
    ) -> None:
        """`unreachable` is told why, when the venue has not answered for several questions."""
        self.orders_checked = 0
        self.trades_seen = 0
        self._venue = venue
        self._execution = engine.execution
        self._markets = engine.markets
        self._door = door
        self._unreachable = unreachable
        self._listed: set[tuple[str, str]] = set()
        self._read_until = 0
        self._doubts = Agenda[str]()
        self._strangers = Agenda[tuple[str, str]]()
        self._failures = self._failed_at = 0

    @property
    def is_waiting(self) -> bool:
        """Whether claims of this venue wait whose order is not known."""
        return bool(self._waiting())

    def _waiting(self) -> tuple[OrderStatusReport | FillReport, ...]:
        claims = self._execution.claims
        waiting = claims.state.waiting if claims is not None else ()
        return tuple(each for each in waiting if self._is_here(each.symbol))

    def _is_here(self, symbol: str) -> bool:
        """Whether this venue trades a symbol; one that nobody knows may be anybody's."""
        state = self._markets.states.get(symbol)
        return state is None or state.instrument.venue == self._venue.name

    def is_forgotten(self, claim: Claim) -> bool:
        """Whether it is about what was booked, and forgotten, before all that is remembered.

        A trade, or the end of an order, from so long before the cursor that nobody knows the order
        any more: everything up to the cursor was read, so that it is told again and no news.
        """
        claims = self._execution.claims
        if claims is None or isinstance(claim, BustReport):
            return False
        is_open = isinstance(claim, OrderStatusReport) and claim.status is VenueStatus.OPEN
        cursor = claims.state.cursors.get(self._venue.name, 0)
        remembered = cursor - TOLD_AGAIN_NS + self._venue.capabilities.clock_bound_ns
        return not is_open and claim.ts < remembered and claims.order_of(claim) is None

    def start_counting(self) -> None:
        """A reconciliation begins."""
        self.orders_checked = self.trades_seen = 0
        self._listed.clear()

    # The account ------------------------------------------------------------------------------

    @property
    def cursor(self) -> int:
        """Every trade up to then (venue time, ns) was read."""
        claims = self._execution.claims
        kept = claims.state.cursors.get(self._venue.name, 0) if claims is not None else 0
        return max(kept, self._read_until)

    async def fetch_trades(self) -> int:
        """Every trade since the cursor, which moves; returns up to where they are complete."""
        return await self._take_trades(self.cursor)

    async def _take_trades(self, since: int) -> int:
        """Every trade since then, and since the cursor."""
        claims, capabilities, cursor = self._execution.claims, self._venue.capabilities, self.cursor
        asked, begin = self._door.now, max(min(since, cursor) - OVERLAP_NS, 0)
        for fill in await self.read(lambda: self._venue.trades(begin)):
            if claims is None or not claims.is_booked(fill):
                self.trades_seen += 1
                self._door.put(self._door.stamp(fill))
        complete = max(cursor, asked - capabilities.read_lag_ns - capabilities.clock_bound_ns)
        self._read_until = complete
        return complete

    async def fetch_open_orders(self) -> None:
        """Every order the venue lists; one that it does not list may exist all the same."""
        asked = self._door.now
        for claim in await self.read(self._venue.open_orders):
            self._listed.add((claim.symbol, claim.venue_order_id))
            self.orders_checked += 1
            self._put(claim, asked)

    async def ask_about_unlisted(self) -> None:
        """Each order of ours that works here and was not listed.

        One in doubt that was asked about before has its turn in `ask_about_doubts`: that nothing
        is known of it is said already, and a look at the account must come to an end however
        often something is lost meanwhile. One with a request under way is told by its answer.
        """
        working_here = working_at(self._execution, self._venue.name)
        unlisted = [each for each in working_here if self._is_unlisted(each)]
        await self._ask_about_each(unlisted, never)

    def _is_unlisted(self, working: WorkingOrder) -> bool:
        """Whether only a look-up can say how an order stands that we took to be working."""
        order = working.life.order
        if (order.symbol, order.venue_order_id) in self._listed:
            return False
        if order.in_doubt:
            return not self._doubts.was_asked(order.order_id)
        return not is_under_way(working.life, self._venue.capabilities, self._door.now)

    # Doubts -----------------------------------------------------------------------------------

    def next_look(self) -> int | None:
        """When (engine time, ns) something is to be asked about next; None if nothing is open."""
        self._see()
        looks = (self._doubts.next_at(), self._strangers.next_at())
        return min((each for each in looks if each is not None), default=None)

    def _see(self) -> dict[str, Doubt]:
        """Bring the agenda up to what is open; the orders in doubt by their ids."""
        now = self._door.now
        found = doubts(self._execution, self._venue, now)
        by_id = {each.working.life.order.order_id: each for each in found}
        self._doubts.see(by_id, now)
        self._strangers.see((_named(each) for each in self._waiting()), now)
        return by_id

    async def ask_about_doubts(self, is_moot: Callable[[], bool]) -> None:
        """Ask about what is in doubt and whose turn it is.

        Ends early, but not without having asked, once everything is to be asked.
        """
        by_id = self._see()
        found = [by_id[each] for each in self._doubts.due(self._door.now)]
        if any(each.wants_trades for each in found):
            await self.fetch_trades()
        await self._ask_about_each(self._still_open(found), is_moot)
        await ask_each(self._strangers.due(self._door.now), self._trace, is_moot)

    def _still_open(self, found: Iterable[Doubt]) -> list[WorkingOrder]:
        capabilities, now = self._venue.capabilities, self._door.now
        rows = (each.working for each in found)
        return [each for each in rows if is_open_question(each.life, capabilities, now)]

    async def ask_about(self, working: WorkingOrder) -> None:
        """Look one order up by our client id, else by the venue's."""
        await self._ask_about_each((working,), never)

    async def _ask_about_each(
        self, found: Iterable[WorkingOrder], is_moot: Callable[[], bool]
    ) -> None:
        """Look orders up; what is proved to be missing is looked for among the trades, once."""
        missing: list[_Missing] = []

        async def look(working: WorkingOrder) -> None:
            # Another answer may have settled it.
            if working.life.order.order_id in self._execution.orders:
                await self._look_up(working, missing)

        await ask_each(found, look, is_moot)
        if missing:
            await self._conclude_absence(missing)

    async def _look_up(self, working: WorkingOrder, missing: list[_Missing]) -> None:
        order, asked = working.life.order, self._door.now
        self.orders_checked += 1
        try:
            claim = await self.read(lambda: self._venue.order(*order.names), TRIES_PER_ORDER)
        except ReplyError as error:
            if self._is_answer(error):
                self._not_there(working, asked, str(error), missing)
            else:
                await self._reach()
        except (VenueError, TimeoutError):
            await self._reach()
        else:
            self._put(claim, asked)
        self._was_asked(working, asked)

    def _was_asked(self, working: WorkingOrder, asked: int) -> None:
        capabilities, now = self._venue.capabilities, self._door.now
        if is_open_question(working.life, capabilities, now):
            proves_at = proof_at(working.life, capabilities)
            self._doubts.asked(working.life.order.order_id, asked, now, proves_at)

    async def _reach(self) -> None:
        """Of one order there was no answer, and its doubt stays: is it the venue, or only that?"""
        await self.read(self._venue.time)

    def _not_there(
        self, working: WorkingOrder, asked: int, answer: str, missing: list[_Missing]
    ) -> None:
        """The venue knows no such order, it says."""
        life = working.life
        if not self._is_proof(working, asked):
            return
        if is_known_there(life):
            self._lost(working, answer)
            return
        missing.append(_Missing(working, answer))

    async def _conclude_absence(self, missing: list[_Missing]) -> None:
        """Orders that the venue does not know never were, unless a trade speaks of one."""
        since = min(each.working.life.order.ts for each in missing)
        await self._take_trades(since - self._venue.capabilities.clock_bound_ns)
        for working, answer in missing:
            life = working.life
            if is_known_there(life) or self._may_be_waiting(working) or not life.order.is_open:
                continue
            now = self._door.now
            reason = f"the venue, asked after it could have arrived, knows no such order ({answer})"
            self._door.put(AbsenceProved(life.order.order_id, reason, now, now))

    def _lost(self, working: WorkingOrder, answer: str) -> None:
        """It had the order and says now that it never did: in doubt, and for a person to see."""
        order = working.life.order
        if order.is_open and not order.in_doubt:
            reason, now = f"the venue had this order and now answers: {answer}", self._door.now
            self._door.put(StateUnknown(order.order_id, reason, now, now))
            told = ("order", order.order_id, order.status.value, answer, "the venue lost it")
            self._door.put(BooksDiffer(self._venue.name, *told, now))

    def _may_be_waiting(self, working: WorkingOrder) -> bool:
        """Whether a claim that waits for its order might be about this one."""
        order, waiting = working.life.order, self._waiting()
        return any(each.symbol == order.symbol and each.side is order.side for each in waiting)

    async def trace_waiting(self) -> None:
        """Ask whose order each claim is about that came without our id, and was not asked about."""
        named = dict.fromkeys(_named(each) for each in self._waiting())
        unasked = [each for each in named if not self._strangers.was_asked(each)]
        await ask_each(unasked, self._trace)

    async def _trace(self, named: tuple[str, str]) -> None:
        if all(_named(each) != named for each in self._waiting()):
            return  # another answer settled it
        symbol, venue_order_id = named
        asked = self._door.now
        self._strangers.asked(named, asked, asked)
        try:
            found = await self.read(
                lambda: self._venue.order(symbol, "", venue_order_id), TRIES_PER_ORDER
            )
        except (VenueError, TimeoutError):
            return  # no answer: it waits on
        claims = self._execution.claims
        if claims is not None and claims.order_of(found) is not None:
            self._put(found, asked)
            return
        # Asked for by its own id and without one of ours, it is surely nobody's here.
        self._door.put(replace(found, ts_local=self._door.now, asked_at=asked))

    # Answers ----------------------------------------------------------------------------------

    def _put(self, claim: OrderStatusReport, asked: int) -> None:
        """A claim that was asked for: it proves what did not happen only if asked late enough."""
        claims = self._execution.claims
        order_id = claims.order_of(claim) if claims is not None else None
        working = self._execution.orders.get(order_id) if order_id is not None else None
        proves = working is not None and self._is_proof(working, asked)
        now = self._door.now
        self._door.put(replace(claim, ts_local=now, asked_at=asked if proves else 0))

    def _is_proof(self, working: WorkingOrder, asked: int) -> bool:
        at = proof_at(working.life, self._venue.capabilities)
        return bool(at) and asked >= at

    async def read(self, ask: Callable[[], Awaitable[Answer]], tries: int = 0) -> Answer:
        """Ask until there is an answer; `tries` > 0 ends it with the last error.

        A question with so many tries is about one order: it raises `ReplyError` at once where the
        venue says that there is no such order.
        """
        pause = _FIRST_PAUSE_SECONDS
        while True:
            asked = self._door.now
            try:
                answer = await answer_of(ask)
            except (VenueError, TimeoutError) as error:
                tries -= 1
                if tries == 0 or (tries > 0 and self._is_answer(error)):
                    raise
                pause = max(pause, self._failed(error, asked))
            else:
                self._failures = 0
                return answer
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _is_answer(self, error: Exception) -> bool:
        unknown = self._venue.capabilities.unknown_order
        return isinstance(error, ReplyError) and error.reply in unknown

    def _failed(self, error: Exception, asked: int) -> float:
        """Count a question without an answer; how many seconds the venue wants us to wait.

        Questions that were under way together fail together, which counts as once.
        """
        if isinstance(error, ReplyError) and error.retry_after_ns:
            return error.retry_after_ns / _NS
        if asked < self._failed_at:
            return 0.0
        self._failures, self._failed_at = self._failures + 1, self._door.now
        if self._failures >= FAILURES_UNTIL_HELD:
            self._unreachable(f"the venue does not answer: {error}")
        return 0.0


def _named(claim: OrderStatusReport | FillReport) -> tuple[str, str]:
    return claim.symbol, claim.venue_order_id


async def answer_of(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """What a venue answers; an answer that cannot be read is none.

    Raises `VenueError` or `TimeoutError`, whatever an adapter raises.
    """
    try:
        return await ask()
    except (VenueError, TimeoutError):
        raise
    except Exception as error:
        message = f"the venue's answer cannot be read: {type(error).__name__}: {error}"
        raise OutcomeUnknownError(message) from error
