"""The way out: committed first, then sent once, and whatever comes back is told."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from alphaforge.errors import StoreError, VenueUnavailableError
from alphaforge.model.commands import Approved, SetRiskState, SubmitOrder
from alphaforge.model.enums import OrderStatus, PendingRequest, RiskState
from alphaforge.model.reports import (
    AbsenceProved,
    CancelRejected,
    ModifyRejected,
    OrderRejected,
    OutcomeUnknown,
    StateUnknown,
)
from alphaforge.services.gateway import REPLY_SECONDS
from alphaforge.services.writer_thread import WriterThread
from alphaforge.venues.base import ReplyError
from tests.fake_venue.terms import DUPLICATE, INSUFFICIENT, SERVER, THROTTLED, TOO_LATE
from tests.services.wire_rig import (
    LIFE,
    RUN,
    SECOND,
    WireRig,
    late,
    lost_after,
    lost_before,
    no_such_order,
    played,
    silent,
)
from tests.simulation.clock import START_NS


def intents_in(path: Path) -> str:
    """Every decision that another process would find in the store now."""
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        query = "SELECT payload FROM decisions WHERE run_id = ?"
        return "".join(str(row[0]) for row in connection.execute(query, (RUN,)))
    finally:
        connection.close()


# Written before it is sent ------------------------------------------------------------------------


def test_at_the_moment_of_sending_another_process_finds_the_intent(tmp_path: Path):
    seen: list[bool] = []

    async def scenario(rig: WireRig) -> None:
        def look(approved: Approved) -> None:
            assert isinstance(approved.command, SubmitOrder)
            seen.append(approved.command.client_order_id in intents_in(rig.path))

        rig.venue.on_submit = look
        before = intents_in(rig.path)
        order = rig.buy()
        assert order.client_order_id not in before
        rig.sell()
        await rig.settle()

    played(tmp_path, scenario)
    assert seen == [True, True]


class StillClock:
    """A clock that moves when it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def wall_ns(self) -> int:
        self.reads += 1
        return START_NS + self.reads

    def steady_ns(self) -> int:
        return self.wall_ns()

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        raise NotImplementedError


async def test_over_the_real_writers_thread_the_intent_is_there_too(tmp_path: Path):
    thread = WriterThread(f"sqlite:///{tmp_path / 'runs.db'}")
    rig = WireRig(tmp_path, asyncio.get_running_loop(), clock=StillClock(), journal=thread)
    seen: list[bool] = []

    def look(approved: Approved) -> None:
        assert isinstance(approved.command, SubmitOrder)
        seen.append(approved.command.client_order_id in intents_in(rig.path))

    rig.venue.on_submit = look
    await rig.open()
    async with asyncio.TaskGroup() as tasks:
        rig.start_gateway(tasks)
        orders = [rig.buy("0.01") for _ in range(5)]
    assert seen == [True] * 5
    assert {order.status for order in orders} == {OrderStatus.ACCEPTED}
    await thread.close()


