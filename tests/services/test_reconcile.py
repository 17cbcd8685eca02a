"""Bringing books together: the order of questions, what waits meanwhile, and when it is certain."""

import asyncio
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from alphaforge.model.claims import VenueState
from alphaforge.model.enums import AlertLevel, OrderStatus
from alphaforge.model.reports import OutcomeUnknown, StateUnknown
from alphaforge.services.inquiry import FAILURES_UNTIL_HELD
from alphaforge.services.reconcile import EVERY_SECONDS
from tests.engine.wire import traded
from tests.fake_venue.terms import CAPABILITIES, Quirks
from tests.services.wire_rig import (
    ACCOUNT,
    SECOND,
    WireRig,
    late,
    lost_after,
    lost_before,
    played,
    silent,
)

QUESTIONS = ["trades", "open_orders", "order", "balances", "positions"]
READS = {*QUESTIONS}


def questions(rig: WireRig, since: int = 0) -> list[str]:
    """The names of the questions asked from a place of the log on."""
    return [name for name, _ in rig.venue.calls[since:] if name in READS]


def claims_of(rig: WireRig) -> Any:
    return rig.engine.execution.claims


async def calm(rig: WireRig) -> None:
    """Let the first reconciliation, of the first minute, pass."""
    await asyncio.sleep(1)
    assert not rig.states
    rig.reports.clear()


# One path -----------------------------------------------------------------------------------------


