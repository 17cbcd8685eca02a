"""Laws of the views: however the Steps were grouped and whatever failed, they are their fold."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaforge.engine.portfolio import Position
from alphaforge.errors import StoreError
from alphaforge.model.enums import OrderSide, OrderStatus
from alphaforge.model.numbers import plain
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