def test_nothing_is_sent_before_its_commit_however_long_that_takes(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.buy()
        await asyncio.sleep(1.9)
        assert not rig.venue.requests
        await asyncio.sleep(0.2)
        assert len(rig.venue.requests) == 1

    played(tmp_path, scenario, commit_seconds=2.0)


def test_a_journal_that_cannot_be_written_lets_nothing_out_and_ends_the_session(tmp_path: Path):
    rigs: list[WireRig] = []

    async def scenario(rig: WireRig) -> None:
        rigs.append(rig)
        rig.journal.full = True
        rig.buy()
        await asyncio.sleep(60)

    with pytest.raises(ExceptionGroup) as caught:
        played(tmp_path, scenario)
    assert caught.group_contains(StoreError, match="disk is full")
    assert not rigs[0].venue.requests


# May it leave -------------------------------------------------------------------------------------


def test_without_the_lease_not_even_a_cancel_is_sent_and_the_strategy_is_told(
    tmp_path: Path,
):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await rig.settle()
        rig.lease.held = False
        rig.cancel(order)
        other = rig.sell()
        await rig.settle()
        assert len(rig.venue.requests) == 1
        assert (other.status, order.pending) == (OrderStatus.ABSENT, PendingRequest.NONE)
        assert "never sent" in other.reason
        assert "lease" in other.reason
        assert len(rig.told(CancelRejected)) == 1

    played(tmp_path, scenario)


def test_what_was_decided_before_a_standstill_is_not_sent_but_cancels_are(
    tmp_path: Path,
):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await rig.settle()
        rig.lease.gaps += 1
        rig.cancel(order)
        other = rig.sell()
        await rig.settle()
        assert other.status is OrderStatus.ABSENT
        assert "stood still" in other.reason
        assert order.status is OrderStatus.CANCELED
        assert rig.states  # everything is asked again first: nothing new leaves

    played(tmp_path, scenario)


def test_what_is_decided_after_the_standstill_is_sent_again(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.gateway.on_gap = None
        rig.lease.gaps += 1
        await rig.settle()
        rig.gateway.look_at_lease()
        await rig.settle()
        order = rig.buy()
        await rig.settle()
        assert order.status is OrderStatus.ACCEPTED

    played(tmp_path, scenario)


def test_a_gap_is_told_once(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        told: list[str] = []
        rig.gateway.on_gap = told.append
        rig.lease.gaps += 1
        rig.gateway.look_at_lease()
        rig.gateway.look_at_lease()
        assert len(told) == 1

    played(tmp_path, scenario)


def test_a_halt_between_decision_and_commit_stops_new_orders_and_lets_cancels_out(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await rig.settle()
        rig.modify(order, limit=49_000)
        other = rig.sell()
        rig.cancel(order)
        rig.door.put(SetRiskState(RiskState.HALTED, rig.door.now))
        await rig.settle()
        assert other.status is OrderStatus.ABSENT
        assert "HALTED" in other.reason
        assert order.status is OrderStatus.CANCELED
        assert order.limit_price == 50_000
        assert not rig.venue.called("modify")

    played(tmp_path, scenario)


@pytest.mark.parametrize("seconds", [LIFE, LIFE + 3])
def test_what_waited_as_long_as_the_venue_lets_it_live_is_never_sent(
    tmp_path: Path, seconds: float
):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await asyncio.sleep(seconds + 0.1)
        assert not rig.venue.requests
        assert order.status is OrderStatus.ABSENT
        assert "waited longer" in order.reason

    played(tmp_path, scenario, commit_seconds=seconds)


def test_every_request_carries_the_time_after_which_it_must_not_take_effect(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await rig.settle()
        rig.modify(order, limit=49_000)
        await rig.settle()
        rig.cancel(order)
        await rig.settle()

    sent = played(tmp_path, scenario).venue.requests
    assert len(sent) == 3
    assert all(expires_at == each.ts + int(LIFE * SECOND) for each, expires_at in sent)


# Answers ------------------------------------------------------------------------------------------


def test_an_answer_that_never_comes_is_unknown_after_some_seconds(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", silent(3600))
        order = rig.buy()
        await asyncio.sleep(REPLY_SECONDS - 0.1)
        assert not order.in_doubt
        await asyncio.sleep(0.2)
        assert order.in_doubt
        assert rig.gateway.in_flight == 0

    played(tmp_path, scenario)


@pytest.mark.parametrize(
    "error",
    [
        lost_before(),
        ReplyError(SERVER, "internal error"),
        ReplyError("a-code-nobody-listed", "no"),
        ValueError("not JSON"),
        KeyError("orderId"),
        ConnectionResetError(),
    ],
)
def test_whatever_does_not_prove_anything_leaves_the_order_in_doubt(
    tmp_path: Path, error: Exception
):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", error)
        order = rig.buy()
        await rig.settle()
        assert (order.status, order.in_doubt, order.leaves) == (
            OrderStatus.SUBMITTED,
            True,
            order.quantity,
        )
        assert len(rig.told(OutcomeUnknown)) == 1

    played(tmp_path, scenario)


def test_a_new_order_is_sent_once_whatever_the_answer_was(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", lost_before())
        rig.buy()
        await asyncio.sleep(60)
        assert len(rig.venue.called("submit")) == 1

    played(tmp_path, scenario, reconciling=True)


def test_a_code_on_the_allow_list_is_a_reject(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy(quantity=3)
        await rig.settle()
        rig.venue.then("submit", ReplyError(INSUFFICIENT, "too little"))
        other = rig.sell()
        await rig.settle()
        assert order.status is OrderStatus.ACCEPTED
        assert (other.status, other.in_doubt) == (OrderStatus.REJECTED, False)
        assert INSUFFICIENT in other.reason

    played(tmp_path, scenario)


def test_no_byte_left_is_absence(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", VenueUnavailableError("no route"))
        order = rig.buy()
        await rig.settle()
        assert (order.status, order.in_doubt) == (OrderStatus.ABSENT, False)
        assert "never sent" in order.reason

    played(tmp_path, scenario)


def test_a_duplicate_proves_that_the_order_exists_and_it_is_asked_about(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        async def twice(do: Callable[[], Awaitable[object]]) -> None:
            await do()
            await do()

        rig.venue.then("submit", twice)
        order = rig.buy()
        await asyncio.sleep(20)
        assert DUPLICATE in str(rig.told(StateUnknown))
        assert (order.status, order.in_doubt) == (OrderStatus.ACCEPTED, False)

    played(tmp_path, scenario, reconciling=True)


def test_an_order_proved_by_a_duplicate_is_never_absent_whatever_is_said_later(
    tmp_path: Path,
):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", ReplyError(DUPLICATE, "exists"))
        rig.venue.always("order", no_such_order())
        order = rig.buy()
        await asyncio.sleep(120)
        assert order.is_open
        assert order.in_doubt
        assert not rig.told(AbsenceProved)

    played(tmp_path, scenario, reconciling=True)


def test_a_late_answer_of_the_stream_ends_the_doubt(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", lost_after)
        order = rig.take()
        await rig.settle()
        assert rig.told(OutcomeUnknown)
        assert (order.status, order.in_doubt) == (OrderStatus.FILLED, False)

    played(tmp_path, scenario, reconciling=True)


# Cancels and modifications ------------------------------------------------------------------------


def test_a_cancel_refused_as_unknown_is_asked_about_and_never_taken_for_gone(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await rig.settle()
        rig.venue.then("cancel", no_such_order())
        rig.cancel(order)
        await rig.settle()
        assert (order.is_open, order.in_doubt, order.leaves) == (True, True, order.quantity)
        await asyncio.sleep(20)
        assert (order.status, order.in_doubt) == (OrderStatus.ACCEPTED, False)
        assert rig.venue.called("order")
        assert len(rig.venue.called("cancel")) == 1

    played(tmp_path, scenario, reconciling=True)


def test_a_cancel_that_overtook_its_own_order_is_sent_once_more(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", late(0.5))
        order = rig.buy()
        await rig.settle()
        rig.cancel(order)
        await asyncio.sleep(1)
        first, second = rig.venue.called("cancel")
        assert first < 0.5 <= second
        assert order.status is OrderStatus.CANCELED
        assert not rig.told(CancelRejected)

    played(tmp_path, scenario)


def test_a_cancel_is_not_sent_a_third_time(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", late(0.5))
        rig.venue.always("cancel", no_such_order())
        order = rig.buy()
        await rig.settle()
        rig.cancel(order)
        await asyncio.sleep(2)
        assert len(rig.venue.called("cancel")) == 2
        assert len(rig.told(CancelRejected)) == 1
        assert order.in_doubt

    played(tmp_path, scenario)


def test_a_cancel_too_old_to_be_sent_again_is_not(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", silent(LIFE + 1))
        rig.venue.always("cancel", no_such_order())
        order = rig.buy()
        await rig.settle()
        rig.cancel(order)
        await asyncio.sleep(LIFE + 2)
        assert len(rig.venue.called("cancel")) == 1
        assert len(rig.told(CancelRejected)) == 1

    played(tmp_path, scenario)


def test_a_cancel_without_an_answer_keeps_its_flag_and_the_order_is_in_doubt(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await rig.settle()
        rig.venue.then("cancel", ReplyError(TOO_LATE, "not open"))
        rig.cancel(order)
        await rig.settle()
        assert (order.pending, order.in_doubt, order.is_open) == (PendingRequest.CANCEL, True, True)

    played(tmp_path, scenario)


def test_a_modification_the_venue_refuses_leaves_the_old_terms(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await rig.settle()
        rig.modify(order, quantity="3.2")
        rig.venue.then("modify", ReplyError(INSUFFICIENT, "too little"))
        await rig.settle()
        assert (order.pending, str(order.quantity)) == (PendingRequest.NONE, "0.1000")
        assert len(rig.told(ModifyRejected)) == 1

    played(tmp_path, scenario)


# Too fast -----------------------------------------------------------------------------------------


def test_told_too_fast_new_orders_wait_and_cancels_do_not(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await rig.settle()
        slow = ReplyError(THROTTLED, "too fast", retry_after_ns=2 * SECOND)
        rig.venue.then("submit", slow)
        refused = rig.sell()
        await rig.settle()
        assert refused.status is OrderStatus.REJECTED
        since = rig.second
        waiting = rig.sell()
        rig.cancel(order)
        await rig.settle()
        assert order.status is OrderStatus.CANCELED
        assert waiting.status is OrderStatus.SUBMITTED
        await asyncio.sleep(2)
        assert waiting.status is OrderStatus.ACCEPTED
        assert rig.venue.called("submit")[-1] - since == pytest.approx(2, abs=0.05)

    played(tmp_path, scenario)


def test_an_order_that_would_have_to_wait_longer_than_it_lives_is_never_sent(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        slow = ReplyError(THROTTLED, "too fast", retry_after_ns=60 * SECOND)
        rig.venue.then("submit", slow)
        rig.buy()
        await rig.settle()
        order = rig.sell()
        await asyncio.sleep(LIFE + 0.1)
        assert order.status is OrderStatus.ABSENT
        assert len(rig.venue.called("submit")) == 1

    played(tmp_path, scenario)


def test_a_throttled_cancel_was_refused_and_its_order_stands(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await rig.settle()
        rig.venue.then("cancel", ReplyError(THROTTLED, "too fast", retry_after_ns=SECOND))
        rig.cancel(order)
        await rig.settle()
        assert (order.is_open, order.pending) == (True, PendingRequest.NONE)
        assert not rig.told(OrderRejected)
        rig.cancel(order)
        await rig.settle()
        assert order.status is OrderStatus.CANCELED

    played(tmp_path, scenario)
