"""Laws of the views: however the Steps were grouped and whatever failed, they are their fold."""

import tempfile
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from alphaforge.engine.portfolio import Position
from alphaforge.errors import StoreError
from alphaforge.model.enums import OrderSide, OrderStatus, PendingRequest
from alphaforge.model.events import OrderAdopted, OrderSubmitted
from alphaforge.model.numbers import plain
from alphaforge.model.reports import (
    AbsenceProved,
    DoubtResolved,
    OutcomeUnknown,
    QuantityFilled,
    StateUnknown,
)
from alphaforge.model.step import Step
from alphaforge.store import schema, views
from alphaforge.store.views import Projector
from alphaforge.store.writer import Writer
from tests.store.stories import INVERSE, SPOT, Desk, record

RUN = record().run_id

prices = st.integers(5_000, 9_000_000).map(lambda cents: f"{cents / 100:.2f}")
actions = st.tuples(
    st.sampled_from(["trade", "rest", "fill", "cancel", "deny", "warn"]),
    st.sampled_from(list(OrderSide)),
    st.integers(1, 500).map(lambda units: f"{units / 100:.2f}"),
    prices,
    st.sampled_from([SPOT, INVERSE]),
)


def play(desk: Desk, told: list) -> list[Step]:
    """Steps of a list of actions; what needs an order speaks of the newest one."""
    steps: list[Step] = []
    for action, side, quantity, price, instrument in told:
        newest = f"o-{desk.orders:06d}"
        if action == "trade":
            steps += desk.trade(side, quantity, price, instrument)
        elif action == "rest":
            steps.append(desk.rest(side, quantity, instrument))
        elif action == "fill" and desk.orders:
            steps.append(desk.fill(newest, side, quantity, price, instrument))
        elif action == "cancel" and desk.orders:
            steps.append(desk.cancel(newest))
        elif action == "deny":
            steps.append(desk.deny("no", "never"))
        elif action == "warn":
            steps.append(desk.warn("look"))
    return steps


def dump(writer: Writer) -> dict[str, list]:
    with writer._connection.begin():
        return {
            table.name: writer._connection.execute(
                table.select().order_by(*table.primary_key)
            ).all()
            for table in schema.VIEWS
        }


def write(writer: Writer, steps: list[Step], data) -> None:
    """Append Steps; flushes, failing flushes and restarts come anywhere between them."""
    raw = writer._connection.connection.driver_connection
    for step in steps:
        writer.append_step(RUN, step)
        match data.draw(st.sampled_from(["wait", "flush", "fail", "resume"])):
            case "flush":
                writer.flush()
            case "fail":
                raw.execute("PRAGMA query_only = ON")
                with pytest.raises(StoreError):
                    writer.flush()
                raw.execute("PRAGMA query_only = OFF")
            case "resume":
                writer.flush()
                writer.resume_run(RUN)
    writer.flush()


@given(st.lists(actions, max_size=12), st.data())
def test_views_are_the_same_live_grouped_anyhow_after_failures_and_rebuilt(told, data):
    desk = Desk()
    steps = play(desk, told)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(views, "KEEP_CLOSED", data.draw(st.integers(0, 3)))
        patch.setattr("alphaforge.store.resume._CHUNK", data.draw(st.integers(1, 4)))
        writer = Writer(f"sqlite:///{Path(folder) / 'a.db'}")
        writer.begin_run(record())
        write(writer, steps, data)
        live = dump(writer)
        assert writer.rebuild_views(RUN) == len(steps)
        assert dump(writer) == live
        writer.close()
    assert len(live["fills"]) == sum(len(step.fills) for step in steps)
    assert len(live["orders"]) == desk.orders
    for row in live["positions"]:
        instrument = SPOT if row.symbol == SPOT.symbol else INVERSE
        held: Position = desk.portfolio.position("sma_cross", instrument)
        assert (row.quantity, row.cost) == (plain(held.quantity), plain(held.cost))
        assert (row.realized_pnl, row.fees) == (plain(held.realized_pnl), plain(held.fees))
        assert (row.fills, row.ts_open) == (held.fills, held.ts_open)


