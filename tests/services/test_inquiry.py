"""Asking a venue: what ends a doubt, and everything that does not prove that an order is absent."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from alphaforge.errors import OutcomeUnknownError
from alphaforge.model.enums import OrderStatus, PendingRequest
from alphaforge.model.reports import AbsenceProved
from alphaforge.services.inquiry import FAILURES_UNTIL_HELD, OVERLAP_NS, Inquiry
from alphaforge.venues.base import ReplyError
from tests.engine.wire import traded
from tests.fake_venue.terms import CAPABILITIES, SERVER, TOO_LATE, UNKNOWN_ORDER, Quirks
from tests.services.wire_rig import (
    PROOF,
    SECOND,
    Act,
    WireRig,
    late,
    lost_after,
    lost_before,
    no_such_order,
    played,
    says,
)

NAMELESS = Quirks(trades_name_client_id=False, pushes_name_client_id=False)


def inquiry_of(rig: WireRig) -> tuple[Inquiry, list[str]]:
    """Questions that only the test asks, and what was told of a venue out of reach."""
    told: list[str] = []
    return Inquiry(rig.venue, rig.engine, rig.door, told.append), told


# Absence ------------------------------------------------------------------------------------------


def test_an_order_that_never_arrived_is_absent_once_that_is_proved(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", lost_before())
        order = rig.buy()
        await asyncio.sleep(PROOF - 0.1)
        assert (order.status, order.in_doubt) == (OrderStatus.SUBMITTED, True)
        assert len(rig.venue.called("order")) >= 2  # it was asked about, and that proved nothing
        await asyncio.sleep(5.2)
        assert (order.status, order.in_doubt) == (OrderStatus.ABSENT, False)
        decided = order.ts / SECOND
        assert decided + PROOF <= rig.told(AbsenceProved)[0].ts_local / SECOND
        assert rig.buy().status is OrderStatus.SUBMITTED

    played(tmp_path, scenario, reconciling=True)


def test_the_question_that_proves_was_asked_after_the_horizon_not_only_answered(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", lost_before())
        order = rig.buy()
        await asyncio.sleep(PROOF - 0.5)
        asked = inquiry_of(rig)[0]
        rig.venue.always("order", late(1, no_such_order()))
        await asked.ask_about(rig.engine.execution.orders[order.order_id])
        assert rig.second > PROOF
        assert order.in_doubt
        await asked.ask_about(rig.engine.execution.orders[order.order_id])
        assert order.status is OrderStatus.ABSENT

    played(tmp_path, scenario)


@pytest.mark.parametrize(
    "answer",
    [
        lost_before(),
        ReplyError(SERVER, "internal error"),
        ReplyError(TOO_LATE, "not open"),
        ReplyError("404", "not found"),
        ValueError("not JSON"),
        TimeoutError(),
    ],
)
def test_no_error_and_no_empty_list_proves_absence(tmp_path: Path, answer: Act):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", lost_before())
        rig.venue.always("order", answer)
        order = rig.buy()
        await asyncio.sleep(120)
        assert (order.status, order.in_doubt, order.leaves) == (
            OrderStatus.SUBMITTED,
            True,
            order.quantity,
        )
        assert rig.venue.called("open_orders")

    played(tmp_path, scenario, reconciling=True)


def test_a_trade_that_names_the_client_id_refutes_absence(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", lost_after)
        rig.venue.always("order", no_such_order())
        order = rig.take()
        await asyncio.sleep(30)
        assert (order.status, order.in_doubt) == (OrderStatus.FILLED, False)
        assert not rig.told(AbsenceProved)

    played(tmp_path, scenario, reconciling=True, streaming=False)


def test_without_the_list_of_trades_absence_is_not_concluded(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", lost_before())
        order = rig.buy()
        await asyncio.sleep(1)
        rig.venue.always("trades", lost_before())
        await asyncio.sleep(60)
        assert order.in_doubt
        rig.venue.always("trades", None)
        await asyncio.sleep(30)
        assert order.status is OrderStatus.ABSENT

    played(tmp_path, scenario, reconciling=True)


def test_a_trade_without_a_name_that_may_be_its_own_forbids_absence(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", lost_after)
        rig.venue.always("order", no_such_order())
        order = rig.take()
        await asyncio.sleep(60)
        assert order.is_open
        assert order.in_doubt
        rig.venue.always("order", None)
        await asyncio.sleep(10)
        assert (order.status, order.in_doubt) == (OrderStatus.FILLED, False)

    rig = played(tmp_path, scenario, reconciling=True, quirks=NAMELESS)
    assert "adopted" not in rig.codes


def test_at_a_venue_without_expiry_absence_is_never_concluded(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        good = rig.sell()
        await rig.settle()
        assert good.status is OrderStatus.ACCEPTED
        rig.venue.then("submit", lost_before())
        order = rig.buy()
        await asyncio.sleep(600)
        assert (order.status, order.in_doubt) == (OrderStatus.SUBMITTED, True)
        assert len(rig.venue.called("order")) > 60

    without = replace(CAPABILITIES, request_life_ns=0)
    played(tmp_path, scenario, reconciling=True, capabilities=without)


def test_an_order_the_venue_had_is_never_absent_but_in_doubt(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await rig.settle()
        rig.venue.always("open_orders", says([]))
        rig.venue.always("order", no_such_order())
        await asyncio.sleep(120)
        assert order.is_open
        assert order.in_doubt
        rig.venue.always("order", None)
        await asyncio.sleep(10)
        assert (order.status, order.in_doubt) == (OrderStatus.ACCEPTED, False)

    played(tmp_path, scenario, reconciling=True)


# Found --------------------------------------------------------------------------------------------


def test_an_order_whose_answer_was_lost_is_found_by_its_client_id(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", lost_after)
        order = rig.buy()
        await asyncio.sleep(1)
        assert (order.status, order.in_doubt, order.venue_order_id) == (
            OrderStatus.ACCEPTED,
            False,
            "v1",
        )

    played(tmp_path, scenario, reconciling=True, streaming=False)


@pytest.mark.parametrize(("act", "status"), [(lost_after, "CANCELED"), (lost_before(), "ACCEPTED")])
def test_a_cancel_whose_answer_was_lost_ends_as_the_venue_shows(
    tmp_path: Path, act: Act, status: str
):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await rig.settle()
        rig.venue.then("cancel", act)
        rig.cancel(order)
        await asyncio.sleep(1)
        if status == "ACCEPTED":
            assert order.pending is PendingRequest.CANCEL  # it may still arrive
        await asyncio.sleep(20)
        assert (order.status, order.pending, order.in_doubt) == (
            OrderStatus(status),
            PendingRequest.NONE,
            False,
        )

    played(tmp_path, scenario, reconciling=True, streaming=False)


@pytest.mark.parametrize(("act", "limit"), [(lost_after, 49_000), (lost_before(), 50_000)])
def test_a_modification_whose_answer_was_lost_ends_as_the_venue_shows(
    tmp_path: Path, act: Act, limit: int
):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await rig.settle()
        rig.venue.then("modify", act)
        rig.modify(order, limit=49_000)
        await asyncio.sleep(20)
        assert order.limit_price == limit
        assert (order.pending, order.in_doubt) == (PendingRequest.NONE, False)

    played(tmp_path, scenario, reconciling=True, streaming=False)


def test_an_accepted_cancel_without_an_end_is_asked_about_after_the_horizon(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await rig.settle()
        rig.cancel(order)
        await asyncio.sleep(20)
        assert order.status is OrderStatus.CANCELED

    slow = Quirks(slow_cancel_ns=2 * SECOND)
    played(tmp_path, scenario, reconciling=True, streaming=False, quirks=slow)


def test_an_order_taken_without_a_word_is_asked_about_after_the_horizon(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        async def mute(do: Callable[[], Awaitable[object]]) -> None:
            await do()

        rig.venue.then("submit", mute)
        order = rig.buy()
        await asyncio.sleep(20)
        assert order.status is OrderStatus.ACCEPTED

    played(tmp_path, scenario, reconciling=True, streaming=False)


def test_fills_the_venue_counts_and_we_do_not_hold_are_fetched(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        order = rig.take()
        await asyncio.sleep(1)
        assert (order.status, order.in_doubt) == (OrderStatus.FILLED, False)
        assert len(rig.venue.called("trades")) == 2

    played(tmp_path, scenario, reconciling=True, streaming=False)


def test_whose_order_a_nameless_trade_is_about_is_asked(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", late(3))
        order = rig.buy()  # its venue id is not known for three seconds
        await rig.settle()
        rig.foreign(limit_price=rig.venue.exchange.listings["BTC/USDT"].price + 500)
        rig.venue.pump()
        await asyncio.sleep(1)
        assert order.filled == 0
        positions = rig.engine.execution.position("BTC/USDT", "external")
        assert positions.quantity > 0

    played(tmp_path, scenario, reconciling=True, quirks=NAMELESS)


def test_an_answer_about_our_own_order_refutes_nothing_that_is_still_on_its_way(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        inquiry, _ = inquiry_of(rig)
        rig.venue.then("submit", lost_after)
        order = rig.buy()
        await asyncio.sleep(30)
        rig.venue.then("cancel", late(3))
        rig.cancel(order)
        await rig.settle()
        rig.door.put(traded(order, "t-1", "0.01", client_order_id="", ts=rig.door.now))
        assert inquiry.is_waiting
        await inquiry.trace_waiting()
        assert not inquiry.is_waiting
        assert order.venue_order_id == "v1"
        assert order.pending is PendingRequest.CANCEL
        assert rig.engine.execution.exposure.buying("BTC/USDT") == order.quantity - order.filled

    played(tmp_path, scenario)


# Asking -------------------------------------------------------------------------------------------


def test_a_question_is_asked_again_until_it_is_answered(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        inquiry, told = inquiry_of(rig)
        errors: list[Act] = [lost_before(), ValueError("not JSON")]
        rig.venue.then("open_orders", *errors)
        assert await inquiry.read(rig.venue.open_orders) == []
        assert len(rig.venue.called("open_orders")) == 3
        assert not told

    played(tmp_path, scenario)


def test_after_several_questions_without_an_answer_the_venue_counts_as_out_of_reach(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        inquiry, told = inquiry_of(rig)
        rig.venue.then("open_orders", *[lost_before()] * (FAILURES_UNTIL_HELD - 1))
        await inquiry.read(rig.venue.open_orders)
        assert not told
        rig.venue.then("open_orders", *[lost_before()] * FAILURES_UNTIL_HELD)
        await inquiry.read(rig.venue.open_orders)
        assert len(told) == 1

    played(tmp_path, scenario)


def test_no_such_order_is_an_answer_and_not_asked_again(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        inquiry, told = inquiry_of(rig)
        rig.venue.always("order", no_such_order())
        with pytest.raises(ReplyError) as caught:
            await inquiry.read(lambda: rig.venue.order("BTC/USDT", "x", ""), 3)
        assert caught.value.reply == UNKNOWN_ORDER
        assert len(rig.venue.called("order")) == 1
        assert not told

    played(tmp_path, scenario)


def test_no_such_order_answers_no_question_about_the_account(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        inquiry, _ = inquiry_of(rig)
        rig.venue.then("open_orders", no_such_order())
        assert await inquiry.read(rig.venue.open_orders) == []

    played(tmp_path, scenario)


def test_one_order_that_cannot_be_asked_about_holds_no_other_back(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await asyncio.sleep(1)
        rig.venue.then("submit", lost_before())
        rig.venue.always("order", ReplyError(SERVER, "internal error"))
        order = rig.buy()
        for _ in range(200):
            await asyncio.sleep(1)
            assert not rig.states
        assert order.in_doubt
        assert rig.sell().status is OrderStatus.SUBMITTED

    played(tmp_path, scenario, reconciling=True)


@pytest.mark.parametrize("error", [lost_before(), ReplyError(SERVER, "internal error")])
def test_a_venue_that_answers_nothing_is_noticed_while_a_doubt_is_asked_about(
    tmp_path: Path, error: Act
):
    async def scenario(rig: WireRig) -> None:
        await asyncio.sleep(1)
        for call in ("order", "time", "trades", "open_orders"):
            rig.venue.always(call, error)
        rig.venue.then("submit", lost_before())
        rig.buy()
        await asyncio.sleep(5)
        assert rig.states

    played(tmp_path, scenario, reconciling=True)


def test_a_number_of_tries_ends_with_the_last_error(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        inquiry, _ = inquiry_of(rig)
        rig.venue.always("order", ValueError("not JSON"))
        with pytest.raises(OutcomeUnknownError, match="not JSON"):
            await inquiry.read(lambda: rig.venue.order("BTC/USDT", "x", ""), 3)
        assert len(rig.venue.called("order")) == 3

    played(tmp_path, scenario)


def test_told_to_wait_it_waits_and_that_is_no_failure(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        inquiry, told = inquiry_of(rig)
        slow = ReplyError("throttled", "too fast", retry_after_ns=30 * SECOND)
        rig.venue.then("open_orders", *[slow] * FAILURES_UNTIL_HELD)
        await inquiry.read(rig.venue.open_orders)
        assert rig.second >= 30 * FAILURES_UNTIL_HELD
        assert not told

    played(tmp_path, scenario)


# The cursor ---------------------------------------------------------------------------------------


def test_the_cursor_ends_where_the_answer_may_have_been_blind(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await asyncio.sleep(100)
        inquiry, _ = inquiry_of(rig)
        asked = rig.door.now
        rig.venue.then("trades", late(7))
        cursor = await inquiry.fetch_trades()
        blind = CAPABILITIES.read_lag_ns + CAPABILITIES.clock_bound_ns
        assert cursor == asked - blind

    played(tmp_path, scenario)


def test_the_cursor_never_goes_back_and_trades_are_asked_for_from_before_it(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        inquiry, _ = inquiry_of(rig)
        cursor = rig.engine.execution.claims.state.cursors["fake"]  # type: ignore[union-attr]  # a wire engine has them
        since: list[int] = []
        real = rig.venue.exchange.trades

        def trades(account: str, asked: int = 0, as_of: int | None = None) -> object:
            since.append(asked)
            return real(account, asked, as_of)

        rig.venue.exchange.trades = trades  # type: ignore[method-assign,assignment]  # looks on
        assert await inquiry.fetch_trades() == cursor
        assert since == [cursor - OVERLAP_NS]

    played(tmp_path, scenario)
