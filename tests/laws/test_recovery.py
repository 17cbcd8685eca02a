"""Laws: an engine that was brought back goes on exactly as the one that died would have; and its
books are those of the journal, whatever its strategies ask for now."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from alphaforge.engine import snapshot
from alphaforge.engine.core import Engine
from alphaforge.engine.recovery import Row, recover
from alphaforge.model.step import EMPTY_STEP, Step
from tests.engine.wire_driving import Busy, Life, SelfSaving, busy, engine_with

EVENTS = 220

_encode = msgspec.msgpack.Encoder().encode
_seeds = st.integers(0, 1 << 32)
_cuts = st.integers(1, EVENTS)


def later_steps(engine: Engine, rows: list[Row]) -> list[Step | None]:
    steps = (engine.process(event) for _, event, _ in rows)
    return [None if step is EMPTY_STEP else step for step in steps]


def assert_goes_on(engine: Engine, rows: list[Row]) -> None:
    for step, (sequence, event, then) in zip(later_steps(engine, rows), rows, strict=True):
        assert _encode(step) == _encode(then), (sequence, event)


@settings(max_examples=50)
@given(seed=_seeds, cut=_cuts)
def test_a_journal_folded_from_its_start_gives_the_engine_that_died(seed: int, cut: int) -> None:
    life = Life(seed).run(EVENTS)
    engine = engine_with(life.strategies)
    recovered = recover(engine, life.rows[:cut])
    assert recovered.differences == ()
    assert recovered.unexplained == ()
    assert recovered.steps == sum(step is not None for _, _, step in life.rows[:cut])
    assert_goes_on(engine, life.rows[cut:])


@settings(max_examples=50)
@given(seed=_seeds, cut=_cuts)
def test_a_snapshot_and_the_rest_of_the_journal_give_the_engine_that_died(
    seed: int, cut: int
) -> None:
    life = Life(seed).run(EVENTS, snapshots=2)
    for at, payload in life.snapshots.items():
        engine = engine_with(life.strategies)
        snapshot.restore(engine, payload)
        assert snapshot.take(engine) == payload
        end = max(at, cut)
        recovered = recover(engine, life.rows[at:end])
        assert recovered.differences == ()
        assert recovered.unexplained == ()
        assert_goes_on(engine, life.rows[end:])


def books(engine: Engine) -> dict[str, Any]:
    """Orders, positions, cash and counters; not the notes that only a strategy gives an order."""
    execution, portfolio = engine.execution, engine.portfolio
    rows = {
        working.life.order.order_id: (
            working.life.order.names,
            working.life.order.strategy,
            working.life.order.status,
            working.life.order.quantity,
            working.life.order.limit_price,
            working.life.order.trigger_price,
            working.life.order.filled,
            working.life.order.leaves,
            working.life.order.in_doubt,
            working.life.order.pending,
            working.life.order.reason,
            bool(working.asked),
            # What a modification holds back depends on where in its event it was asked for.
            None if working.asked or working.reservation is None else working.reservation.quantity,
        )
        for table in (execution.orders, execution.closed)
        for working in table.values()
    }
    return {
        "orders": rows,
        "positions": {
            (each.strategy, each.symbol): (each.quantity, each.cost, each.realized_pnl)
            for each in portfolio.positions.values()
            if each.fills
        },
        "cash": portfolio.cash,
        "closed": portfolio.closed_positions,
        "counts": execution.counts,
        "numbers": execution.numbers.taken,
        "signals": engine.shared.signals_made,
        "claims": execution.claims and execution.claims.state,
        "open orders": execution.exposure.open_orders,
    }


@settings(max_examples=50)
@given(seed=_seeds, cut=_cuts, other=st.sampled_from(("busy", "saving")))
def test_the_books_follow_the_journal_whatever_a_strategy_does_now(
    seed: int, cut: int, other: str
) -> None:
    life = Life(seed).run(cut)
    kind = Busy if other == "busy" else SelfSaving
    engine = engine_with(life.strategies | {other: busy(seed + 99, kind)})
    recovered = recover(engine, life.rows)
    assert books(engine) == books(life.engine)
    assert {each.strategy for each in recovered.differences} <= {other}
    assert engine.sequence == life.engine.sequence
    assert engine.execution.record == []
    assert engine.shared.requests == []
    for difference, alert in zip(recovered.differences, recovered.alerts, strict=True):
        assert alert.code == "recovery-difference"
        assert alert.strategy == difference.strategy
