"""Asks a venue, and knows what its answers prove.

An answer found is a claim like any other. "No such order" proves absence only if it was asked
after everything we sent could have arrived, if nothing ever proved that the venue had the order,
and if no trade speaks of it; else the order stays in doubt. Must never take silence, an empty list
or an error for an answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from msgspec.structs import replace

from alphaforge.engine.core import Engine
from alphaforge.engine.working import WorkingOrder
from alphaforge.errors import OutcomeUnknownError, VenueError
from alphaforge.model.claims import BooksDiffer, FillReport, OrderStatusReport
from alphaforge.model.reports import AbsenceProved, StateUnknown
from alphaforge.services.door import Door
from alphaforge.services.doubts import doubts, is_known_there, proof_at, working_at
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
        self._failures = 0

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

    def start_counting(self) -> None:
        """A reconciliation begins."""
        self.orders_checked = self.trades_seen = 0
        self._listed.clear()

    # The account ------------------------------------------------------------------------------

    async def fetch_trades(self) -> int:
        """Every trade since the cursor; returns up to where they are complete (venue time)."""
        claims, capabilities = self._execution.claims, self._venue.capabilities
        cursor = claims.state.cursors.get(self._venue.name, 0) if claims is not None else 0
        asked = self._door.now
        await self._take_trades(cursor - OVERLAP_NS)
        return max(cursor, asked - capabilities.read_lag_ns - capabilities.clock_bound_ns)

    async def _take_trades(self, since: int) -> None:
        claims = self._execution.claims
        for fill in await self.read(lambda: self._venue.trades(max(since, 0))):
            if claims is None or not claims.is_booked(fill):
                self.trades_seen += 1
                self._door.put(self._door.stamp(fill))

    async def fetch_open_orders(self) -> None:
        """Every order the venue lists; one that it does not list may exist all the same."""
        asked = self._door.now
        for claim in await self.read(self._venue.open_orders):
            self._listed.add((claim.symbol, claim.venue_order_id))
            self.orders_checked += 1
            self._put(claim, asked)

    async def ask_about_unlisted(self) -> None:
        """Each order of ours that works here and was not listed."""
        for working in working_at(self._execution, self._venue.name):
            order = working.life.order
            if (order.symbol, order.venue_order_id) not in self._listed:
                await self.ask_about(working)

    # Doubts -----------------------------------------------------------------------------------

    async def ask_about_doubts(self, is_moot: Callable[[], bool]) -> None:
        """Ask about every order in doubt once; stops as soon as everything is to be asked."""
        found = tuple(doubts(self._execution, self._venue, self._door.now))
        if any(each.wants_trades for each in found) and not is_moot():
            await self.fetch_trades()
        for doubt in found:
            order_id = doubt.working.life.order.order_id
            if is_moot():
                return
            if order_id in self._execution.orders:
                await self.ask_about(doubt.working)
        await self.trace_waiting()

    async def ask_about(self, working: WorkingOrder) -> None:
        """Look one order up by our client id, else by the venue's."""
        order, asked = working.life.order, self._door.now
        self.orders_checked += 1
        try:
            claim = await self.read(lambda: self._venue.order(*order.names), TRIES_PER_ORDER)
        except ReplyError as error:
            if self._is_answer(error):
                await self._not_there(working, asked, str(error))
            else:
                await self._reach()
        except (VenueError, TimeoutError):
            await self._reach()
        else:
            self._put(claim, asked)

    async def _reach(self) -> None:
        """Of one order there was no answer, and its doubt stays: is it the venue, or only that?"""
        await self.read(self._venue.time)

    async def _not_there(self, working: WorkingOrder, asked: int, answer: str) -> None:
        """The venue knows no such order, it says."""
        life = working.life
        if not self._is_proof(working, asked):
            return
        if is_known_there(life):
            self._lost(working, answer)
            return
        capabilities = self._venue.capabilities
        await self._take_trades(life.order.ts - capabilities.clock_bound_ns - OVERLAP_NS)
        if is_known_there(life) or self._may_be_waiting(working) or not life.order.is_open:
            return
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
        """Ask whose order each claim is about that came without our id."""
        for claim in self._waiting():
            await self._trace(claim)

    async def _trace(self, claim: OrderStatusReport | FillReport) -> None:
        names, asked = (claim.symbol, "", claim.venue_order_id), self._door.now
        try:
            found = await self.read(lambda: self._venue.order(*names), TRIES_PER_ORDER)
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
            try:
                answer = await answer_of(ask)
            except (VenueError, TimeoutError) as error:
                tries -= 1
                if tries == 0 or (tries > 0 and self._is_answer(error)):
                    raise
                pause = max(pause, self._failed(error))
            else:
                self._failures = 0
                return answer
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _is_answer(self, error: Exception) -> bool:
        unknown = self._venue.capabilities.unknown_order
        return isinstance(error, ReplyError) and error.reply in unknown

    def _failed(self, error: Exception) -> float:
        """Count a question without an answer; how many seconds the venue wants us to wait."""
        if isinstance(error, ReplyError) and error.retry_after_ns:
            return error.retry_after_ns / _NS
        self._failures += 1
        if self._failures >= FAILURES_UNTIL_HELD:
            self._unreachable(f"the venue does not answer: {error}")
        return 0.0


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