def test_a_failed_look_up_of_an_old_order_changes_nothing():
    desk = Desk()
    steps = [desk.rest(OrderSide.BUY, "1"), desk.fill("o-000001", OrderSide.BUY, "1", "61000")]
    asked: list[str] = []

    def recall(order_id: str):
        asked.append(order_id)
        if len(asked) == 1:
            raise StoreError("locked")
        return list(steps[0].events)

    projector = Projector(record(), recall)
    with pytest.raises(StoreError):
        projector.add(steps[1])
    empty = projector.take()
    assert empty.fills == empty.order_events == []
    projector.add(steps[1])
    rows = projector.take()
    assert len(rows.fills) == 1
    assert [row["status"] for row in rows.changed_orders] == [OrderStatus.FILLED.value]
    assert rows.new_orders == []


def adopted(desk: Desk) -> Step:
    """An order at the venue that nobody here knew."""
    desk.sequence += 1
    terms = desk.terms(desk.next_order(), OrderSide.SELL, "2", SPOT.symbol)
    return desk.step(OrderAdopted(terms, "v-77", desk.now))


@pytest.mark.parametrize("restarts", [False, True])
def test_an_adopted_order_has_a_life_like_one_of_ours(url, restarts):
    desk, writer = Desk("external"), Writer(url)
    writer.begin_run(record())
    for step in (adopted(desk), desk.fill("o-000001", OrderSide.SELL, "0.5", "61000")):
        if restarts:
            writer.close()
            writer = Writer(url)
            writer.resume_run(RUN)
        writer.append_step(RUN, step)
    writer.flush()
    table = schema.orders
    columns = (table.c.venue_order_id, table.c.status, table.c.filled, table.c.strategy)
    with writer._connection.begin():
        rows = writer._connection.execute(select(*columns)).all()
    assert rows == [("v-000001", "PARTIALLY_FILLED", "0.5", "external")]
    live = dump(writer)
    writer.rebuild_views(RUN)
    assert dump(writer) == live
    writer.close()


DOUBTS = [
    OutcomeUnknown("o-000001", "time-out", 1, 1, PendingRequest.CANCEL),
    StateUnknown("o-000001", "a restart", 1, 1),
    QuantityFilled("o-000001", Decimal("0.5"), 1, 1),
]


@pytest.mark.parametrize("doubt", DOUBTS, ids=lambda event: type(event).__name__)
def test_a_doubt_is_shown_beside_the_status_until_it_is_resolved(writer, rows, doubt):
    desk = Desk()
    writer.begin_run(record())
    writer.append_step(RUN, desk.rest(OrderSide.BUY, "1"))
    desk.sequence += 1
    writer.append_step(RUN, desk.step(doubt))
    writer.flush()
    shown = "SELECT status, in_doubt FROM orders"
    assert rows(shown) == [("ACCEPTED", 1)]
    if isinstance(doubt, QuantityFilled):
        writer.append_step(RUN, desk.fill("o-000001", OrderSide.BUY, "0.5", "61000"))
    desk.sequence += 1
    filled = Decimal("0.5") if isinstance(doubt, QuantityFilled) else Decimal(0)
    writer.append_step(RUN, desk.step(DoubtResolved("o-000001", filled, 2, 2)))
    writer.flush()
    assert [in_doubt for _, in_doubt in rows(shown)] == [0]


def test_an_order_proved_absent_is_shown_as_absent(writer, rows):
    desk = Desk()
    writer.begin_run(record())
    desk.sequence += 1
    terms = desk.terms(desk.next_order(), OrderSide.BUY, "1", SPOT.symbol)
    writer.append_step(RUN, desk.step(OrderSubmitted(terms, desk.now)))
    desk.sequence += 1
    writer.append_step(RUN, desk.step(AbsenceProved("o-000001", "no such order", 2, 2)))
    writer.flush()
    assert rows("SELECT status, in_doubt FROM orders") == [("ABSENT", 0)]
