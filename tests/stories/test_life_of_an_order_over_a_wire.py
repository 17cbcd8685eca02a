"""The life of an order over a wire, readable as code: decided, written down, sent, doubted, found.

The venue is a fake exchange in this process, time is virtual, and everything between is real:
engine, door, journal on a file, gateway, reconciler.
"""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from alphaforge.errors import OutcomeUnknownError
from alphaforge.model.enums import OrderStatus, PendingRequest
from alphaforge.store.reads import open_reader
from alphaforge.store.records import Selection
from tests.services.wire_rig import (
    ACCOUNT,
    PROOF,
    RUN,
    WireRig,
    lost_before,
    no_such_order,
    played,
)


async def rows_of(path: Path, order_ids: list[str]) -> dict[str, list[str]]:
    """What the store tells of each order, event by event."""
    async with open_reader(f"sqlite:///{path}") as reader:
        return {
            order_id: [
                str(event.__struct_config__.tag)
                for event in await reader.order_events(RUN, order_id)
            ]
            for order_id in order_ids
        }


def test_an_order_that_fills_goes_from_the_verb_to_the_store(tmp_path: Path):
    seen: list[Any] = []

    async def scenario(rig: WireRig) -> None:
        order = rig.take("0.001")
        # Decided and named, but nothing has left: the intent is not committed yet.
        seen.append((str(order.status), len(order.client_order_id), len(rig.venue.requests)))
        await asyncio.sleep(1)
        # Committed, sent, taken and filled; the reply said so, and the stream told the trade.
        seen.append((str(order.status), order.venue_order_id, order.filled, order.in_doubt))
        held = rig.venue.exchange.ledger(ACCOUNT)
        assert rig.engine.portfolio.balance("USDT") == held["USDT"]
        assert rig.engine.portfolio.balance("BTC") == held["BTC"]

    rig = played(tmp_path, scenario, reconciling=True)
    assert seen == [
        ("SUBMITTED", 32, 0),
        ("FILLED", "v1", Decimal("0.001"), False),
    ]

    async def stored() -> tuple[dict[str, list[str]], list[Any]]:
        async with open_reader(f"sqlite:///{rig.path}") as reader:
            chosen = Selection(run_id=RUN)
            fills = [fill async for page in reader.fills(chosen) for fill in page]
        return await rows_of(rig.path, ["o-000001"]), fills

    rows, fills = asyncio.run(stored())
    assert rows["o-000001"][:2] == ["submitted", "accepted"]
    assert rows["o-000001"].count("filled") == len(fills) == 1
    assert (fills[0].price, fills[0].strategy) == (Decimal("60000.5"), "puppet")


def test_an_order_whose_answer_is_lost_is_doubted_looked_for_and_found(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        await asyncio.sleep(1)

        async def cut_off(do: Callable[[], Awaitable[object]]) -> None:
            """The venue takes it; the answer is lost, and for some seconds so is every other."""
            await do()
            for question in ("order", "time", "trades", "open_orders"):
                rig.venue.always(question, lost_before())
            raise OutcomeUnknownError("the connection was cut")

        rig.venue.then("submit", cut_off)
        order = rig.buy("0.1")
        await asyncio.sleep(1)
        # Not rejected, not canceled, not sent again: in doubt, with its whole exposure held back.
        assert (str(order.status), order.in_doubt, order.leaves) == (
            "SUBMITTED",
            True,
            order.quantity,
        )
        assert rig.engine.execution.exposure.buying("BTC/USDT") == Decimal("0.1")
        assert rig.buy("0.1").status is OrderStatus.DENIED
        assert len(rig.venue.called("submit")) == 1
        # Neither about it nor about anything else is there an answer: it is out of reach.
        await asyncio.sleep(4)
        assert [str(state) for state in rig.states] == ["RECONCILING"]
        rig.venue.be_true()
        await asyncio.sleep(10)
        assert (str(order.status), order.in_doubt) == ("ACCEPTED", False)
        assert not rig.states
        # And from now on it lives like any other.
        rig.cancel(order)
        await asyncio.sleep(1)
        assert order.status is OrderStatus.CANCELED
        assert rig.engine.execution.exposure.buying("BTC/USDT") == 0

    rig = played(tmp_path, scenario, reconciling=True, streaming=False)
    rows = asyncio.run(rows_of(rig.path, ["o-000001"]))["o-000001"]
    assert rows[:2] == ["submitted", "outcome_unknown"]
    assert rows[2] == "accepted"
    assert rows[-2:] == ["cancel_requested", "canceled"]


def test_an_order_that_never_arrived_is_absent_when_that_is_proved_and_not_before(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        rig.venue.then("submit", lost_before())
        order = rig.buy("0.1")
        await asyncio.sleep(PROOF - 0.1)
        # The venue has said "no such order" several times, but the request might still arrive.
        assert len(rig.venue.called("order")) > 1
        assert (str(order.status), order.in_doubt) == ("SUBMITTED", True)
        await asyncio.sleep(6)
        assert (str(order.status), order.in_doubt, order.leaves) == ("ABSENT", False, 0)
        assert "knows no such order" in order.reason
        assert rig.buy("0.1").status is OrderStatus.SUBMITTED

    rig = played(tmp_path, scenario, reconciling=True)
    rows = asyncio.run(rows_of(rig.path, ["o-000001"]))["o-000001"]
    assert rows == ["submitted", "outcome_unknown", "absence_proved"]


def test_a_venue_that_lies_about_a_cancel_is_asked_and_not_believed(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        order = rig.buy("0.1")
        await asyncio.sleep(1)
        rig.venue.then("cancel", no_such_order())
        rig.cancel(order)
        await asyncio.sleep(0.1)
        # "Unknown order": it may be filled, gone, or standing there all the same.
        assert (order.is_open, order.in_doubt) == (True, True)
        await asyncio.sleep(20)
        assert (str(order.status), order.pending, order.in_doubt) == (
            "ACCEPTED",
            PendingRequest.NONE,
            False,
        )
        rig.cancel(order)
        await asyncio.sleep(1)
        assert order.status is OrderStatus.CANCELED

    played(tmp_path, scenario, reconciling=True)


def test_what_a_person_trades_on_the_same_account_is_booked_beside_us(tmp_path: Path):
    async def scenario(rig: WireRig) -> None:
        ours = rig.take("0.001")
        rig.foreign(quantity=Decimal("0.002"), limit_price=Decimal(60_600))
        rig.venue.pump()
        await asyncio.sleep(65)
        assert ours.status is OrderStatus.FILLED
        position = rig.engine.execution.position
        assert position("BTC/USDT", "puppet").quantity == Decimal("0.001")
        assert position("BTC/USDT", "external").quantity == Decimal("0.002")
        held = rig.venue.exchange.ledger(ACCOUNT)
        assert rig.engine.portfolio.balance("USDT") == held["USDT"]
        assert "adopted" in rig.codes

    played(tmp_path, scenario, reconciling=True)
