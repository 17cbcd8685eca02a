"""The benchmarks run, and say what they promise in the shape they promise; never how fast."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import NAMES, as_json, main
from benchmarks.goals import GOALS, Goal, table
from benchmarks.harness import Harness, Row, percentile
from benchmarks.market import DRAWN_AT_ONCE, bars, draw, start_engine, ticks
from benchmarks.market import check as check_engine
from benchmarks.strategies import EmaCross, EveryTick

ROWS = {
    "tick_ema": "ns/tick",
    "tick_ema_4bars": "ns/tick",
    "bars": "bars/s",
    "orders": "orders/s",
    "orders_p99_us": "us",
    "resting_0": "ns/tick",
    "resting_1000": "ns/tick",
    "resting_10000": "ns/tick",
    "strategies_10": "ns/tick",
    "symbols_100": "ns/tick",
    "cache_mixed": "ops/s",
    "journal_rows": "rows/s",
    "intent_process_p50_us": "us",
    "intent_process_p99_us": "us",
    "intent_power_p50_us": "us",
    "intent_power_p99_us": "us",
    "wire_p50_ms": "ms",
    "wire_p99_ms": "ms",
    "plain_ccxt_p50_ms": "ms",
    "plain_ccxt_p99_ms": "ms",
    "wire_overhead_p50_pct": "%",
    "wire_over_durable_p50_pct": "%",
    "wire_ours_p99_ms": "ms",
    "messages_trade": "msgs/s",
    "messages_quote": "msgs/s",
    "messages_book": "msgs/s",
    "messages_order": "msgs/s",
    "recovery_s": "s",
    "run_start_s": "s",
    "control_0_p99_us": "us",
    "control_1_p99_us": "us",
    "control_10_p99_us": "us",
    "control_lag_p99_ms": "ms",
    "panel_chart_ms": "ms",
    "panel_ladder_ms": "ms",
    "panel_table_ms": "ms",
    "panel_table_open_ms": "ms",
    "panel_table_page_ms": "ms",
    "tui_first_text_ms": "ms",
    "tui_full_frame_ms": "ms",
    "tui_cpu_pct": "%",
    "tui_key_p50_ms": "ms",
    "tui_key_p99_ms": "ms",
    "tui_rss_mb": "MB",
    "tui_kb_per_s": "kB/s",
    "tui_engine_lag_p99_ms": "ms",
    "help_ratio": "x",
    "strategy_start_ms": "ms",
    "peak_mb": "MB",
}
MEASURED = [name for name in ROWS if not name.startswith("tui_")]
"""The app in a terminal is started by tests/e2e/terminal."""

INTENTS = {f"intent_{kept}_{which}_us" for kept in ("process", "power") for which in ("p50", "p99")}
WIRE = {name for name in ROWS if name.startswith(("wire_", "plain_ccxt_"))}
PROCESSES = {"recovery_s", "run_start_s", "help_ratio", "strategy_start_ms", "peak_mb"}
APP = {name for name in ROWS if name.startswith(("panel_", "tui_"))}
WITHOUT_FLOORS = {*PROCESSES, *INTENTS, *WIRE, *APP, "control_lag_p99_ms"}


@pytest.fixture(scope="module")
def document() -> dict[str, object]:
    """What `python -m benchmarks --json` prints, with tiny sizes; without the app's processes."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--json", "--quick", "--rows", ",".join(MEASURED)],
        check=False,
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def test_the_document_has_exactly_the_promised_keys_and_rows(document: dict[str, object]) -> None:
    assert list(document) == ["schema", "floor_ns", "rows"]
    assert document["schema"] == 1
    assert document["floor_ns"] > 0
    assert list(document["rows"]) == MEASURED
    assert list(ROWS) == list(NAMES)


@pytest.mark.parametrize("name", MEASURED)
def test_a_row_has_value_unit_floors_and_best_of(document: dict[str, object], name: str) -> None:
    row = document["rows"][name]
    assert list(row)[:4] == ["value", "unit", "floors", "best_of"]
    assert row["unit"] == ROWS[name]
    assert row["best_of"] == 1
    assert row["value"] > 0
    assert math.isfinite(row["value"])
    assert (row["floors"] is None) == (name in WITHOUT_FLOORS)


