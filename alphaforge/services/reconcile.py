"""Brings our books and a venue's together: at start, after a gap, in doubt, and every minute.

One path, whatever the cause: trades since the cursor → open orders → each of ours that is not
among them → what was streamed meanwhile → balances and positions compared. A cause that comes
meanwhile has the path gone once more, which is short then: the cursor has moved, and what was
answered stays answered. What the venue says goes through the engine's door as claims, which are
idempotent; the only conclusion drawn here is absence, and only from proof
(`services/inquiry.py`). Must never change a book itself.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from typing import TypeAlias

from alphaforge.engine.core import Engine
from alphaforge.model.claims import BooksDiffer, Claim, VenueState, VenueStateChanged
from alphaforge.model.enums import AlertLevel
from alphaforge.model.reports import OutcomeUnknown, StateUnknown
from alphaforge.services.agenda import FIRST_PAUSE_NS
from alphaforge.services.comparing import compare
from alphaforge.services.door import Door
from alphaforge.services.doubts import is_known_there, working_at
from alphaforge.services.inquiry import Inquiry
from alphaforge.store.records import Difference, ReconciliationRecord
from alphaforge.venues.base import Venue

EVERY_SECONDS = 60.0
"""Between two reconciliations when nothing gives cause for one."""

_SHORTEST_SECONDS = 0.01
_NS = 1_000_000_000


_Gap: TypeAlias = tuple[str, str, Decimal]
"""Kind and subject of a difference, and how much more the venue has."""


def _gap(found: Difference) -> _Gap:
    return found.kind, found.subject, Decimal(found.theirs) - Decimal(found.ours)


class Reconciler:
    """Keeps one engine and one venue in agreement.

    Attributes:
        certain: Set while the venue is READY.
        tell: Told when a venue that was READY is not, and when it is again.
    """

    def __init__(
        self,
        venue: Venue,
        engine: Engine,
        door: Door,
        keep: Callable[[ReconciliationRecord], object],
        run_id: str = "",
    ) -> None:
        """`keep` stores the report of each reconciliation."""
        self.certain = asyncio.Event()
        self.tell: Callable[[AlertLevel, str, str], object] | None = None
        self._is_away = self._has_old_news = False
        self._venue = venue
        self._engine = engine
        self._door = door
        self._keep = keep
        self._run_id = run_id
        self._inquiry = Inquiry(venue, engine, door, self._unreachable)
        self._cause = ""
        self._wake = asyncio.Event()
        self._buffer: list[Claim] | None = None
        self._asked = False
        self._last = 0
        self._next_look = 0
        self._suspects: dict[_Gap, int] = {}
        self._told: frozenset[_Gap] = frozenset()

    # What others tell -------------------------------------------------------------------------

    def claim(self, claim: Claim) -> None:
        """A claim of the stream: to the engine at once, or after what is being asked for."""
        if self._buffer is not None:
            self._buffer.append(claim)
            return
        was_waiting = self._inquiry.is_waiting
        self._take(claim)
        if self._inquiry.is_waiting and not was_waiting:
            self._wake.set()

    def need(self, cause: str) -> None:
        """Something happened after which everything must be asked again: a gap, a stop.

        Until that is done, nothing new leaves and claims of the stream wait.
        """
        if self.certain.is_set():
            self._away(cause)
        if self.certain.is_set() or not self._cause:
            self.certain.clear()
            self._state(VenueState.RECONCILING, cause)
        if self._buffer is None:
            self._buffer = []
        if cause not in self._cause:
            self._cause = f"{self._cause}, {cause}".lstrip(", ")
        self._wake.set()

    def _tell_once_of_old_news(self) -> None:
        """It would be booked again; had it never been booked, the balances would show it."""
        if self._has_old_news or self.tell is None:
            return
        self._has_old_news = True
        message = f"{self._venue.name} tells old trades again that are booked: passed over"
        self.tell(AlertLevel.WARNING, "told-again", message)

    def _away(self, cause: str) -> None:
        self._is_away = True
        if self.tell is not None:
            name = self._venue.name
            message = f"{name}: {cause}; nothing new leaves for it until all was asked again"
            self.tell(AlertLevel.WARNING, "venue-away", message)

    def _back(self) -> None:
        if self._is_away and self.tell is not None:
            message = f"{self._venue.name}: what we know is what it knows again"
            self.tell(AlertLevel.INFO, "venue-back", message)
        self._is_away = False

    def restarted(self) -> None:
        """Nothing that this process knows was proved since it began."""
        self.need("start")
        now = self._door.now
        for working in working_at(self._engine.execution, self._venue.name):
            order_id = working.life.order.order_id
            if is_known_there(working.life):
                self._door.put(StateUnknown(order_id, "restart", now, now))
            else:
                self._door.put(OutcomeUnknown(order_id, "restart", now, now))

    def check(self) -> None:
        """Somebody wants to know now (an operator): nothing is held back for it."""
        self._asked = True
        self._wake.set()

    def look(self) -> None:
        """A Step may have left something in doubt: ask soon."""
        if self._has_doubts() and self._next_look > self._door.now + FIRST_PAUSE_NS:
            self._wake.set()

    def _has_doubts(self) -> bool:
        """Whether an order of this venue is in doubt."""
        execution, name = self._engine.execution, self._venue.name
        found = (execution.orders.get(each) for each in execution.doubtful)
        return any(each is not None and each.instrument.venue == name for each in found)

    def _unreachable(self, why: str) -> None:
        """The venue does not answer: what we know grows old."""
        if self.certain.is_set():
            self.need(why)

    # The loop ---------------------------------------------------------------------------------

    async def run(self) -> None:
        """Reconcile on every cause and every minute, and ask about doubts; until canceled."""
        while True:
            if self._cause:
                cause, self._cause = self._cause, ""
                await self._everything(cause)
            elif self._asked:
                self._asked = False
                await self._everything("asked")
            elif self._door.now - self._last >= EVERY_SECONDS * _NS:
                await self._everything("minute")
            await self._inquiry.ask_about_doubts(lambda: bool(self._cause))
            await self._sleep()

    async def _sleep(self) -> None:
        """Until the next minute, the next look at what is in doubt, or somebody's word."""
        self._wake.clear()
        if self._cause or self._asked:
            return
        now, proof_ns = self._door.now, self._venue.capabilities.proof_ns
        # What is sent meanwhile and gets no answer becomes due that much later.
        self._next_look = min(self._last + int(EVERY_SECONDS * _NS), now + proof_ns)
        look = self._inquiry.next_look()
        if look is not None:
            self._next_look = min(self._next_look, look)
        with suppress(TimeoutError):
            async with asyncio.timeout(max((self._next_look - now) / _NS, _SHORTEST_SECONDS)):
                await self._wake.wait()

    # Everything -------------------------------------------------------------------------------

    async def _everything(self, cause: str) -> None:
        inquiry, began = self._inquiry, self._door.now
        before = self._counts()
        inquiry.start_counting()
        cursor = await inquiry.fetch_trades()
        await inquiry.fetch_open_orders()
        await inquiry.ask_about_unlisted()
        await inquiry.trace_waiting()
        self._release()
        lasting = () if self._cause else await self._differences()
        self._last = self._door.now
        if self._cause:
            self._state(VenueState.RECONCILING, self._cause, cursor)
        else:
            self._state(VenueState.READY, cause, cursor)
            self.certain.set()
            self._back()
        self._report(cause, began, before, lasting)

    def _release(self) -> None:
        """What was streamed meanwhile, in its order."""
        buffer, self._buffer = self._buffer or [], None
        for claim in buffer:
            self._take(claim)

    def _take(self, claim: Claim) -> None:
        if self._inquiry.is_forgotten(claim):
            self._tell_once_of_old_news()
        else:
            self._door.put(self._door.stamp(claim))

    async def _differences(self) -> tuple[Difference, ...]:
        """What differs, and did when an answer cannot be as old any more; nothing if all moves."""
        execution = self._engine.execution
        fills = execution.counts.fills
        balances = await self._inquiry.read(self._venue.balances)
        positions = await self._inquiry.read(self._venue.positions)
        if execution.counts.fills != fills or self._has_doubts() or self._inquiry.is_waiting:
            return ()
        # By how much they differ: both sides move with every fill.
        compared = compare(self._engine, self._venue.name, balances, positions)
        found = {_gap(each): each for each in compared}
        capabilities, now = self._venue.capabilities, self._door.now
        suspects = {gap: self._suspects.get(gap, now) for gap in found}
        oldest = now - capabilities.read_lag_ns - capabilities.clock_bound_ns
        lasting = {gap: found[gap] for gap, since in suspects.items() if since < oldest}
        for gap, each in lasting.items():
            if gap not in self._told:
                told = (each.kind, each.subject, each.ours, each.theirs, each.cause)
                self._door.put(BooksDiffer(self._venue.name, *told, now))
        self._suspects, self._told = suspects, frozenset(lasting)
        return tuple(lasting.values())

    def _state(self, state: VenueState, reason: str, cursor: int = 0) -> None:
        venue, now = self._venue.name, self._door.now
        self._door.put(VenueStateChanged(venue, state, reason, now, cursor))

    def _counts(self) -> tuple[int, int, int]:
        """Orders absent, adopted and in doubt, so far."""
        execution = self._engine.execution
        adopted = execution.claims.state.adopted if execution.claims is not None else 0
        return execution.counts.absent, adopted, len(execution.doubtful)

    def _report(
        self, cause: str, began: int, before: tuple[int, int, int], found: tuple[Difference, ...]
    ) -> None:
        absent, adopted, doubtful = self._counts()
        self._keep(
            ReconciliationRecord(
                run_id=self._run_id,
                sequence=self._engine.sequence,
                ts=self._door.now,
                reason=cause,
                seconds=(self._door.now - began) / _NS,
                orders_checked=self._inquiry.orders_checked,
                trades=self._inquiry.trades_seen,
                adopted=adopted - before[1],
                absent=absent - before[0],
                resolved=max(before[2] - doubtful, 0),
                differences=found,
            )
        )
