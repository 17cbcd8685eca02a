"""Carries approved requests to a venue: intent committed first, then the wire, then the answer.

START HERE for the life of an order over a wire: Step → `OrderGateway.take` → the journal's commit
→ `_carry` → venue → `outcome_of` → the engine's door. Must never send what is not committed, never
send twice, and never let an answer, or its absence, go untold.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from alphaforge.model.claims import OrderStatusReport
from alphaforge.model.commands import Approved, CancelOrder, ModifyOrder, SubmitOrder
from alphaforge.model.enums import RiskState
from alphaforge.model.reports import OrderReport, OutcomeUnknown
from alphaforge.services.door import Door
from alphaforge.services.outcomes import never_sent, outcome_of
from alphaforge.services.run_journal import RunJournal
from alphaforge.venues.base import ReplyError, Venue

REPLY_SECONDS = 10.0
"""How long an answer is waited for; what comes later comes by the stream, or is asked for."""

LONGEST_WAIT_NS = 5_000_000_000
"""How old a request may leave to a venue that lets requests live for ever."""

_NS = 1_000_000_000


class Lease(Protocol):
    """The right to trade an account; see `services/lease.py`."""

    @property
    def epoch(self) -> int:
        """Its number: no other holder ever had it."""
        ...

    @property
    def gaps(self) -> int:
        """How often this process was found to have stood still for longer than the lease."""
        ...

    def holds(self) -> bool:
        """Whether it is still ours; asked right before each send."""
        ...

    def release(self) -> None:
        """Give it back."""
        ...


class OrderGateway:
    """Sends what one engine approved to one venue.

    Attributes:
        in_flight: Requests that left, or wait to, without an outcome.
        on_gap: Told why, when the process has stood still: what it knows is old.
    """

    def __init__(
        self,
        venue: Venue,
        door: Door,
        journal: RunJournal,
        lease: Lease,
        tasks: asyncio.TaskGroup,
        risk_state: Callable[[], RiskState],
    ) -> None:
        """`tasks` owns the requests: an error in one that is not the venue's ends the session."""
        self.in_flight = 0
        self.on_gap: Callable[[str], None] | None = None
        lease.holds()  # a long start is no gap: everything is about to be asked
        self._gaps = lease.gaps
        self._still_until = 0
        self._venue = venue
        self._door = door
        self._journal = journal
        self._lease = lease
        self._tasks = tasks
        self._risk_state = risk_state
        self._submitting: dict[str, asyncio.Event] = {}
        self._turns = _Turns()
        self._slow_until = 0

    def take(self, approved: tuple[Approved, ...], place: int) -> None:
        """Take what a Step lets out; it leaves once its intent at `place` is committed."""
        self.in_flight += len(approved)
        for each in approved:
            if isinstance(each.command, SubmitOrder):
                self._submitting[each.command.order_id] = asyncio.Event()
            elif isinstance(each.command, ModifyOrder):
                self._turns.queue(each.command)
        self._tasks.create_task(self._leave(approved, place))

    async def _leave(self, approved: tuple[Approved, ...], place: int) -> None:
        await self._journal.commit(place)
        first, *others = approved
        for each in others:
            self._tasks.create_task(self._carry(each))
        await self._carry(first)  # in this task: one turn of the loop less

    async def _carry(self, approved: Approved) -> None:
        """One request, from its committed intent to its outcome."""
        command = approved.command
        try:
            if isinstance(command, ModifyOrder):
                await self._wait_for_turn(command)
            await self._wait_if_throttled(approved)
            why_not = self._why_not(approved)
            if why_not:
                self._tell(never_sent(command, why_not, self._door.now))
                return
            await self._ask(approved)
        finally:
            self.in_flight -= 1
            if isinstance(command, SubmitOrder):
                self._submitting.pop(command.order_id).set()
            elif isinstance(command, ModifyOrder):
                self._turns.end(command)

    async def _wait_for_turn(self, command: ModifyOrder) -> None:
        """Two modifications under way at once could arrive in the other order: one at a time."""
        submitting = self._submitting.get(command.order_id)
        if submitting is not None:
            await submitting.wait()
        await self._turns.wait(command)
        unsure = self._turns.unsure_until(command) - self._door.now
        if unsure > 0:
            await asyncio.sleep(unsure / _NS)

    def _why_not(self, approved: Approved) -> str:
        """Why a request may not leave now, whatever was approved; empty if it may."""
        if not self.look_at_lease():
            return "the lease of this account is lost to another process"
        is_cancel = isinstance(approved.command, CancelOrder)
        if approved.ts <= self._still_until and not is_cancel:
            return "this process stood still for a while: everything is asked again first"
        if self._door.now >= self._expires(approved):
            return "it waited longer than the venue lets a request live"
        if self._risk_state() is RiskState.HALTED and not is_cancel:
            return "trading is HALTED"
        return ""

    def look_at_lease(self) -> bool:
        """Whether the account is still ours; to be called about once a second, too."""
        holds = self._lease.holds()
        if self._lease.gaps != self._gaps:
            self._gaps = self._lease.gaps
            self._still_until = self._door.now
            if self.on_gap is not None:
                self.on_gap("this process stood still")
        return holds

    def _expires(self, approved: Approved) -> int:
        return approved.ts + (self._venue.capabilities.request_life_ns or LONGEST_WAIT_NS)

    async def _ask(self, approved: Approved) -> None:
        """Send it, and tell what the answer proves; a cancel is tried again where it overtook."""
        command = approved.command
        overtaken = None
        if isinstance(command, CancelOrder):
            overtaken = self._submitting.get(command.order_id)
        error = await self._try(approved)
        if error is None:
            return
        unknown = self._venue.capabilities.unknown_order
        overtook = isinstance(error, ReplyError) and error.reply in unknown
        if overtaken is not None and overtook:
            await overtaken.wait()
            if not self._why_not(approved):
                error = await self._try(approved)
        if error is not None:
            self._heed(error)
            capabilities = self._venue.capabilities
            outcome = outcome_of(command, error, capabilities, self._door.now)
            if isinstance(command, ModifyOrder) and isinstance(outcome[0], OutcomeUnknown):
                until = self._expires(approved) + capabilities.clock_bound_ns
                self._turns.is_unsure(command, until)
            self._tell(outcome)

    async def _try(self, approved: Approved) -> Exception | None:
        """Send it once; None if the venue said yes, which is told already."""
        try:
            async with asyncio.timeout(REPLY_SECONDS):
                claim = await self._send(approved)
        except Exception as error:  # noqa: BLE001 - whatever an adapter raises: the outcome is unknown
            return error
        if claim is not None:
            self._door.put(self._door.stamp(claim))
        return None

    async def _send(self, approved: Approved) -> OrderStatusReport | None:
        expires = self._expires(approved)
        if isinstance(approved.command, SubmitOrder):
            return await self._venue.submit(approved, expires)
        if isinstance(approved.command, ModifyOrder):
            return await self._venue.modify(approved, expires)
        return await self._venue.cancel(approved, expires)

    def _tell(self, reports: tuple[OrderReport, ...]) -> None:
        for report in reports:
            self._door.put(report)

    # Too fast ---------------------------------------------------------------------------------

    def _heed(self, error: Exception) -> None:
        """The venue said too fast: new orders wait as long as it said."""
        if isinstance(error, ReplyError) and error.reply in self._venue.capabilities.throttled:
            self._slow_until = max(self._slow_until, self._door.now + error.retry_after_ns)

    async def _wait_if_throttled(self, approved: Approved) -> None:
        """Cancels never wait: they are what the rest of the venue's patience is for."""
        if isinstance(approved.command, CancelOrder):
            return
        wait = min(self._slow_until, self._expires(approved)) - self._door.now
        if wait > 0:
            await asyncio.sleep(wait / _NS)