def test_times_and_rates_are_stated_in_floors_of_the_same_run() -> None:
    rows = {"a": Row(700.0, "ns/tick", 3, 700.0), "b": Row(100_000.0, "orders/s", 3, 10_000.0)}
    document = as_json(rows, 70.0)
    assert document["rows"]["a"]["floors"] == 10.0
    assert document["rows"]["b"]["floors"] == pytest.approx(142.86)


def test_one_row_of_a_group_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--json", "--rows", "orders_p99_us"])
    assert list(json.loads(capsys.readouterr().out)["rows"]) == ["orders_p99_us"]


def test_an_unknown_row_is_refused_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--rows", "tick_ema,ticks"])
    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert "no row ticks" in told
    assert "strategies_10" in told


def test_every_goal_is_of_a_row_and_the_table_says_which_are_met() -> None:
    assert set(GOALS) <= set(NAMES)
    rows = {
        "tick_ema": Row(600.0, "ns/tick", 3, 600.0),
        "orders": Row(80_000.0, "orders/s", 3, 12_500.0),
        "resting_1000": Row(500.0, "ns/tick", 3, 500.0, {"ratio": 1.2}),
        "peak_mb": Row(44.0, "MB", 1),
    }
    lines = {line.split()[0]: line for line in table(rows, 100.0).splitlines()}
    assert lines["tick_ema"].endswith("<= 9 floors: met")
    assert lines["orders"].endswith(">= 90,000 orders/s: NOT MET")
    assert lines["resting_1000"].endswith("<= 1.15 x resting_0: NOT MET")
    assert lines["peak_mb"].split() == ["peak_mb", "44.0", "MB", "-"]


def test_a_goal_is_met_at_its_bound() -> None:
    assert Goal("value", most=50).is_met(Row(50.0, "ms", 1), 70.0)
    assert Goal("floors", most=9).is_met(Row(1.0, "M/s", 1, 630.0), 70.0)
    assert not Goal("value", least=10).is_met(Row(9.9, "x", 1), 70.0)


def test_the_best_of_several_tries_counts_each_made_anew() -> None:
    made: list[list[int]] = []

    def prepare() -> object:
        made.append([])
        return lambda: made[-1].extend(range(1_000 * len(made)))

    harness = Harness(quick=True)
    best = harness.best_ns(prepare, 3)
    assert [len(each) for each in made] == [1_000, 2_000, 3_000]
    assert best < 1 << 62
    assert 0 < harness.floor_ns < math.inf


def test_the_walk_is_the_same_however_much_of_it_is_drawn() -> None:
    count = DRAWN_AT_ONCE + 100
    blocks = list(draw(count))
    whole = ticks(count)
    assert [len(block.prices) for block in blocks] == [DRAWN_AT_ONCE, 100]
    assert whole.prices[-100:] == blocks[1].prices
    assert whole.prices[:500] == ticks(500).prices
    assert whole.times == sorted(whole.times)
    assert all(price == round(price, 1) for price in whole.prices)
    assert min(whole.sizes) >= 0.001
    assert max(whole.sizes) <= 1


def test_a_bar_holds_its_ten_ticks() -> None:
    _, first, high, low, last, volume = bars(3)[2]
    prices, sizes = ticks(30).prices[20:], ticks(30).sizes[20:]
    assert (first, high, low, last) == (prices[0], max(prices), min(prices), prices[-1])
    assert volume == pytest.approx(sum(sizes))


def test_the_speed_of_a_strategy_that_broke_is_not_reported() -> None:
    def broken() -> EmaCross:
        strategy = EmaCross()
        strategy.symbol = "ETH/USDT"
        return strategy

    with pytest.raises(RuntimeError, match="ETH/USDT"):
        check_engine(start_engine([broken]))


def test_orders_that_did_not_fill_are_not_counted_as_fast() -> None:
    with pytest.raises(RuntimeError, match="5 fills"):
        check_engine(start_engine([EveryTick]), orders=5)


def test_a_percentile_is_one_of_the_values() -> None:
    assert percentile([3.0, 1.0, 2.0, 4.0], 0.5) == 3.0
    assert percentile([3.0, 1.0], 0.99) == 3.0