def test_questions_go_from_trades_over_open_orders_and_ours_to_balances(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        rig.venue.then("submit", lost_before())
        rig.buy()
        await rig.settle()
        before = len(rig.venue.calls)
        rig.reconciler.need("gap")
        await asyncio.sleep(1)
        assert questions(rig, before)[:5] == QUESTIONS

    played(tmp_path, scenario, reconciling=True)


def test_of_our_orders_those_that_are_not_listed_are_looked_up_and_no_others(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        listed, gone = rig.buy(), rig.sell()
        await rig.settle()
        rig.cancel_past_us(gone)
        before = len(rig.venue.calls)
        rig.reconciler.need("gap")
        await asyncio.sleep(1)
        assert questions(rig, before).count("order") == 1
        assert listed.status is OrderStatus.ACCEPTED
        assert gone.status is OrderStatus.CANCELED

    played(tmp_path, scenario, reconciling=True, streaming=False)


def test_ready_comes_after_all_of_it_and_nothing_new_leaves_before(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        rig.venue.then("positions", late(3))
        rig.reconciler.need("gap")
        for _ in range(29):
            await asyncio.sleep(0.1)
            assert rig.states == [VenueState.RECONCILING]
            assert not rig.reconciler.certain.is_set()
        assert rig.buy().status is OrderStatus.DENIED
        await asyncio.sleep(0.5)
        assert not rig.states
        assert rig.reconciler.certain.is_set()
        assert rig.buy().status is OrderStatus.SUBMITTED

    played(tmp_path, scenario, reconciling=True)


def test_what_is_streamed_meanwhile_waits_and_is_replayed_before_ready(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        order = rig.buy()
        await rig.settle()
        rig.venue.then("open_orders", late(2))
        rig.reconciler.need("gap")
        rig.reconciler.claim(traded(order, "t-1", "0.01", ts=rig.door.now))
        rig.reconciler.claim(traded(order, "t-2", "0.02", ts=rig.door.now))
        await asyncio.sleep(1.5)
        assert order.filled == 0
        await asyncio.sleep(1)
        assert order.filled == Decimal("0.03")
        assert [fill.trade_id for step in rig.steps for fill in step.fills] == ["t-1", "t-2"]
        assert not rig.states

    played(tmp_path, scenario, reconciling=True)


def test_without_a_cause_the_stream_goes_through_while_the_minute_is_asked(
    tmp_path: Path,
):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        order = rig.buy()
        await rig.settle()
        rig.venue.then("open_orders", late(5))
        await asyncio.sleep(EVERY_SECONDS)
        rig.reconciler.claim(traded(order, "t-1", "0.01", ts=rig.door.now))
        assert order.filled == Decimal("0.01")
        assert not rig.states

    played(tmp_path, scenario, reconciling=True)


def test_a_gap_during_a_reconciliation_has_everything_asked_again_before_ready(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        rig.venue.then("open_orders", late(2), late(2))
        rig.reconciler.need("gap")
        await asyncio.sleep(1)
        rig.reconciler.need("another gap")
        await asyncio.sleep(2)
        assert rig.states == [VenueState.RECONCILING]  # the first is over, and proves nothing
        assert [each.reason for each in rig.reports] == ["gap"]
        await asyncio.sleep(2)
        assert not rig.states
        assert [each.reason for each in rig.reports] == ["gap", "another gap"]

    played(tmp_path, scenario, reconciling=True)


def test_trades_that_the_stream_lost_are_fetched_from_the_cursor(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        rig.foreign(quantity=Decimal("0.001"), limit_price=Decimal(60_600))
        await rig.settle()
        assert rig.engine.portfolio.net("BTC/USDT") == 0
        rig.reconciler.need("gap")
        await asyncio.sleep(1)
        assert rig.engine.portfolio.net("BTC/USDT") == Decimal("0.001")

    played(tmp_path, scenario, reconciling=True, streaming=False)


def test_a_foreign_order_is_adopted_when_it_is_listed(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        rig.foreign()
        rig.reconciler.need("gap")
        await asyncio.sleep(1)
        assert rig.engine.execution.exposure.buying("BTC/USDT") == Decimal("0.2")
        assert rig.reports[-1].adopted == 1

    played(tmp_path, scenario, reconciling=True, streaming=False)


def test_whose_a_nameless_trade_is_is_settled_before_ready(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        rig.venue.then("submit", late(4))
        rig.buy()  # has no venue id yet: the trade may be its own
        rig.foreign(quantity=Decimal("0.001"), limit_price=Decimal(60_600))
        await rig.settle()
        rig.venue.then("balances", late(2))
        rig.reconciler.need("gap")
        await asyncio.sleep(1)
        assert rig.states
        assert rig.engine.portfolio.net("BTC/USDT") == Decimal("0.001")

    nameless = Quirks(trades_name_client_id=False, pushes_name_client_id=False)
    played(tmp_path, scenario, reconciling=True, streaming=False, quirks=nameless)


# The cursor ---------------------------------------------------------------------------------------


def test_the_cursor_stays_behind_what_an_old_answer_may_have_left_out(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await asyncio.sleep(100)
        rig.venue.then("trades", silent(4))
        asked = rig.door.now
        rig.reconciler.need("gap")
        await asyncio.sleep(10)
        blind = CAPABILITIES.read_lag_ns + CAPABILITIES.clock_bound_ns
        assert claims_of(rig).state.cursors["fake"] <= asked + 1 - blind

    played(tmp_path, scenario, reconciling=True)


def test_a_trade_that_an_old_answer_left_out_comes_with_the_next_one(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await asyncio.sleep(30)
        order = rig.take()
        await rig.settle()

        async def old(do: Any) -> list[Any]:
            return [each for each in await do() if each.ts < order.ts]

        # Its own trade is 1.9 s old, and the answer older than that, as the venue allows itself.
        await asyncio.sleep(1.9)
        rig.venue.then("trades", old)
        rig.reconciler.need("gap")
        await asyncio.sleep(5)
        rig.reconciler.need("gap")
        await asyncio.sleep(1)
        assert order.status is OrderStatus.FILLED

    played(tmp_path, scenario, reconciling=True, streaming=False)


def test_while_it_is_not_certain_the_cursor_does_not_move(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        before = dict(claims_of(rig).state.cursors)
        rig.venue.always("positions", lost_before())
        rig.reconciler.need("gap")
        await asyncio.sleep(100)
        assert claims_of(rig).state.cursors == before
        assert rig.states

    played(tmp_path, scenario, reconciling=True)


# Causes -------------------------------------------------------------------------------------------


def test_it_is_done_every_minute_and_holds_nothing_back(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        await asyncio.sleep(3 * EVERY_SECONDS)
        assert [each.reason for each in rig.reports] == ["minute"] * 3

    played(tmp_path, scenario, reconciling=True)


def test_somebody_who_wants_to_know_now_is_answered_now(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        rig.reconciler.check()
        await asyncio.sleep(1)
        assert len(rig.reports) == 1
        assert not rig.states

    played(tmp_path, scenario, reconciling=True)


def test_after_a_restart_every_working_order_is_in_doubt_until_it_was_asked_about(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        known = rig.buy()
        await rig.settle()
        rig.venue.then("submit", late(60))
        unknown = rig.sell()
        await rig.settle()
        rig.reconciler.restarted()
        assert known.in_doubt
        assert unknown.in_doubt
        assert [each.order_id for each in rig.told(StateUnknown)] == [known.order_id]
        assert [each.order_id for each in rig.told(OutcomeUnknown)] == [unknown.order_id]
        beside = asyncio.create_task(rig.reconciler.run())
        await asyncio.sleep(30)
        assert (known.status, known.in_doubt) == (OrderStatus.ACCEPTED, False)
        assert (unknown.status, unknown.in_doubt) == (OrderStatus.ABSENT, False)
        beside.cancel()

    played(tmp_path, scenario)


def test_a_venue_that_does_not_answer_lets_nothing_new_out_until_it_does(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        for call in READS:
            rig.venue.always(call, lost_before())
        await asyncio.sleep(EVERY_SECONDS + 5)
        assert rig.states == [VenueState.RECONCILING]
        order = rig.buy()
        assert order.status is OrderStatus.DENIED
        assert "does not answer" in order.reason
        for call in READS:
            rig.venue.always(call, None)
        await asyncio.sleep(10)
        assert not rig.states

    played(tmp_path, scenario, reconciling=True)


def test_fewer_failures_than_that_hold_nothing_back(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        rig.venue.then("open_orders", *[lost_before()] * (FAILURES_UNTIL_HELD - 1))
        await asyncio.sleep(EVERY_SECONDS)
        assert not rig.states

    played(tmp_path, scenario, reconciling=True)


def test_a_doubt_is_asked_about_soon_after_it_arose(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        rig.venue.then("submit", lost_after)
        order = rig.buy()
        began = rig.second
        await asyncio.sleep(1)
        assert (order.status, order.in_doubt) == (OrderStatus.ACCEPTED, False)
        assert rig.venue.called("order")[-1] - began < 0.5

    played(tmp_path, scenario, reconciling=True, streaming=False)


# The report ---------------------------------------------------------------------------------------


def test_the_report_counts_what_was_asked_and_what_came_of_it(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        listed = rig.buy()
        await rig.settle()
        filled = rig.take()
        rig.foreign()
        await rig.settle()
        rig.venue.then("balances", late(2))
        rig.reports.clear()
        rig.reconciler.need("gap")
        await asyncio.sleep(5)
        (report,) = rig.reports
        assert (report.reason, report.adopted, report.absent, report.differences) == (
            "gap",
            1,
            0,
            (),
        )
        assert report.seconds == pytest.approx(2, abs=0.1)
        assert report.sequence == rig.engine.sequence
        assert report.orders_checked >= 2
        assert filled.status is OrderStatus.FILLED
        assert listed.is_open

    played(tmp_path, scenario, reconciling=True, streaming=False)


# Differences --------------------------------------------------------------------------------------


def test_a_difference_is_told_only_when_it_lasts(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        exchange = rig.venue.exchange
        exchange.deposit(ACCOUNT, "USDT", Decimal(7), rig.clock.wall_ns())
        await asyncio.sleep(EVERY_SECONDS)
        assert "books-differ" not in rig.codes
        await asyncio.sleep(EVERY_SECONDS)
        assert rig.codes.count("books-differ") == 1
        (found,) = rig.reports[-1].differences
        assert (found.kind, found.subject) == ("balance", "USDT")
        assert (found.ours, found.theirs) == ("200000", "200007")

    played(tmp_path, scenario, reconciling=True)


def test_a_difference_is_told_of_an_account_that_never_stops_trading(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        rig.venue.exchange.deposit(ACCOUNT, "USDT", Decimal(7), rig.clock.wall_ns())
        for _ in range(5):
            rig.take()
            await asyncio.sleep(EVERY_SECONDS)
        assert rig.codes.count("books-differ") == 1

    played(tmp_path, scenario, reconciling=True)


def test_two_looks_within_the_age_of_an_answer_are_one_look(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        rig.venue.exchange.deposit(ACCOUNT, "USDT", Decimal(7), rig.clock.wall_ns())
        for _ in range(3):
            rig.reconciler.check()
            await asyncio.sleep(0.2)
        assert [each.reason for each in rig.reports][-3:] == ["asked"] * 3
        assert "books-differ" not in rig.codes

    played(tmp_path, scenario, reconciling=True)


def test_a_difference_that_is_gone_the_next_time_is_never_told(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        exchange = rig.venue.exchange
        for amount in (Decimal(7), Decimal(-7), Decimal(7), Decimal(-7)):
            exchange.deposit(ACCOUNT, "USDT", amount, rig.clock.wall_ns())
            await asyncio.sleep(EVERY_SECONDS)
        assert "books-differ" not in rig.codes

    played(tmp_path, scenario, reconciling=True)


def test_while_an_order_is_in_doubt_no_difference_is_told(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        rig.venue.exchange.deposit(ACCOUNT, "USDT", Decimal(7), rig.clock.wall_ns())
        rig.venue.then("submit", lost_before())
        rig.venue.always("order", lost_before())
        rig.buy()
        await asyncio.sleep(5 * EVERY_SECONDS)
        assert "books-differ" not in rig.codes

    played(tmp_path, scenario, reconciling=True)


def test_after_fills_fees_and_foreign_trades_nothing_differs(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await calm(rig)
        rig.take()
        rig.foreign(quantity=Decimal("0.001"), limit_price=Decimal(60_600))
        rig.venue.pump()
        await asyncio.sleep(3 * EVERY_SECONDS)
        assert "books-differ" not in rig.codes
        held = rig.venue.exchange.ledger(ACCOUNT)
        assert rig.engine.portfolio.balance("USDT") == held["USDT"]
        assert rig.engine.portfolio.balance("BTC") == held["BTC"] > 3

    played(tmp_path, scenario, reconciling=True)


# What is told again -------------------------------------------------------------------------------


def long_ago(rig: WireRig, seconds: float) -> int:
    """So long before what the cursor covers."""
    return claims_of(rig).state.cursors["fake"] - int(seconds * SECOND)


def test_an_old_trade_of_an_order_that_is_forgotten_is_not_booked_again(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        told: list[str] = []

        def tell(level: AlertLevel, code: str, message: str) -> None:
            del level, message
            told.append(code)

        rig.reconciler.tell = tell
        order = rig.buy()
        await asyncio.sleep(4 * EVERY_SECONDS)
        for number in range(3):
            stranger = traded(order, f"t-{number}", "0.01", ts=long_ago(rig, 60))
            rig.reconciler.claim(replace(stranger, venue_order_id="v99", client_order_id=""))
        assert rig.engine.portfolio.net("BTC/USDT") == 0
        assert not rig.codes
        assert told == ["told-again"]

    played(tmp_path, scenario, reconciling=True)


@pytest.mark.parametrize("client_order_id", [None, ""])
def test_an_old_trade_of_an_order_that_is_known_is_booked(
    tmp_path: Path, client_order_id: str | None
):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await asyncio.sleep(4 * EVERY_SECONDS)
        late_trade = traded(order, "t-1", "0.01", ts=long_ago(rig, 90))
        if client_order_id is not None:
            late_trade = replace(late_trade, client_order_id=client_order_id)
        rig.reconciler.claim(late_trade)
        assert order.filled == Decimal("0.01")

    played(tmp_path, scenario, reconciling=True)


def test_a_strangers_trade_that_may_not_have_been_read_yet_is_booked(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy()
        await asyncio.sleep(4 * EVERY_SECONDS)
        stranger = traded(order, "t-1", "0.01", ts=long_ago(rig, 50))
        rig.reconciler.claim(replace(stranger, venue_order_id="v99", client_order_id=""))
        assert rig.engine.portfolio.net("BTC/USDT") == Decimal("0.01")

    played(tmp_path, scenario, reconciling=True)