class _Turns:
    """Keeps the modifications of one order in the order in which they were decided."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, int], tuple[asyncio.Event | None, asyncio.Event]] = {}
        self._last: dict[str, asyncio.Event] = {}
        self._unsure: dict[str, int] = {}

    def queue(self, command: ModifyOrder) -> None:
        """It comes after the ones queued before it."""
        mine, order_id = asyncio.Event(), command.order_id
        self._ends[order_id, command.version] = (self._last.get(order_id), mine)
        self._last[order_id] = mine

    async def wait(self, command: ModifyOrder) -> None:
        """Wait until the one before it has ended."""
        before, _ = self._ends[command.order_id, command.version]
        if before is not None:
            await before.wait()

    def end(self, command: ModifyOrder) -> None:
        """It has an outcome, or is known to have none: the next may go."""
        order_id = command.order_id
        _, mine = self._ends.pop((order_id, command.version))
        mine.set()
        if self._last[order_id] is mine:
            del self._last[order_id]

    def is_unsure(self, command: ModifyOrder, until: int) -> None:
        """It may still arrive, up to that engine time (ns)."""
        self._unsure[command.order_id] = until

    def unsure_until(self, command: ModifyOrder) -> int:
        """Until when (ns) an earlier one may still arrive; 0 if none can."""
        return self._unsure.pop(command.order_id, 0)
